package dynaxx.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs on a page and on paper: demo, serve and report. */
class DashboardCommandsTest {

  @TempDir private Path folder;

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
      demo.interrupt();
    }
    assertEquals(0, demo.status());

    Running serve = new Running("serve", folder.toString(), "--port", "0");
    assertTrue(steps(serve.address()).contains("\"name\":\"run\""));
    serve.interrupt();
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
    Path pixels = folder.resolve("pixels");
    Running drawn = new Running("report", run.toString(), "--plots", pixels.toString(), "--png");
    assertEquals(0, drawn.status());
    assertEquals(names(plots, ".svg"), names(pixels, ".png"));
    for (String picture : List.of("loss.png", "lambda_min.png", "negative_fraction_parts.png")) {
      BufferedImage image = ImageIO.read(pixels.resolve(picture).toFile());
      assertEquals(1440, image.getWidth(), picture);
      assertTrue(colours(image) > 10, picture + " has curves, words and their edges");
    }
  }

  @Test
  void saysHowManyPicturesThereAreAndWhyThereIsNone() throws Exception {
    Path plots = folder.resolve("plots");
    for (String[] each :
        new String[][] {
          {"step,loss\n0,nan\n", "Wrote no picture: found no signal with a finite value"},
          {"step,loss\n0,1\n", "Wrote 1 picture to " + plots},
          {"step,loss,trace\n3000000000,1,2\n", "Wrote 2 pictures to " + plots}
        }) {
      Path file = Files.writeString(folder.resolve("metrics.csv"), each[0]);
      Running report = new Running("report", file.toString(), "--plots", plots.toString());
      assertEquals(0, report.status());
      assertEquals(each[1], report.out().lines().toList().get(1));
      assertEquals(!each[0].contains("nan"), Files.exists(plots));
    }
  }

  private static List<String> names(Path folder, String ending) throws IOException {
    try (Stream<Path> all = Files.list(folder)) {
      return all.map(file -> file.getFileName().toString())
          .peek(name -> assertTrue(name.endsWith(ending), name))
          .map(name -> name.substring(0, name.length() - ending.length()))
          .sorted()
          .toList();
    }
  }

  private static long colours(BufferedImage image) {
    int[] all = image.getRGB(0, 0, image.getWidth(), image.getHeight(), null, 0, image.getWidth());
    return IntStream.of(all).distinct().count();
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
            "serve nowhere",
            "serve pom.xml",
            "report nowhere",
            "report nowhere --out x.html",
            "report nowhere --png",
            "serve . --port 70000",
            "demo --no-serve --stay")) {
      Running wrong = new Running(line.split(" "));
      assertEquals(2, wrong.wrongStatus(), line);
      assertTrue(wrong.err().lines().count() <= 2, wrong.err());
      assertTrue(wrong.err().contains("expected"), wrong.err());
    }
  }
}
