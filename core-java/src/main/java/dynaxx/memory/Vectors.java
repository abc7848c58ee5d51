package dynaxx.memory;

import java.util.Objects;

/**
 * A block of k float32 vectors of length n, contiguous, one after the other: element j of vector i
 * is at {@code i * n + j}.
 */
public final class Vectors {

  private final Buffer buffer;
  private final int count;
  private final long length;

  private Vectors(Buffer buffer, int count, long length) {
    this.buffer = buffer;
    this.count = count;
    this.length = length;
  }

  /**
   * Lays a block over a buffer.
   *
   * @param buffer holds at least {@code count * length} values
   * @param count number of vectors k, at least 1
   * @param length elements of each, n, at least 1
   * @return the block
   * @throws IllegalArgumentException if a size does not fit
   */
  public static Vectors of(Buffer buffer, int count, long length) {
    Objects.requireNonNull(buffer, "buffer");
    if (count < 1 || length < 1) {
      throw new IllegalArgumentException(
          "vectors: found count "
              + count
              + " and length "
              + length
              + ", expected at least 1 of each");
    }
    long needed = Math.multiplyExact(length, count);
    if (buffer.size() < needed) {
      throw new IllegalArgumentException(
          "buffer: found "
              + buffer.size()
              + " values, expected "
              + count
              + " x "
              + length
              + " = "
              + needed);
    }
    return new Vectors(buffer.slice(0, needed), count, length);
  }

  /**
   * All values, vector by vector.
   *
   * @return {@code count * length} values
   */
  public Buffer buffer() {
    return buffer;
  }

  /**
   * Number of vectors.
   *
   * @return k
   */
  public int count() {
    return count;
  }

  /**
   * Elements of each vector.
   *
   * @return n
   */
  public long length() {
    return length;
  }

  /**
   * One vector.
   *
   * @param index 0 to k - 1
   * @return a view of n values
   */
  public Buffer vector(int index) {
    Objects.checkIndex(index, count);
    return buffer.slice(index * length, length);
  }

  /**
   * Some of the vectors.
   *
   * @param from the first
   * @param size how many, at least 1
   * @return a view
   */
  public Vectors subset(int from, int size) {
    Objects.checkFromIndexSize(from, size, count);
    return of(buffer.slice(from * length, size * length), size, length);
  }

  @Override
  public String toString() {
    return "Vectors[" + count + " x " + length + "]";
  }
}
