package dynaxx.app.data;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/** Grey images with labels, kept as bytes. */
public final class ImageDataset implements Examples {

  /**
   * Mean and standard deviation of the pixels of Fashion-MNIST's training images, as a fraction of
   * 255.
   */
  private static final float MEAN = 0.2860f;

  private static final float DEVIATION = 0.3530f;

  private final byte[] pixels;
  private final byte[] labels;
  private final int rows;
  private final int columns;
  private final List<String> classNames;

  ImageDataset(byte[] pixels, byte[] labels, int rows, int columns, List<String> classNames) {
    this.pixels = pixels;
    this.labels = labels;
    this.rows = rows;
    this.columns = columns;
    this.classNames = List.copyOf(classNames);
  }

  @Override
  public int count() {
    return labels.length;
  }

  public int rows() {
    return rows;
  }

  public int columns() {
    return columns;
  }

  @Override
  public int inputSize() {
    return rows * columns;
  }

  @Override
  public int classes() {
    return classNames.size();
  }

  public List<String> classNames() {
    return classNames;
  }

  @Override
  public int label(int index) {
    return labels[index];
  }

  /** Brightness from 0 to 255. */
  public int pixel(int index, int position) {
    return pixels[index * rows * columns + position] & 0xFF;
  }

  /**
   * Writes images as float32, shifted and scaled to mean 0 and variance 1 over the training images.
   *
   * @param indices which images
   * @param to receives {@code indices.length * rows * columns} values
   */
  @Override
  public void write(int[] indices, MemorySegment to) {
    int size = rows * columns;
    long at = 0;
    for (int index : indices) {
      for (int i = 0; i < size; i++) {
        float value = (pixel(index, i) / 255f - MEAN) / DEVIATION;
        to.setAtIndex(ValueLayout.JAVA_FLOAT, at++, value);
      }
    }
  }
}
