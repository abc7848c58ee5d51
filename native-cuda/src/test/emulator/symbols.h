// Static shared arrays, as the library's own symbol table knows them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace emulator {

struct SharedArray {
  std::uintptr_t address;
  std::size_t bytes;
  std::string name;  // namespace::kernel(parameters)::array
};

/** By address; empty where the library has been stripped. */
const std::vector<SharedArray>& sharedArrays();

/** Bytes of the arrays that a kernel declares itself; those of functions that it calls are not counted. */
std::size_t staticShared(const std::string& precision, const std::string& kernel);

}  // namespace emulator
