package dynaxx.app.terminal;

import java.util.OptionalLong;

/** What is known about standard error. */
final class Terminal {

  /** Set by the launcher: columns of the terminal that standard error is, 0 if it is none. */
  static final String COLUMNS = "dynaxx.terminal.columns";

  private static final int USUAL_COLUMNS = 80;
  private static final int FEWEST_COLUMNS = 20;

  private Terminal() {}

  /** Columns of standard error, or nothing if it is no terminal that can erase a line. */
  static OptionalLong columns() {
    if ("dumb".equals(System.getenv("TERM"))) {
      return OptionalLong.empty();
    }
    Integer told = Integer.getInteger(COLUMNS);
    if (told != null) {
      return told == 0 ? OptionalLong.empty() : OptionalLong.of(Math.max(told, FEWEST_COLUMNS));
    }
    // Without the launcher, only all streams together can be asked.
    boolean console = System.console() != null && System.console().isTerminal();
    return console ? OptionalLong.of(USUAL_COLUMNS) : OptionalLong.empty();
  }
}
