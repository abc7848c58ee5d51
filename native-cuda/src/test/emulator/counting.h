// What the device was asked to do: a line for each launch, product, copy and wait, and before and after those of a graph, for tests that
// count.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "execution.h"

namespace emulator {

enum class Counting {
  kOff = 0,
  kOnly = 1,  // nothing is computed: what is copied to the host is the float64 number 1, again and again
  kBeside = 2,  // everything is computed, and each kernel's line says how many bytes it read and wrote
  kNothing = 3,  // nothing is computed, nor counted but the most memory
};

extern Counting counting;
/** Bytes of device memory that the running kernel has read and written, each counted once. */
extern std::uint64_t bytesRead, bytesWritten;

inline bool countsOnly() { return counting == Counting::kOnly || counting == Counting::kNothing; }

/** Runs the kernel unless nothing is to be computed; its status. */
int countLaunch(const Launch& launch);
/** A copy or fill of so many bytes. */
void countMove(const char* what, std::size_t bytes);
void countLine(const std::string& line);

std::string takeCounted();
std::size_t countedBytes();
void clearCounted();

}  // namespace emulator
