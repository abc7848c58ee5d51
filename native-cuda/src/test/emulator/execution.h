// Runs one kernel: blocks one after the other, the threads of a block as fibers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "interface.h"

namespace emulator {

struct Launch {
  const Kernel* kernel;
  unsigned int grid[3], block[3];
  unsigned int sharedBytes;
  std::vector<unsigned char> arguments;
};

/** Runs it to its end or to the first access that a GPU would refuse; the driver's status. */
int run(const Launch& launch);

/** Kernels of one precision ("f32", "f64") by name; null where there is none. */
const Kernel* findKernel(const std::string& precision, const std::string& name);

enum class Order { kForward = 0, kReverse = 1, kShuffle = 2 };
void setOrder(int order);

// ---- between the execution and its access checks ------------------------------------------------------------

/** Who is running. Words remember the clock of their last writer and reader. */
struct Clock {
  std::uint32_t block;      // serial of the block among all blocks ever run; 0 is never
  std::uint32_t epoch;      // barriers of the block passed
  std::uint32_t warpEpoch;  // grows at every __syncwarp, beyond that of all lanes that took part
  std::uint16_t thread;
  std::uint8_t bytes : 4;        // which bytes of the word
  std::uint8_t manyThreads : 1;  // of this warp
  std::uint8_t manyWarps : 1;    // of this block
  std::uint8_t manyBlocks : 1;
};

extern Clock now;
/** Of every launch, blocks before this one are left out. */
extern std::uint64_t firstBlock;
extern std::uint32_t launchFirst;  // serial of the launch's first block
extern bool inKernel;

/** Accesses that a thread may still make before it must reach a barrier or end. */
constexpr std::uint32_t kPatience = 1u << 30;
extern std::uint32_t patience, mostPatience;

extern std::uintptr_t stackBase;
extern std::size_t stackSpan;

constexpr std::size_t kDynamicShared = 227 * 1024;
extern std::uintptr_t dynamicShared;
extern std::size_t dynamicSharedBytes;

/** "kernel", for the log, and "block (0,0,0) thread (1,0,0)". */
const char* runningKernel();
std::string runningThread();

/** Ends the launch with a status; called on a thread's own stack. */
[[noreturn]] void abandon(int status);

/** A block that has fenced and then touched an atomic counter has published its writes; one that has touched it sees
 * them. */
bool published(std::uint32_t writer, std::uint32_t reader);
/** Whether the running block sees what all blocks before it did. */
bool allPublished();

void setUpAccess();
void checkAtomic(const void* address, int bytes);

}  // namespace emulator
