package dynaxx.app.data;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

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

  private record NamedSource(String name, IdxReader.Source source) {}

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
    IdxReader.Images images = IdxReader.images(imageFile.name(), imageFile.source());
    byte[] labels = IdxReader.labels(labelFile.name(), labelFile.source(), CLASSES.size());
    if (images.rows() != SIDE || images.columns() != SIDE) {
      throw new DatasetException(
          imageFile.name()
              + ": found images of "
              + images.rows()
              + " x "
              + images.columns()
              + ", expected 28 x 28");
    }
    if (labels.length != images.count()) {
      throw new DatasetException(
          labelFile.name()
              + ": found "
              + labels.length
              + " labels, expected "
              + images.count()
              + " as there are images");
    }
    return new ImageDataset(images.pixels(), labels, images.rows(), images.columns(), CLASSES);
  }
}
