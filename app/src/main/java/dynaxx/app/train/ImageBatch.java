package dynaxx.app.train;

import dynaxx.app.UserException;
import dynaxx.app.data.ImageDataset;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import java.util.Arrays;

/** Room for a batch of normalised images and their labels, filled again and again. */
public final class ImageBatch {

  private static final long SUBSET_STREAM = -1;

  private final ImageDataset images;
  private final HostBuffer pixels;
  private final HostBuffer labels;
  private final int size;

  public ImageBatch(Scope scope, ImageDataset images, int size) {
    this.images = images;
    this.size = size;
    this.pixels = scope.allocate((long) size * images.rows() * images.columns());
    this.labels = scope.allocate(size);
  }

  /** A fixed subset for measurements, chosen by the seed. */
  public static Batch subset(
      Scope scope, Network network, Loss loss, ImageDataset images, int size, long seed) {
    if (size > images.count()) {
      throw new UserException(
          "--subset: found "
              + size
              + ", expected at most the "
              + images.count()
              + " training images");
    }
    int[] order = Shuffle.permutation(images.count(), seed, SUBSET_STREAM);
    return new ImageBatch(scope, images, size).load(network, loss, Arrays.copyOf(order, size));
  }

  int size() {
    return size;
  }

  Batch load(Network network, Loss loss, int[] indices) {
    long pixelCount = (long) indices.length * images.rows() * images.columns();
    images.writePixels(indices, pixels.segment());
    for (int i = 0; i < indices.length; i++) {
      labels.set(i, images.label(indices[i]));
    }
    return Batch.of(network, loss, pixels.slice(0, pixelCount), labels.slice(0, indices.length));
  }
}
