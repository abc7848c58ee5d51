// A test per function; a failed check says where and goes on to the next test.
#pragma once

#include <cstdio>
#include <cstring>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "api.h"

struct Test {
  const char* name;
  void (*body)();
};

std::vector<Test>& tests();

struct Registered {
  Registered(const char* name, void (*body)()) { tests().push_back({name, body}); }
};

#define TEST(name)                                        \
  static void name();                                     \
  static const Registered registered_##name(#name, name); \
  static void name()

template <class A, class B>
void checkEqual(const A& found, const B& expected, const char* what, const char* file, int line) {
  if (found == expected) return;
  auto text = [](const auto& v) {
    if constexpr (std::is_convertible_v<decltype(v), std::string>) return "\"" + std::string(v) + "\"";
    else return std::to_string(v);
  };
  throw std::runtime_error(std::string(file) + ":" + std::to_string(line) + ": " + what + ": found " + text(found) +
                           ", expected " + text(expected));
}

#define CHECK_EQUAL(found, expected) checkEqual(found, expected, #found, __FILE__, __LINE__)
#define CHECK(condition) checkEqual(static_cast<bool>(condition), true, #condition, __FILE__, __LINE__)
#define OK(call) checkEqual(call, 0, #call, __FILE__, __LINE__)

inline std::string misuse() {
  std::string text(100000, '\0');
  dynaxx_emulator_misuse(text.data(), text.size());
  return text.c_str();
}

/** Exactly one finding, of this kind and place. */
inline void checkOneFinding(const std::string& kind, const std::string& place, const char* file, int line) {
  std::string text = misuse();
  std::string expected = kind + ": " + place + ":";
  long count = dynaxx_emulator_misuse(nullptr, 0);
  if (count != 1 || text.compare(0, expected.size(), expected) != 0) {
    throw std::runtime_error(std::string(file) + ":" + std::to_string(line) + ": found misuse \"" + text +
                             "\", expected one \"" + expected + "\"");
  }
}
#define ONE_FINDING(kind, place) checkOneFinding(kind, place, __FILE__, __LINE__)
#define CLEAN() CHECK_EQUAL(misuse(), std::string())

/** Packs arguments at their natural alignment, as the host's binding does. */
class Arguments {
 public:
  template <class T>
  Arguments& add(const T& value) {
    std::size_t at = (bytes_.size() + alignof(T) - 1) / alignof(T) * alignof(T);
    bytes_.resize(at + sizeof(T));
    std::memcpy(bytes_.data() + at, &value, sizeof(T));
    return *this;
  }
  std::vector<unsigned char> bytes_;
};

/** A context with one stream and one module, on a freshly reset emulator. */
struct Device {
  void* context = nullptr;
  void* stream = nullptr;
  void* module = nullptr;
  bool closed = false;

  explicit Device(const char* image = "dynaxx-emulator f32") {
    OK(cuInit(0));
    OK(cuDevicePrimaryCtxRetain(&context, 0));
    OK(cuCtxPushCurrent_v2(context));
    OK(cuStreamCreate(&stream, 1));
    OK(cuModuleLoadData(&module, image));
  }

  void* function(const char* name) {
    void* handle = nullptr;
    OK(cuModuleGetFunction(&handle, module, name));
    return handle;
  }

  int launch(const char* name, unsigned int grid, unsigned int block, const Arguments& arguments,
             unsigned int shared = 0) {
    std::size_t size = arguments.bytes_.size();
    void* extra[] = {reinterpret_cast<void*>(1), const_cast<unsigned char*>(arguments.bytes_.data()),
                     reinterpret_cast<void*>(2), &size, nullptr};
    return cuLaunchKernel(function(name), grid, 1, 1, block, 1, 1, shared, stream, nullptr, extra);
  }

  int sync() { return cuStreamSynchronize(stream); }

  DevicePointer allocate(std::size_t bytes) {
    DevicePointer address = 0;
    OK(cuMemAlloc_v2(&address, bytes));
    return address;
  }

  template <class T>
  DevicePointer upload(const std::vector<T>& values) {
    DevicePointer address = allocate(values.size() * sizeof(T));
    OK(cuMemcpyHtoD_v2(address, values.data(), values.size() * sizeof(T)));
    return address;
  }

  template <class T>
  std::vector<T> download(DevicePointer address, std::size_t count) {
    std::vector<T> values(count);
    OK(sync());
    OK(cuMemcpyDtoH_v2(values.data(), address, count * sizeof(T)));
    return values;
  }
};
