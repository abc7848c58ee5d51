#include "execution.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>

#include "fiber.h"
#include "findings.h"

namespace {

struct Index {
  unsigned int x, y, z;
};

}  // namespace

// The kernels see these as constants.
extern "C" {
DYNAXX_INTERNAL Index dynaxx_thread_index asm("threadIdx");
DYNAXX_INTERNAL Index dynaxx_block_index asm("blockIdx");
DYNAXX_INTERNAL Index dynaxx_block_dimension asm("blockDim");
DYNAXX_INTERNAL Index dynaxx_grid_dimension asm("gridDim");
DYNAXX_INTERNAL unsigned char* dynaxx_shared_pointer asm("dynaxx_emulator_dynamic_shared");
}

#ifdef DYNAXX_EMULATOR_ASSEMBLY
asm(R"(
  .text
  .globl dynaxx_emulator_switch
  .hidden dynaxx_emulator_switch
  .type dynaxx_emulator_switch, @function
dynaxx_emulator_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  popq %rcx
  jmpq *%rcx
  .size dynaxx_emulator_switch, . - dynaxx_emulator_switch
)");
#endif

namespace emulator {

Clock now = {};
std::uint32_t launchFirst = 1;
std::uint64_t firstBlock = 0;
bool inKernel = false;
std::uint32_t patience = kPatience, mostPatience = kPatience;
std::uintptr_t stackBase = 0;
std::size_t stackSpan = 0;
std::uintptr_t dynamicShared = 0;
std::size_t dynamicSharedBytes = 0;

namespace {

constexpr int kMostThreads = 1024;
constexpr std::size_t kStack = 128 * 1024;
constexpr std::size_t kPage = 4096;

enum class State : std::uint8_t { kReady, kBarrier, kWarp, kDone };

struct Thread {
  Fiber fiber;
  Index index;
  int stack;
  State state;
  bool started;
  std::uint32_t warpEpoch;
  int line;
  const char* file;
};

/** One warp operation that waits for its lanes. */
struct Meeting {
  unsigned int mask = 0, arrived = 0, unread = 0, predicates = 0;
  bool complete = false;
  char kind = 0;
  const char* file = nullptr;
  int line = 0;
  unsigned long long values[32];
};

struct Warp {
  unsigned int alive = 0;
  std::vector<Meeting> meetings;
};

struct Block {
  int threads = 0, live = 0, waiting = 0, votes = 0, vote = 0;
  int released = 0;  // result of the last barrier
  const char* file = nullptr;
  int line = 0;
};

Thread threads[kMostThreads];
Warp warps[kMostThreads / 32];
std::vector<int> freeStacks;
unsigned char* stacks = nullptr;
Fiber scheduler;
Block block;
int current = 0;
const Launch* launch = nullptr;
int abandonStatus = 0;
bool abandoned = false;
std::uint32_t lastBlock = 0;
Order order = Order::kForward;
std::uint64_t shuffleSeed = 0;

// Of the running launch, by block: 1 = fenced, 2 = fenced and then touched an atomic, 4 = touched an atomic.
std::vector<std::uint8_t> fences;

std::map<std::string, std::map<std::string, const Kernel*>>& kernels() {
  static std::map<std::string, std::map<std::string, const Kernel*>> all;
  return all;
}

void setUp() {
  if (stacks != nullptr) return;
  stackSpan = kStack * kMostThreads;
  void* range =
      mmap(nullptr, stackSpan, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  void* shared = mmap(nullptr, kDynamicShared + 2 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (range == MAP_FAILED || shared == MAP_FAILED) std::abort();
  stacks = static_cast<unsigned char*>(range);
  stackBase = reinterpret_cast<std::uintptr_t>(range);
  for (int i = kMostThreads - 1; i >= 0; i--) {
    mprotect(stacks + i * kStack, kPage, PROT_NONE);  // a thread that overflows its stack must not reach another's
    freeStacks.push_back(i);
  }
  dynamicShared = reinterpret_cast<std::uintptr_t>(shared);
  dynaxx_shared_pointer = static_cast<unsigned char*>(shared);
}

void selectThread(int t) {
  current = t;
  dynaxx_thread_index = threads[t].index;
  now.thread = static_cast<std::uint16_t>(t);
  now.warpEpoch = threads[t].warpEpoch;
  patience = mostPatience;
}

[[noreturn]] void threadMain() {
  launch->kernel->invoke(launch->arguments.data());
  threads[current].state = State::kDone;
  switchTo(threads[current].fiber, scheduler);
  std::abort();
}

void wait(State state, const char* file, int line) {
  Thread& self = threads[current];
  self.state = state;
  self.file = file;
  self.line = line;
  switchTo(self.fiber, scheduler);
}

const char* fileName(const char* path) {
  const char* slash = std::strrchr(path, '/');
  return slash == nullptr ? path : slash + 1;
}

void finishMeetings(Warp& warp);

void leave(int t) {
  freeStacks.push_back(threads[t].stack);
  block.live--;
  Warp& warp = warps[t / 32];
  warp.alive &= ~(1u << (t % 32));
  finishMeetings(warp);
}

void releaseBarrier() {
  if (block.live < block.threads) {
    report("barrier", runningKernel(),
           format("__syncthreads at %s:%d in block (%u,%u,%u) is reached by %d of %d threads, the others have ended",
                  fileName(block.file), block.line, dynaxx_block_index.x, dynaxx_block_index.y, dynaxx_block_index.z,
                  block.live, block.threads));
  }
  block.released = block.vote == 2 ? block.votes > 0 : block.vote == 3 ? block.votes == block.live : block.votes;
  block.waiting = 0;
  block.votes = 0;
  now.epoch++;
  for (int t = 0; t < block.threads; t++) {
    if (threads[t].state == State::kBarrier) threads[t].state = State::kReady;
  }
}

// Who took part sees what the others did before: the clocks of all move past the latest.
void synchroniseClocks(int first, unsigned int lanes) {
  std::uint32_t latest = 0;
  for (int lane = 0; lane < 32; lane++) {
    if ((lanes >> lane) & 1u) latest = std::max(latest, threads[first + lane].warpEpoch);
  }
  for (int lane = 0; lane < 32; lane++) {
    if ((lanes >> lane) & 1u) threads[first + lane].warpEpoch = latest + 1;
  }
}

void finishMeetings(Warp& warp) {
  for (Meeting& meeting : warp.meetings) {
    if (meeting.complete || meeting.mask == 0 || (meeting.mask & warp.alive & ~meeting.arrived) != 0) continue;
    meeting.complete = true;
    meeting.unread = meeting.arrived;
    int first = static_cast<int>(&warp - warps) * 32;
    if (meeting.kind == 'w') synchroniseClocks(first, meeting.arrived);
    for (int lane = 0; lane < 32; lane++) {
      if ((meeting.arrived >> lane) & 1u) threads[first + lane].state = State::kReady;
    }
  }
}

void reportDeadlock() {
  std::map<std::string, int> places;
  int ended = 0;
  for (int t = 0; t < block.threads; t++) {
    const Thread& thread = threads[t];
    if (thread.state == State::kDone) ended++;
    else
      places[format("at %s %s:%d", thread.state == State::kBarrier ? "__syncthreads" : "a warp operation",
                    fileName(thread.file), thread.line)]++;
  }
  std::string text =
      format("block (%u,%u,%u) cannot go on:", dynaxx_block_index.x, dynaxx_block_index.y, dynaxx_block_index.z);
  for (const auto& [place, count] : places) text += format(" %d threads wait %s,", count, place.c_str());
  text += format(" %d have ended", ended);
  report("deadlock", runningKernel(), text);
}

// Returns false where no thread of the block can go on.
bool runReady(const std::vector<int>& sequence) {
  bool any = false;
  for (int t : sequence) {
    Thread& thread = threads[t];
    if (thread.state != State::kReady) continue;
    any = true;
    if (!thread.started) {
      thread.started = true;
      thread.stack = freeStacks.back();
      freeStacks.pop_back();
      // Tops of stacks that are a power of two apart would share one set of the cache.
      std::size_t bytes = kStack - static_cast<std::size_t>(thread.stack % 61) * 192;
      prepare(thread.fiber, stacks + thread.stack * kStack, bytes, threadMain);
    }
    selectThread(t);
    switchTo(scheduler, thread.fiber);
    if (abandoned) return false;
    if (thread.state == State::kDone) leave(t);
    if (block.live > 0 && block.waiting == block.live) releaseBarrier();
  }
  return any;
}

void startBlock() {
  int count = static_cast<int>(launch->block[0] * launch->block[1] * launch->block[2]);
  block = {};
  block.threads = block.live = count;
  for (int t = 0; t < count; t++) {
    threads[t].state = State::kReady;
    threads[t].started = false;
    threads[t].warpEpoch = 0;
  }
  for (int w = 0; w * 32 < count; w++) {
    int lanes = std::min(32, count - w * 32);
    warps[w].alive = lanes == 32 ? 0xffffffffu : (1u << lanes) - 1;
    warps[w].meetings.clear();
  }
  if (lastBlock == UINT32_MAX) std::abort();
  now = {};
  now.block = ++lastBlock;
}

int runBlock(const std::vector<int>& sequence) {
  startBlock();
  while (block.live > 0) {
    if (runReady(sequence)) continue;
    if (abandoned) return abandonStatus;
    reportDeadlock();
    return 719;
  }
  return 0;
}

// A fixed generator, so that a failing order can be seen again.
std::uint64_t nextRandom(std::uint64_t& state) {
  state += 0x9e3779b97f4a7c15ull;
  std::uint64_t z = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

template <class T>
std::vector<T> sequenceOf(T count) {
  std::vector<T> sequence(count);
  for (T i = 0; i < count; i++) sequence[i] = i;
  if (order == Order::kReverse) std::reverse(sequence.begin(), sequence.end());
  if (order == Order::kShuffle) {
    for (T i = count; i > 1; i--) std::swap(sequence[i - 1], sequence[nextRandom(shuffleSeed) % i]);
  }
  return sequence;
}

void indexThreads(const unsigned int* size) {
  Thread* thread = threads;
  for (unsigned int z = 0; z < size[2]; z++) {
    for (unsigned int y = 0; y < size[1]; y++) {
      for (unsigned int x = 0; x < size[0]; x++) (thread++)->index = {x, y, z};
    }
  }
}

void resetStacks() {
  freeStacks.clear();
  for (int i = kMostThreads - 1; i >= 0; i--) freeStacks.push_back(i);
}

unsigned int laneOf(int t) { return static_cast<unsigned int>(t % 32); }

// Brings the lanes of a mask together; every one of them leaves with the values of all.
Meeting& meet(unsigned int mask, char kind, unsigned long long value, bool predicate, const char* file, int line) {
  Warp& warp = warps[current / 32];
  unsigned int self = 1u << laneOf(current);
  if ((mask & self) == 0) {
    report("warp-mask", runningKernel(),
           format("the mask 0x%08x at %s:%d does not name the calling lane %u (%s)", mask, fileName(file), line,
                  laneOf(current), runningThread().c_str()));
    abandon(719);
  }
  std::size_t index = 0;
  for (; index < warp.meetings.size(); index++) {
    const Meeting& m = warp.meetings[index];
    if (m.mask == mask && !m.complete && m.kind == kind && m.line == line && (m.arrived & self) == 0) break;
  }
  if (index == warp.meetings.size()) {
    for (index = 0; index < warp.meetings.size() && warp.meetings[index].mask != 0; index++) {
    }
    if (index == warp.meetings.size()) warp.meetings.emplace_back();
    Meeting& fresh = warp.meetings[index];
    fresh.mask = mask;
    fresh.arrived = fresh.unread = fresh.predicates = 0;
    fresh.complete = false;
    fresh.kind = kind;
    fresh.file = file;
    fresh.line = line;
  }
  Meeting* meeting = &warp.meetings[index];
  meeting->arrived |= self;
  meeting->values[laneOf(current)] = value;
  if (predicate) meeting->predicates |= self;
  threads[current].state = State::kWarp;
  finishMeetings(warp);
  if (threads[current].state == State::kWarp) wait(State::kWarp, file, line);
  return warp.meetings[index];
}

void depart(Meeting& meeting) {
  meeting.unread &= ~(1u << laneOf(current));
  if (meeting.unread == 0) meeting.mask = 0;
}

}  // namespace

Registration::Registration(const char* precision, const Kernel* table, std::size_t count) {
  for (std::size_t i = 0; i < count; i++) kernels()[precision][table[i].name] = &table[i];
}

const Kernel* findKernel(const std::string& precision, const std::string& name) {
  auto& all = kernels()[precision];
  auto entry = all.find(name);
  return entry == all.end() ? nullptr : entry->second;
}

void setOrder(int value) {
  order = static_cast<Order>(value);
  shuffleSeed = 0;
}

const char* runningKernel() { return launch == nullptr ? "?" : launch->kernel->name; }

std::string runningThread() {
  const Index &b = dynaxx_block_index, &t = dynaxx_thread_index;
  return format("block (%u,%u,%u) thread (%u,%u,%u)", b.x, b.y, b.z, t.x, t.y, t.z);
}

void abandon(int status) {
  abandonStatus = status;
  abandoned = true;
  switchTo(threads[current].fiber, scheduler);
  std::abort();
}

bool published(std::uint32_t writer, std::uint32_t reader) {
  std::size_t from = writer - launchFirst, to = reader - launchFirst;
  return from < fences.size() && to < fences.size() && (fences[from] & 2) != 0 && (fences[to] & 4) != 0;
}

bool allPublished() {
  for (std::uint32_t block = launchFirst; block < now.block; block++) {
    if (!published(block, now.block)) return false;
  }
  return true;
}

int run(const Launch& requested) {
  setUp();
  setUpAccess();
  launch = &requested;
  launchFirst = lastBlock + 1;
  abandoned = false;
  inKernel = true;
  dynamicSharedBytes = requested.sharedBytes;
  dynaxx_block_dimension = {requested.block[0], requested.block[1], requested.block[2]};
  dynaxx_grid_dimension = {requested.grid[0], requested.grid[1], requested.grid[2]};
  std::uint64_t blocks = std::uint64_t{requested.grid[0]} * requested.grid[1] * requested.grid[2];
  std::uint64_t first = std::min(blocks, firstBlock);
  std::vector<std::uint64_t> sequence = sequenceOf<std::uint64_t>(blocks - first);
  std::vector<int> threadSequence =
      sequenceOf<int>(static_cast<int>(requested.block[0] * requested.block[1] * requested.block[2]));
  fences.assign(blocks, 0);
  indexThreads(requested.block);
  int status = 0;
  for (std::uint64_t which : sequence) {
    std::uint64_t index = first + which;
    dynaxx_block_index = {static_cast<unsigned int>(index % requested.grid[0]),
                          static_cast<unsigned int>(index / requested.grid[0] % requested.grid[1]),
                          static_cast<unsigned int>(index / requested.grid[0] / requested.grid[1])};
    status = runBlock(threadSequence);
    if (status != 0) break;
  }
  if (status != 0) resetStacks();
  inKernel = false;
  launch = nullptr;
  return status;
}

}  // namespace emulator

// ---- what the kernels call ------------------------------------------------------------------------------------

using namespace emulator;

extern "C" {

unsigned int dynaxx_emulator_lane() { return laneOf(current); }

int dynaxx_emulator_barrier(int vote, int predicate, const char* file, int line) {
  if (block.waiting > 0 && (block.line != line || block.vote != vote || std::strcmp(block.file, file) != 0)) {
    report("barrier", runningKernel(),
           format("threads of one block wait at different barriers, %s:%d and %s:%d (%s)", fileName(block.file),
                  block.line, fileName(file), line, runningThread().c_str()));
  }
  block.file = file;
  block.line = line;
  block.vote = vote;
  block.waiting++;
  block.votes += predicate;
  wait(State::kBarrier, file, line);
  return block.released;
}

unsigned long long dynaxx_emulator_shuffle(unsigned int mask, unsigned long long value, int lane, const char* file,
                                           int line) {
  Meeting& meeting = meet(mask, 's', value, false, file, line);
  if (lane < 0 || lane > 31 || ((meeting.arrived >> lane) & 1u) == 0) {
    report("warp-lane", runningKernel(),
           format("the shuffle at %s:%d reads lane %d, which takes no part (mask 0x%08x, %s)", fileName(file), line,
                  lane, mask, runningThread().c_str()));
    depart(meeting);
    return value;
  }
  unsigned long long result = meeting.values[lane];
  depart(meeting);
  return result;
}

unsigned int dynaxx_emulator_ballot(unsigned int mask, int predicate, const char* file, int line) {
  Meeting& meeting = meet(mask, 'b', 0, predicate != 0, file, line);
  unsigned int result = meeting.predicates;
  depart(meeting);
  return result;
}

void dynaxx_emulator_syncwarp(unsigned int mask, const char* file, int line) {
  depart(meet(mask, 'w', 0, false, file, line));
  now.warpEpoch = threads[current].warpEpoch;
}

void dynaxx_emulator_fence() { fences[now.block - launchFirst] |= 1; }

void dynaxx_emulator_atomic(const void* address, int bytes, int floating) {
  if (floating) {
    report("float-atomic", runningKernel(),
           format("an atomic on a floating-point number: its order differs from run to run (%s)",
                  runningThread().c_str()));
  }
  checkAtomic(address, bytes);
  std::uint8_t& state = fences[now.block - launchFirst];
  state |= (state & 1) != 0 ? 6 : 4;
}

void dynaxx_emulator_trap(const char* what, const char* file, int line) {
  report("trap", runningKernel(), format("%s at %s:%d (%s)", what, fileName(file), line, runningThread().c_str()));
  abandon(719);
}
}
