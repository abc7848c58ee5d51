package dynaxx.dashboard;

import com.fasterxml.jackson.core.JsonGenerator;
import dynaxx.monitor.MonitorRecord;
import dynaxx.monitor.MonitorSink;
import io.javalin.Javalin;
import io.javalin.compression.CompressionStrategy;
import io.javalin.config.JavalinConfig;
import io.javalin.http.Context;
import io.javalin.http.HttpResponseException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.util.thread.QueuedThreadPool;

/**
 * A page that shows runs while they go on, served to browsers on this machine. Runs come from sinks
 * of monitors in this process, or from folders that others write. Nothing can be changed through
 * it, and no other machine can reach it.
 */
public final class Dashboard implements AutoCloseable {

  private static final System.Logger LOG = System.getLogger(Dashboard.class.getName());
  private static final int TRIES = 32;
  private static final int MOST_PORT = 65_535;
  private static final int MOST_HEADER_BYTES = 8192;
  private static final int MOST_POINTS = 20_000;
  private static final int THREADS = 24;
  private static final long TICK_MILLIS = 500;

  /** A run that is shown; follows a file if there is one. */
  private record Shown(RunData data, RunFile file) {}

  private final List<Shown> runs = new CopyOnWriteArrayList<>();
  private final RunPlaces places = new RunPlaces();
  private final Feed feed = new Feed();
  private final Answers answers = new Answers();
  private final Meters meters = new Meters();
  private final Javalin server;
  private final ScheduledExecutorService clock =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("dynaxx-dashboard-clock").factory());

  private Dashboard(int port) {
    // Jetty finds what it needs through the thread's class loader, which a host may have changed.
    Thread thread = Thread.currentThread();
    ClassLoader loader = thread.getContextClassLoader();
    thread.setContextClassLoader(Dashboard.class.getClassLoader());
    try {
      server = Javalin.create(this::configure).start("127.0.0.1", port);
    } finally {
      thread.setContextClassLoader(loader);
    }
    clock.scheduleWithFixedDelay(this::tick, 0, TICK_MILLIS, TimeUnit.MILLISECONDS);
  }

  /**
   * Begins to listen on loopback.
   *
   * @param port from 1 to 65535, or the next one up that is free; 0 for any
   * @return a dashboard without runs
   * @throws IOException if no port is free
   * @throws IllegalArgumentException if the port is out of range
   */
  public static Dashboard open(int port) throws IOException {
    if (port < 0 || port > MOST_PORT) {
      throw new IllegalArgumentException("port: found " + port + ", expected from 0 to 65535");
    }
    int last = Math.min(port + TRIES - 1, MOST_PORT);
    String why = "";
    for (int next = port; next <= last; next++) {
      why = next == 0 ? "" : whyNot(next);
      if (!why.isEmpty()) {
        continue;
      }
      try {
        return new Dashboard(next);
      } catch (RuntimeException e) {
        why = whyNot(next);
        if (why.isEmpty()) {
          throw new IOException("the page cannot be served: " + e.getMessage(), e);
        }
      }
    }
    String range = port == last ? port + "" : "none free from " + port + " to " + last;
    throw new IOException("found " + range + " (" + why + "), expected a free port");
  }

  /** Why nobody can listen on a port, in the words of the system; nothing if somebody can. */
  private static String whyNot(int port) {
    try (ServerSocket socket = new ServerSocket()) {
      socket.setReuseAddress(true);
      socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
      return "";
    } catch (IOException e) {
      return e.getMessage();
    }
  }

  private void configure(JavalinConfig config) {
    config.startup.showJavalinBanner = false;
    config.startup.showOldJavalinVersionWarning = false;
    config.http.compressionStrategy = CompressionStrategy.NONE;
    config.http.maxRequestSize = 0;
    QueuedThreadPool pool = new QueuedThreadPool(THREADS, 4);
    pool.setDaemon(true);
    pool.setName("dynaxx-dashboard");
    config.jetty.threadPool = pool;
    config.jetty.modifyHttpConfiguration(
        http -> {
          http.setRequestHeaderSize(MOST_HEADER_BYTES);
          http.setSendServerVersion(false);
        });
    config.jetty.modifyServer(server -> server.setErrorHandler(Guard::answer));
    config.routes.before(Guard::check);
    config.routes.exception(
        HttpResponseException.class,
        (refusal, request) ->
            request
                .status(refusal.getStatus())
                .contentType(Guard.TEXT)
                .result(Guard.text(refusal) + "\n"));
    Page.FILES.forEach((path, file) -> config.routes.get(path, request -> file.answer(request)));
    config.routes.get("/api/panels", request -> json(request, RunView.json(Panels::write)));
    config.routes.get(
        "/api/runs", request -> json(request, heads().getBytes(StandardCharsets.UTF_8)));
    config.routes.get("/api/runs/{id}", this::view);
    config.routes.get("/api/runs/{id}/tail", this::tail);
    config.routes.get("/metrics", meters::answer);
    // Javalin's own server-sent events end in an endless loop when a viewer goes at the wrong
    // moment.
    config.jetty.modifyServletContextHandler(
        handler -> {
          ServletHolder stream = new ServletHolder("stream", feed);
          stream.setAsyncSupported(true);
          handler.addServlet(stream, "/api/stream");
        });
  }

  private static void json(Context request, byte[] body) {
    request.contentType("application/json").result(body);
  }

  private RunData run(Context request) {
    String id = request.pathParam("id");
    if (!id.matches("\\d{1,6}") || Integer.parseInt(id) >= runs.size()) {
      throw Guard.refused(404, "run: found none of that number");
    }
    return runs.get(Integer.parseInt(id)).data();
  }

  private void view(Context request) {
    RunData run = run(request);
    RunView.Window all = RunView.Window.ALL;
    RunView.Window window =
        new RunView.Window(
            Guard.number(request, "from", all.from(), 0, Long.MAX_VALUE),
            Guard.number(request, "to", all.to(), 0, Long.MAX_VALUE),
            (int) Guard.number(request, "points", all.points(), 4, MOST_POINTS));
    json(
        request,
        answers.of(
            List.of(request.pathParam("id"), window, run.head().version()),
            json -> RunView.write(json, run.state(), window)));
  }

  private void tail(Context request) {
    RunData run = run(request);
    long after = Guard.number(request, "after", 0, 0, Long.MAX_VALUE);
    long events = Guard.number(request, "events", 0, 0, Integer.MAX_VALUE);
    json(
        request,
        answers.of(
            List.of(request.pathParam("id"), after, events, run.head().version()),
            json -> RunView.tail(json, run.state(), after, (int) events)));
  }

  /** What changed since the last time: files are read, viewers are told. */
  private void tick() {
    show(places.later());
    for (Shown run : runs) {
      if (run.file() != null) {
        try {
          run.file().follow();
          run.data().trouble("");
          run.file().tell();
        } catch (NoSuchFileException e) {
          run.data().trouble("gone");
        } catch (IOException | RuntimeException | OutOfMemoryError e) {
          run.data().trouble("not readable");
        }
      }
    }
    feed.state(heads());
  }

  private String heads() {
    return new String(RunView.json(this::heads), StandardCharsets.UTF_8);
  }

  private void heads(JsonGenerator json) throws IOException {
    json.writeStartArray();
    for (int i = 0; i < runs.size(); i++) {
      RunData data = runs.get(i).data();
      RunData.Head head = data.head();
      json.writeStartObject();
      json.writeNumberField("id", i);
      json.writeStringField("name", head.name());
      json.writeStringField("status", head.status());
      json.writeNumberField("step", head.step());
      json.writeNumberField("version", head.version());
      json.writeNumberField("generation", head.generation());
      RunView.about(json, data.facts(), data.problems());
      json.writeEndObject();
    }
    json.writeEndArray();
  }

  /**
   * Where the page is.
   *
   * @return for example {@code http://127.0.0.1:7070/}
   */
  public URI address() {
    return URI.create("http://127.0.0.1:" + server.port() + "/");
  }

  /**
   * Browsers that look on at the moment.
   *
   * @return their number
   */
  public int viewers() {
    return feed.viewers();
  }

  /**
   * Shows the run in a folder, finished or growing, or all runs in a folder of such folders, those
   * that begin in it later too. A run that is shown already is not shown again.
   *
   * @param place a folder with {@code monitor.jsonl} or {@code metrics.csv}, or one of these files
   * @throws IOException if there is no run, it cannot be read, or its file is a link that leads out
   *     of the folder
   */
  public void add(Path place) throws IOException {
    show(places.add(place));
  }

  private void show(List<RunFile> found) {
    found.forEach(file -> runs.add(new Shown(file.data(), file)));
  }

  /**
   * Shows a run of this process.
   *
   * @param name of the run
   * @param facts settings and the like, each a line
   * @return a sink for its monitor; closing it leaves the page as it is
   */
  public MonitorSink sink(String name, Map<String, ?> facts) {
    RunData data = new RunData(name);
    data.facts(Facts.of(facts));
    runs.add(new Shown(data, null));
    long same = runs.stream().filter(run -> run.data().head().name().equals(name)).count();
    MonitorSink metered = meters.sink(same == 1 ? name : name + " (" + same + ")");
    return new MonitorSink() {
      @Override
      public void accept(MonitorRecord record) {
        data.accept(record);
        metered.accept(record);
      }

      @Override
      public void close() {
        data.ended();
      }
    };
  }

  /** Stops listening; closing twice is harmless. */
  @Override
  public void close() {
    clock.shutdownNow();
    feed.close();
    try {
      server.stop();
    } catch (RuntimeException e) {
      LOG.log(System.Logger.Level.DEBUG, "dashboard: could not stop", e);
    }
  }

  /** Reads a resource of this module. */
  static byte[] resource(String path) {
    try (var in = Dashboard.class.getResourceAsStream(path)) {
      if (in == null) {
        throw new IllegalStateException("resource: found none at " + path);
      }
      return in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
