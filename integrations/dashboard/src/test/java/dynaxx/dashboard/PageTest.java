package dynaxx.dashboard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.monitor.MonitorSink;
import dynaxx.monitor.PhaseMonitor;
import dynaxx.monitor.StepReport;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.openqa.selenium.By;
import org.openqa.selenium.Keys;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.chrome.ChromeDriver;
import org.openqa.selenium.interactions.Actions;
import org.openqa.selenium.logging.LogType;

/** The page in a real browser. */
class PageTest {

  private static final int PARAMETERS = 40;
  private static final int LONG = 500_000;

  @TempDir private Path folder;
  private ChromeDriver browser;
  private Dashboard dashboard;

  @BeforeEach
  void open() {
    browser = Browser.open(1400, 1000);
  }

  @AfterEach
  void close() {
    if (browser != null) {
      browser.quit();
    }
    if (dashboard != null) {
      dashboard.close();
    }
  }

  private Object script(String text) {
    return Browser.script(browser, text);
  }

  private long number(String text) {
    return ((Number) script(text)).longValue();
  }

  private void until(String condition) {
    Browser.until(browser, condition);
  }

  private static String points(String panel) {
    return Browser.points(panel);
  }

  /** Gradient descent on a quadratic with known eigenvalues, watched by a real monitor. */
  private static void train(DashboardSink sink, AtomicBoolean stop) {
    double[] eigenvalues = new double[PARAMETERS];
    double[] at = new double[PARAMETERS];
    for (int i = 0; i < PARAMETERS; i++) {
      eigenvalues[i] = i == 0 ? -0.5 : 0.1 * i;
      at[i] = 1;
    }
    try (Device device = Devices.cpu(1);
        PhaseMonitor monitor =
            PhaseMonitor.ofProducts(
                    PARAMETERS,
                    device,
                    (v, hv) -> {
                      for (int i = 0; i < PARAMETERS; i++) {
                        hv[i] = (float) (eigenvalues[i] * v[i]);
                      }
                    })
                .every(10)
                .sink(sink)
                .build()) {
      for (int step = 0; !stop.get(); step++) {
        double loss = 5;
        for (int i = 0; i < PARAMETERS; i++) {
          loss += eigenvalues[i] * at[i] * at[i] / 2;
          at[i] -= i == 0 ? 0 : 0.01 * eigenvalues[i] * at[i];
        }
        // One batch in two hundred is a bad one.
        monitor.afterStep(StepReport.at(step).loss(step % 200 == 199 ? 4 * loss : loss));
        Thread.sleep(4);
      }
      monitor.finish();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Test
  void aRunIsWatchedWhileItTrains() throws InterruptedException {
    AtomicBoolean stop = new AtomicBoolean();
    DashboardSink sink = DashboardSink.on(0);
    Thread training = new Thread(() -> train(sink, stop));
    training.start();
    try {
      browser.get(sink.address().orElseThrow().toString());
      until(points("loss") + " > 20");
      long before = number(points("loss"));
      browser.executeScript(
          "window.pressed = document.querySelector('#runs button'); pressed.focus();");
      until(points("loss") + " > " + (before + 50));
      assertEquals(true, script("document.activeElement === pressed && pressed.isConnected"));
      assertCurvesAreInTheirPanels();
      // So many points have no dots.
      until("!dynaxxPage.pictures.get('loss').plot.series[1].points.show()");
      until("document.getElementById('state').textContent === 'live'");
      until(
          "[...document.querySelectorAll('#events .badge')].some(b => b.textContent === 'spike')");
      double least =
          ((Number) script("dynaxxPage.pictures.get('lambda_min').curves[0].y[0]")).doubleValue();
      assertEquals(-0.5, least, 1e-4);
      Browser.assertNoComplaints(browser);
    } finally {
      stop.set(true);
      training.join();
    }
  }

  /** The axis holds the values, after an update and a zoom too. */
  private void assertCurvesAreInTheirPanels() {
    for (String panel : List.of("loss", "lambda_min", "lambda_max")) {
      until(
          "(p => { const { x, y } = p.plot.scales, [steps, values] = p.plot.data;"
              + " const seen = values.filter((v, i) => v !== null && steps[i] >= x.min"
              + " && steps[i] <= x.max);"
              + " return seen.length > 1 && seen.every(v => v > y.min && v < y.max);"
              + " })(dynaxxPage.pictures.get('"
              + panel
              + "'))");
    }
  }

  private void finished(int runs) throws IOException {
    dashboard = Dashboard.open(0);
    for (int run = 0; run < runs; run++) {
      MonitorSink sink = dashboard.sink("run " + (char) ('a' + run), Map.of("seed", run));
      for (int i = 0; i <= 2000; i++) {
        sink.accept(Runs.step(i));
      }
      sink.accept(Runs.event(1500, "the landscape changed"));
      sink.accept(Runs.finish(2000));
    }
    browser.get(dashboard.address().toString());
    until(points("loss") + " > 20");
  }

  @Test
  void hoverReadsAllPanelsAndZoomIsShared() throws IOException {
    finished(1);
    Browser.hover(browser, "loss");
    for (String panel : List.of("loss", "lambda_min", "trace")) {
      until(
          "document.querySelector('#panel-"
              + panel
              + " .legend').textContent.match(/step (9[5-9]\\d|1,0[0-4]\\d)/) !== null");
    }
    Browser.zoom(browser, "loss");
    // What a stretch has room for is fetched: every step of it, which the whole run did not show.
    until(
        "dynaxxPage.pictures.get('loss').joined.x.filter(x => x > 600 && x < 900).length === 299");
    assertCurvesAreInTheirPanels();
    for (String panel : List.of("loss", "lambda_min")) {
      double from =
          ((Number) script("dynaxxPage.pictures.get('" + panel + "').plot.scales.x.min"))
              .doubleValue();
      assertTrue(from > 400 && from < 600, panel + " from " + from);
    }
    // The axis is another one now, and so is the picture.
    new Actions(browser).doubleClick(Browser.plot(browser, "loss")).perform();
    until("dynaxxPage.zoomed === null");
    Browser.assertNoComplaints(browser);
  }

  @Test
  void keysAndTablesReadTheSameData() throws IOException {
    finished(1);
    WebElement chart = browser.findElement(By.cssSelector("#panel-trace .chart"));
    browser.executeScript("arguments[0].scrollIntoView({block: 'center'})", chart);
    chart.sendKeys(Keys.HOME);
    until("document.getElementById('spoken').textContent === 'Step 0: Trace of the Hessian 30'");
    chart.sendKeys(Keys.ARROW_RIGHT);
    until("document.getElementById('spoken').textContent.startsWith('Step 10:')");
    chart.sendKeys("+");
    until("dynaxxPage.zoomed !== null");
    chart.sendKeys("0");
    until("dynaxxPage.zoomed === null");
    chart.sendKeys("t");
    until("document.querySelectorAll('#panel-trace .table tbody tr').length > 90");
    assertEquals("30", script("document.querySelector('#panel-trace .table td').textContent"));
    String theme = (String) script("document.documentElement.dataset.theme");
    browser.findElement(By.id("theme")).click();
    until("document.documentElement.dataset.theme !== '" + theme + "'");
    Browser.assertNoComplaints(browser);
  }

  /** Nothing that a person reads is fainter than WCAG AA asks, light or dark. */
  @Test
  void textStandsOutFromItsGround() throws IOException {
    finished(1);
    String contrast =
        """
        (() => { const light = c => { const [r, g, b] = [1, 3, 5].map(i => parseInt(c.slice(i, i + 2), 16) / 255)
            .map(v => v <= 0.03928 ? v / 12.92 : Math.pow((v + 0.055) / 1.055, 2.4)); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
          const ratio = (a, b) => { const [x, y] = [light(dynaxx.colour(a)), light(dynaxx.colour(b))].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
          const pairs = [['ink', 'card'], ['soft', 'card'], ['faint', 'card'], ['faint', 'page'], ['soft', 'page'],
            ['good', 'good-bg'], ['warn', 'warn-bg'], ['bad', 'bad-bg'], ['accent', 'info-bg'], ['c0', 'card'], ['c7', 'card']];
          return pairs.filter(p => ratio(...p) < 4.5).map(p => p.join(' on ') + ' ' + ratio(...p).toFixed(2)).join('; '); })()\
        """;
    for (String theme : List.of("light", "dark")) {
      Browser.media(browser, 1400, 1000, theme);
      until("document.documentElement.dataset.theme === '" + theme + "'");
      assertEquals("", script(contrast), theme);
    }
    for (WebElement each : browser.findElements(By.cssSelector("button, .chart, [role=region]"))) {
      String name = each.getAccessibleName();
      assertTrue(!each.isDisplayed() || !name.isBlank(), each.getDomProperty("outerHTML"));
    }
  }

  @Test
  void runsAreComparedAndFitAPhone() throws IOException {
    finished(2);
    until("dynaxxPage.runs.length === 2 && dynaxxPage.pictures.get('trace').curves.length === 2");
    assertEquals(
        "run a,run b", script("dynaxxPage.pictures.get('trace').curves.map(c => c.title).join()"));
    browser.findElement(By.cssSelector("#runs button")).click();
    until("dynaxxPage.pictures.get('trace').curves.length === 1");
    Browser.media(browser, 390, 844, "dark");
    until("document.documentElement.scrollWidth <= 390");
    until("document.querySelector('#panel-loss canvas').getBoundingClientRect().width <= 390");
    Browser.assertNoComplaints(browser);
  }

  /**
   * Reading values under the cursor, and drawing all panels again, as often as a screen can show
   * it.
   */
  @Test
  void halfAMillionStepsStaySmooth() throws IOException {
    dashboard = Dashboard.open(0);
    MonitorSink sink = dashboard.sink("long", Map.of());
    for (int i = 0; i < LONG; i++) {
      sink.accept(Runs.step(i));
    }
    sink.accept(Runs.finish(LONG - 1));
    browser.get(dashboard.address().toString());
    until(points("loss") + " > 1000");
    until("dynaxxPage.runs[0].full.columns.loss.total === " + LONG);
    double moved =
        milliseconds(
                "const p = dynaxxPage.pictures.get('loss').plot; for (let i = 0; i < 100; i++)"
                    + " p.setCursor({left: 3 * i, top: 50}, true, true);")
            / 100;
    double drawn =
        milliseconds(
                "for (let i = 0; i < 10; i++) {"
                    + " dynaxxPage.pictures.forEach(p => p.plot.redraw()); await null; }")
            / 10;
    System.out.printf("%d steps: cursor %.2f ms, all panels %.1f ms%n", LONG, moved, drawn);
    assertTrue(
        moved < 50 && drawn > 0 && drawn < 500, "cursor " + moved + " ms, panels " + drawn + " ms");
    Browser.assertNoComplaints(browser);
  }

  private double milliseconds(String work) {
    return ((Number)
            browser.executeAsyncScript(
                "const done = arguments[0]; (async () => { const begin = performance.now(); "
                    + work
                    + " done(performance.now() - begin); })()"))
        .doubleValue();
  }

  /** Of its files the page says what is wrong; of a run, that it is gone. */
  @Test
  void damagedAndLostRunsAreSaidSo() throws IOException {
    Path run = Files.createDirectories(folder.resolve("a"));
    Path metrics = Files.writeString(run.resolve("metrics.csv"), "step,loss\n0,1\n1,2\n");
    Path facts = Files.writeString(run.resolve("run.json"), "{\"status\":");
    dashboard = Dashboard.open(0);
    dashboard.add(run);
    browser.get(dashboard.address().toString());
    String problems = "document.getElementById('problems')";
    until(problems + ".textContent.startsWith('a: run.json: found no valid JSON at line 1')");
    until("document.getElementById('state').textContent === 'live'");
    Files.delete(facts);
    until(problems + ".hidden");
    Files.writeString(metrics, "step,loss\n0,5\n1,6\n2,7\n");
    until("dynaxxPage.pictures.get('loss').curves[0].y.join() === '5,6,7'");
    Files.delete(metrics);
    Files.delete(run);
    until("document.getElementById('state').textContent === 'gone'");
    until("document.querySelector('#runs button').textContent.endsWith('step 2, gone')");
    Browser.assertNoComplaints(browser);
  }

  /** As when a second demo begins while the page of the first is still open. */
  @Test
  void aPageThatStaysOpenShowsTheRunsOfTheNextServer() throws IOException {
    finished(2);
    int port = dashboard.address().getPort();
    dashboard.close();
    until("document.getElementById('state').textContent === 'connection lost'");
    dashboard = Dashboard.open(port);
    assertEquals(port, dashboard.address().getPort());
    MonitorSink sink = dashboard.sink("next", Map.of());
    for (int i = 0; i <= 30; i++) {
      sink.accept(Runs.step(i));
    }
    until("dynaxxPage.runs.map(run => run.head.name).join() === 'next'");
    until(points("loss") + " === 31");
  }

  @Test
  void aReportOpensFromDiskAndAsksNobody() throws IOException {
    Path run = Files.createDirectories(folder.resolve("run </script><b>"));
    try (MonitorSink journal = MonitorSink.jsonLines(run.resolve("monitor.jsonl"))) {
      for (int i = 0; i <= 200; i++) {
        journal.accept(Runs.step(i));
      }
      journal.accept(Runs.event(150, "</script><img src=x onerror=alert(1)>"));
    }
    Path report = folder.resolve("report.html");
    Files.writeString(report, RunReport.of(List.of(run)).html());
    browser.manage().logs().get(LogType.PERFORMANCE);
    browser.get(report.toUri().toString());
    until(points("loss") + " === 201");
    until("document.querySelector('#events').textContent.includes('<img src=x')");
    assertTrue(number("document.querySelectorAll('.panel').length") > 8);
    Browser.assertNoRequests(browser);
    Browser.assertNoComplaints(browser);
  }
}
