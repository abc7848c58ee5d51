#include "counting.h"

#include <cstring>

#include "findings.h"

namespace emulator {

Counting counting = Counting::kOff;
std::uint64_t bytesRead = 0, bytesWritten = 0;

namespace {

std::string counted;

template <class T>
T read(const unsigned char* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

// Arguments of 4 and 8 bytes as whole numbers; a struct as its 32-bit words.
std::string arguments(const Launch& launch) {
  std::string text;
  for (unsigned int i = 0; i < launch.kernel->count; i++) {
    const Parameter& parameter = launch.kernel->parameters[i];
    const unsigned char* at = launch.arguments.data() + parameter.offset;
    if (i > 0) text += ' ';
    if (parameter.size == 4) {
      text += std::to_string(read<std::int32_t>(at));
    } else if (parameter.size == 8) {
      text += std::to_string(read<std::int64_t>(at));
    } else {
      for (unsigned int word = 0; word < parameter.size / 4; word++) {
        text += (word == 0 ? "" : ",") + std::to_string(read<std::int32_t>(at + 4 * word));
      }
    }
  }
  return text;
}

}  // namespace

int countLaunch(const Launch& launch) {
  if (counting == Counting::kOff) return run(launch);
  if (counting == Counting::kNothing) return 0;
  bytesRead = bytesWritten = 0;
  int status = countsOnly() ? 0 : run(launch);
  countLine(format("kernel|%s|%u %u|%llu %llu|", launch.kernel->name, launch.grid[0], launch.grid[1],
                   static_cast<unsigned long long>(bytesRead), static_cast<unsigned long long>(bytesWritten)) +
            arguments(launch));
  return status;
}

void countMove(const char* what, std::size_t bytes) {
  if (counting == Counting::kOnly || counting == Counting::kBeside) countLine(format("%s|%zu", what, bytes));
}

void countLine(const std::string& line) {
  if (counting == Counting::kOnly || counting == Counting::kBeside) counted += line + '\n';
}

std::string takeCounted() {
  std::string taken;
  taken.swap(counted);
  return taken;
}

std::size_t countedBytes() { return counted.size(); }

void clearCounted() { counted.clear(); }

}  // namespace emulator
