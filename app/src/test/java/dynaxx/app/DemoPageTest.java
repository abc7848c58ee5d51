package dynaxx.app;

import static dynaxx.dashboard.Browser.points;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import dynaxx.dashboard.Browser;
import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.openqa.selenium.By;
import org.openqa.selenium.chrome.ChromeDriver;
import org.openqa.selenium.interactions.Actions;

/** A demo as a user sees it in a real browser: while it trains, beside another run, and mailed. */
class DemoPageTest {

  /** A rate at which the loss is unstable, so that there are events soon. */
  private static final String DEMO =
      "demo --arch mlp --optimizer sgd --learning-rate 0.3 --lanczos 6 --probes 2 --subset 32"
          + " --no-certify --checkpoint-every 0";

  /**
   * Plain loops are compiled in a third of the time, which is most of what so small a run takes.
   */
  private static final String SIMD = "dynaxx.simd";

  @TempDir private Path folder;
  private ChromeDriver browser;
  private Process demo;

  @BeforeEach
  void open() {
    browser = Browser.open(1400, 1000);
    System.setProperty(SIMD, "off");
  }

  @AfterEach
  void close() throws InterruptedException {
    System.clearProperty(SIMD);
    if (browser != null) {
      browser.quit();
    }
    if (demo != null) {
      demo.destroyForcibly().waitFor();
    }
  }

  private void until(String condition) {
    Browser.until(browser, condition);
  }

  private Object script(String text) {
    return Browser.script(browser, text);
  }

  private long number(String text) {
    return ((Number) script(text)).longValue();
  }

  private static List<String> words(String line, Path out) {
    List<String> words = new ArrayList<>(List.of(line.split(" ")));
    words.addAll(List.of("--out", out.toString()));
    return words;
  }

  /** A process of its own, which trains until it is told to stop. */
  private URI train(Path out) throws IOException, InterruptedException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-D" + SIMD + "=off",
                "-cp",
                System.getProperty(
                        "surefire.test.class.path", System.getProperty("java.class.path"))
                    + File.pathSeparator
                    + System.getProperty("jdk.module.path", ""),
                Main.class.getName()));
    command.addAll(words(DEMO + " --steps 1000000 --every 2 --port 0", out));
    Path printed = folder.resolve("printed");
    demo =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(printed.toFile())
            .start();
    for (int i = 0; i < 1200 && demo.isAlive(); i++) {
      Optional<URI> address = Running.address(Files.readString(printed));
      if (address.isPresent()) {
        return address.get();
      }
      Thread.sleep(50);
    }
    throw new AssertionError("no address in " + Files.readString(printed));
  }

  @Test
  void aDemoIsWatchedComparedAndMailed() throws Exception {
    Path runs = folder.resolve("runs");
    Path first = runs.resolve("first");
    browser.get(train(first).toString());

    until(points("loss") + " > 10 && " + points("lambda_max") + " > 2");
    assertEquals("live", script("document.getElementById('state').textContent"));
    long before = number(points("loss"));
    until(points("loss") + " > " + (before + 20));
    until("document.querySelectorAll('#events tr').length > 0");
    // The list begins with the last event; each is one that the run has written down.
    String listed =
        (String) script("document.querySelector('#events tr:last-child p').textContent");
    String written = new ObjectMapper().writeValueAsString(listed);
    assertTrue(Files.readString(first.resolve("monitor.jsonl")).contains(written), listed);

    Browser.hover(browser, "loss");
    for (String panel : List.of("loss", "lambda_max", "trace")) {
      until("/step \\d/.test(document.querySelector('#panel-" + panel + " .legend').textContent)");
    }
    Browser.zoom(browser, "loss");
    String ends = "(s => s.min + ' to ' + s.max)(dynaxxPage.pictures.get('%s').plot.scales.x)";
    until(ends.formatted("loss") + " === " + ends.formatted("trace"));
    long until = number("dynaxxPage.zoomed.max");
    until(points("loss") + " > 0 && dynaxxPage.runs[0].full.step > " + (until + 20));
    assertEquals(until, number("dynaxxPage.pictures.get('loss').plot.scales.x.max"));
    new Actions(browser).doubleClick(Browser.plot(browser, "loss")).perform();
    until("dynaxxPage.zoomed === null");
    Browser.assertNoComplaints(browser);

    demo.destroy();
    assertTrue(demo.waitFor(20, TimeUnit.SECONDS));
    until("document.getElementById('state').textContent === 'connection lost'");
    // A page whose server has gone says so in the console too.
    browser.get("about:blank");
    browser.manage().logs().get("browser");
    compare(runs, first);
    mail(first);
  }

  private void compare(Path runs, Path first) throws Exception {
    Running serve = new Running("serve", runs.toString(), "--port", "0");
    try {
      browser.get(serve.address().toString());
      until("dynaxxPage.runs.length === 1 && " + points("loss") + " > 10");
      // A run that begins while somebody looks joins the others.
      String line = DEMO + " --steps 4 --every 2 --no-serve";
      Running second = new Running(words(line, runs.resolve("second")).toArray(String[]::new));
      assertEquals(0, second.status());
      until(
          "dynaxxPage.runs.length === 2"
              + " && (p => p && p.curves.length === 2)(dynaxxPage.pictures.get('trace'))");
      assertEquals(
          first.getFileName() + ",second",
          script("dynaxxPage.pictures.get('trace').curves.map(c => c.title).join()"));
      browser.findElement(By.cssSelector("#runs button")).click();
      until("dynaxxPage.pictures.get('trace').curves.length === 1");
      Browser.assertNoComplaints(browser);
    } finally {
      serve.interrupt();
    }
    assertEquals(0, serve.status());
  }

  private void mail(Path run) throws Exception {
    assertEquals(0, new Running("report", run.toString()).status());
    browser.get("about:blank");
    browser.manage().logs().get("performance");
    browser.get(run.resolve("report.html").toUri().toString());
    until(points("loss") + " > 10");
    until("document.querySelectorAll('#events tr').length > 0");
    Browser.hover(browser, "loss");
    Browser.zoom(browser, "loss");
    Browser.assertNoRequests(browser);
    Browser.assertNoComplaints(browser);
  }
}
