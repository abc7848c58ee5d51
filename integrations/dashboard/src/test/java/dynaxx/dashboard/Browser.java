package dynaxx.dashboard;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.logging.Level;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Assumptions;
import org.openqa.selenium.By;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.chrome.ChromeDriver;
import org.openqa.selenium.chrome.ChromeDriverService;
import org.openqa.selenium.chrome.ChromeOptions;
import org.openqa.selenium.interactions.Actions;
import org.openqa.selenium.logging.LogEntry;
import org.openqa.selenium.logging.LogType;
import org.openqa.selenium.logging.LoggingPreferences;

/** Headless Chromium, where there is one, and what the page shows in it. */
public final class Browser {

  private Browser() {}

  private static Optional<Path> found(String... names) {
    Stream<String> folders =
        Stream.concat(
            Stream.of(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator)),
            Stream.of("/usr/bin", "/usr/lib/chromium"));
    List<Path> all = folders.map(Path::of).toList();
    return Stream.of(names)
        .flatMap(name -> all.stream().map(folder -> folder.resolve(name)))
        .filter(Files::isExecutable)
        .findFirst();
  }

  /** A browser that writes down all requests and messages; skips the test where there is none. */
  public static ChromeDriver open(int width, int height) {
    Optional<Path> chromium = found("chromium", "chromium-browser", "google-chrome");
    Optional<Path> driver = found("chromedriver");
    Assumptions.assumeTrue(
        chromium.isPresent() && driver.isPresent(),
        "skipped: found no chromium with chromedriver on the PATH (apt install chromium-driver)");
    ChromeOptions options = new ChromeOptions();
    options.setBinary(chromium.get().toFile());
    options.addArguments(
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
        "--window-size=" + width + "," + height);
    LoggingPreferences logs = new LoggingPreferences();
    logs.enable(LogType.BROWSER, Level.ALL);
    logs.enable(LogType.PERFORMANCE, Level.ALL);
    options.setCapability("goog:loggingPrefs", logs);
    ChromeDriverService service =
        new ChromeDriverService.Builder().usingDriverExecutable(driver.get().toFile()).build();
    return new ChromeDriver(service, options);
  }

  /** What an expression is on the page. */
  public static Object script(ChromeDriver browser, String text) {
    return browser.executeScript("return " + text);
  }

  /** Waits until an expression is true on the page; it has to become so. */
  public static void until(ChromeDriver browser, String condition) {
    for (int i = 0; i < 400 && !Boolean.TRUE.equals(script(browser, condition)); i++) {
      try {
        Thread.sleep(100);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    Assertions.assertEquals(true, script(browser, condition), condition);
  }

  /** How many points a panel has, as an expression. */
  public static String points(String panel) {
    return "(p => p ? p.joined.x.length : 0)(dynaxxPage.pictures.get('" + panel + "'))";
  }

  /** The area of a panel's curves, brought into view. */
  public static WebElement plot(ChromeDriver browser, String panel) {
    WebElement found = browser.findElement(By.cssSelector("#panel-" + panel + " .u-over"));
    browser.executeScript("arguments[0].scrollIntoView({block: 'center'})", found);
    return found;
  }

  /** Moves the cursor into the middle of a panel, so that all panels are read there. */
  public static void hover(ChromeDriver browser, String panel) {
    new Actions(browser).moveToElement(plot(browser, panel)).perform();
  }

  /** Drags over the second quarter of a panel, which all panels then show. */
  public static void zoom(ChromeDriver browser, String panel) {
    WebElement over = plot(browser, panel);
    int quarter = over.getSize().getWidth() / 4;
    new Actions(browser)
        .moveToElement(over, -quarter, 0)
        .clickAndHold()
        .moveByOffset(quarter, 0)
        .release()
        .perform();
    until(browser, "dynaxxPage.zoomed !== null");
  }

  /** Neither a script failed nor did the policy keep one out. */
  public static void assertNoComplaints(ChromeDriver browser) {
    List<LogEntry> all = browser.manage().logs().get(LogType.BROWSER).getAll();
    Assertions.assertEquals(List.of(), all.stream().map(LogEntry::getMessage).toList());
  }

  /** Since the last time that it was asked, nothing came from elsewhere than the disk. */
  public static void assertNoRequests(ChromeDriver browser) {
    for (LogEntry entry : browser.manage().logs().get(LogType.PERFORMANCE)) {
      String message = entry.getMessage();
      if (message.contains("\"Network.requestWillBeSent\"")) {
        Assertions.assertTrue(
            message.contains("\"url\":\"file:") || message.contains("\"url\":\"data:"), message);
      }
    }
  }

  static void media(ChromeDriver browser, int width, int height, String theme) {
    browser.executeCdpCommand(
        "Emulation.setDeviceMetricsOverride",
        Map.of("width", width, "height", height, "deviceScaleFactor", 1, "mobile", width < 600));
    browser.executeCdpCommand(
        "Emulation.setEmulatedMedia",
        Map.of("features", List.of(Map.of("name", "prefers-color-scheme", "value", theme))));
  }
}
