package dynaxx.layer;

/**
 * A named part of the one contiguous parameter vector.
 *
 * @param name unique in its network, for example {@code blocks.0.mlp.0.weight}
 * @param shape row-major extents
 * @param offset where it starts in the parameter vector
 * @param initializer how it starts
 */
public record Parameter(String name, Shape shape, long offset, Initializer initializer) {

  /**
   * Number of values.
   *
   * @return the size of the shape
   */
  public long size() {
    return shape.size();
  }
}
