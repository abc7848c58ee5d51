// Order and asynchrony of streams, events and graphs; faults, leaks and the state of contexts.
#include <sys/mman.h>

#include <atomic>
#include <thread>

#include "harness.h"

namespace {

std::string live() {
  std::string text(100000, '\0');
  dynaxx_emulator_live(text.data(), text.size());
  return text.c_str();
}

/** x of ones and y of zeros, of 64 floats. */
struct Pair : Device {
  DevicePointer x = upload(std::vector<float>(64, 1.0f)), y = upload(std::vector<float>(64, 0.0f));

  Arguments add(double alpha) { return Arguments().add(x).add(y).add(64LL).add(alpha).add(1); }
  int addOn(void* other, double alpha) {
    std::swap(stream, other);
    int status = launch("axpy", 1, 64, add(alpha));
    std::swap(stream, other);
    return status;
  }
  float first() { return download<float>(y, 64)[0]; }
};

}  // namespace

TEST(workRunsWhenItIsWaitedFor) {
  Pair p;
  float host[64] = {};
  OK(p.launch("axpy", 1, 64, p.add(2)));
  OK(cuMemcpyDtoHAsync_v2(host, p.y, sizeof host, p.stream));
  CHECK_EQUAL(host[0], 0.0f);
  CHECK_EQUAL(dynaxx_emulator_launches(), 0L);
  OK(p.sync());
  CHECK_EQUAL(host[63], 2.0f);
  CHECK_EQUAL(dynaxx_emulator_launches(), 1L);
  CLEAN();
}

TEST(eagerWorkRunsAtOnce) {
  Pair p;
  dynaxx_emulator_eager(1);
  float host[64] = {};
  OK(p.launch("axpy", 1, 64, p.add(2)));
  OK(cuMemcpyDtoHAsync_v2(host, p.y, sizeof host, p.stream));
  CHECK_EQUAL(host[0], 2.0f);
}

TEST(aStagingBufferReusedTooEarly) {
  Pair p;
  std::vector<float> staging(64, 5.0f);
  OK(cuMemcpyHtoDAsync_v2(p.y, staging.data(), 256, p.stream));
  staging[10] = 6;
  OK(p.sync());
  ONE_FINDING("host-buffer", "cuMemcpyHtoDAsync_v2");
  CHECK_EQUAL(p.download<float>(p.y, 64)[10], 6.0f);
}

TEST(aHostBufferUnmappedTooEarly) {
  Pair p;
  void* staging = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  OK(cuMemcpyHtoDAsync_v2(p.y, staging, 256, p.stream));
  munmap(staging, 4096);
  CHECK_EQUAL(p.sync(), 700);
  ONE_FINDING("host-buffer", "cuMemcpyHtoDAsync_v2");
}

TEST(addressesAreReusedOnlyWhenAllAreSpent) {
  Device device;
  DevicePointer kept = device.upload(std::vector<float>(100, 3.0f)), first = 0, again = 0, address = 0;
  OK(cuMemAlloc_v2(&first, 64L << 20));
  OK(cuMemFree_v2(first));
  int rounds = 0;
  for (; rounds < 40 && again == 0; rounds++) {  // of 64 MiB, in the 1 GiB that main() has set
    OK(cuMemAlloc_v2(&address, 64L << 20));
    OK(cuMemFree_v2(address));
    if (address <= first) again = address;
  }
  CHECK(rounds > 12 && rounds < 17);
  CHECK(again > kept);
  CHECK_EQUAL(device.download<float>(kept, 100)[99], 3.0f);
  OK(device.launch("touch", 1, 4, Arguments().add(address).add(kept)));
  CHECK_EQUAL(device.sync(), 700);
  ONE_FINDING("use-after-free", "touch");
}

TEST(threadsShareTheDevice) {
  Pair p;
  std::vector<std::thread> threads;
  std::atomic<int> failures = 0;
  for (int t = 0; t < 4; t++) {
    threads.emplace_back([&] {
      void *stream = nullptr, *function = nullptr;
      DevicePointer x = 0, y = 0;
      std::vector<float> ones(64, 1.0f), out(64);
      int bad = cuCtxPushCurrent_v2(p.context) + cuStreamCreate(&stream, 1);
      bad += cuModuleGetFunction(&function, p.module, "axpy") + cuMemAlloc_v2(&x, 256) + cuMemAlloc_v2(&y, 256);
      bad += cuMemcpyHtoDAsync_v2(x, ones.data(), 256, stream) + cuMemsetD32Async(y, 0, 64, stream);
      long long n = 64;
      double alpha = 1;
      int add = 1;
      void* parameters[] = {&x, &y, &n, &alpha, &add};
      for (int i = 0; i < 100; i++) bad += cuLaunchKernel(function, 1, 1, 1, 64, 1, 1, 0, stream, parameters, nullptr);
      bad += cuMemcpyDtoHAsync_v2(out.data(), y, 256, stream) + cuStreamSynchronize(stream);
      if (bad != 0 || out[63] != 100.0f) failures++;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK_EQUAL(failures.load(), 0);
  CLEAN();
}

TEST(aStreamWaitsOnlyForItsEvents) {
  Pair p;
  void *other = nullptr, *event = nullptr;
  OK(cuStreamCreate(&other, 1));
  OK(cuEventCreate(&event, 2));
  CHECK_EQUAL(cuEventQuery(event), 0);
  OK(p.launch("axpy", 1, 64, p.add(1)));
  OK(cuEventRecord(event, p.stream));
  OK(p.launch("axpy", 1, 64, p.add(1)));
  float unordered[64], ordered[64];
  OK(cuMemcpyDtoHAsync_v2(unordered, p.y, 256, other));
  OK(cuStreamSynchronize(other));
  CHECK_EQUAL(unordered[0], 0.0f);
  OK(cuStreamWaitEvent(other, event, 0));
  OK(cuMemcpyDtoHAsync_v2(ordered, p.y, 256, other));
  OK(cuStreamSynchronize(other));
  CHECK(ordered[0] >= 1.0f);
  CHECK_EQUAL(p.first(), 2.0f);
  OK(cuEventDestroy_v2(event));
  OK(cuStreamDestroy_v2(other));
  CHECK_EQUAL(cuStreamDestroy_v2(other), 400);
  ONE_FINDING("stale-handle", "cuStreamDestroy_v2");
}

TEST(theNullStreamWaitsForBlockingStreams) {
  Pair p;
  void* blocking = nullptr;
  OK(cuStreamCreate(&blocking, 0));
  OK(p.addOn(blocking, 1));
  OK(p.addOn(nullptr, 2));
  OK(p.addOn(blocking, 4));
  float host[64];
  OK(cuMemcpyDtoHAsync_v2(host, p.y, 256, blocking));
  OK(cuStreamSynchronize(blocking));
  CHECK_EQUAL(host[0], 7.0f);
}

TEST(eventsAreReadyAfterTheirWork) {
  Pair p;
  void *start = nullptr, *end = nullptr, *untimed = nullptr;
  OK(cuEventCreate(&start, 0));
  OK(cuEventCreate(&end, 0));
  OK(cuEventCreate(&untimed, 2));
  float elapsed = -1;
  CHECK_EQUAL(cuEventElapsedTime(&elapsed, start, end), 400);
  OK(cuEventRecord(start, p.stream));
  OK(p.launch("axpy", 1, 64, p.add(1)));
  OK(cuEventRecord(end, p.stream));
  CHECK_EQUAL(cuEventElapsedTime(&elapsed, start, end), 600);
  CHECK_EQUAL(cuEventQuery(end), 600);
  OK(cuEventQuery(end));
  OK(cuEventElapsedTime(&elapsed, start, end));
  CHECK(elapsed >= 0 && elapsed < 10000);
  OK(cuEventRecord(untimed, p.stream));
  OK(cuEventSynchronize(untimed));
  CHECK_EQUAL(cuEventElapsedTime(&elapsed, start, untimed), 400);
}

TEST(captureRecordsAndReplays) {
  Pair p;
  void *graph = nullptr, *exec = nullptr;
  int state = -1;
  OK(cuStreamBeginCapture_v2(p.stream, 0));
  OK(cuStreamIsCapturing(p.stream, &state));
  CHECK_EQUAL(state, 1);
  Arguments arguments = p.add(3);
  OK(p.launch("axpy", 1, 64, arguments));
  std::memset(arguments.bytes_.data(), 0, arguments.bytes_.size());
  OK(cuMemcpyDtoDAsync_v2(p.x, p.y, 256, p.stream));
  OK(cuStreamEndCapture(p.stream, &graph));
  OK(cuGraphInstantiateWithFlags(&exec, graph, 0));
  OK(cuGraphDestroy(graph));
  OK(p.sync());
  CHECK_EQUAL(dynaxx_emulator_launches(), 0L);
  for (int i = 0; i < 3; i++) OK(cuGraphLaunch(exec, p.stream));
  // (x, y) = (1, 0) -> y = y + 3 x, x = y: 3, 12, 48
  CHECK_EQUAL(p.first(), 48.0f);
  CHECK_EQUAL(dynaxx_emulator_launches(), 3L);
  OK(cuGraphExecDestroy(exec));
  CHECK_EQUAL(cuGraphLaunch(exec, p.stream), 400);
  ONE_FINDING("stale-handle", "cuGraphLaunch");
}

TEST(captureForksAndJoins) {
  Pair p;
  void *side = nullptr, *fork = nullptr, *join = nullptr, *graph = nullptr, *exec = nullptr;
  OK(cuStreamCreate(&side, 1));
  OK(cuEventCreate(&fork, 2));
  OK(cuEventCreate(&join, 2));
  for (int joined = 0; joined < 2; joined++) {
    OK(cuStreamBeginCapture_v2(p.stream, 0));
    OK(p.addOn(p.stream, 1));
    OK(cuEventRecord(fork, p.stream));
    OK(cuStreamWaitEvent(side, fork, 0));
    OK(p.addOn(side, 2));
    OK(cuEventRecord(join, side));
    if (joined == 1) OK(cuStreamWaitEvent(p.stream, join, 0));
    CHECK_EQUAL(cuStreamEndCapture(p.stream, &graph), joined == 1 ? 0 : 904);
    CHECK_EQUAL(graph != nullptr, joined == 1);
  }
  OK(cuGraphInstantiateWithFlags(&exec, graph, 0));
  OK(cuGraphLaunch(exec, p.stream));
  CHECK_EQUAL(p.first(), 3.0f);
  CLEAN();
}

TEST(whatACaptureForbids) {
  auto refused = [](int expected, const std::function<int(Pair&, void*)>& call) {
    dynaxx_emulator_reset();
    Pair p;
    void *event = nullptr, *graph = nullptr;
    OK(cuEventCreate(&event, 2));
    OK(cuEventRecord(event, p.stream));
    OK(cuStreamBeginCapture_v2(p.stream, 0));
    OK(p.launch("axpy", 1, 64, p.add(1)));
    CHECK_EQUAL(call(p, event), expected);
    CHECK_EQUAL(p.launch("axpy", 1, 64, p.add(1)), 901);
    int state = 0;
    OK(cuStreamIsCapturing(p.stream, &state));
    CHECK_EQUAL(state, 2);
    CHECK_EQUAL(cuStreamEndCapture(p.stream, &graph), 901);
    CHECK(graph == nullptr);
    OK(p.launch("axpy", 1, 64, p.add(1)));
    CHECK_EQUAL(p.first(), 1.0f);
    CLEAN();
  };
  refused(900, [](Pair&, void*) {
    DevicePointer address;
    return cuMemAlloc_v2(&address, 16);
  });
  refused(900, [](Pair& p, void*) { return cuMemFree_v2(p.x); });
  refused(900, [](Pair& p, void*) { return cuStreamSynchronize(p.stream); });
  refused(900, [](Pair& p, void*) { return cuStreamQuery(p.stream); });
  refused(900, [](Pair&, void*) { return cuCtxSynchronize(); });
  refused(905, [](Pair& p, void* event) { return cuStreamWaitEvent(p.stream, event, 0); });
  refused(907, [](Pair& p, void* event) {
    OK(cuEventRecord(event, p.stream));
    return cuEventSynchronize(event);
  });
}

TEST(aRelaxedCaptureForbidsLess) {
  Pair p;
  OK(cuStreamBeginCapture_v2(p.stream, 2));
  DevicePointer address;
  OK(cuMemAlloc_v2(&address, 16));
  void* graph = nullptr;
  OK(cuStreamEndCapture(p.stream, &graph));
}

TEST(theNullStreamSpoilsTheCaptureOfABlockingStream) {
  Pair p;
  void *blocking = nullptr, *graph = nullptr;
  OK(cuStreamCreate(&blocking, 0));
  OK(cuStreamBeginCapture_v2(blocking, 0));
  CHECK_EQUAL(p.addOn(nullptr, 1), 906);
  CHECK_EQUAL(cuStreamEndCapture(blocking, &graph), 901);
}

TEST(aReplayFindsFreedMemory) {
  Pair p;
  void *graph = nullptr, *exec = nullptr;
  OK(cuStreamBeginCapture_v2(p.stream, 0));
  OK(p.launch("axpy", 1, 64, p.add(1)));
  OK(cuStreamEndCapture(p.stream, &graph));
  OK(cuGraphInstantiateWithFlags(&exec, graph, 0));
  OK(cuMemFree_v2(p.x));
  OK(cuGraphLaunch(exec, p.stream));
  CHECK_EQUAL(p.sync(), 700);
  ONE_FINDING("use-after-free", "axpy");
}

TEST(memoryHasALimit) {
  Device device;
  dynaxx_emulator_memory(1 << 20);
  std::size_t free = 0, total = 0;
  DevicePointer a = 0, b = 0;
  OK(cuMemAlloc_v2(&a, 600 * 1024));
  OK(cuMemGetInfo_v2(&free, &total));
  CHECK_EQUAL(total, std::size_t{1} << 20);
  CHECK_EQUAL(free, std::size_t{424} * 1024);
  CHECK_EQUAL(cuMemAlloc_v2(&b, 500 * 1024), 2);
  OK(cuMemFree_v2(a));
  OK(cuMemAlloc_v2(&b, 500 * 1024));
  CHECK_EQUAL(cuMemAlloc_v2(&b, 0), 1);
  CHECK_EQUAL(b % 256, DevicePointer{0});
}

TEST(wrongFrees) {
  Device device;
  DevicePointer address = device.allocate(100);
  OK(cuMemFree_v2(0));
  OK(cuMemFree_v2(address));
  CHECK_EQUAL(cuMemFree_v2(address), 1);
  ONE_FINDING("bad-free", "cuMemFree_v2");
}

TEST(copiesAreChecked) {
  Device device;
  float host[64] = {};
  DevicePointer y = device.allocate(256), z = device.allocate(256);
  CHECK_EQUAL(cuMemcpyHtoDAsync_v2(y + 4, host, 256, device.stream), 1);
  ONE_FINDING("out-of-bounds", "cuMemcpyHtoDAsync_v2");
  OK(cuMemcpyDtoDAsync_v2(z, y, 256, device.stream));
  OK(device.sync());
  CHECK_EQUAL(dynaxx_emulator_misuse(nullptr, 0), 1L);
  OK(cuMemcpyDtoHAsync_v2(host, z, 256, device.stream));
  OK(device.sync());
  CHECK(misuse().find("uninitialised: cuMemcpyDtoHAsync_v2:") != std::string::npos);
  CHECK_EQUAL(cuMemsetD32Async(y + 2, 0, 1, device.stream), 1);
  OK(cuMemsetD8Async(y, 7, 256, device.stream));
  OK(cuMemcpyDtoDAsync_v2(z, y, 256, device.stream));
  CHECK_EQUAL(device.download<unsigned char>(z, 256)[255], (unsigned char)7);
  CHECK_EQUAL(dynaxx_emulator_misuse(nullptr, 0), 2L);
}

TEST(faultsComeWhenArmed) {
  Pair p;
  dynaxx_emulator_fault("cuMemAlloc_v2", 2, 2);
  DevicePointer address = 0;
  OK(cuMemAlloc_v2(&address, 16));
  CHECK_EQUAL(cuMemAlloc_v2(&address, 16), 2);
  OK(cuMemAlloc_v2(&address, 16));
  dynaxx_emulator_fault("cuLaunchKernel", 1, 701);
  CHECK_EQUAL(p.launch("axpy", 1, 64, p.add(1)), 701);
  OK(p.launch("axpy", 1, 64, p.add(1)));
  CHECK_EQUAL(p.first(), 1.0f);
}

TEST(aFailingLaunchShowsAtTheSynchronisationAndStays) {
  Pair p;
  dynaxx_emulator_fault("cuLaunchKernel", 2, 719);
  OK(p.launch("axpy", 1, 64, p.add(1)));
  OK(p.launch("axpy", 1, 64, p.add(1)));
  CHECK_EQUAL(p.sync(), 719);
  DevicePointer address = 0;
  CHECK_EQUAL(cuMemAlloc_v2(&address, 16), 719);
  CHECK_EQUAL(cuMemFree_v2(p.x), 719);
  CHECK_EQUAL(cuMemFree_v2(p.y), 719);
  CHECK_EQUAL(cuModuleUnload(p.module), 719);
  CHECK_EQUAL(cuStreamDestroy_v2(p.stream), 719);
  CHECK_EQUAL(live(), std::string());
  CHECK_EQUAL(cuDevicePrimaryCtxRelease_v2(0), 719);
  CLEAN();
}

TEST(aLostDeviceFailsEverywhere) {
  Pair p;
  dynaxx_emulator_fault("cuStreamSynchronize", 1, 999);
  CHECK_EQUAL(p.sync(), 999);
  CHECK_EQUAL(p.sync(), 999);
  std::size_t free, total;
  CHECK_EQUAL(cuMemGetInfo_v2(&free, &total), 999);
}

TEST(whatIsLeftAliveIsALeak) {
  Pair p;
  void *event = nullptr, *pinned = nullptr, *blas = nullptr;
  OK(cuEventCreate(&event, 2));
  OK(cuMemAllocHost_v2(&pinned, 100));
  OK(cublasCreate_v2(&blas));
  CHECK_EQUAL(dynaxx_emulator_live(nullptr, 0), 7L);
  OK(cuDevicePrimaryCtxRelease_v2(0));
  CHECK_EQUAL(dynaxx_emulator_misuse(nullptr, 0), 7L);
  CHECK(misuse().find(" of 256 bytes: alive when the context ended") != std::string::npos);
  CHECK_EQUAL(dynaxx_emulator_live(nullptr, 0), 0L);
  CHECK_EQUAL(cuCtxSynchronize(), 201);
}

TEST(nothingLeftAliveIsNoLeak) {
  Pair p;
  OK(cuMemFree_v2(p.x));
  OK(cuMemFree_v2(p.y));
  OK(cuModuleUnload(p.module));
  OK(cuStreamDestroy_v2(p.stream));
  OK(cuDevicePrimaryCtxRelease_v2(0));
  CLEAN();
  CHECK_EQUAL(cuDevicePrimaryCtxRelease_v2(0), 201);
}

TEST(contextsBelongToThreads) {
  int device = 0;
  CHECK_EQUAL(cuDeviceGet(&device, 0), 3);
  Device d;
  int inThread = 0, afterPush = 0;
  std::thread([&] {
    inThread = cuCtxSynchronize();
    OK(cuCtxPushCurrent_v2(d.context));
    afterPush = cuCtxSynchronize();
    OK(cuCtxPopCurrent_v2(nullptr));
  }).join();
  CHECK_EQUAL(inThread, 201);
  CHECK_EQUAL(afterPush, 0);
  void* current = nullptr;
  OK(cuCtxGetCurrent(&current));
  CHECK(current == d.context);
  OK(cuCtxSetCurrent(nullptr));
  CHECK_EQUAL(cuCtxSynchronize(), 201);
}

TEST(devicesAndVersions) {
  dynaxx_emulator_devices(2);
  dynaxx_emulator_driver_version(12020);
  OK(cuInit(0));
  int count = 0, version = 0, device = -1, value = 0;
  OK(cuDeviceGetCount(&count));
  CHECK_EQUAL(count, 2);
  OK(cuDriverGetVersion(&version));
  CHECK_EQUAL(version, 12020);
  OK(cuDeviceGet(&device, 1));
  CHECK_EQUAL(cuDeviceGet(&device, 2), 101);
  char name[64];
  OK(cuDeviceGetName(name, sizeof name, 1));
  CHECK_EQUAL(std::string(name), "dynaxx emulator 1");
  OK(cuDeviceGetAttribute(&value, 75, 0));
  CHECK_EQUAL(value, 9);
  const char* text = nullptr;
  OK(cuGetErrorName(700, &text));
  CHECK_EQUAL(std::string(text), "CUDA_ERROR_ILLEGAL_ADDRESS");
  CHECK_EQUAL(cuGetErrorName(12345, &text), 1);
  dynaxx_emulator_reset();
  dynaxx_emulator_devices(0);
  CHECK_EQUAL(cuInit(0), 100);
}

TEST(modulesAreRecognised) {
  Device device;
  void* other = nullptr;
  CHECK_EQUAL(cuModuleLoadData(&other, "\x50\xed\x55\xba"), 200);
  void* function = nullptr;
  CHECK_EQUAL(cuModuleGetFunction(&function, device.module, "no_such_kernel"), 500);
  OK(cuModuleGetFunction(&function, device.module, "touch"));
  OK(cuModuleUnload(device.module));
  void* parameters[] = {nullptr};
  CHECK_EQUAL(cuLaunchKernel(function, 1, 1, 1, 1, 1, 1, 0, device.stream, parameters, nullptr), 400);
  ONE_FINDING("stale-handle", "cuLaunchKernel");
}

TEST(pointersAreKnown) {
  Device device;
  DevicePointer address = device.allocate(1000), start = 0;
  unsigned int type = 0;
  std::size_t size = 0;
  OK(cuPointerGetAttribute(&type, 2, address + 10));
  CHECK_EQUAL(type, 2u);
  OK(cuPointerGetAttribute(&start, 11, address + 10));
  CHECK_EQUAL(start, address);
  OK(cuPointerGetAttribute(&size, 12, address + 10));
  CHECK_EQUAL(size, std::size_t{1000});
  OK(cuMemGetAddressRange_v2(&start, &size, address + 999));
  CHECK_EQUAL(start, address);
  CHECK_EQUAL(size, std::size_t{1000});
  CHECK_EQUAL(cuMemGetAddressRange_v2(&start, &size, address + 1000), 500);
  CHECK_EQUAL(cuPointerGetAttribute(&type, 2, reinterpret_cast<DevicePointer>(&device)), 1);
}
