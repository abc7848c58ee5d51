// Kernels that are right compute the right thing and leave no finding, in every order of blocks and threads.
#include <numeric>

#include "harness.h"

namespace {

struct Shape {
  int rows, columns;
  long long stride;
  double scale;
};

std::vector<float> ramp(std::size_t n) {
  std::vector<float> values(n);
  for (std::size_t i = 0; i < n; i++) values[i] = static_cast<float>(i % 17) - 5;
  return values;
}

template <class T>
void axpy(const char* image) {
  Device device(image);
  std::vector<T> x(1000), y(1000);
  for (int i = 0; i < 1000; i++) x[i] = T(i) / 3, y[i] = T(i) / 7;
  DevicePointer dx = device.upload(x), dy = device.upload(y);
  OK(device.launch("axpy", 3, 64, Arguments().add(dx).add(dy).add(1000LL).add(0.25).add(1)));
  std::vector<T> result = device.download<T>(dy, 1000);
  for (int i = 0; i < 1000; i++) CHECK_EQUAL(result[i], y[i] + T(0.25) * x[i]);
  CLEAN();
}

void everyOrder(void (*body)()) {
  for (int order = 0; order < 3; order++) {
    dynaxx_emulator_reset();
    dynaxx_emulator_order(order);
    body();
  }
}

}  // namespace

TEST(axpyFloat) { axpy<float>("dynaxx-emulator f32"); }
TEST(axpyDouble) { axpy<double>("dynaxx-emulator f64"); }

TEST(bothPrecisionsLiveTogether) {
  Device device;
  void *wide = nullptr, *function = nullptr;
  OK(cuModuleLoadData(&wide, "dynaxx-emulator f64"));
  OK(cuModuleGetFunction(&function, wide, "precision"));
  DevicePointer y = device.allocate(8);
  OK(device.launch("precision", 1, 1, Arguments().add(y)));
  CHECK_EQUAL(device.download<int>(y, 1)[0], 4);
  void* parameters[] = {&y};
  OK(cuLaunchKernel(function, 1, 1, 1, 1, 1, 1, 0, device.stream, parameters, nullptr));
  CHECK_EQUAL(device.download<int>(y, 1)[0], 8);
  CLEAN();
}

TEST(structsAreUnpackedAtTheirAlignment) {
  Device device;
  DevicePointer y = device.allocate(4 * 20);
  Shape shape = {4, 5, 1000, 0.5}, other = {0, 0, 3, 2.0};
  OK(device.launch("by_struct", 1, 32, Arguments().add(y).add(shape).add(7).add(other)));
  std::vector<float> result = device.download<float>(y, 20);
  for (int i = 0; i < 20; i++) CHECK_EQUAL(result[i], 0.5f * i + 7 + 6 + 1000);
  CLEAN();
}

TEST(blockReduction) {
  everyOrder([] {
    Device device;
    std::vector<float> x = ramp(5000), y = ramp(5000);
    DevicePointer dx = device.upload(x), dy = device.upload(y), partial = device.allocate(8 * 6);
    OK(device.launch("dot_partial", 6, 128, Arguments().add(dx).add(dy).add(partial).add(5000LL)));
    std::vector<double> sums = device.download<double>(partial, 6);
    double expected = 0;
    for (float v : x) expected += double(v) * v;
    CHECK_EQUAL(std::accumulate(sums.begin(), sums.end(), 0.0), expected);
    CLEAN();
  });
}

TEST(lastBlockAddsTheParts) {
  everyOrder([] {
    Device device;
    std::vector<float> x = ramp(256);
    DevicePointer dx = device.upload(x), parts = device.allocate(8 * 4), sum = device.allocate(8);
    DevicePointer ticket = device.upload(std::vector<int>{0});
    OK(device.launch("last_block", 4, 64, Arguments().add(dx).add(parts).add(sum).add(ticket)));
    CHECK_EQUAL(device.download<double>(sum, 1)[0], std::accumulate(x.begin(), x.end(), 0.0));
    CLEAN();
  });
}

TEST(dynamicSharedMemory) {
  everyOrder([] {
    Device device;
    std::vector<float> x = ramp(96);
    DevicePointer dx = device.upload(x), y = device.allocate(4 * 96);
    OK(device.launch("reverse_dynamic", 1, 96, Arguments().add(dx).add(y), 96 * 4));
    std::vector<float> result = device.download<float>(y, 96);
    for (int i = 0; i < 96; i++) CHECK_EQUAL(result[i], x[95 - i]);
    CLEAN();
  });
}

TEST(vectorAccess) {
  Device device;
  std::vector<float> x = ramp(400);
  DevicePointer dx = device.upload(x), y = device.allocate(1600);
  OK(device.launch("copy_vector", 1, 32, Arguments().add(dx).add(y).add(100)));
  std::vector<float> result = device.download<float>(y, 400);
  for (int i = 0; i < 400; i++) CHECK_EQUAL(result[i], x[i / 4 * 4 + 3 - i % 4]);
  CLEAN();
}

TEST(warpsSynchroniseAlone) {
  everyOrder([] {
    Device device;
    DevicePointer y = device.allocate(4 * 64);
    OK(device.launch("warp_shared", 1, 64, Arguments().add(y)));
    std::vector<float> result = device.download<float>(y, 64);
    for (int i = 0; i < 64; i++) CHECK_EQUAL(result[i], 2.0f * i);
    CLEAN();
  });
}

TEST(halfWarpsShuffleAlone) {
  everyOrder([] {
    Device device;
    DevicePointer y = device.allocate(4 * 64);
    OK(device.launch("half_warps", 1, 64, Arguments().add(y)));
    std::vector<int> result = device.download<int>(y, 64);
    for (int i = 0; i < 64; i++) CHECK_EQUAL(result[i], 1000 + 16 * (i / 16 * 16) + 120);
    CLEAN();
  });
}

TEST(bytesOfOneWordBelongToDifferentThreads) {
  Device device;
  DevicePointer y = device.allocate(100), z = device.allocate(200);
  OK(device.launch("bytes", 4, 32, Arguments().add(y).add(z).add(100)));
  std::vector<signed char> bytes = device.download<signed char>(y, 100);
  std::vector<short> shorts = device.download<short>(z, 100);
  const int table[] = {3, 1, 4, 1};
  for (int i = 0; i < 100; i++) {
    CHECK_EQUAL(int(bytes[i]), table[i % 4] - i);
    CHECK_EQUAL(int(shorts[i]), -i);
  }
  CLEAN();
}

TEST(threeDimensions) {
  Device device;
  DevicePointer y = device.allocate(4 * 2 * 3 * 2 * 4 * 2 * 2);
  void* parameters[] = {&y};
  OK(cuLaunchKernel(device.function("grid3"), 2, 3, 2, 4, 2, 2, 0, device.stream, parameters, nullptr));
  std::vector<int> result = device.download<int>(y, 192);
  for (int b = 0; b < 12; b++) {
    for (int t = 0; t < 16; t++) {
      CHECK_EQUAL(result[b * 16 + t],
                  b % 2 + 10 * (b / 2 % 3) + 100 * (b / 6) + 1000 * (t % 4) + 10000 * (t / 4 % 2) + 100000 * (t / 8));
    }
  }
  CLEAN();
}

TEST(kernelsMadeByMacrosAreFound) {
  Device device;
  DevicePointer x = device.upload(ramp(40)), y = device.allocate(160);
  OK(device.launch("square_unary", 1, 32, Arguments().add(x).add(y).add(40)));
  CHECK_EQUAL(device.download<float>(y, 40)[39], 0.0f);
  OK(device.launch("negate_unary", 1, 32, Arguments().add(x).add(y).add(40)));
  CHECK_EQUAL(device.download<float>(y, 40)[0], 5.0f);
  CLEAN();
}

TEST(barriersThatVote) {
  Device device;
  std::vector<int> x(64, 1);
  x[5] = 0;
  x[6] = 101;
  DevicePointer dx = device.upload(x), y = device.allocate(256);
  OK(device.launch("vote", 1, 64, Arguments().add(dx).add(y)));
  for (int v : device.download<int>(y, 64)) CHECK_EQUAL(v, 63 * 4 + 2 + 1);
  CLEAN();
}

TEST(aKernelWithoutParameters) {
  Device device;
  OK(device.launch("nothing", 2, 1024, Arguments()));
  OK(device.sync());
  CHECK_EQUAL(dynaxx_emulator_launches(), 1L);
  CLEAN();
}

TEST(aWarpThatRunsForLong) {
  everyOrder([] {
    Device device;
    DevicePointer y = device.allocate(4 * 32);
    OK(device.launch("long_warp", 1, 32, Arguments().add(y)));
    std::vector<float> result = device.download<float>(y, 32);
    for (int i = 0; i < 32; i++) CHECK_EQUAL(result[i], float(i));
    CLEAN();
  });
}
