package dynaxx.dashboard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dynaxx.monitor.MonitorRecord;
import dynaxx.monitor.MonitorSink;
import dynaxx.spectrum.Signal;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the server answers, by plain sockets, so that no client tidies a request up. */
class DashboardTest {

  @TempDir private Path folder;
  private Dashboard dashboard;

  @BeforeEach
  void open() throws IOException {
    dashboard = Dashboard.open(0);
  }

  @AfterEach
  void close() {
    dashboard.close();
  }

  private int port() {
    return dashboard.address().getPort();
  }

  private String raw(String request) throws IOException {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port())) {
      socket.setSoTimeout(20_000);
      OutputStream out = socket.getOutputStream();
      out.write(request.getBytes(StandardCharsets.ISO_8859_1));
      out.flush();
      InputStream in = socket.getInputStream();
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private String get(String path, String... headers) throws IOException {
    StringBuilder request = new StringBuilder("GET " + path + " HTTP/1.1\r\n");
    boolean host = false;
    for (String header : headers) {
      host |= header.startsWith("Host:");
      request.append(header).append("\r\n");
    }
    if (!host) {
      request.append("Host: 127.0.0.1:").append(port()).append("\r\n");
    }
    return raw(request + "Connection: close\r\n\r\n");
  }

  private static void status(int expected, String answer) {
    assertTrue(
        answer.startsWith("HTTP/1.1 " + expected + " "), answer.lines().findFirst().orElse(""));
    assertFalse(answer.contains("Exception"), answer);
  }

  private JsonNode json(String path) throws IOException {
    String answer = get(path);
    status(200, answer);
    return new ObjectMapper().readTree(answer.substring(answer.indexOf("\r\n\r\n") + 4));
  }

  @Test
  void refusesWhatIsNoRequestOfItsOwnPage() throws IOException {
    status(200, get("/"));
    status(200, get("/", "Host: localhost:" + port()));
    status(421, get("/", "Host: rebound.example:" + port()));
    status(421, get("/api/runs", "Host: 127.0.0.1:1"));
    status(421, get("/api/stream", "Host: rebound.example"));
    status(403, get("/api/runs", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: cors"));
    status(200, get("/api/runs", "Sec-Fetch-Site: same-origin"));
    String host = "Host: 127.0.0.1:" + port() + "\r\nConnection: close\r\n";
    status(405, raw("POST /api/runs HTTP/1.1\r\n" + host + "Content-Length: 0\r\n\r\n"));
    status(405, raw("DELETE / HTTP/1.1\r\n" + host + "\r\n"));
    status(413, raw("GET / HTTP/1.1\r\n" + host + "Content-Length: 3\r\n\r\nabc"));
    status(413, raw("GET /api/stream HTTP/1.1\r\n" + host + "Content-Length: 3\r\n\r\nabc"));
    status(400, raw("nonsense\r\n\r\n"));
    status(431, get("/", "X: " + "x".repeat(20_000)));
    assertTrue(get("/" + "x".repeat(20_000)).matches("(?s)HTTP/1.1 4(14|31) .*"));
    status(414, get("/api/runs?" + "x".repeat(600)));
  }

  /** Also what the server's library refuses before it comes to us. */
  @Test
  void everyRefusalIsALineOfOurOwn() throws IOException {
    String host = "Host: 127.0.0.1:" + port() + "\r\nConnection: close\r\n";
    String long20 = "x".repeat(20_000);
    for (String request :
        List.of(
            "nonsense\r\n\r\n",
            "GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/9.9\r\n" + host + "\r\n",
            "GET / HTTP/1.1\r\nHost: a:b:c\r\n\r\n",
            "GET / HTTP/1.1\r\n" + host + "no colon\r\n\r\n",
            "GET / HTTP/1.1\r\n" + host + "Content-Length: x\r\n\r\n",
            "GET / HTTP/1.1\r\n" + host + "Content-Length: 3\r\n\r\nabc",
            "GET /api/stream HTTP/1.1\r\n" + host + "Content-Length: 3\r\n\r\nabc",
            "GET / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "GET / HTTP/1.1\r\n" + host + "X: " + long20 + "\r\n\r\n",
            "GET /" + long20 + " HTTP/1.1\r\n" + host + "\r\n",
            "GET /?" + "x".repeat(600) + " HTTP/1.1\r\n" + host + "\r\n",
            "GET /%zz HTTP/1.1\r\n" + host + "\r\n",
            "GET /..%2fsecret HTTP/1.1\r\n" + host + "\r\n",
            "GET /none HTTP/1.1\r\n" + host + "\r\n",
            "GET /api/runs/7 HTTP/1.1\r\n" + host + "\r\n",
            "OPTIONS * HTTP/1.1\r\n" + host + "\r\n",
            "TRACE / HTTP/1.1\r\n" + host + "\r\n",
            "POST / HTTP/1.1\r\n" + host + "Content-Length: 0\r\n\r\n")) {
      String answer = raw(request);
      String shown = request.substring(0, Math.min(60, request.length())) + "\n" + answer;
      String[] parts = answer.split("\r\n\r\n", 2);
      assertTrue(parts[0].matches("(?s)HTTP/1.1 [45]\\d\\d .*"), shown);
      assertTrue(
          parts[0].toLowerCase().matches("(?s).*content-type: text/plain; ?charset=utf-8.*"),
          shown);
      assertTrue(parts[0].contains("Content-Security-Policy: default-src 'none'"), shown);
      assertTrue(parts[0].contains("X-Content-Type-Options: nosniff"), shown);
      assertTrue(parts[0].contains("Cache-Control: no-store"), shown);
      assertTrue(parts[1].matches("[A-Za-z-]+: [^\n<]+\n"), shown);
      assertFalse(answer.toLowerCase().matches("(?s).*(jetty|javalin|<html).*"), shown);
    }
  }

  @Test
  void everyAnswerHasAStrictPolicy() throws IOException {
    for (String path : List.of("/", "/page.js", "/api/runs", "/none", "/metrics")) {
      String answer = get(path);
      assertTrue(
          answer.contains("Content-Security-Policy: default-src 'none'; script-src 'self'"), path);
      assertTrue(answer.contains("X-Content-Type-Options: nosniff"), path);
      assertFalse(answer.contains("unsafe"), path);
    }
  }

  @Test
  void pathsLeadToNothingButThePage() throws IOException {
    Files.writeString(folder.resolve("secret"), "secret");
    for (String path :
        List.of(
            "/../secret",
            "/%2e%2e/secret",
            "/..%2fsecret",
            "/api/runs/..%2f..%2fsecret",
            "/api/runs/0",
            "/api/runs/-1",
            "/api/runs/x",
            "/page.js/../secret",
            "/META-INF/MANIFEST.MF",
            "//etc/passwd")) {
      String answer = get(path);
      assertTrue(answer.matches("(?s)HTTP/1.1 40[04] .*"), path + answer);
      assertFalse(answer.contains("root:") || answer.endsWith("secret"), answer);
    }
    dashboard.sink("run", Map.of());
    for (String query : List.of("points=x", "points=3", "points=99999999", "from=-1", "to=1e3")) {
      status(400, get("/api/runs/0?" + query));
    }
  }

  /** The server must not be reachable by any other address of this machine. */
  @Test
  void listensOnLoopbackOnly() throws IOException {
    for (NetworkInterface each : NetworkInterface.networkInterfaces().toList()) {
      for (InetAddress address :
          each.inetAddresses().filter(a -> !a.isLoopbackAddress()).toList()) {
        assertThrows(
            IOException.class, () -> new Socket(address, port()).close(), address::toString);
      }
    }
  }

  @Test
  void takesTheNextFreePort() throws IOException {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        Dashboard next = Dashboard.open(taken.getLocalPort())) {
      assertTrue(next.address().getPort() > taken.getLocalPort());
    }
    String message =
        assertThrows(IllegalArgumentException.class, () -> Dashboard.open(-1)).getMessage();
    assertEquals("port: found -1, expected from 0 to 65535", message);
  }

  @Test
  void saysWhyNoPortCanBeHad() throws IOException {
    List<ServerSocket> taken = new ArrayList<>();
    try {
      for (int port = 65_530; port <= 65_535; port++) {
        try {
          taken.add(new ServerSocket(port, 1, InetAddress.getLoopbackAddress()));
        } catch (IOException e) {
          // Somebody else has it.
        }
      }
      String message = assertThrows(IOException.class, () -> Dashboard.open(65_530)).getMessage();
      String why = message.replaceFirst(".*\\((.+)\\).*", "$1");
      assertEquals(
          "found none free from 65530 to 65535 (" + why + "), expected a free port", message);
      message = assertThrows(IOException.class, () -> Dashboard.open(65_535)).getMessage();
      assertEquals("found 65535 (" + why + "), expected a free port", message);
    } finally {
      for (ServerSocket each : taken) {
        each.close();
      }
    }
  }

  @Test
  void showsAllThatIsKnownAndThenWhatIsNew() throws IOException {
    MonitorSink sink = dashboard.sink("run", Map.of("settings", Map.of("optimizer", "sgd")));
    for (int i = 0; i <= 100; i++) {
      sink.accept(Runs.step(i));
    }
    JsonNode all = json("/api/runs/0");
    JsonNode loss = all.get("columns").get("loss");
    assertEquals(101, loss.get("x").size());
    assertEquals(Runs.loss(7), loss.get("y").get(7).asDouble(), 1e-6);
    JsonNode least = all.get("columns").get("lambda_min");
    assertEquals(11, least.get("x").size());
    assertEquals(0.1, least.get("e").get(3).asDouble(), 1e-6);
    assertEquals(20, all.get("columns").get("lambda_max_limit").get("y").get(4).asDouble(), 1e-5);
    assertEquals(3, all.get("parts").get("attention_entropy").get("y").get(0).size());
    assertTrue(all.get("verdicts").get(0).get(1).asText().startsWith("NEGATIVE ("));
    sink.accept(Runs.step(101));
    sink.accept(Runs.event(101, "it moved"));
    JsonNode tail = json("/api/runs/0/tail?after=100&events=0");
    assertEquals("[101]", tail.get("columns").get("loss").get("x").toString());
    assertEquals("it moved", tail.get("events").get(0).get("explanation").asText());
    assertEquals("sgd", json("/api/runs").get(0).get("facts").get("optimizer").asText());
  }

  /** Going back to a checkpoint takes back the curves; their pages are told to begin again. */
  @Test
  void goesBackWithTheTraining() throws IOException {
    MonitorSink sink = dashboard.sink("run", Map.of());
    for (int i = 0; i <= 50; i++) {
      sink.accept(Runs.step(i));
    }
    int before = json("/api/runs").get(0).get("generation").asInt();
    sink.accept(new MonitorRecord.Notice(20, MonitorRecord.Notice.Kind.RESTART, List.of()));
    sink.accept(Runs.step(20));
    JsonNode all = json("/api/runs/0");
    assertTrue(all.get("generation").asInt() > before);
    JsonNode x = all.get("columns").get("loss").get("x");
    assertEquals(21, x.size());
    assertEquals(20, x.get(20).asInt());
  }

  /** Panels, units and texts come from the descriptors, of every signal there is. */
  @Test
  void everySignalHasAPanelWithItsDescription() throws IOException {
    JsonNode panels = json("/api/panels").get("panels");
    for (Signal signal : Signal.values()) {
      List<JsonNode> lines = new ArrayList<>();
      List<JsonNode> heats = new ArrayList<>();
      for (JsonNode panel : panels) {
        for (JsonNode line : panel.get("lines")) {
          if (line.get("id").asText().equals(signal.column())) {
            (panel.has("part") ? heats : lines).add(panel);
            assertEquals(signal.documentation().replace("`", ""), line.get("help").asText());
          }
        }
      }
      assertEquals(1, lines.size(), signal.column());
      assertEquals(signal.unit(), lines.getFirst().get("unit").asText());
      assertEquals(signal.part().isPresent() ? 1 : 0, heats.size(), signal.column());
    }
  }

  private static void run(Path folder, long steps) throws IOException {
    Files.createDirectories(folder);
    try (MonitorSink journal = MonitorSink.jsonLines(folder.resolve("monitor.jsonl"))) {
      for (int i = 0; i < steps; i++) {
        journal.accept(Runs.step(i));
      }
    }
  }

  private List<String> shown() throws IOException {
    List<String> shown = new ArrayList<>();
    json("/api/runs")
        .forEach(run -> shown.add(run.get("name").asText() + " " + run.get("step").asInt()));
    return shown;
  }

  @Test
  void findsRunsThatBeginLater() throws Exception {
    Path runs = folder.resolve("runs");
    run(runs.resolve("b"), 3);
    dashboard.add(runs);
    dashboard.add(runs.resolve("b"));
    Files.createDirectories(runs.resolve("c/checkpoints"));
    Path outside = Files.writeString(folder.resolve("outside.csv"), "step,loss\n0,1\n");
    Files.createDirectories(runs.resolve("d"));
    Files.createSymbolicLink(runs.resolve("d/metrics.csv"), outside);
    run(runs.resolve("a"), 5);
    for (int i = 0; i < 400 && shown().size() < 2; i++) {
      Thread.sleep(50);
    }
    assertEquals(1, shown().stream().filter(run -> run.startsWith("a")).count());
    run(runs.resolve("c"), 7);
    List<String> all = List.of("b 2", "a 4", "c 6");
    for (int i = 0; i < 400 && !shown().equals(all); i++) {
      Thread.sleep(50);
    }
    assertEquals(all, shown());
  }

  /** A folder of a run is no folder of runs, whatever is in it. */
  @Test
  void looksForLaterRunsInFoldersOfRunsOnly() throws Exception {
    RunPlaces places = new RunPlaces();
    run(folder.resolve("one"), 2);
    assertEquals(1, places.add(folder.resolve("one")).size());
    run(folder.resolve("one/two"), 2);
    Thread.sleep(2100);
    assertEquals(List.of(), places.later());
  }

  @Test
  void linksMustNotLeadOutOfTheRun() throws IOException {
    Path outside = Files.writeString(folder.resolve("outside.csv"), "step,loss\n0,1\n");
    Path run = Files.createDirectories(folder.resolve("run"));
    Files.createSymbolicLink(run.resolve("metrics.csv"), outside);
    String message = assertThrows(IOException.class, () -> dashboard.add(run)).getMessage();
    assertTrue(message.endsWith("found a link that leads out of the run's folder"), message);
    message =
        assertThrows(IOException.class, () -> dashboard.add(folder.resolve("no"))).getMessage();
    assertTrue(message.endsWith("found nothing there, expected the folder of a run"), message);
    message =
        assertThrows(
                IOException.class,
                () -> dashboard.add(Files.writeString(folder.resolve("README.md"), "# Runs\n")))
            .getMessage();
    assertTrue(
        message.endsWith("found another file, expected monitor.jsonl, metrics.csv or a folder"),
        message);
  }

  /** Named by Prometheus's rules, with the help of the descriptors. */
  @Test
  void metersAreScraped() throws IOException {
    MonitorSink sink = dashboard.sink("run", Map.of());
    sink.accept(Runs.step(0));
    sink.accept(Runs.event(1, "it moved"));
    String scraped = get("/metrics");
    assertTrue(scraped.contains("dynaxx_lambda_min{run=\"run\"} -1.0\n"), scraped);
    assertTrue(scraped.contains("# HELP dynaxx_lambda_min Smallest Ritz value"), scraped);
    assertTrue(scraped.contains("dynaxx_lambda_min_error{run=\"run\"} 0.1\n"), scraped);
    assertTrue(scraped.contains("dynaxx_monitor_share_ratio{run=\"run\"} 0.04\n"), scraped);
    assertTrue(
        scraped.contains("dynaxx_events_total{kind=\"TRANSITION\",run=\"run\"} 1.0\n"), scraped);
  }
}
