package dynaxx.app.plot;

/** Draws lines and words; the origin is above on the left. */
interface Canvas {

  /** How words stand to their point. */
  enum Anchor {
    START,
    MIDDLE,
    END
  }

  void line(double x1, double y1, double x2, double y2, String colour, double width);

  void path(double[] x, double[] y, String colour, double width, boolean filled);

  void text(double x, double y, String words, int size, Anchor anchor, String colour);
}
