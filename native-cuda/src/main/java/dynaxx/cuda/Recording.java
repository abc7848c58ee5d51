package dynaxx.cuda;

/**
 * Work as a CUDA graph. The first time it just runs, which loads kernels and sizes work space; the
 * second time it is captured; from then on the graph is launched. If the device has no memory for a
 * graph, the work just runs every time.
 */
final class Recording implements Runnable {

  private final Session session;
  private final Runnable work;
  private boolean ran;
  private boolean refused;
  private long graph;

  Recording(Session session, Runnable work) {
    this.session = session;
    this.work = work;
  }

  @Override
  public void run() {
    if (!ran || refused || !launched()) {
      work.run();
      ran = true;
    }
  }

  private boolean launched() {
    session.enter();
    try {
      if (graph == 0) {
        graph = session.capture(work);
      }
      session.launchGraph(graph);
      return true;
    } catch (CudaException e) {
      if (e.status() != DriverMemory.OUT_OF_MEMORY) {
        throw e;
      }
      refused = true;
      close();
      return false;
    }
  }

  void close() {
    if (graph != 0) {
      session.destroyGraph(graph);
      graph = 0;
    }
  }
}
