package dynaxx.app.data;

import dynaxx.app.train.Examples;
import dynaxx.memory.HostBuffer;
import java.lang.foreign.MemorySegment;

/** Images shrunk by averaging squares of pixels, kept as float32. */
public final class SmallImages implements Examples {

  private final float[][] images;
  private final int[] labels;

  private SmallImages(float[][] images, int[] labels) {
    this.images = images;
    this.labels = labels;
  }

  /**
   * The first images of a set.
   *
   * @param all the set
   * @param count how many
   * @param factor side of the squares, in pixels, that become one; divides rows and columns
   */
  public static SmallImages of(ImageDataset all, int count, int factor) {
    int columns = all.columns();
    int[] indices = new int[1];
    float[][] images = new float[count][];
    int[] labels = new int[count];
    float[] large = new float[all.rows() * columns];
    MemorySegment segment = MemorySegment.ofArray(large);
    for (int i = 0; i < count; i++) {
      indices[0] = i;
      all.writePixels(indices, segment);
      images[i] = shrunk(large, columns, factor);
      labels[i] = all.label(i);
    }
    return new SmallImages(images, labels);
  }

  private static float[] shrunk(float[] large, int columns, int factor) {
    int width = columns / factor;
    double[] sums = new double[large.length / (factor * factor)];
    for (int p = 0; p < large.length; p++) {
      sums[p / columns / factor * width + p % columns / factor] += large[p];
    }
    float[] small = new float[sums.length];
    for (int p = 0; p < small.length; p++) {
      small[p] = (float) (sums[p] / (factor * factor));
    }
    return small;
  }

  @Override
  public int count() {
    return labels.length;
  }

  @Override
  public long inputSize() {
    return images[0].length;
  }

  @Override
  public long targetSize() {
    return 1;
  }

  @Override
  public void write(int[] indices, HostBuffer inputs, HostBuffer targets) {
    long at = 0;
    for (int i = 0; i < indices.length; i++) {
      for (float pixel : images[indices[i]]) {
        inputs.set(at++, pixel);
      }
      targets.set(i, labels[indices[i]]);
    }
  }
}
