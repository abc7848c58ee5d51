#include "symbols.h"

#include <cxxabi.h>
#include <dlfcn.h>
#include <elf.h>
#include <link.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include "execution.h"

extern "C" {
extern DYNAXX_INTERNAL __attribute__((weak)) unsigned char __start_dynaxx_shared[];
extern DYNAXX_INTERNAL __attribute__((weak)) unsigned char __stop_dynaxx_shared[];
}

namespace emulator {

namespace {

std::string demangled(const char* symbol) {
  int status = 0;
  char* text = abi::__cxa_demangle(symbol, nullptr, nullptr, &status);
  std::string name = text == nullptr ? symbol : text;
  std::free(text);
  return name;
}

template <class T>
const T* at(const std::vector<char>& file, std::size_t offset, std::size_t count = 1) {
  return offset + count * sizeof(T) <= file.size() ? reinterpret_cast<const T*>(file.data() + offset) : nullptr;
}

void collect(const std::vector<char>& file, const ElfW(Shdr) & table, const ElfW(Shdr) & strings, std::uintptr_t base,
             std::vector<SharedArray>& into) {
  std::uintptr_t low = reinterpret_cast<std::uintptr_t>(__start_dynaxx_shared);
  std::uintptr_t high = reinterpret_cast<std::uintptr_t>(__stop_dynaxx_shared);
  std::size_t count = table.sh_size / sizeof(ElfW(Sym));
  const auto* symbols = at<ElfW(Sym)>(file, table.sh_offset, count);
  if (symbols == nullptr || at<char>(file, strings.sh_offset, strings.sh_size) == nullptr) return;
  for (std::size_t i = 0; i < count; i++) {
    std::uintptr_t address = base + symbols[i].st_value;
    if ((symbols[i].st_info & 15) != STT_OBJECT || address < low || address >= high) continue;
    into.push_back({address, symbols[i].st_size, demangled(file.data() + strings.sh_offset + symbols[i].st_name)});
  }
}

std::vector<SharedArray> readArrays() {
  std::vector<SharedArray> arrays;
  Dl_info self;
  if (dladdr(reinterpret_cast<void*>(&readArrays), &self) == 0) return arrays;
  std::ifstream stream(self.dli_fname, std::ios::binary);
  std::vector<char> file((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  const auto* header = at<ElfW(Ehdr)>(file, 0);
  if (header == nullptr || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) return arrays;
  const auto* sections = at<ElfW(Shdr)>(file, header->e_shoff, header->e_shnum);
  for (int i = 0; sections != nullptr && i < header->e_shnum; i++) {
    if (sections[i].sh_type != SHT_SYMTAB || sections[i].sh_link >= header->e_shnum) continue;
    collect(file, sections[i], sections[sections[i].sh_link], reinterpret_cast<std::uintptr_t>(self.dli_fbase), arrays);
  }
  std::sort(arrays.begin(), arrays.end(),
            [](const SharedArray& x, const SharedArray& y) { return x.address < y.address; });
  return arrays;
}

}  // namespace

const std::vector<SharedArray>& sharedArrays() {
  static const std::vector<SharedArray> arrays = readArrays();
  return arrays;
}

std::size_t staticShared(const std::string& precision, const std::string& kernel) {
  std::string prefix = "dynaxx_" + precision + "::(anonymous namespace)::" + kernel + "(";
  std::size_t bytes = 0;
  for (const SharedArray& array : sharedArrays()) {
    if (array.name.compare(0, prefix.size(), prefix) == 0) bytes += array.bytes;
  }
  return bytes;
}

}  // namespace emulator
