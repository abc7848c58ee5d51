// The log of misuse: what a kernel or a caller of the driver did wrong.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace emulator {

/** Records one finding; a (kind, place) pair that was seen before is only counted. */
void report(const std::string& kind, const std::string& place, const std::string& text);

/** Number of different findings since the last clear. */
long findingCount();

/** All findings, one a line: "kind: place: text (n times)". */
std::string findingText();

void clearFindings();

[[gnu::format(printf, 1, 2)]] std::string format(const char* pattern, ...);

/** Copies text into a caller's buffer, cut to fit, always NUL-terminated. */
void copyOut(const std::string& text, char* buffer, std::size_t size);

}  // namespace emulator
