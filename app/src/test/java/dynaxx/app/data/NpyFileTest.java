package dynaxx.app.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NpyFileTest {

  private static final int SHORT_ROUNDS = 4_000;

  @TempDir private Path folder;

  private static byte[] npy(String type, String order, String shape, byte[] data) {
    String header =
        "{'descr': '" + type + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }\n";
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0});
    out.write(header.length());
    out.write(header.length() >> 8);
    out.writeBytes(header.getBytes(StandardCharsets.US_ASCII));
    out.writeBytes(data);
    return out.toByteArray();
  }

  private static ByteBuffer data(int bytes) {
    return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  private Path file(byte[] content) throws IOException {
    return Files.write(folder.resolve("x.npy"), content);
  }

  private void reads(String type, byte[] values, float... expected) throws IOException {
    try (Scope scope = Scope.open()) {
      NpyFile found = NpyFile.open(file(npy(type, "False", "(" + expected.length + ",)", values)));
      assertEquals(List.of((long) expected.length), found.shape());
      assertArrayEquals(expected, found.values(scope).toArray());
    }
  }

  @Test
  void readsEveryType() throws IOException {
    reads("<f4", data(8).putFloat(1.5f).putFloat(-2).array(), 1.5f, -2);
    reads("<f8", data(16).putDouble(0.1).putDouble(7).array(), 0.1f, 7);
    reads("<i4", data(8).putInt(-3).putInt(1 << 24).array(), -3, 1 << 24);
    reads("<i8", data(16).putLong(5).putLong(-6).array(), 5, -6);
    reads("|u1", new byte[] {(byte) 200, 3}, 200, 3);
  }

  @Test
  void writesWhatItReads() throws IOException {
    Path file = folder.resolve("y.npy");
    try (Scope scope = Scope.open()) {
      HostBuffer values = scope.allocate(6).put(1, 2, 3, 4, 5, -6.5f);
      NpyFile.write(file, List.of(2L, 3L), values);
      NpyFile found = NpyFile.open(file);
      assertEquals(List.of(2L, 3L), found.shape());
      assertArrayEquals(values.toArray(), found.values(scope).toArray());
      assertEquals(0, (Files.size(file) - 24) % 64, "data aligned as NumPy does");
    }
  }

  private void refused(byte[] content, String part) throws IOException {
    String message =
        assertThrows(DatasetException.class, () -> NpyFile.open(file(content))).getMessage();
    assertTrue(message.contains(part) && message.contains("x.npy"), message);
  }

  @Test
  void namesWhatItRefuses() throws IOException {
    byte[] eight = new byte[8];
    refused(
        npy(">f4", "False", "(2,)", eight), "element type >f4 (big-endian), expected one of <f4");
    refused(npy("<f2", "False", "(4,)", eight), "element type <f2");
    refused(npy("|i1", "False", "(8,)", eight), "element type |i1");
    refused(npy("<c8", "False", "(1,)", eight), "element type <c8");
    refused(npy("<f4", "True", "(2,)", eight), "Fortran order");
    refused(npy("<f4", "False", "(3,)", eight), "expected");
    refused(npy("<f4", "False", "(-2,)", eight), "shape");
    refused(npy("<f4", "False", "(9223372036854775807, 9)", eight), "expected one that fits");
    refused(npy("<f4", "False", "(1000000000, 1000)", eight), "bytes, expected");
    refused("no array at all".getBytes(StandardCharsets.US_ASCII), "no NumPy header");
    refused(new byte[0], "found an empty file, expected a .npy file");
    byte[] late = npy("<f4", "False", "(2,)", eight);
    late[6] = 9;
    refused(late, "format version 9");
    assertThrows(DatasetException.class, () -> NpyFile.open(folder.resolve("none.npy")));
    assertThrows(DatasetException.class, () -> NpyFile.open(folder));
    for (long number : new long[] {1L << 40, Long.MIN_VALUE}) {
      NpyFile large =
          NpyFile.open(file(npy("<i8", "False", "(1,)", data(8).putLong(number).array())));
      try (Scope scope = Scope.open()) {
        String message =
            assertThrows(DatasetException.class, () -> large.values(scope)).getMessage();
        assertTrue(message.contains("exact in float32"), message);
      }
    }
  }

  @Test
  void damagedFilesAreReadOrRefused() throws IOException {
    long seconds = Long.getLong("dynaxx.fuzz.seconds", 0);
    long end = System.nanoTime() + seconds * 1_000_000_000L;
    byte[][] corpus = {
      npy("<f4", "False", "(3, 2)", new byte[24]),
      npy("<i8", "False", "(2,)", new byte[16]),
      npy("|u1", "False", "()", new byte[1])
    };
    int read = 0;
    int i = 0;
    for (; seconds > 0 ? System.nanoTime() < end : i < SHORT_ROUNDS; i++) {
      Random random = new Random(i);
      byte[] bytes = corpus[random.nextInt(corpus.length)].clone();
      for (int hit = 0; hit <= random.nextInt(3); hit++) {
        bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
      }
      int length = random.nextInt(4) == 0 ? random.nextInt(bytes.length) : bytes.length;
      Path file = file(Arrays.copyOf(bytes, length));
      try (Scope scope = Scope.open()) {
        assertTrue(NpyFile.openVectors(file).values(scope).size() <= bytes.length);
        read++;
      } catch (DatasetException e) {
        assertTrue(e.getMessage().contains("found") || e.getMessage().contains("read"));
      } catch (RuntimeException e) {
        fail("round " + i + ": " + e, e);
      }
    }
    System.out.println("fuzz: " + i + " damaged files, " + read + " of them read");
  }
}
