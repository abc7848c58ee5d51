package dynaxx.app.data;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.zip.ZipException;

/**
 * Fashion-MNIST (Xiao, Rasul and Vollgraf, 2017): 28 x 28 grey images of ten kinds of clothing.
 *
 * @param train training images
 * @param test test images, here used for validation
 */
public record FashionMnist(ImageDataset train, ImageDataset test) {

  private static final List<String> CLASSES =
      List.of(
          "T-shirt/top",
          "Trouser",
          "Pullover",
          "Dress",
          "Coat",
          "Sandal",
          "Shirt",
          "Sneaker",
          "Bag",
          "Ankle boot");

  private static final int SIDE = 28;
  private static final String RESOURCES = "fashion-mnist/";

  /** Gives a reader of one of the four files. */
  @FunctionalInterface
  private interface FileFinder {
    NamedSource find(String name);
  }

  /** Opens a file. */
  @FunctionalInterface
  private interface Source {
    InputStream open() throws IOException;
  }

  private record NamedSource(String name, Source source) {}

  /** An IDX array of bytes. */
  private record Bytes(List<Long> shape, byte[] values) {}

  /** The 10,000 training and 2,000 test images that come with dynaxx. */
  public static FashionMnist embedded() {
    return read(
        name ->
            new NamedSource(
                name, () -> FashionMnist.class.getResourceAsStream(RESOURCES + name + ".gz")));
  }

  /**
   * Reads the four IDX files of a folder, each plain or with the ending .gz.
   *
   * @throws DatasetException if one is missing or damaged
   */
  public static FashionMnist from(Path folder) {
    if (!Files.isDirectory(folder)) {
      throw new DatasetException(
          folder + ": found no such folder, expected one with four IDX files");
    }
    return read(name -> inFolder(folder, name));
  }

  private static NamedSource inFolder(Path folder, String name) {
    for (String ending : new String[] {"", ".gz"}) {
      Path file = folder.resolve(name + ending);
      if (Files.isRegularFile(file)) {
        return new NamedSource(file.toString(), () -> Files.newInputStream(file));
      }
    }
    throw new DatasetException(folder.resolve(name) + "[.gz]: found no such file");
  }

  private static FashionMnist read(FileFinder files) {
    return new FashionMnist(set(files, "train"), set(files, "t10k"));
  }

  private static ImageDataset set(FileFinder files, String prefix) {
    NamedSource imageFile = files.find(prefix + "-images-idx3-ubyte");
    NamedSource labelFile = files.find(prefix + "-labels-idx1-ubyte");
    Bytes images = read(imageFile, "images", "rows", "columns");
    byte[] labels = read(labelFile, "labels").values();
    long rows = images.shape().get(1);
    long columns = images.shape().get(2);
    if (rows != SIDE || columns != SIDE) {
      throw ArrayFile.refused(
          imageFile.name(), "images of " + rows + " x " + columns, SIDE + " x " + SIDE);
    }
    checkLabels(labelFile.name(), labels);
    long count = images.shape().getFirst();
    if (labels.length != count) {
      throw ArrayFile.refused(
          labelFile.name(), labels.length + " labels", count + " as there are images");
    }
    return new ImageDataset(images.values(), labels, SIDE, SIDE, CLASSES);
  }

  private static Bytes read(NamedSource file, String... axes) {
    try {
      MemorySegment all = ArrayBytes.whole(file.source().open());
      ArrayLayout layout = ArrayLayout.idx(file.name(), all);
      List<Long> shape = layout.shape();
      if (layout.type() != ArrayType.UINT8 || shape.size() != axes.length || shape.contains(0L)) {
        throw ArrayFile.refused(
            file.name(),
            layout.type().toString().toLowerCase(Locale.ROOT) + " of shape " + shape,
            "uint8 by " + String.join(", ", axes));
      }
      return new Bytes(shape, all.asSlice(layout.offset()).toArray(ValueLayout.JAVA_BYTE));
    } catch (EOFException | ZipException e) {
      throw ArrayFile.refused(file.name(), "damaged or incomplete gzip data", "a whole file");
    } catch (IOException e) {
      throw new DatasetException(file.name() + ": cannot be read: " + e.getMessage());
    }
  }

  private static void checkLabels(String file, byte[] labels) {
    for (int i = 0; i < labels.length; i++) {
      int label = Byte.toUnsignedInt(labels[i]);
      if (label >= CLASSES.size()) {
        throw ArrayFile.refused(
            file, "label " + label + " at " + i, "0 to " + (CLASSES.size() - 1));
      }
    }
  }
}
