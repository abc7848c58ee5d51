package dynaxx.dashboard.picture;

/**
 * Draws lines, areas and words. Lengths are in pixels of a screen, the origin is above on the left,
 * and a colour is a number such as {@code #1d4ed8}.
 */
public interface Canvas {

  /** How words stand to their point. */
  enum Anchor {
    /** They begin at it. */
    START,
    /** Their middle is at it. */
    MIDDLE,
    /** They end at it. */
    END
  }

  /**
   * How a line looks.
   *
   * @param colour of the line
   * @param width of the line
   * @param dash length of a dash, with gaps that are as long; 0 for a line without gaps
   */
  record Stroke(String colour, double width, double dash) {}

  /**
   * A line through points.
   *
   * @param x from the left, at least one
   * @param y from above, as many
   * @param stroke how it looks
   */
  void path(double[] x, double[] y, Stroke stroke);

  /**
   * An area between points, without an edge.
   *
   * @param x from the left, at least one
   * @param y from above, as many
   * @param colour of the area
   * @param opacity from 0 to 1
   */
  void area(double[] x, double[] y, String colour, double opacity);

  /**
   * Words in one line.
   *
   * @param x from the left
   * @param y of the line that letters stand on, from above
   * @param words as they are read
   * @param size height of the letters
   * @param anchor how the words stand to the point
   * @param colour of the letters
   */
  void text(double x, double y, String words, int size, Anchor anchor, String colour);

  /**
   * A straight line without gaps.
   *
   * @param x1 where it begins, from the left
   * @param y1 where it begins, from above
   * @param x2 where it ends, from the left
   * @param y2 where it ends, from above
   * @param colour of the line
   * @param width of the line
   */
  default void line(double x1, double y1, double x2, double y2, String colour, double width) {
    path(new double[] {x1, x2}, new double[] {y1, y2}, new Stroke(colour, width, 0));
  }
}
