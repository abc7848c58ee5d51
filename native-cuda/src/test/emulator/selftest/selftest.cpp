#include "harness.h"

std::vector<Test>& tests() {
  static std::vector<Test> all;
  return all;
}

int main(int count, char** arguments) {
  unsetenv("DYNAXX_EMULATOR_ORDER");  // tests set it themselves
  unsetenv("DYNAXX_EMULATOR_EAGER");
  setenv("DYNAXX_EMULATOR_ADDRESSES", "1024", 1);
  int failed = 0, run = 0;
  for (const Test& test : tests()) {
    if (count > 1 && std::strstr(test.name, arguments[1]) == nullptr) continue;
    dynaxx_emulator_reset();
    run++;
    try {
      test.body();
    } catch (const std::exception& error) {
      std::printf("FAILED %s\n  %s\n", test.name, error.what());
      std::string log = misuse();
      if (!log.empty()) std::printf("  misuse: %s", log.c_str());
      failed++;
    }
  }
  std::printf("%d tests, %d failed\n", run, failed);
  return failed == 0 && run > 0 ? 0 : 1;
}
