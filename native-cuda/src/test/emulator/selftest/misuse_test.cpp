// Each kind of misuse is found, alone, and named; what a GPU would refuse ends the context.
#include "harness.h"

namespace {

struct Fixture : Device {
  DevicePointer x = upload(std::vector<float>(256, 1.0f)), y = allocate(256 * 4);

  void run(const char* name, unsigned int grid, unsigned int block, const Arguments& arguments, int status = 0,
           unsigned int shared = 0) {
    OK(launch(name, grid, block, arguments, shared));
    CHECK_EQUAL(sync(), status);
  }
  Arguments toY() { return Arguments().add(y); }
};

void foundInEveryOrder(const char* kind, const char* kernel, unsigned int grid, unsigned int block, int status = 0) {
  for (int order = 0; order < 3; order++) {
    dynaxx_emulator_reset();
    dynaxx_emulator_order(order);
    Fixture f;
    f.run(kernel, grid, block, f.toY(), status);
    ONE_FINDING(kind, kernel);
  }
}

}  // namespace

TEST(writePastTheEnd) {
  Fixture f;
  f.run("write_past_end", 1, 4, f.toY().add(256), 700);
  ONE_FINDING("out-of-bounds", "write_past_end");
  CHECK(misuse().find("writes 4 bytes") != std::string::npos);
  CHECK(misuse().find("0 bytes past the end of allocation") != std::string::npos);
  CHECK(misuse().find("(1024 bytes)") != std::string::npos);
  CHECK(misuse().find("block (0,0,0) thread (0,0,0)") != std::string::npos);
}

TEST(writeBeforeTheStart) {
  Fixture f;
  f.run("write_past_end", 1, 1, f.toY().add(-1), 700);
  ONE_FINDING("out-of-bounds", "write_past_end");
  CHECK(misuse().find(": 4 bytes before allocation") != std::string::npos);
}

TEST(readPastTheEnd) {
  Fixture f;
  f.run("read_past_end", 1, 4, Arguments().add(f.x).add(f.y).add(254), 700);
  ONE_FINDING("out-of-bounds", "read_past_end");
  CHECK(misuse().find("thread (2,0,0) reads") != std::string::npos);
}

TEST(readOutsideDeviceMemory) {
  Fixture f;
  f.run("read_far", 1, 4, Arguments().add(f.x).add(f.y), 700);
  ONE_FINDING("host-access", "read_far");
}

TEST(readOfHostMemory) {
  Fixture f;
  std::vector<float> host(256, 1.0f);
  f.run("touch", 1, 4, Arguments().add(host.data()).add(f.y), 700);
  ONE_FINDING("host-access", "touch");
}

TEST(pinnedMemoryIsAccessible) {
  Fixture f;
  void* pinned = nullptr;
  OK(cuMemAllocHost_v2(&pinned, 16));
  for (int i = 0; i < 4; i++) static_cast<float*>(pinned)[i] = 2;
  f.run("touch", 1, 4, Arguments().add(pinned).add(f.y));
  CHECK_EQUAL(f.download<float>(f.y, 4)[3], 2.0f);
  CLEAN();
  f.run("touch", 1, 5, Arguments().add(pinned).add(f.y), 700);
  ONE_FINDING("host-access", "touch");
}

TEST(useAfterFree) {
  Fixture f;
  OK(cuMemFree_v2(f.x));
  DevicePointer other = f.upload(std::vector<float>(256, 3.0f));
  CHECK(other != f.x);
  f.run("touch", 1, 4, Arguments().add(f.x).add(f.y), 700);
  ONE_FINDING("use-after-free", "touch");
}

TEST(readOfUninitialisedMemory) {
  Fixture f;
  DevicePointer fresh = f.allocate(1024);
  f.run("touch", 1, 4, Arguments().add(fresh).add(f.y));
  ONE_FINDING("uninitialised", "touch");
}

TEST(partlyInitialisedMemory) {
  Fixture f;
  DevicePointer fresh = f.allocate(1024);
  OK(cuMemsetD32Async(fresh, 0, 100, f.stream));
  f.run("touch", 1, 100, Arguments().add(fresh).add(f.y));
  CLEAN();
  f.run("touch", 1, 101, Arguments().add(fresh).add(f.y));
  ONE_FINDING("uninitialised", "touch");
  CHECK(misuse().find("byte 400 of allocation") != std::string::npos);
}

TEST(recycledMemoryCountsAsUnwritten) {
  Fixture f;
  f.run("touch", 1, 4, Arguments().add(f.x).add(f.y));
  OK(dynaxx_emulator_hand_out(f.x, 100, 1024, f.stream));
  OK(f.launch("touch", 1, 4, Arguments().add(f.y).add(f.x)));
  f.run("touch", 1, 4, Arguments().add(f.x).add(f.y));
  CLEAN();
  f.run("touch", 1, 5, Arguments().add(f.x).add(f.y));
  ONE_FINDING("uninitialised", "touch");
  std::vector<float> ones(25, 1.0f);
  OK(cuMemcpyHtoDAsync_v2(f.x, ones.data(), 100, f.stream));
  f.run("touch", 1, 26, Arguments().add(f.x).add(f.y), 700);
  CHECK(misuse().find("out-of-bounds: touch: block (0,0,0) thread (25,0,0)") != std::string::npos);
}

TEST(recycledMemoryTakenBackIsOutOfBounds) {
  Fixture f;
  OK(dynaxx_emulator_hand_out(f.x, 0, 1024, f.stream));
  OK(cuMemsetD8Async(f.x, 0, 1, f.stream));
  CHECK_EQUAL(f.sync(), 700);
  ONE_FINDING("out-of-bounds", "cuMemsetD8Async");
  CHECK_EQUAL(dynaxx_emulator_hand_out(f.x, 0, 1024, f.stream), 700);
}

TEST(misalignedVectors) {
  {
    Fixture f;
    f.run("misaligned_read", 1, 1, Arguments().add(f.x).add(f.y), 716);
    ONE_FINDING("misaligned", "misaligned_read");
  }
  dynaxx_emulator_reset();
  Fixture f;
  f.run("misaligned_write", 1, 1, f.toY(), 716);
  ONE_FINDING("misaligned", "misaligned_write");
}

TEST(racesInGlobalMemory) {
  foundInEveryOrder("race", "all_write_first", 1, 2);
  foundInEveryOrder("race", "blocks_write_first", 2, 32);
  for (int order = 0; order < 3; order++) {
    dynaxx_emulator_reset();
    dynaxx_emulator_order(order);
    Fixture f;
    OK(cuMemsetD32Async(f.y, 0, 128, f.stream));
    f.run("neighbour_block", 4, 32, f.toY().add(128));
    ONE_FINDING("race", "neighbour_block");
  }
}

TEST(oneWriterIsNoRace) {
  Fixture f;
  f.run("all_write_first", 1, 1, f.toY());
  f.run("blocks_write_first", 1, 32, f.toY());
  CLEAN();
}

TEST(racesInSharedMemory) {
  for (int order = 0; order < 3; order++) {
    dynaxx_emulator_reset();
    dynaxx_emulator_order(order);
    Fixture f;
    f.run("missing_barrier", 1, 64, f.toY());
    CHECK(misuse().find("shared-race: missing_barrier:") != std::string::npos);
  }
  foundInEveryOrder("shared-race", "missing_second_barrier", 1, 64);
  dynaxx_emulator_reset();
  Fixture f;
  f.run("missing_syncwarp", 1, 32, f.toY());
  CHECK(misuse().find("shared-race: missing_syncwarp:") != std::string::npos);
}

TEST(readOfUnwrittenSharedMemory) { foundInEveryOrder("shared-uninitialised", "unwritten_shared", 1, 64); }

TEST(sharedMemoryHasAnEnd) {
  Fixture f;
  f.run("dynamic_past_end", 1, 32, f.toY(), 0, 32 * 4);
  CLEAN();
  f.run("dynamic_past_end", 1, 33, f.toY(), 700, 32 * 4);
  ONE_FINDING("shared-out-of-bounds", "dynamic_past_end");
}

TEST(staticSharedMemoryHasAnEnd) {
  Fixture f;
  f.run("static_past_end", 1, 60, f.toY().add(0));
  CLEAN();
  f.run("static_past_end", 1, 60, f.toY().add(1), 700);
  ONE_FINDING("shared-out-of-bounds", "static_past_end");
  CHECK(misuse().find("tile") != std::string::npos);
}

TEST(barrierThatSomeDoNotReach) { foundInEveryOrder("barrier", "early_exit", 1, 64); }
TEST(barriersAtDifferentPlaces) { foundInEveryOrder("barrier", "two_barriers", 1, 64); }
TEST(lanesThatDoNotArrive) { foundInEveryOrder("deadlock", "absent_lanes", 1, 32, 719); }
TEST(callerOutsideItsMask) { foundInEveryOrder("warp-mask", "wrong_mask", 1, 32, 719); }
TEST(laneOutsideTheMask) { foundInEveryOrder("warp-lane", "lane_outside_mask", 1, 32); }

TEST(halfAWarpDoesNotWaitForTheOther) {
  for (int order = 0; order < 2; order++) {
    dynaxx_emulator_reset();
    dynaxx_emulator_order(order);
    Fixture f;
    f.run("half_synchronised", 1, 32, f.toY());
    CHECK(misuse().find("shared-race: half_synchronised:") != std::string::npos);
  }
}

TEST(floatAtomics) {
  Fixture f;
  OK(cuMemsetD32Async(f.y, 0, 1, f.stream));
  f.run("float_atomic", 2, 32, f.toY());
  CHECK_EQUAL(f.download<float>(f.y, 1)[0], 64.0f);
  ONE_FINDING("float-atomic", "float_atomic");
}

TEST(traps) {
  Fixture f;
  f.run("trapped", 1, 32, f.toY(), 719);
  ONE_FINDING("trap", "trapped");
}

TEST(errorsAreSticky) {
  Fixture f;
  void *function = f.function("touch"), *parameters[] = {&f.x, &f.y};
  f.run("write_past_end", 1, 4, f.toY().add(256), 700);
  DevicePointer address = 0;
  CHECK_EQUAL(cuMemAlloc_v2(&address, 16), 700);
  CHECK_EQUAL(cuCtxSynchronize(), 700);
  CHECK_EQUAL(cuLaunchKernel(function, 1, 1, 1, 4, 1, 1, 0, f.stream, parameters, nullptr), 700);
}

TEST(anAbandonedLaunchLeavesTheEmulatorUsable) {
  for (int round = 0; round < 20; round++) {
    dynaxx_emulator_reset();
    Fixture f;
    f.run("write_past_end", 1, 1024, f.toY().add(-100), 700);
    dynaxx_emulator_reset();
    Fixture g;
    g.run("touch", 1, 256, Arguments().add(g.x).add(g.y));
    CHECK_EQUAL(g.download<float>(g.y, 256)[255], 1.0f);
    CLEAN();
  }
}

TEST(wrongArguments) {
  Fixture f;
  CHECK_EQUAL(f.launch("touch", 1, 4, Arguments().add(f.x)), 1);
  ONE_FINDING("arguments", "touch");
  CHECK(misuse().find("found 8 bytes, expected 16 for 2 parameters") != std::string::npos);
  CHECK_EQUAL(f.launch("axpy", 1, 4, Arguments().add(f.x).add(f.y).add(1LL).add(1.0).add(1).add(1).add(1)), 1);
  CHECK_EQUAL(f.launch("write_past_end", 1, 2048, f.toY().add(0)), 1);
  CHECK_EQUAL(f.launch("touch", 0, 4, Arguments().add(f.x).add(f.y)), 1);
  CHECK_EQUAL(dynaxx_emulator_misuse(nullptr, 0), 3L);  // touch once for both of its faults
}

TEST(dynamicSharedMemoryMustBeAskedFor) {
  Fixture f;
  Arguments arguments = Arguments().add(f.x).add(f.y);
  CHECK_EQUAL(f.launch("reverse_dynamic", 1, 32, arguments, 49 * 1024), 1);
  void* function = f.function("reverse_dynamic");
  OK(cuFuncSetAttribute(function, 8, 100 * 1024));
  OK(f.launch("reverse_dynamic", 1, 32, arguments, 49 * 1024));
  CHECK_EQUAL(cuFuncSetAttribute(function, 8, 300 * 1024), 1);
  int bytes = 0;
  OK(cuFuncGetAttribute(&bytes, 8, function));
  CHECK_EQUAL(bytes, 100 * 1024);
  void* fixed = f.function("missing_barrier");
  OK(cuFuncGetAttribute(&bytes, 1, fixed));
  CHECK_EQUAL(bytes, 256);
  OK(cuFuncGetAttribute(&bytes, 8, fixed));
  CHECK_EQUAL(bytes, 48 * 1024 - 256);
  CHECK_EQUAL(cuFuncSetAttribute(fixed, 8, 227 * 1024), 1);
}

TEST(findingsAreCountedOncePerKernelAndKind) {
  Fixture f;
  for (int i = 0; i < 3; i++) f.run("all_write_first", 1, 2, f.toY());
  ONE_FINDING("race", "all_write_first");
  CHECK(misuse().find("(3 times)") != std::string::npos);
}

TEST(everyWayToReachMemoryIsSeen) {
  auto outside = [](const char* kernel, const std::function<Arguments(Fixture&)>& arguments) {
    dynaxx_emulator_reset();
    Fixture f;
    f.run(kernel, 1, 1, arguments(f), 700);
    ONE_FINDING("out-of-bounds", kernel);
  };
  outside("store_of_a_call", [](Fixture& f) { return f.toY().add(32); });
  outside("store_of_a_struct", [](Fixture& f) { return Arguments().add(f.x).add(f.y).add(32); });
  outside("store_of_braces", [](Fixture& f) { return f.toY().add(64); });
  outside("store_by_memcpy", [](Fixture& f) { return Arguments().add(f.x).add(f.y).add(253); });
  outside("store_of_a_field", [](Fixture& f) { return f.toY().add(32); });
  outside("volatile_read", [](Fixture& f) { return Arguments().add(f.x).add(f.y).add(256); });
  outside("inverse_loop", [](Fixture& f) { return f.toY().add(256); });
}

TEST(aThreadThatWaitsForAnother) {
  Fixture f;
  OK(cuMemsetD32Async(f.y, 0, 1, f.stream));
  dynaxx_emulator_patience(100000);
  f.run("endless", 1, 1, Arguments().add(f.y).add(f.x), 702);
  ONE_FINDING("endless", "endless");
}
