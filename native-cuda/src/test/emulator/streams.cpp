// The driver's symbols for streams, events, capture and graphs.
#include <chrono>

#include "counting.h"
#include "findings.h"
#include "runtime.h"

using namespace emulator;

namespace {

double milliseconds() {
  using namespace std::chrono;
  return duration<double, std::milli>(steady_clock::now().time_since_epoch()).count();
}

bool capturing(const std::shared_ptr<Stream>& stream) { return stream->capture != nullptr; }

int refuseCaptured(const std::shared_ptr<Stream>& stream) {
  invalidate(*stream->capture);
  return kCaptureUnsupported;
}

// Advances the event's stream until this recording of it has happened.
int await(const std::shared_ptr<Event>& event, std::uint64_t recording, const std::shared_ptr<Stream>& stream) {
  if (event->completed < recording && stream != nullptr) drain(*stream);
  return kSuccess;
}

int joinCapture(const std::shared_ptr<Stream>& stream, const std::shared_ptr<Event>& event) {
  const std::shared_ptr<Capture>& capture = event->capture;
  if (capture->invalid) return kCaptureInvalidated;
  if (stream->capture != nullptr && stream->capture != capture) {
    invalidate(*stream->capture);
    invalidate(*capture);
    return kCaptureMerge;
  }
  if (stream->isNull) {
    invalidate(*capture);
    return kCaptureImplicit;
  }
  stream->capture = capture;
  if (event->stream != nullptr) capture->unjoined.erase(event->stream.get());
  if (stream.get() != capture->origin) capture->unjoined.insert(stream.get());
  return kSuccess;
}

void endCapture(const std::shared_ptr<Capture>& capture) {
  for (const auto& [handle, stream] : runtime().streams.all()) {
    if (stream->capture == capture) stream->capture = nullptr;
  }
  for (const auto& [handle, event] : runtime().events.all()) {
    if (event->capture == capture) event->capture = nullptr;
  }
}

int runNodes(const std::vector<Operation>& nodes) {
  for (const Operation& node : nodes) {
    if (int status = node.run()) return status;
  }
  return kSuccess;
}

}  // namespace

// ---- streams ------------------------------------------------------------------------------------------------

DYNAXX_EXPORT int cuStreamCreate(void** stream, unsigned int flags) {
  DYNAXX_CALL(kCurrent);
  if (stream == nullptr || flags > 1) return kInvalidValue;
  auto made = std::make_shared<Stream>();
  made->context = &call.context();
  made->blocking = flags == 0;
  *stream = runtime().streams.add(made);
  runtime().owners[*stream] = &call.context();
  return kSuccess;
}

DYNAXX_EXPORT int cuStreamCreateWithPriority(void** stream, unsigned int flags, int) {
  return cuStreamCreate(stream, flags);
}

DYNAXX_EXPORT int cuStreamDestroy_v2(void* handle) {
  DYNAXX_CALL(kCurrent | kReleases);
  std::shared_ptr<Stream> stream = runtime().streams.find(handle);
  if (stream == nullptr) return call.finish(badHandle(call, runtime().streams, handle));
  if (capturing(stream)) invalidate(*stream->capture);
  drain(*stream);
  runtime().streams.remove(handle);
  return call.finish(kSuccess);
}

DYNAXX_EXPORT int cuStreamSynchronize(void* handle) {
  DYNAXX_CALL(kCurrent);
  std::shared_ptr<Stream> stream = streamOf(call, handle);
  if (stream == nullptr) return kInvalidHandle;
  if (capturing(stream)) return refuseCaptured(stream);
  drain(*stream);
  countLine("wait|");
  return call.finish(kSuccess);
}

DYNAXX_EXPORT int cuStreamQuery(void* handle) {
  DYNAXX_CALL(kCurrent);
  std::shared_ptr<Stream> stream = streamOf(call, handle);
  if (stream == nullptr) return kInvalidHandle;
  if (capturing(stream)) return refuseCaptured(stream);
  bool ready = stream->queue.empty();
  drain(*stream);  // the next query finds it done, as a host that polls expects
  return call.finish(ready ? kSuccess : kNotReady);
}

DYNAXX_EXPORT int cuStreamWaitEvent(void* handle, void* eventHandle, unsigned int flags) {
  DYNAXX_CALL(kCurrent);
  std::shared_ptr<Stream> stream = streamOf(call, handle);
  if (stream == nullptr) return kInvalidHandle;
  std::shared_ptr<Event> event = runtime().events.find(eventHandle);
  if (event == nullptr) return badHandle(call, runtime().events, eventHandle);
  if (flags > 1) return kInvalidValue;
  if (event->capture != nullptr) return joinCapture(stream, event);
  if (capturing(stream)) {
    if (event->recorded == 0) return kSuccess;
    invalidate(*stream->capture);
    return kCaptureIsolation;
  }
  if (event->recorded == 0) return kSuccess;
  return enqueue(call, stream, call.name(), [event, recording = event->recorded, source = event->stream] {
    return await(event, recording, source);
  });
}

// ---- events -------------------------------------------------------------------------------------------------

DYNAXX_EXPORT int cuEventCreate(void** event, unsigned int flags) {
  DYNAXX_CALL(kCurrent);
  if (event == nullptr || flags > 7) return kInvalidValue;
  auto made = std::make_shared<Event>();
  made->context = &call.context();
  made->timing = (flags & 2) == 0;
  *event = runtime().events.add(made);
  runtime().owners[*event] = &call.context();
  return kSuccess;
}

DYNAXX_EXPORT int cuEventDestroy_v2(void* handle) {
  DYNAXX_CALL(kCurrent | kReleases);
  std::shared_ptr<Event> event = runtime().events.find(handle);
  if (event == nullptr) return call.finish(badHandle(call, runtime().events, handle));
  runtime().events.remove(handle);
  return call.finish(kSuccess);
}

DYNAXX_EXPORT int cuEventRecord(void* handle, void* streamHandle) {
  DYNAXX_CALL(kCurrent | kQueues);
  std::shared_ptr<Event> event = runtime().events.find(handle);
  if (event == nullptr) return badHandle(call, runtime().events, handle);
  std::shared_ptr<Stream> stream = streamOf(call, streamHandle);
  if (stream == nullptr) return kInvalidHandle;
  event->stream = stream;
  if (capturing(stream)) {
    if (stream->capture->invalid) return kCaptureInvalidated;
    event->capture = stream->capture;
    return kSuccess;
  }
  event->capture = nullptr;
  std::uint64_t recording = ++event->recorded;
  return enqueue(call, stream, call.name(), [event, recording] {
    event->completed = recording;
    event->milliseconds = milliseconds();
    return kSuccess;
  });
}

DYNAXX_EXPORT int cuEventSynchronize(void* handle) {
  DYNAXX_CALL(kCurrent);
  std::shared_ptr<Event> event = runtime().events.find(handle);
  if (event == nullptr) return badHandle(call, runtime().events, handle);
  if (event->capture != nullptr) {
    invalidate(*event->capture);
    return kCapturedEvent;
  }
  await(event, event->recorded, event->stream);
  return call.finish(kSuccess);
}

DYNAXX_EXPORT int cuEventQuery(void* handle) {
  DYNAXX_CALL(kCurrent);
  std::shared_ptr<Event> event = runtime().events.find(handle);
  if (event == nullptr) return badHandle(call, runtime().events, handle);
  if (event->capture != nullptr) {
    invalidate(*event->capture);
    return kCapturedEvent;
  }
  bool ready = event->completed == event->recorded;
  await(event, event->recorded, event->stream);  // the next query finds it done
  return call.finish(ready ? kSuccess : kNotReady);
}

DYNAXX_EXPORT int cuEventElapsedTime(float* elapsed, void* startHandle, void* endHandle) {
  DYNAXX_CALL(kCurrent);
  std::shared_ptr<Event> start = runtime().events.find(startHandle), end = runtime().events.find(endHandle);
  if (start == nullptr) return badHandle(call, runtime().events, startHandle);
  if (end == nullptr) return badHandle(call, runtime().events, endHandle);
  if (elapsed == nullptr) return kInvalidValue;
  if (!start->timing || !end->timing || start->recorded == 0 || end->recorded == 0) return kInvalidHandle;
  if (start->completed != start->recorded || end->completed != end->recorded) return kNotReady;
  *elapsed = static_cast<float>(end->milliseconds - start->milliseconds);
  return kSuccess;
}

DYNAXX_EXPORT int cuEventElapsedTime_v2(float* elapsed, void* start, void* end) {
  return cuEventElapsedTime(elapsed, start, end);
}

// ---- capture and graphs -------------------------------------------------------------------------------------

DYNAXX_EXPORT int cuStreamBeginCapture_v2(void* handle, int mode) {
  DYNAXX_CALL(kCurrent);
  std::shared_ptr<Stream> stream = streamOf(call, handle);
  if (stream == nullptr) return kInvalidHandle;
  if (stream->isNull) return kCaptureUnsupported;
  if (mode < 0 || mode > 2) return kInvalidValue;
  if (capturing(stream)) return refuseCaptured(stream);
  stream->capture = std::make_shared<Capture>();
  stream->capture->mode = mode;
  stream->capture->thread = std::this_thread::get_id();
  stream->capture->origin = stream.get();
  return kSuccess;
}

DYNAXX_EXPORT int cuStreamIsCapturing(void* handle, int* state) {
  DYNAXX_CALL(kCurrent);
  std::shared_ptr<Stream> stream = streamOf(call, handle);
  if (stream == nullptr) return kInvalidHandle;
  if (state == nullptr) return kInvalidValue;
  *state = !capturing(stream) ? 0 : stream->capture->invalid ? 2 : 1;
  return kSuccess;
}

DYNAXX_EXPORT int cuStreamEndCapture(void* handle, void** graph) {
  DYNAXX_CALL(kCurrent);
  std::shared_ptr<Stream> stream = streamOf(call, handle);
  if (stream == nullptr) return kInvalidHandle;
  if (graph == nullptr) return kInvalidValue;
  *graph = nullptr;
  std::shared_ptr<Capture> capture = stream->capture;
  if (capture == nullptr) return 401;
  if (capture->mode != 2 && capture->thread != std::this_thread::get_id()) return kCaptureWrongThread;
  if (capture->origin != stream.get()) {
    invalidate(*capture);
    return kCaptureUnmatched;
  }
  endCapture(capture);
  if (capture->invalid) return kCaptureInvalidated;
  if (!capture->unjoined.empty()) return kCaptureUnjoined;
  auto made = std::make_shared<Graph>();
  made->nodes = std::move(capture->nodes);
  *graph = runtime().graphs.add(made);
  runtime().owners[*graph] = &call.context();
  return kSuccess;
}

DYNAXX_EXPORT int cuGraphInstantiateWithFlags(void** exec, void* handle, unsigned long long) {
  DYNAXX_CALL(kCurrent);
  if (exec == nullptr) return kInvalidValue;
  std::shared_ptr<Graph> graph = runtime().graphs.find(handle);
  if (graph == nullptr) return badHandle(call, runtime().graphs, handle);
  auto made = std::make_shared<GraphExec>();
  made->nodes = std::make_shared<std::vector<Operation>>(graph->nodes);
  *exec = runtime().graphExecs.add(made);
  runtime().owners[*exec] = &call.context();
  return kSuccess;
}

DYNAXX_EXPORT int cuGraphLaunch(void* handle, void* streamHandle) {
  DYNAXX_CALL(kCurrent | kQueues);
  std::shared_ptr<GraphExec> exec = runtime().graphExecs.find(handle);
  if (exec == nullptr) return badHandle(call, runtime().graphExecs, handle);
  std::shared_ptr<Stream> stream = streamOf(call, streamHandle);
  if (stream == nullptr) return kInvalidHandle;
  return enqueue(call, stream, call.name(), [nodes = exec->nodes] {
    countLine("graph|");
    int status = runNodes(*nodes);
    countLine("graph end|");
    return status;
  });
}

DYNAXX_EXPORT int cuGraphGetNodes(void* handle, void**, std::size_t* count) {
  DYNAXX_CALL(kCurrent);
  std::shared_ptr<Graph> graph = runtime().graphs.find(handle);
  if (graph == nullptr) return badHandle(call, runtime().graphs, handle);
  if (count == nullptr) return kInvalidValue;
  *count = graph->nodes.size();
  return kSuccess;
}

DYNAXX_EXPORT int cuGraphExecDestroy(void* handle) {
  DYNAXX_CALL(kCurrent | kReleases);
  if (!runtime().graphExecs.remove(handle)) return call.finish(badHandle(call, runtime().graphExecs, handle));
  return call.finish(kSuccess);
}

DYNAXX_EXPORT int cuGraphDestroy(void* handle) {
  DYNAXX_CALL(kCurrent | kReleases);
  if (!runtime().graphs.remove(handle)) return call.finish(badHandle(call, runtime().graphs, handle));
  return call.finish(kSuccess);
}
