#include "runtime.h"

#include <algorithm>
#include <cstdlib>

#include "findings.h"
#include "memory.h"

namespace emulator {

namespace {

struct ArmedFault {
  std::string symbol;
  long left;
  int status;
};

std::vector<ArmedFault> faults;

bool forbids(const Capture& capture) {
  return capture.mode == 0 || (capture.mode == 1 && capture.thread == std::this_thread::get_id());
}

// A call that may not happen during a capture spoils every capture that forbids it.
bool spoilsCapture(Context& context) {
  bool spoils = false;
  for (const auto& [handle, stream] : runtime().streams.all()) {
    if (stream->context != &context || stream->capture == nullptr || !forbids(*stream->capture)) continue;
    invalidate(*stream->capture);
    spoils = true;
  }
  return spoils;
}

void drainBefore(Stream& stream, std::uint64_t sequence);

// The null stream waits for the blocking streams, and they for it (the driver's legacy default stream).
void waitForOthers(Stream& stream, std::uint64_t sequence) {
  Context& context = *stream.context;
  if (!stream.isNull) {
    if (stream.blocking) drainBefore(*context.nullStream, sequence);
    return;
  }
  for (const auto& [handle, other] : runtime().streams.all()) {
    if (other->context == &context && other->blocking) drainBefore(*other, sequence);
  }
}

void step(Stream& stream) {
  Operation operation = std::move(stream.queue.front());
  stream.queue.pop_front();
  waitForOthers(stream, operation.sequence);
  if (stream.context->sticky != kSuccess) return;
  int status = operation.run();
  if (status != kSuccess) stream.context->sticky = status;
}

void drainBefore(Stream& stream, std::uint64_t sequence) {
  while (!stream.queue.empty() && stream.queue.front().sequence < sequence) step(stream);
}

template <class T>
void listLive(const Table<T>& table, const Context* context, std::vector<std::string>& into) {
  for (const auto& [handle, object] : table.all()) {
    if (context == nullptr || runtime().owners[handle] == context) into.push_back(table.nameOf(handle));
  }
}

template <class T>
void destroy(Table<T>& table, const Context* context) {
  std::vector<void*> handles;
  for (const auto& [handle, object] : table.all()) {
    if (context == nullptr || runtime().owners[handle] == context) handles.push_back(handle);
  }
  for (void* handle : handles) table.remove(handle);
}

}  // namespace

void applyEnvironment(Runtime& all) {
  if (const char* eager = std::getenv("DYNAXX_EMULATOR_EAGER")) all.eager = std::atoi(eager) != 0;
  if (const char* order = std::getenv("DYNAXX_EMULATOR_ORDER")) all.order = std::atoi(order);
  setOrder(all.order);
}

Runtime& runtime() {
  // Never destroyed: the host's threads may outlive static destructors.
  static Runtime* all = [] {
    Runtime* made = new Runtime();
    applyEnvironment(*made);
    return made;
  }();
  return *all;
}

bool isFatal(int status) {
  return status == 214 || status == 700 || status == 702 || status == 710 || (status >= 714 && status <= 719) ||
         status == 999;
}

void armFault(const char* symbol, long nth, int status) { faults.push_back({symbol, nth, status}); }
void clearFaults() { faults.clear(); }

int takeFault(const char* symbol) {
  int status = kSuccess;
  for (auto fault = faults.begin(); fault != faults.end();) {
    if (fault->symbol == symbol && --fault->left <= 0) {
      if (status == kSuccess) status = fault->status;
      fault = faults.erase(fault);
    } else {
      ++fault;
    }
  }
  return status;
}

std::vector<Context*>& contextStack() {
  thread_local std::vector<Context*> stack;
  return stack;
}

Context* currentContext() { return contextStack().empty() ? nullptr : contextStack().back(); }

Call::Call(const char* name, unsigned needs) : lock_(runtime().mutex), name_(name) {
  context_ = currentContext();
  int fault = takeFault(name);
  if (fault != kSuccess && isFatal(fault) && context_ != nullptr) {
    if ((needs & kQueues) != 0) deferred_ = fault;
    else context_->sticky = fault;
  }
  if (fault != kSuccess && deferred_ == kSuccess) {
    status_ = fault;
    injected_ = true;
    refused_ = (needs & kReleases) == 0;
    if (refused_) return;
  }
  int refusal = admission(needs);
  if (refusal != kSuccess) {
    status_ = refusal;
    injected_ = false;
    refused_ = true;
  }
}

int Call::admission(unsigned needs) const {
  if ((needs & (kDriver | kCurrent)) != 0 && !runtime().initialised) return kNotInitialized;
  if ((needs & kCurrent) == 0) return kSuccess;
  if (context_ == nullptr || context_->retained == 0) return kInvalidContext;
  if (context_->sticky != kSuccess && (needs & kReleases) == 0) return context_->sticky;
  if ((needs & kUncapturable) != 0 && spoilsCapture(*context_)) return kCaptureUnsupported;
  return kSuccess;
}

int Call::finish(int own) const {
  if (status_ != kSuccess) return status_;
  return context_ != nullptr && context_->sticky != kSuccess ? context_->sticky : own;
}

void reportStale(const char* symbol, const std::string& name) {
  report("stale-handle", symbol, name + " was destroyed before");
}

std::shared_ptr<Stream> streamOf(const Call& call, void* handle) {
  if (handle == nullptr || handle == reinterpret_cast<void*>(1)) return call.context().nullStream;
  std::shared_ptr<Stream> stream = runtime().streams.find(handle);
  if (stream == nullptr) badHandle(call, runtime().streams, handle);
  else if (stream->context != &call.context()) return nullptr;
  return stream;
}

void invalidate(Capture& capture) { capture.invalid = true; }

int enqueue(const Call& call, const std::shared_ptr<Stream>& stream, const std::string& what, Work work) {
  if (call.deferred() != kSuccess) work = [status = call.deferred()] { return status; };
  if (stream->capture != nullptr) {
    if (stream->capture->invalid) return kCaptureInvalidated;
    stream->capture->nodes.push_back({what, std::move(work), 0});
    if (stream.get() != stream->capture->origin) stream->capture->unjoined.insert(stream.get());
    return kSuccess;
  }
  if (stream->isNull) {
    bool implicit = false;
    for (const auto& [handle, other] : runtime().streams.all()) {
      if (other->context != stream->context || other->capture == nullptr || !other->blocking) continue;
      invalidate(*other->capture);
      implicit = true;
    }
    if (implicit) return kCaptureImplicit;
  }
  stream->queue.push_back({what, std::move(work), ++runtime().sequence});
  if (runtime().eager) drain(*stream);
  return kSuccess;
}

void drain(Stream& stream) { drainBefore(stream, UINT64_MAX); }

void drainAll(Context& context) {
  std::vector<std::shared_ptr<Stream>> streams;
  for (const auto& [handle, stream] : runtime().streams.all()) {
    if (stream->context == &context) streams.push_back(stream);
  }
  if (runtime().order == 1) std::reverse(streams.begin(), streams.end());
  for (const auto& stream : streams) drain(*stream);
  drain(*context.nullStream);
}

void drainBlocking(Context& context) {
  for (const auto& [handle, stream] : runtime().streams.all()) {
    if (stream->context == &context && stream->blocking) drain(*stream);
  }
  drain(*context.nullStream);
}

std::vector<std::string> liveObjects(const Context* context) {
  std::vector<std::string> live;
  for (const auto& [address, allocation] : allocations()) {
    if (context == nullptr || allocation.device == context->device) {
      live.push_back(format("allocation %ld of %zu bytes", allocation.serial, allocation.bytes));
    }
  }
  for (const auto& [address, memory] : pinned()) {
    if (context == nullptr || memory.device == context->device) {
      live.push_back(format("pinned allocation of %zu bytes", memory.bytes));
    }
  }
  listLive(runtime().streams, context, live);
  listLive(runtime().events, context, live);
  listLive(runtime().graphs, context, live);
  listLive(runtime().graphExecs, context, live);
  listLive(runtime().modules, context, live);
  listLive(runtime().blas, context, live);
  return live;
}

void destroyObjects(Context* context) {
  std::vector<std::uintptr_t> addresses;
  for (const auto& [address, allocation] : allocations()) {
    if (context == nullptr || allocation.device == context->device) addresses.push_back(address);
  }
  for (std::uintptr_t address : addresses) release(address);
  std::vector<std::uintptr_t> hostAddresses;
  for (const auto& [address, memory] : pinned()) {
    if (context == nullptr || memory.device == context->device) hostAddresses.push_back(address);
  }
  for (std::uintptr_t address : hostAddresses) releaseHost(reinterpret_cast<void*>(address));
  destroy(runtime().blas, context);
  destroy(runtime().graphExecs, context);
  destroy(runtime().graphs, context);
  destroy(runtime().functions, context);
  destroy(runtime().modules, context);
  destroy(runtime().events, context);
  destroy(runtime().streams, context);
}

}  // namespace emulator
