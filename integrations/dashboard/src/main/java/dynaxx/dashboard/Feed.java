package dynaxx.dashboard;

import jakarta.servlet.AsyncContext;
import jakarta.servlet.ServletOutputStream;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Tells the viewers of a page that something changed, by server-sent events. A viewer holds one
 * thread and nothing else: who reads slowly misses states in between and gets the latest, so that
 * memory does not grow. Whether a viewer is gone is seen when it is written to.
 */
final class Feed extends HttpServlet implements AutoCloseable {

  /** Viewers at once at most; more are refused. */
  static final int MOST_VIEWERS = 256;

  private static final long serialVersionUID = 1;
  private static final long HEARTBEAT_MILLIS = 10_000;

  private final AtomicInteger viewers = new AtomicInteger();
  private final transient Object change = new Object();
  private final String server = UUID.randomUUID().toString();
  private String latest = "[]";
  private long version;
  private boolean closed;

  int viewers() {
    return viewers.get();
  }

  /** States what is now; those who wait are told if it is something else than before. */
  void state(String now) {
    synchronized (change) {
      if (!now.equals(latest)) {
        latest = now;
        version++;
        change.notifyAll();
      }
    }
  }

  @Override
  protected void service(HttpServletRequest request, HttpServletResponse response)
      throws IOException {
    Guard.Refusal refusal = Guard.check(request, response);
    if (refusal == null && viewers.incrementAndGet() > MOST_VIEWERS) {
      viewers.decrementAndGet();
      refusal =
          new Guard.Refusal(503, "viewers: found " + MOST_VIEWERS + ", expected fewer than that");
    }
    if (refusal != null) {
      response.setStatus(refusal.status());
      response.setContentType(Guard.TEXT);
      response.getOutputStream().write((refusal.reason() + "\n").getBytes(StandardCharsets.UTF_8));
      return;
    }
    response.setContentType("text/event-stream");
    response.setCharacterEncoding("UTF-8");
    AsyncContext viewer = request.startAsync();
    viewer.setTimeout(0);
    Thread.ofVirtual().name("dynaxx-viewer").start(() -> serve(viewer));
  }

  private void serve(AsyncContext viewer) {
    try {
      ServletOutputStream out = viewer.getResponse().getOutputStream();
      // Another server at this address has other runs under the same numbers.
      out.write(("event: server\ndata: " + server + "\n\n").getBytes(StandardCharsets.UTF_8));
      long told = -1;
      for (String next = ""; next != null; ) {
        synchronized (change) {
          if (told == version && !closed) {
            change.wait(HEARTBEAT_MILLIS);
          }
          next =
              closed ? null : told == version ? ": \n\n" : "event: runs\ndata: " + latest + "\n\n";
          told = version;
        }
        if (next != null) {
          out.write(next.getBytes(StandardCharsets.UTF_8));
          out.flush();
        }
      }
    } catch (InterruptedException | IOException | RuntimeException e) {
      // The viewer is gone.
    } finally {
      viewers.decrementAndGet();
      end(viewer);
    }
  }

  private static void end(AsyncContext viewer) {
    try {
      viewer.complete();
    } catch (IllegalStateException e) {
      // It has been ended by the server already.
    }
  }

  /** Ends all streams properly, if their viewers read. */
  @Override
  public void close() {
    synchronized (change) {
      closed = true;
      change.notifyAll();
    }
    try {
      for (int i = 0; i < 40 && viewers.get() > 0; i++) {
        Thread.sleep(25);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
