// The driver's symbols: modules, functions and launches.
#include <algorithm>
#include <climits>
#include <cstring>

#include "counting.h"
#include "findings.h"
#include "runtime.h"
#include "symbols.h"

using namespace emulator;

namespace {

const void* const kEnd = nullptr;
const void* const kBufferPointer = reinterpret_cast<const void*>(1);
const void* const kBufferSize = reinterpret_cast<const void*>(2);

int wrongArguments(const Kernel& kernel, const std::string& text) {
  report("arguments", kernel.name, text);
  return kInvalidValue;
}

int packedArguments(const Kernel& kernel, void** extra, std::vector<unsigned char>& into) {
  const unsigned char* buffer = nullptr;
  std::size_t size = 0;
  bool sized = false;
  for (int i = 0; extra[i] != kEnd; i += 2) {
    if (extra[i] == kBufferPointer) {
      buffer = static_cast<const unsigned char*>(extra[i + 1]);
    } else if (extra[i] == kBufferSize) {
      size = *static_cast<const std::size_t*>(extra[i + 1]);
      sized = true;
    } else {
      return wrongArguments(kernel, format("extra[%d] is no launch parameter: %p", i, extra[i]));
    }
  }
  std::size_t padded = (kernel.bytes + kernel.alignment - 1) / kernel.alignment * kernel.alignment;
  if (!sized || (buffer == nullptr && kernel.bytes > 0)) {
    return wrongArguments(kernel, "extra holds no buffer pointer and size");
  }
  if (size != kernel.bytes && size != padded) {
    return wrongArguments(kernel, format("the argument buffer: found %zu bytes, expected %u for %u parameters", size,
                                         kernel.bytes, kernel.count));
  }
  into.assign(buffer, buffer + size);
  return kSuccess;
}

int collectArguments(const Kernel& kernel, void** parameters, void** extra, std::vector<unsigned char>& into) {
  if (parameters != nullptr && extra != nullptr) {
    return wrongArguments(kernel, "both kernelParams and extra are given");
  }
  if (extra != nullptr) return packedArguments(kernel, extra, into);
  if (parameters == nullptr && kernel.count > 0) return wrongArguments(kernel, "no arguments are given");
  into.assign(kernel.bytes, 0);
  for (unsigned int i = 0; i < kernel.count; i++) {
    std::memcpy(into.data() + kernel.parameters[i].offset, parameters[i], kernel.parameters[i].size);
  }
  return kSuccess;
}

int badShape(const Launch& launch, unsigned int mostShared) {
  const unsigned int *grid = launch.grid, *block = launch.block;
  unsigned long long threads = 1ull * block[0] * block[1] * block[2];
  bool good = grid[0] > 0 && grid[1] > 0 && grid[2] > 0 && grid[0] <= INT_MAX && grid[1] <= 65535 && grid[2] <= 65535 &&
              threads > 0 && block[0] <= 1024 && block[1] <= 1024 && block[2] <= 64 && threads <= 1024;
  if (!good) {
    return wrongArguments(*launch.kernel, format("grid (%u,%u,%u) of blocks (%u,%u,%u) is not launchable", grid[0],
                                                 grid[1], grid[2], block[0], block[1], block[2]));
  }
  if (launch.sharedBytes > mostShared) {
    return wrongArguments(*launch.kernel, format("dynamic shared memory: found %u bytes, expected at most %u",
                                                 launch.sharedBytes, mostShared));
  }
  return kSuccess;
}

}  // namespace

DYNAXX_EXPORT int cuModuleLoadData(void** module, const void* image) {
  DYNAXX_CALL(kCurrent | kUncapturable);
  if (module == nullptr || image == nullptr) return kInvalidValue;
  std::string precision;
  if (std::strncmp(static_cast<const char*>(image), "dynaxx-emulator f32", 20) == 0) precision = "f32";
  if (std::strncmp(static_cast<const char*>(image), "dynaxx-emulator f64", 20) == 0) precision = "f64";
  if (precision.empty()) return kInvalidImage;
  auto made = std::make_shared<Module>();
  made->precision = precision;
  *module = runtime().modules.add(made);
  runtime().owners[*module] = &call.context();
  return kSuccess;
}

DYNAXX_EXPORT int cuModuleUnload(void* handle) {
  DYNAXX_CALL(kCurrent | kReleases | kUncapturable);
  std::shared_ptr<Module> module = runtime().modules.find(handle);
  if (module == nullptr) return call.finish(badHandle(call, runtime().modules, handle));
  drainAll(call.context());
  for (const auto& [name, function] : module->functions) runtime().functions.remove(function);
  runtime().modules.remove(handle);
  return call.finish(kSuccess);
}

DYNAXX_EXPORT int cuModuleGetFunction(void** function, void* handle, const char* name) {
  DYNAXX_CALL(kCurrent);
  if (function == nullptr || name == nullptr) return kInvalidValue;
  std::shared_ptr<Module> module = runtime().modules.find(handle);
  if (module == nullptr) return badHandle(call, runtime().modules, handle);
  auto known = module->functions.find(name);
  if (known != module->functions.end()) {
    *function = known->second;
    return kSuccess;
  }
  const Kernel* kernel = findKernel(module->precision, name);
  if (kernel == nullptr) return kNotFound;
  auto made = std::make_shared<Function>();
  made->kernel = kernel;
  made->staticShared = static_cast<unsigned int>(staticShared(module->precision, name));
  made->mostDynamicShared = 48 * 1024 - std::min(48u * 1024, made->staticShared);
  *function = runtime().functions.add(made);
  runtime().owners[*function] = &call.context();
  module->functions[name] = *function;
  return kSuccess;
}

DYNAXX_EXPORT int cuFuncGetName(const char** name, void* handle) {
  DYNAXX_CALL(kCurrent);
  std::shared_ptr<Function> function = runtime().functions.find(handle);
  if (name == nullptr) return kInvalidValue;
  if (function == nullptr) return badHandle(call, runtime().functions, handle);
  *name = function->kernel->name;
  return kSuccess;
}

DYNAXX_EXPORT int cuFuncSetAttribute(void* handle, int attribute, int value) {
  DYNAXX_CALL(kCurrent);
  std::shared_ptr<Function> function = runtime().functions.find(handle);
  if (function == nullptr) return badHandle(call, runtime().functions, handle);
  if (attribute == 9) return value >= -1 && value <= 100 ? kSuccess : kInvalidValue;
  if (attribute != 8 || value < 0) return kInvalidValue;
  if (static_cast<std::size_t>(value) + function->staticShared > kDynamicShared) return kInvalidValue;
  function->mostDynamicShared = static_cast<unsigned int>(value);
  return kSuccess;
}

DYNAXX_EXPORT int cuFuncGetAttribute(int* value, int attribute, void* handle) {
  DYNAXX_CALL(kCurrent);
  if (value == nullptr) return kInvalidValue;
  std::shared_ptr<Function> function = runtime().functions.find(handle);
  if (function == nullptr) return badHandle(call, runtime().functions, handle);
  switch (attribute) {
    case 0: *value = 1024; break;  // threads per block
    case 1: *value = static_cast<int>(function->staticShared); break;
    case 2:
    case 3:
    case 7: *value = 0; break;   // constants, local memory, cache mode
    case 4: *value = 32; break;  // registers
    case 5:
    case 6: *value = 90; break;  // PTX and binary version
    case 8: *value = static_cast<int>(function->mostDynamicShared); break;
    case 9: *value = -1; break;
    default: return kInvalidValue;
  }
  return kSuccess;
}

DYNAXX_EXPORT int cuLaunchKernel(void* handle, unsigned int gridX, unsigned int gridY, unsigned int gridZ,
                                 unsigned int blockX, unsigned int blockY, unsigned int blockZ,
                                 unsigned int sharedBytes, void* streamHandle, void** parameters, void** extra) {
  DYNAXX_CALL(kCurrent | kQueues);
  std::shared_ptr<Function> function = runtime().functions.find(handle);
  if (function == nullptr) return badHandle(call, runtime().functions, handle);
  std::shared_ptr<Stream> stream = streamOf(call, streamHandle);
  if (stream == nullptr) return kInvalidHandle;
  Launch launch = {function->kernel, {gridX, gridY, gridZ}, {blockX, blockY, blockZ}, sharedBytes, {}};
  if (int status = badShape(launch, function->mostDynamicShared)) return status;
  if (int status = collectArguments(*function->kernel, parameters, extra, launch.arguments)) return status;
  return enqueue(call, stream, function->kernel->name, [launch = std::move(launch)] {
    runtime().launches++;
    return countLaunch(launch);
  });
}
