// Contexts, streams, events and graphs, and what every call of the driver checks first.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "execution.h"

#define DYNAXX_EXPORT extern "C" __attribute__((visibility("default")))

namespace emulator {

enum Status : int {
  kSuccess = 0,
  kInvalidValue = 1,
  kOutOfMemory = 2,
  kNotInitialized = 3,
  kNoDevice = 100,
  kInvalidDevice = 101,
  kInvalidImage = 200,
  kInvalidContext = 201,
  kInvalidHandle = 400,
  kNotFound = 500,
  kNotReady = 600,
  kIllegalAddress = 700,
  kCaptureUnsupported = 900,
  kCaptureInvalidated = 901,
  kCaptureMerge = 902,
  kCaptureUnmatched = 903,
  kCaptureUnjoined = 904,
  kCaptureIsolation = 905,
  kCaptureImplicit = 906,
  kCapturedEvent = 907,
  kCaptureWrongThread = 908,
};

using DevicePointer = unsigned long long;
using Work = std::function<int()>;

struct Operation {
  std::string what;
  Work run;
  std::uint64_t sequence;
};

struct Stream;

struct Capture {
  int mode;
  std::thread::id thread;
  bool invalid = false;
  Stream* origin;
  std::set<Stream*> unjoined;
  std::vector<Operation> nodes;
};

struct Context {
  int device;
  int retained = 0;
  int sticky = kSuccess;
  std::shared_ptr<Stream> nullStream;
};

struct Stream {
  Context* context;
  bool isNull = false;
  bool blocking = true;
  std::deque<Operation> queue;
  std::shared_ptr<Capture> capture;
};

struct Event {
  Context* context;
  bool timing;
  std::uint64_t recorded = 0, completed = 0;
  double milliseconds = 0;
  std::shared_ptr<Stream> stream;
  std::shared_ptr<Capture> capture;
};

struct Graph {
  std::vector<Operation> nodes;
};

struct GraphExec {
  std::shared_ptr<std::vector<Operation>> nodes;
};

struct Module {
  std::string precision;
  std::map<std::string, void*> functions;
};

struct Function {
  const Kernel* kernel;
  unsigned int staticShared;
  unsigned int mostDynamicShared;
};

/** Live objects of one kind by handle. A handle is no address and never comes back, so a stale one is known as such. */
template <class T>
class Table {
 public:
  Table(const char* kind, std::uintptr_t base) : kind_(kind), base_(base) {}

  void* add(std::shared_ptr<T> object) {
    void* handle = reinterpret_cast<void*>(base_ + 16 * ++serial_);
    objects_[handle] = std::move(object);
    return handle;
  }
  std::shared_ptr<T> find(const void* handle) const {
    auto entry = objects_.find(const_cast<void*>(handle));
    return entry == objects_.end() ? nullptr : entry->second;
  }
  bool remove(const void* handle) { return objects_.erase(const_cast<void*>(handle)) > 0; }
  bool wasAlive(const void* handle) const {
    std::uintptr_t offset = reinterpret_cast<std::uintptr_t>(handle) - base_;
    return offset > 0 && offset <= 16 * serial_ && offset % 16 == 0 && find(handle) == nullptr;
  }
  std::string nameOf(const void* handle) const {
    return std::string(kind_) + " " + std::to_string((reinterpret_cast<std::uintptr_t>(handle) - base_) / 16);
  }
  const char* kind() const { return kind_; }
  const std::map<void*, std::shared_ptr<T>>& all() const { return objects_; }
  void clear() { objects_.clear(); }

 private:
  const char* kind_;
  std::uintptr_t base_;
  std::uintptr_t serial_ = 0;
  std::map<void*, std::shared_ptr<T>> objects_;
};

struct Blas {
  Context* context;
  void* stream = nullptr;
  int mathMode = 0;
  int pointerMode = 0;
  std::uintptr_t workspace = 0;
  std::size_t workspaceBytes = 0;
};

struct Runtime {
  std::recursive_mutex mutex;
  bool initialised = false;
  int devices = 1;
  int driverVersion = 13000;
  int blasVersion = 130100;
  bool eager = false;
  int order = 0;
  long launches = 0;
  std::uint64_t sequence = 0;
  std::map<int, std::unique_ptr<Context>> contexts;
  Table<Stream> streams{"stream", 0x510000000000};
  Table<Event> events{"event", 0x520000000000};
  Table<Graph> graphs{"graph", 0x530000000000};
  Table<GraphExec> graphExecs{"executable graph", 0x540000000000};
  Table<Module> modules{"module", 0x550000000000};
  Table<Function> functions{"function", 0x560000000000};
  Table<Blas> blas{"cuBLAS handle", 0x570000000000};
  std::map<void*, Context*> owners;  // of the handles above
  std::set<DevicePointer> pooled;    // allocations that belong to no context
};

Runtime& runtime();

/** DYNAXX_EMULATOR_EAGER=1 and DYNAXX_EMULATOR_ORDER=0|1|2, as the hooks of these names. */
void applyEnvironment(Runtime& all);

enum Needs : unsigned {
  kNothing = 0,
  kDriver = 1,        // cuInit has been called
  kCurrent = 2,       // a context is current
  kReleases = 4,      // takes effect even on a device that has failed
  kUncapturable = 8,  // forbidden while a stream is captured
  kQueues = 16,       // a fatal fault shows only when the work is done
};

/** The entry of a call: takes the lock, obeys an injected fault, checks state. Where it refuses, status() says why. */
class Call {
 public:
  Call(const char* name, unsigned needs);

  bool refused() const { return refused_; }
  int status() const { return status_; }
  /** Whether status() comes from dynaxx_emulator_fault: it is then in the numbers of the call's own library. */
  bool injected() const { return injected_; }
  /** What to return after the call's own work: an injected or sticky error, or the work's own status. */
  int finish(int own) const;
  Context& context() const { return *context_; }
  const char* name() const { return name_; }
  /** Status with which queued work must fail, or 0. */
  int deferred() const { return deferred_; }

 private:
  int admission(unsigned needs) const;

  std::lock_guard<std::recursive_mutex> lock_;
  const char* name_;
  Context* context_ = nullptr;
  bool refused_ = false;
  bool injected_ = false;
  int status_ = kSuccess;
  int deferred_ = kSuccess;
};

/** Opens every call of the driver. */
#define DYNAXX_CALL(needs)    \
  Call call(__func__, needs); \
  if (call.refused()) return call.status()

/** Takes an armed fault of this call that is due; 0 where there is none. */
int takeFault(const char* symbol);
void armFault(const char* symbol, long nth, int status);
void clearFaults();
bool isFatal(int status);

Context* currentContext();
std::vector<Context*>& contextStack();

/** The stream behind a handle, null handle included; reports a stale one. */
std::shared_ptr<Stream> streamOf(const Call& call, void* handle);

/** Refuses a handle: reports it where it was destroyed before. */
template <class T>
int badHandle(const Call& call, const Table<T>& table, const void* handle);
void reportStale(const char* symbol, const std::string& name);

template <class T>
int badHandle(const Call& call, const Table<T>& table, const void* handle) {
  if (table.wasAlive(handle)) reportStale(call.name(), table.nameOf(handle));
  return kInvalidHandle;
}

/** Puts work into a stream's queue or, while the stream is captured, into its graph. */
int enqueue(const Call& call, const std::shared_ptr<Stream>& stream, const std::string& what, Work work);
void drain(Stream& stream);
void drainAll(Context& context);
/** The null stream and all that wait for it: what a synchronous copy waits for. */
void drainBlocking(Context& context);
void invalidate(Capture& capture);

/** Everything alive, one a line. */
std::vector<std::string> liveObjects(const Context* context);
void destroyObjects(Context* context);

}  // namespace emulator
