package dynaxx.app.terminal;

import java.io.PrintStream;
import java.time.Duration;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarConsumer;
import me.tongfei.progressbar.ProgressState;

/**
 * One line at the bottom of a terminal that says what a command is doing, how far it is and how
 * long that may still take. It appears after two seconds, is gone when the command has ended, and
 * is never written to a file or a pipe.
 */
public final class ProgressLine implements AutoCloseable {

  private static final Duration QUIET = Duration.ofSeconds(2);
  private static final int INTERVAL_MILLIS = 200;
  private static final long UNKNOWN = -1;

  private final Line line;
  private ProgressBar bar;
  private volatile Stage stage = new Stage("", "", 0, 0);
  private volatile String note = "";
  private volatile OptionalDouble secondsLeft = OptionalDouble.empty();
  private volatile long before;
  private int begun;
  private int stages;

  /** Part of a command; number and stages are 0 where they do not count. */
  private record Stage(String name, String unit, int number, int stages) {}

  private ProgressLine(Line line) {
    this.line = line;
  }

  /**
   * A line on standard error, or one that shows nothing if that is no terminal.
   *
   * @return to be closed when the command ends
   */
  public static ProgressLine open() {
    OptionalLong columns = Terminal.columns();
    return columns.isEmpty() ? silent() : on(System.err, (int) columns.getAsLong(), QUIET);
  }

  /**
   * A line that shows nothing.
   *
   * @return the line
   */
  public static ProgressLine silent() {
    return new ProgressLine(null);
  }

  /** A line on any stream. */
  static ProgressLine on(PrintStream out, int columns, Duration quiet) {
    return new ProgressLine(new Line(out, columns - 1, System.nanoTime() + quiet.toNanos()));
  }

  /**
   * How many stages there will be, so that each can be numbered.
   *
   * @param count of stages
   */
  public void expect(int count) {
    stages = count;
    begun = 0;
  }

  /**
   * Begins something that takes unknown time.
   *
   * @param name what is being done
   */
  public void stage(String name) {
    stage(name, "", UNKNOWN);
  }

  /**
   * Begins something that has a known number of parts.
   *
   * @param name what is being done
   * @param unit what is counted, for example {@code step} or {@code probe}
   * @param most of them
   */
  public void stage(String name, String unit, long most) {
    if (line == null) {
      return;
    }
    end();
    // The same once more, with more steps for example, is still the same stage.
    begun += name.equals(stage.name()) ? 0 : 1;
    stage = new Stage(name, unit, begun, stages);
    note = "";
    before = 0;
    secondsLeft = OptionalDouble.empty();
    bar =
        new ProgressBarBuilder()
            .setTaskName(name)
            .setInitialMax(most)
            .setUpdateIntervalMillis(INTERVAL_MILLIS)
            .continuousUpdate()
            .setRenderer(this::render)
            .setConsumer(line)
            .build();
  }

  /**
   * Says how far the stage was before: what was done then tells nothing of the time.
   *
   * @param done of the parts
   */
  public void from(long done) {
    before = done;
  }

  /**
   * Says how far the stage is.
   *
   * @param done of the parts
   */
  public void to(long done) {
    if (bar != null) {
      bar.stepTo(done);
    }
  }

  /**
   * Adds to what is done.
   *
   * @param more parts
   */
  public void advance(long more) {
    if (bar != null) {
      bar.stepBy(more);
    }
  }

  /**
   * What is known so far.
   *
   * @param text short
   */
  public void note(String text) {
    note = text;
  }

  /**
   * A better estimate of the time than that every part takes the same.
   *
   * @param seconds that the stage may still take
   */
  public void left(double seconds) {
    secondsLeft = OptionalDouble.of(seconds);
  }

  /**
   * Prints something else: the line makes way.
   *
   * @param print prints
   */
  public void aside(Runnable print) {
    if (line == null) {
      print.run();
      return;
    }
    synchronized (line) {
      line.clear();
      print.run();
    }
  }

  /** Ends the stage, and takes the line away until the next one begins. */
  public void end() {
    if (bar != null) {
      bar.close();
      bar = null;
    }
  }

  @Override
  public void close() {
    end();
  }

  private String render(ProgressState state, int width) {
    StringBuilder text = new StringBuilder();
    Stage now = stage;
    if (now.stages() > 0) {
      text.append(now.number()).append('/').append(now.stages()).append(' ');
    }
    text.append(now.name());
    if (!now.unit().isEmpty()) {
      text.append(
          String.format(
              Locale.ROOT, ", %s %,d of %,d", now.unit(), state.getCurrent(), state.getMax()));
    }
    if (!note.isEmpty()) {
      text.append(", ").append(note);
    }
    double elapsed = state.getTotalElapsed().toNanos() / 1e9;
    text.append(", ").append(time(left(state, elapsed), elapsed));
    return text.length() <= width ? text.toString() : text.substring(0, Math.max(0, width));
  }

  private OptionalDouble left(ProgressState state, double elapsed) {
    long done = state.getCurrent() - before;
    if (secondsLeft.isPresent() || done <= 0 || state.getMax() <= 0) {
      return secondsLeft;
    }
    double remaining = Math.max(0, state.getMax() - state.getCurrent());
    return OptionalDouble.of(elapsed * remaining / done);
  }

  private static String time(OptionalDouble left, double elapsed) {
    return left.isPresent()
        ? "about " + duration(left.getAsDouble()) + " left"
        : duration(elapsed) + " so far";
  }

  private static String duration(double seconds) {
    if (seconds < 90) {
      return Math.max(1, Math.round(seconds)) + " s";
    }
    return seconds < 5400 ? Math.round(seconds / 60) + " min" : Math.round(seconds / 3600) + " h";
  }

  /** Writes one line over the other. */
  private static final class Line implements ProgressBarConsumer {
    private static final String ERASE = "\u001b[K";

    private final PrintStream out;
    private final int width;
    private final long from;
    private boolean shown;

    Line(PrintStream out, int width, long from) {
      this.out = out;
      this.width = width;
      this.from = from;
    }

    @Override
    public int getMaxRenderedLength() {
      return width;
    }

    @Override
    public synchronized void accept(String text) {
      if (System.nanoTime() - from >= 0) {
        out.print("\r" + text + ERASE);
        out.flush();
        shown = true;
      }
    }

    @Override
    public synchronized void clear() {
      if (shown) {
        out.print("\r" + ERASE);
        out.flush();
        shown = false;
      }
    }

    @Override
    public void close() {
      clear();
    }
  }
}
