package dynaxx.dashboard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.monitor.MonitorSink;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** Many look on at once, a fifth of them without reading a byte. */
class ViewersTest {

  private static final int VIEWERS = 200;
  private static final int SILENT = 40;
  private static final int STEPS = 200_000;
  private static final long MOST_BYTES = 96L << 20;

  @Test
  void twoHundredViewersOfAGrowingRunCostBoundedMemory() throws Exception {
    List<Socket> viewers = new ArrayList<>();
    AtomicLong told = new AtomicLong();
    try (Dashboard dashboard = Dashboard.open(0)) {
      MonitorSink sink = dashboard.sink("run", Map.of());
      for (int i = 0; i < STEPS; i++) {
        sink.accept(Runs.step(i));
      }
      long before = used();
      for (int i = 0; i < VIEWERS; i++) {
        Socket socket = view(dashboard.address().getPort());
        viewers.add(socket);
        if (i >= SILENT) {
          Thread.ofVirtual().start(() -> read(socket, told));
        }
      }
      await(() -> dashboard.viewers() == VIEWERS);
      HttpClient client = HttpClient.newHttpClient();
      for (int i = STEPS; i < STEPS + 5000; i++) {
        sink.accept(Runs.step(i));
        if (i % 50 == 0) {
          int from = i % 1000;
          get(client, dashboard.address().resolve("api/runs/0?from=" + from));
          Thread.sleep(30);
        }
      }
      long last = STEPS + 4999;
      await(() -> told.get() == (VIEWERS - SILENT) * last, told::toString);
      long grown = used() - before;
      assertTrue(grown < MOST_BYTES, "found " + (grown >> 20) + " MiB more");
      System.out.printf("%d viewers: %d MiB more%n", VIEWERS, grown >> 20);
    } finally {
      for (Socket viewer : viewers) {
        viewer.close();
      }
    }
  }

  /** More than the server lets in are turned away, and who goes makes room. */
  @Test
  void tooManyAreRefused() throws Exception {
    List<Socket> viewers = new ArrayList<>();
    try (Dashboard dashboard = Dashboard.open(0)) {
      int port = dashboard.address().getPort();
      for (int i = 0; i < Feed.MOST_VIEWERS; i++) {
        viewers.add(view(port));
      }
      await(() -> dashboard.viewers() == Feed.MOST_VIEWERS);
      HttpResponse<String> refused =
          get(HttpClient.newHttpClient(), dashboard.address().resolve("api/stream"));
      assertEquals(503, refused.statusCode());
    } finally {
      for (Socket viewer : viewers) {
        viewer.close();
      }
    }
  }

  private static Socket view(int port) throws IOException {
    Socket socket = new Socket(InetAddress.getLoopbackAddress(), port);
    socket
        .getOutputStream()
        .write(
            ("GET /api/stream HTTP/1.1\r\nHost: 127.0.0.1:"
                    + port
                    + "\r\nAccept: text/event-stream\r\n\r\n")
                .getBytes(StandardCharsets.US_ASCII));
    return socket;
  }

  private static HttpResponse<String> get(HttpClient client, URI uri) throws Exception {
    return client.send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString());
  }

  /** Keeps the sum of the steps that the viewers know of. */
  private static void read(Socket socket, AtomicLong told) {
    long known = 0;
    try (var lines =
        new java.io.BufferedReader(
            new java.io.InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        int at = line.indexOf("\"step\":");
        if (at > 0) {
          long step = Long.parseLong(line.substring(at + 7, line.indexOf(',', at)));
          told.addAndGet(step - known);
          known = step;
        }
      }
    } catch (IOException e) {
      // The test closes its sockets at the end.
    }
  }

  private interface Condition {
    boolean holds();
  }

  private static void await(Condition condition) throws InterruptedException {
    await(condition, () -> "");
  }

  private static void await(Condition condition, java.util.function.Supplier<String> found)
      throws InterruptedException {
    for (int i = 0; i < 600 && !condition.holds(); i++) {
      Thread.sleep(50);
    }
    assertTrue(condition.holds(), found);
  }

  private static long used() throws InterruptedException {
    for (int i = 0; i < 3; i++) {
      System.gc();
      Thread.sleep(50);
    }
    Runtime runtime = Runtime.getRuntime();
    return runtime.totalMemory() - runtime.freeMemory();
  }
}
