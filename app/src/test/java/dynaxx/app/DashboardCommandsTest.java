package dynaxx.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.FutureTask;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs on a page and on paper: demo, serve and report. */
class DashboardCommandsTest {

  private static final Pattern ADDRESS = Pattern.compile("http://127\\.0\\.0\\.1:\\d+/");

  @TempDir private Path folder;

  /** A command on a thread of its own, whose output can be read while it runs. */
  private static final class Running {
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();
    private final FutureTask<Integer> task;
    private final Thread thread;

    Running(String... arguments) {
      task =
          new FutureTask<>(
              () ->
                  Main.commandLine()
                      .setOut(new PrintWriter(out))
                      .setErr(new PrintWriter(err))
                      .execute(arguments));
      thread = new Thread(task);
      thread.start();
    }

    int status() throws Exception {
      int status = task.get();
      assertEquals("", err.toString());
      return status;
    }

    /** Waits until the run has ended, and only its page is left. */
    void awaitStay() throws InterruptedException {
      for (int i = 0; i < 3000 && !out.toString().contains("until Ctrl+C"); i++) {
        assertFalse(task.isDone(), err::toString);
        Thread.sleep(50);
      }
    }

    /** The address that the command prints. */
    URI address() throws InterruptedException {
      for (int i = 0; i < 3000; i++) {
        Matcher found = ADDRESS.matcher(out.toString());
        if (found.find()) {
          return URI.create(found.group());
        }
        assertFalse(task.isDone(), err::toString);
        Thread.sleep(50);
      }
      throw new AssertionError("no address in " + out + err);
    }
  }

  private static String get(URI uri) throws IOException, InterruptedException {
    return HttpClient.newHttpClient()
        .send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString())
        .body();
  }

  private String[] demo(String... more) {
    List<String> fixed =
        List.of("demo --steps 6 --every 2 --lanczos 6 --probes 3 --subset 24".split(" "));
    List<String> all = new java.util.ArrayList<>(fixed);
    all.addAll(List.of("--no-certify", "--out", folder.resolve("run").toString()));
    all.addAll(List.of(more));
    return all.toArray(String[]::new);
  }

  private static String steps(URI page) throws IOException, InterruptedException {
    for (int i = 0; i < 3000; i++) {
      String runs = get(page.resolve("api/runs"));
      if (runs.contains("\"status\":\"completed\"")) {
        return runs;
      }
      Thread.sleep(50);
    }
    throw new AssertionError(get(page.resolve("api/runs")));
  }

  @Test
  void aRunIsServedServedAgainAndReported() throws Exception {
    System.setProperty("dynaxx.demo.serve", "true");
    Running demo = new Running(demo("--port", "0", "--stay"));
    try {
      URI page = demo.address();
      assertTrue(get(page).contains("<title>dynaxx</title>"));
      String runs = steps(page);
      assertTrue(runs.contains("\"step\":6") && runs.contains("\"optimizer\":\"adamw\""), runs);
      String view = get(page.resolve("api/runs/0"));
      for (String part :
          List.of("\"loss\":{\"total\":7", "\"lambda_min\"", "\"negative_fraction\"")) {
        assertTrue(view.contains(part), part + " in " + view);
      }
      demo.awaitStay();
    } finally {
      System.setProperty("dynaxx.demo.serve", "false");
      demo.thread.interrupt();
    }
    assertEquals(0, demo.status());

    Running serve = new Running("serve", folder.toString(), "--port", "0");
    assertTrue(steps(serve.address()).contains("\"name\":\"run\""));
    serve.thread.interrupt();
    assertEquals(0, serve.status());

    Path run = folder.resolve("run");
    assertEquals(0, new Running("report", run.toString()).status());
    String report = Files.readString(run.resolve("report.html"));
    assertTrue(report.contains("\"lambda_min\"") && report.contains("sha256-"));
    assertFalse(report.contains("src=\"") || report.contains("href=\"uplot"), "it needs nothing");
    Path plots = folder.resolve("plots");
    assertEquals(
        0,
        new Running("report", run.toString(), "--format", "md", "--plots", plots.toString())
            .status());
    String text = Files.readString(run.resolve("report.md"));
    assertTrue(text.contains("| `lambda_max` | loss / parameter² |"), text);
    for (String picture : List.of("loss.svg", "lambda_min.svg", "negative_fraction_parts.svg")) {
      String svg = Files.readString(plots.resolve(picture));
      assertTrue(svg.startsWith("<svg xmlns") && svg.endsWith("</svg>\n") && !svg.contains("NaN"));
    }
  }

  @Test
  void thePageEndsWithTheRun() throws Exception {
    System.setProperty("dynaxx.demo.serve", "true");
    try {
      Running demo = new Running(demo("--port", "0"));
      URI page = demo.address();
      assertEquals(0, demo.status());
      boolean gone =
          CompletableFuture.supplyAsync(
                  () -> {
                    try {
                      get(page);
                      return false;
                    } catch (ConnectException e) {
                      return true;
                    } catch (IOException | InterruptedException e) {
                      return false;
                    }
                  })
              .get();
      assertTrue(gone, "the port is free again");
    } finally {
      System.setProperty("dynaxx.demo.serve", "false");
    }
  }

  @Test
  void mistakesAreOneLine() throws Exception {
    for (String line :
        List.of(
            "serve nowhere", "report nowhere", "serve . --port 70000", "demo --no-serve --stay")) {
      Running wrong = new Running(line.split(" "));
      assertEquals(2, wrong.task.get(), line);
      assertTrue(wrong.err.toString().lines().count() <= 2, wrong.err.toString());
      assertTrue(wrong.err.toString().contains("expected"), wrong.err.toString());
    }
  }
}
