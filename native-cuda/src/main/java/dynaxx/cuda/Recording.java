package dynaxx.cuda;

import dynaxx.cuda.internal.Session;

/**
 * Work as a CUDA graph. The first time it just runs, which loads kernels and sizes work space; the
 * second time it is captured; from then on the graph is launched.
 */
final class Recording implements Runnable {

  private final Session session;
  private final Runnable work;
  private boolean ran;
  private long graph;

  Recording(Session session, Runnable work) {
    this.session = session;
    this.work = work;
  }

  @Override
  public void run() {
    if (!ran) {
      work.run();
      ran = true;
      return;
    }
    session.enter();
    if (graph == 0) {
      graph = session.capture(work);
    }
    session.driver().launchGraph(graph, session.stream());
  }

  void close() {
    if (graph != 0) {
      session.destroyGraph(graph);
      graph = 0;
    }
  }
}
