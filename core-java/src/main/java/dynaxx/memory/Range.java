package dynaxx.memory;

/**
 * Neighbouring elements of a vector, such as a parameter of the parameter vector.
 *
 * @param offset where it starts
 * @param size number of elements, at least 1
 */
public record Range(long offset, long size) {

  /**
   * Checks the values.
   *
   * @param offset where it starts
   * @param size number of elements
   * @throws IllegalArgumentException if the offset is negative or the size below 1
   */
  public Range {
    if (offset < 0 || size < 1 || offset > Long.MAX_VALUE - size) {
      throw new IllegalArgumentException(
          "range: found offset "
              + offset
              + " and size "
              + size
              + ", expected at least 0 and at least 1");
    }
  }

  /**
   * Where it ends.
   *
   * @return the first position after it
   */
  public long end() {
    return offset + size;
  }

  @Override
  public String toString() {
    return "[" + offset + ", " + end() + ")";
  }
}
