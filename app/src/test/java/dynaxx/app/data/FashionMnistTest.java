package dynaxx.app.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FashionMnistTest {

  @TempDir private Path folder;

  @BeforeEach
  void writeSmallSet() throws IOException {
    for (String prefix : new String[] {"train", "t10k"}) {
      Files.write(folder.resolve(prefix + "-images-idx3-ubyte"), images(3, 28, 28));
      Files.write(folder.resolve(prefix + "-labels-idx1-ubyte"), labels(7, 0, 9));
    }
  }

  private static byte[] images(int count, int rows, int columns) {
    ByteBuffer bytes = ByteBuffer.allocate(16 + count * rows * columns);
    bytes.putInt(0x803).putInt(count).putInt(rows).putInt(columns);
    for (int i = 0; bytes.hasRemaining(); i++) {
      bytes.put((byte) i);
    }
    return bytes.array();
  }

  private static byte[] labels(int... labels) {
    ByteBuffer bytes = ByteBuffer.allocate(8 + labels.length);
    bytes.putInt(0x801).putInt(labels.length);
    for (int label : labels) {
      bytes.put((byte) label);
    }
    return bytes.array();
  }

  private static byte[] gzip(byte[] bytes) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (OutputStream zip = new GZIPOutputStream(out)) {
      zip.write(bytes);
    }
    return out.toByteArray();
  }

  private void refused(String file, byte[] content, String... parts) throws IOException {
    Files.write(folder.resolve(file), content);
    String message =
        assertThrows(DatasetException.class, () -> FashionMnist.from(folder)).getMessage();
    assertTrue(message.contains(file), message);
    for (String part : parts) {
      assertTrue(message.contains(part), message);
    }
  }

  @Test
  void embeddedSetIsTheFirstPartOfThePublishedOne() {
    FashionMnist images = FashionMnist.embedded();
    check(images.train(), 10_000, 572_388_787L, 76_247, 9, 0, 0, 3, 0, 2, 7, 2, 5, 5);
    check(images.test(), 2_000, 114_763_281L, 33_456, 9, 2, 1, 1, 6, 1, 4, 6, 5, 7);
    assertEquals("Ankle boot", images.train().classNames().get(images.train().label(0)));
  }

  /** Expected sums were computed by another program from the published files. */
  private static void check(ImageDataset set, int count, long sum, int firstSum, int... labels) {
    assertEquals(count, set.count());
    long all = 0;
    long first = 0;
    for (int i = 0; i < count; i++) {
      for (int p = 0; p < 28 * 28; p++) {
        all += set.pixel(i, p);
        first += i == 0 ? set.pixel(i, p) : 0;
      }
    }
    assertEquals(sum, all);
    assertEquals(firstSum, first);
    assertArrayEquals(labels, java.util.stream.IntStream.range(0, 10).map(set::label).toArray());
  }

  @Test
  void readsPlainAndCompressedFiles() throws IOException {
    Path plain = folder.resolve("train-images-idx3-ubyte");
    Files.write(folder.resolve("train-images-idx3-ubyte.gz"), gzip(Files.readAllBytes(plain)));
    Files.delete(plain);
    FashionMnist images = FashionMnist.from(folder);
    assertEquals(3, images.train().count());
    assertEquals(9, images.test().label(2));
    assertEquals(255, images.train().pixel(0, 255));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment pixels = arena.allocate(ValueLayout.JAVA_FLOAT, 784);
      images.train().writePixels(new int[] {1}, pixels);
      int raw = images.train().pixel(1, 100);
      float value = pixels.getAtIndex(ValueLayout.JAVA_FLOAT, 100);
      assertEquals((raw / 255.0 - 0.2860) / 0.3530, value, 1e-6);
    }
  }

  @Test
  void refusesTruncatedFiles() throws IOException {
    byte[] whole = images(3, 28, 28);
    String file = "train-images-idx3-ubyte";
    refused(
        file,
        Arrays.copyOf(whole, 2000),
        "found 2000 bytes",
        "expected 2368 for shape [3, 28, 28]");
    refused(file, Arrays.copyOf(whole, 7), "an IDX header of 3 axes");
    refused(file, new byte[0], "found no IDX header");
    byte[] zipped = gzip(whole);
    refused(file, Arrays.copyOf(zipped, zipped.length / 2), "incomplete gzip data");
    zipped[zipped.length - 6] ^= 1;
    refused(file, zipped, "damaged or incomplete gzip data");
  }

  @Test
  void refusesOtherArraysAndOtherFiles() throws IOException {
    refused(
        "train-images-idx3-ubyte", labels(1, 2, 3), "uint8 of shape [3]", "images, rows, columns");
    writeSmallSet();
    refused("t10k-labels-idx1-ubyte", images(1, 28, 28), "shape [1, 28, 28]", "uint8 by labels");
    writeSmallSet();
    refused("train-images-idx3-ubyte", "not an IDX file".getBytes(), "found no IDX header");
    refused("train-images-idx3-ubyte", images(0, 28, 28), "shape [0, 28, 28]");
    byte[] signed = images(3, 28, 28);
    signed[2] = 9;
    refused("train-images-idx3-ubyte", signed, "int8 of shape [3, 28, 28], expected uint8 by");
  }

  @Test
  void refusesLabelsThatAreNoClass() throws IOException {
    refused("train-labels-idx1-ubyte", labels(1, 10, 3), "label 10 at 1", "0 to 9");
    refused("train-labels-idx1-ubyte", labels(1, 2, 200), "label 200 at 2");
  }

  @Test
  void refusesCountsThatDoNotMatch() throws IOException {
    refused("train-labels-idx1-ubyte", labels(1, 2), "found 2 labels", "expected 3");
  }

  @Test
  void refusesWrongSizesAndTrailingData() throws IOException {
    refused("train-images-idx3-ubyte", images(3, 14, 28), "14 x 28", "28 x 28");
    byte[] more = Arrays.copyOf(images(3, 28, 28), 16 + 3 * 784 + 1);
    refused("train-images-idx3-ubyte", more, "found 2369 bytes, expected 2368");
    ByteBuffer lie = ByteBuffer.allocate(16).putInt(0x803).putInt(9_000_000).putInt(4).putInt(4);
    refused("train-images-idx3-ubyte", lie.array(), "found 16 bytes, expected 144000016");
    ByteBuffer absurd = ByteBuffer.allocate(16).putInt(0x803).putInt(-1).putInt(28).putInt(28);
    refused("train-images-idx3-ubyte", absurd.array(), "[4294967295, 28, 28]");
  }

  @Test
  void namesMissingFilesAndFolders() throws IOException {
    Files.delete(folder.resolve("t10k-labels-idx1-ubyte"));
    String file =
        assertThrows(DatasetException.class, () -> FashionMnist.from(folder)).getMessage();
    assertTrue(file.contains("t10k-labels-idx1-ubyte[.gz]: found no such file"), file);
    Path nowhere = folder.resolve("nowhere");
    String missing =
        assertThrows(DatasetException.class, () -> FashionMnist.from(nowhere)).getMessage();
    assertTrue(missing.contains("found no such folder"), missing);
  }
}
