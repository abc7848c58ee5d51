package dynaxx.app.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ArrayFileTest {

  @TempDir private Path folder;

  static byte[] npy(String type, String order, String shape, byte[] data) {
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
    return file("x.npy", content);
  }

  private Path file(String name, byte[] content) throws IOException {
    return Files.write(folder.resolve(name), content);
  }

  static byte[] npz(int method, byte[]... arrays) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
      for (int i = 0; i < arrays.length; i++) {
        ZipEntry entry = new ZipEntry("a" + i + ".npy");
        entry.setMethod(method);
        CRC32 crc = new CRC32();
        crc.update(arrays[i]);
        entry.setCrc(crc.getValue());
        entry.setSize(arrays[i].length);
        entry.setCompressedSize(method == ZipEntry.STORED ? arrays[i].length : -1);
        zip.putNextEntry(entry);
        zip.write(arrays[i]);
        zip.closeEntry();
      }
    }
    return bytes.toByteArray();
  }

  private static final byte[] IDX = {0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6};

  private static float[] values(ArrayFile file) {
    try (Scope scope = Scope.open()) {
      return file.values(scope).toArray();
    }
  }

  private static byte[] text(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  @Test
  void readsOtherOrdersAndSelections() throws IOException {
    byte[] six =
        data(24).putFloat(1).putFloat(4).putFloat(2).putFloat(5).putFloat(3).putFloat(6).array();
    ArrayFile fortran = ArrayFile.open(file(npy("<f4", "True", "(2, 3)", six)));
    assertArrayEquals(new float[] {1, 2, 3, 4, 5, 6}, values(fortran));
    assertArrayEquals(new float[] {4, 5, 6}, values(fortran.select(1)));
    ArrayFile rows = ArrayFile.open(file(npy("<f4", "False", "(3, 2)", six))).select(0, 2);
    assertEquals(List.of(2L, 2L), rows.shape());
    assertArrayEquals(new float[] {1, 4, 3, 6}, values(rows));
  }

  @Test
  void readsArchives() throws IOException {
    byte[] a = npy("<f4", "False", "(2,)", data(8).putFloat(1).putFloat(2).array());
    byte[] b = npy("|u1", "False", "(3,)", new byte[] {7, 8, 9});
    for (int method : new int[] {ZipEntry.STORED, ZipEntry.DEFLATED}) {
      Path file = file("x.npz", npz(method, a, b));
      assertArrayEquals(new float[] {1, 2}, values(ArrayFile.open(Path.of(file + ":a0"))));
      assertArrayEquals(
          new float[] {7, 9}, values(ArrayFile.open(Path.of(file + ":a1")).select(0, 2)));
      DatasetException e = assertThrows(DatasetException.class, () -> ArrayFile.open(file));
      assertTrue(e.getMessage().contains("arrays [a0, a1], expected one of them"), e.getMessage());
      assertThrows(DatasetException.class, () -> ArrayFile.open(Path.of(file + ":a2")));
    }
  }

  @Test
  void readsTablesAndIdx() throws IOException {
    Path table = file("t.csv", text("height;\"label\"\n1.5;2\n-3e1;4\n"));
    ArrayFile all = ArrayFile.open(table);
    assertEquals(List.of(2L, 2L), all.shape());
    assertArrayEquals(new float[] {1.5f, 2, -30, 4}, values(all));
    ArrayFile labels = ArrayFile.open(Path.of(table + ":label"));
    assertTrue(labels.isWhole());
    assertArrayEquals(new float[] {2, 4}, values(labels));
    assertArrayEquals(new float[] {4}, values(labels.select(1)));
    Path wrong = file("w.csv", text("1,2\n3,x\n"));
    DatasetException e = assertThrows(DatasetException.class, () -> ArrayFile.open(wrong));
    assertTrue(e.getMessage().contains("line 2: found 'x', expected a number"), e.getMessage());
    Path marked = file("bom.csv", text("\uFEFFa,b\n1,2\n\n3,4\n"));
    assertArrayEquals(new float[] {1, 3}, values(ArrayFile.open(Path.of(marked + ":a"))));
    Path bare = file("bare.csv", text("\uFEFF1,2\n3,4\n"));
    assertEquals(List.of(2L, 2L), ArrayFile.open(bare).shape());
    Path missing = file("nan.csv", text("nan,x\n1,2\n"));
    assertThrows(DatasetException.class, () -> ArrayFile.open(missing));
    Path commas = file("commas.csv", text("0,5;1,5\n2,5;3\n"));
    assertThrows(DatasetException.class, () -> ArrayFile.open(commas));
    ArrayFile idx = ArrayFile.open(file("i", IDX));
    assertEquals(List.of(2L, 3L), idx.shape());
    assertArrayEquals(new float[] {1, 2, 3, 4, 5, 6}, values(idx));
  }

  private void reads(String type, byte[] values, float... expected) throws IOException {
    try (Scope scope = Scope.open()) {
      ArrayFile found =
          ArrayFile.open(file(npy(type, "False", "(" + expected.length + ",)", values)));
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
    reads("|i1", new byte[] {(byte) 200, 3}, -56, 3);
    reads("|b1", new byte[] {0, 1}, 0, 1);
    reads("<u2", data(4).putShort((short) 65535).putShort((short) 2).array(), 65535, 2);
    reads("<f2", data(4).putShort((short) 0x3e00).putShort((short) 0xc000).array(), 1.5f, -2);
    reads(">f4", new byte[] {0x3f, (byte) 0xc0, 0, 0, (byte) 0xc0, 0, 0, 0}, 1.5f, -2);
    reads(">i2", new byte[] {1, 2, (byte) 0xff, (byte) 0xff}, 258, -1);
  }

  @Test
  void writesWhatItReads() throws IOException {
    Path file = folder.resolve("y.npy");
    try (Scope scope = Scope.open()) {
      HostBuffer values = scope.allocate(6).put(1, 2, 3, 4, 5, -6.5f);
      ArrayFile.write(file, List.of(2L, 3L), values);
      ArrayFile found = ArrayFile.open(file);
      assertEquals(List.of(2L, 3L), found.shape());
      assertArrayEquals(values.toArray(), found.values(scope).toArray());
      assertEquals(0, (Files.size(file) - 24) % 64, "data aligned as NumPy does");
    }
  }

  private void refused(byte[] content, String part) throws IOException {
    String message =
        assertThrows(DatasetException.class, () -> ArrayFile.open(file(content))).getMessage();
    assertTrue(message.contains(part) && message.contains("x.npy"), message);
  }

  @Test
  void namesWhatItRefuses() throws IOException {
    byte[] eight = new byte[8];
    refused(npy("<c8", "False", "(1,)", eight), "element type <c8");
    refused(npy("<f4", "False", "(3,)", eight), "expected");
    refused(npy("<f4", "False", "(-2,)", eight), "shape");
    refused(npy("<f4", "False", "(9223372036854775807, 9)", eight), "expected one that fits");
    refused(npy("<f4", "False", "(1000000000, 1000)", eight), "bytes, expected");
    refused("no array at all".getBytes(StandardCharsets.US_ASCII), "no NumPy header");
    refused(new byte[0], "found an empty file, expected a .npy file");
    byte[] late = npy("<f4", "False", "(2,)", eight);
    late[6] = 9;
    refused(late, "format version 9");
    assertThrows(DatasetException.class, () -> ArrayFile.open(folder.resolve("none.npy")));
    assertThrows(DatasetException.class, () -> ArrayFile.open(folder));
    for (long number : new long[] {1L << 40, Long.MIN_VALUE}) {
      ArrayFile large =
          ArrayFile.open(file(npy("<i8", "False", "(1,)", data(8).putLong(number).array())));
      try (Scope scope = Scope.open()) {
        String message =
            assertThrows(DatasetException.class, () -> large.values(scope)).getMessage();
        assertTrue(message.contains("exact in float32"), message);
      }
    }
  }
}
