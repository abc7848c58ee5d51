package dynaxx.app.data;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;

/**
 * The bytes of an array: a whole file, which is mapped, or an array in an .npz archive, which is
 * mapped too unless it is compressed.
 *
 * @param file the file
 * @param entry of the archive, or null
 */
record ArrayBytes(Path file, String entry) {

  private static final int MOST_INFLATED = Integer.MAX_VALUE - 16;
  private static final int BLOCK = 1 << 16;
  private static final int LOCAL_HEADER = 30;
  private static final int NAME_LENGTH = 26;
  private static final int EXTRA_LENGTH = 28;

  /** Maps them, for as long as the arena is open. */
  MemorySegment map(Arena arena) throws IOException {
    try (FileChannel in = FileChannel.open(file)) {
      if (in.size() == 0) {
        return MemorySegment.NULL;
      }
      MemorySegment all = in.map(FileChannel.MapMode.READ_ONLY, 0, in.size(), arena);
      if (entry == null) {
        return isGzip(all) ? whole(Files.newInputStream(file)) : all;
      }
      return entry(all);
    }
  }

  private static boolean isGzip(MemorySegment all) {
    return all.byteSize() > 2
        && Byte.toUnsignedInt(all.get(ValueLayout.JAVA_BYTE, 0)) == 0x1f
        && Byte.toUnsignedInt(all.get(ValueLayout.JAVA_BYTE, 1)) == 0x8b;
  }

  /** All bytes of a source that cannot be mapped, inflated if they are compressed by gzip. */
  static MemorySegment whole(InputStream source) throws IOException {
    try (InputStream in = new BufferedInputStream(source, BLOCK)) {
      in.mark(2);
      boolean compressed = in.read() == 0x1f && in.read() == 0x8b;
      in.reset();
      InputStream plain = compressed ? new GZIPInputStream(in, BLOCK) : in;
      return MemorySegment.ofArray(plain.readNBytes(MOST_INFLATED));
    }
  }

  private MemorySegment entry(MemorySegment all) throws IOException {
    try (ZipFile zip = new ZipFile(file.toFile())) {
      ZipEntry found = zip.getEntry(entry);
      if (found == null) {
        throw new ZipException("no array '" + entry + "'");
      }
      if (found.getMethod() == ZipEntry.STORED) {
        long at = stored(all, found);
        if (at >= 0) {
          return all.asSlice(at, found.getSize());
        }
      }
      if (found.getSize() > MOST_INFLATED) {
        throw new ZipException("a compressed array above 2 GiB; save it with numpy.savez");
      }
      try (InputStream in = zip.getInputStream(found)) {
        return MemorySegment.ofArray(in.readNBytes(MOST_INFLATED));
      }
    }
  }

  /** Where an entry that is not compressed lies, or -1 if its header is not found. */
  private static long stored(MemorySegment all, ZipEntry entry) {
    byte[] name = entry.getName().getBytes(StandardCharsets.UTF_8);
    for (long at = 0; at + LOCAL_HEADER + name.length <= all.byteSize(); ) {
      if (word(all, at) != 0x4b50 || word(all, at + 2) != 0x0403) {
        return -1;
      }
      int length = word(all, at + NAME_LENGTH);
      long data = at + LOCAL_HEADER + length + word(all, at + EXTRA_LENGTH);
      boolean own = length == name.length;
      for (int i = 0; i < name.length && own; i++) {
        byte found = all.get(ValueLayout.JAVA_BYTE, at + LOCAL_HEADER + i);
        own = found == name[i];
      }
      if (own) {
        return data + entry.getSize() <= all.byteSize() ? data : -1;
      }
      long size = Integer.toUnsignedLong(word(all, at + 18) | word(all, at + 20) << 16);
      if (size == 0xffffffffL) {
        size = large(all, at + LOCAL_HEADER + length, Math.min(data, all.byteSize()));
      }
      if (size < 0 || size > all.byteSize() - data) {
        return -1;
      }
      at = data + size;
    }
    return -1;
  }

  /** The packed size in the extra field of a ZIP64 header, which numpy.savez writes; or -1. */
  private static long large(MemorySegment all, long from, long to) {
    for (long at = from; at + 4 <= to; at += 4 + word(all, at + 2)) {
      if (word(all, at) == 1 && word(all, at + 2) >= 16 && at + 20 <= to) {
        return all.get(ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), at + 12);
      }
    }
    return -1;
  }

  private static int word(MemorySegment all, long at) {
    return Byte.toUnsignedInt(all.get(ValueLayout.JAVA_BYTE, at))
        | Byte.toUnsignedInt(all.get(ValueLayout.JAVA_BYTE, at + 1)) << 8;
  }

  /** Names of the arrays in an archive, without their ending. */
  static List<String> arrays(Path file) throws IOException {
    List<String> names = new ArrayList<>();
    try (ZipFile zip = new ZipFile(file.toFile())) {
      for (ZipEntry e : Collections.list(zip.entries())) {
        if (e.getName().endsWith(".npy")) {
          names.add(e.getName().substring(0, e.getName().length() - 4));
        }
      }
    }
    return names;
  }
}
