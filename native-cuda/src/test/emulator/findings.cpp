#include "findings.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>

namespace emulator {

namespace {

constexpr std::size_t kMost = 300;

struct Finding {
  std::string kind, place, text;
  long times;
};

std::vector<Finding> findings;
long dropped = 0;

}  // namespace

void report(const std::string& kind, const std::string& place, const std::string& text) {
  for (Finding& finding : findings) {
    if (finding.kind == kind && finding.place == place) {
      finding.times++;
      return;
    }
  }
  if (findings.size() >= kMost) {
    dropped++;
    return;
  }
  findings.push_back({kind, place, text, 1});
}

long findingCount() { return static_cast<long>(findings.size()) + (dropped > 0 ? 1 : 0); }

std::string findingText() {
  std::string text;
  for (const Finding& finding : findings) {
    text += finding.kind + ": " + finding.place + ": " + finding.text;
    if (finding.times > 1) text += format(" (%ld times)", finding.times);
    text += '\n';
  }
  if (dropped > 0) text += format("log-full: emulator: %ld more findings\n", dropped);
  return text;
}

void clearFindings() {
  findings.clear();
  dropped = 0;
}

std::string format(const char* pattern, ...) {
  va_list arguments;
  va_start(arguments, pattern);
  char text[1024];
  std::vsnprintf(text, sizeof text, pattern, arguments);
  va_end(arguments);
  return text;
}

void copyOut(const std::string& text, char* buffer, std::size_t size) {
  if (buffer == nullptr || size == 0) return;
  std::size_t length = std::min(size - 1, text.size());
  std::memcpy(buffer, text.data(), length);
  buffer[length] = '\0';
}

}  // namespace emulator
