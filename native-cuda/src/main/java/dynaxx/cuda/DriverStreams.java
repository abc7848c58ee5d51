package dynaxx.cuda;

import static dynaxx.cuda.DriverCalls.CALL_J;
import static dynaxx.cuda.DriverCalls.CALL_JI;
import static dynaxx.cuda.DriverCalls.CALL_JP;
import static dynaxx.cuda.DriverCalls.CALL_PI;
import static dynaxx.cuda.DriverCalls.CALL_PJJ;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Streams of the driver API, their events, and the graphs that they record. */
final class DriverStreams {

  private static final int CAPTURE_THREAD_LOCAL = 1;

  private final DriverCalls calls;
  private final MemorySegment cuStreamCreate;
  private final MemorySegment cuStreamDestroy;
  private final MemorySegment cuStreamSynchronize;
  private final MemorySegment cuStreamBeginCapture;
  private final MemorySegment cuStreamEndCapture;
  private final MemorySegment cuGraphInstantiateWithFlags;
  private final MemorySegment cuGraphLaunch;
  private final MemorySegment cuGraphExecDestroy;
  private final MemorySegment cuGraphDestroy;
  private final MemorySegment cuEventCreate;
  private final MemorySegment cuEventDestroy;
  private final MemorySegment cuEventRecord;
  private final MemorySegment cuEventSynchronize;
  private final String elapsedTime;
  private final MemorySegment cuEventElapsedTime;

  DriverStreams(Native library, DriverCalls calls) {
    this.calls = calls;
    cuStreamCreate = library.symbol("cuStreamCreate");
    cuStreamDestroy = library.symbol("cuStreamDestroy_v2");
    cuStreamSynchronize = library.symbol("cuStreamSynchronize");
    cuStreamBeginCapture = library.symbol("cuStreamBeginCapture_v2");
    cuStreamEndCapture = library.symbol("cuStreamEndCapture");
    cuGraphInstantiateWithFlags = library.symbol("cuGraphInstantiateWithFlags");
    cuGraphLaunch = library.symbol("cuGraphLaunch");
    cuGraphExecDestroy = library.symbol("cuGraphExecDestroy");
    cuGraphDestroy = library.symbol("cuGraphDestroy");
    cuEventCreate = library.symbol("cuEventCreate");
    cuEventDestroy = library.symbol("cuEventDestroy_v2");
    cuEventRecord = library.symbol("cuEventRecord");
    cuEventSynchronize = library.symbol("cuEventSynchronize");
    elapsedTime = library.newest("cuEventElapsedTime_v2", "cuEventElapsedTime");
    cuEventElapsedTime = library.symbol(elapsedTime);
  }

  /**
   * {@code cuStreamCreate(CUstream*, unsigned)}.
   *
   * @param waits whether it and the legacy default stream wait for each other
   * @return the stream
   */
  long createStream(boolean waits) {
    return calls.outLong(
        "cuStreamCreate", out -> (int) CALL_PI.invokeExact(cuStreamCreate, out, waits ? 0 : 1));
  }

  /**
   * {@code cuStreamDestroy_v2(CUstream)}.
   *
   * @param stream not used again
   */
  void destroyStream(long stream) {
    calls.call("cuStreamDestroy_v2", CALL_J, cuStreamDestroy, stream);
  }

  /**
   * {@code cuStreamSynchronize(CUstream)}.
   *
   * @param stream waits for all its work
   */
  void synchronize(long stream) {
    calls.call("cuStreamSynchronize", CALL_J, cuStreamSynchronize, stream);
  }

  /**
   * {@code cuEventCreate(CUevent*, unsigned)}.
   *
   * @return an event that takes the time
   */
  long createEvent() {
    return calls.outLong("cuEventCreate", out -> (int) CALL_PI.invokeExact(cuEventCreate, out, 0));
  }

  /**
   * {@code cuEventDestroy_v2(CUevent)}.
   *
   * @param event not used again
   */
  void destroyEvent(long event) {
    calls.call("cuEventDestroy_v2", CALL_J, cuEventDestroy, event);
  }

  /**
   * {@code cuEventRecord(CUevent, CUstream)}.
   *
   * @param event happens when the stream has come here
   * @param stream in which
   */
  void recordEvent(long event, long stream) {
    calls.call("cuEventRecord", cuEventRecord, event, stream);
  }

  /**
   * {@code cuEventSynchronize(CUevent)}.
   *
   * @param event waits until it has happened
   */
  void awaitEvent(long event) {
    calls.call("cuEventSynchronize", CALL_J, cuEventSynchronize, event);
  }

  /**
   * {@code cuEventElapsedTime_v2(float*, CUevent, CUevent)}, which CUDA 12.8 put in the place of
   * {@code cuEventElapsedTime}; the latter where the driver is older.
   *
   * @param start has happened
   * @param end has happened
   * @return milliseconds between them
   */
  float milliseconds(long start, long end) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.JAVA_FLOAT);
      calls.check(elapsedTime, (int) CALL_PJJ.invokeExact(cuEventElapsedTime, out, start, end));
      return out.get(ValueLayout.JAVA_FLOAT, 0);
    } catch (Throwable e) {
      throw DriverCalls.rethrown(e);
    }
  }

  /**
   * {@code cuStreamBeginCapture_v2(CUstream, CUstreamCaptureMode)}.
   *
   * @param stream records what is submitted instead of doing it
   */
  void beginCapture(long stream) {
    try {
      calls.check(
          "cuStreamBeginCapture_v2",
          (int) CALL_JI.invokeExact(cuStreamBeginCapture, stream, CAPTURE_THREAD_LOCAL));
    } catch (Throwable e) {
      throw DriverCalls.rethrown(e);
    }
  }

  /**
   * {@code cuStreamEndCapture(CUstream, CUgraph*)}.
   *
   * @param stream that records
   * @return what it recorded
   */
  long endCapture(long stream) {
    return calls.outLong(
        "cuStreamEndCapture", out -> (int) CALL_JP.invokeExact(cuStreamEndCapture, stream, out));
  }

  /**
   * {@code cuGraphInstantiateWithFlags(CUgraphExec*, CUgraph, unsigned long long)}.
   *
   * @param graph recorded
   * @return a graph that can be launched
   */
  long instantiate(long graph) {
    return calls.outLong(
        "cuGraphInstantiateWithFlags",
        out -> (int) CALL_PJJ.invokeExact(cuGraphInstantiateWithFlags, out, graph, 0L));
  }

  /**
   * {@code cuGraphLaunch(CUgraphExec, CUstream)}.
   *
   * @param graph instantiated
   * @param stream in which
   */
  void launchGraph(long graph, long stream) {
    calls.call("cuGraphLaunch", cuGraphLaunch, graph, stream);
  }

  /**
   * {@code cuGraphExecDestroy(CUgraphExec)}.
   *
   * @param graph instantiated, not used again
   */
  void destroyInstance(long graph) {
    calls.call("cuGraphExecDestroy", CALL_J, cuGraphExecDestroy, graph);
  }

  /**
   * {@code cuGraphDestroy(CUgraph)}.
   *
   * @param graph recorded, not used again
   */
  void destroyGraph(long graph) {
    calls.call("cuGraphDestroy", CALL_J, cuGraphDestroy, graph);
  }
}
