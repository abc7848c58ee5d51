package dynaxx.onnx;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * The files beside a model that hold its weights. They are mapped, of any size, until this is
 * closed; what lies outside the model's folder is refused.
 */
final class ExternalFiles implements AutoCloseable {

  private final Path model;
  private final Arena arena = Arena.ofConfined();
  private final Map<String, MemorySegment> mapped = new HashMap<>();

  ExternalFiles(Path model) {
    this.model = model;
  }

  /**
   * Bytes of a file.
   *
   * @param label of the tensor, for messages
   * @param location path relative to the model's folder
   * @param offset of the first byte
   * @param length number of bytes; -1 for all up to the end
   */
  MemorySegment bytes(String label, String location, long offset, long length) {
    MemorySegment all = mapped.computeIfAbsent(location, name -> map(label, name));
    long count = length < 0 ? all.byteSize() - offset : length;
    if (offset < 0 || count < 0 || offset > all.byteSize() - count) {
      throw new OnnxException(
          label
              + ": found values at byte "
              + offset
              + (length < 0 ? "" : " to " + (offset + length))
              + " of '"
              + location
              + "', which has "
              + all.byteSize()
              + " bytes: it is cut short or belongs to another model");
    }
    return all.asSlice(offset, count);
  }

  private MemorySegment map(String label, String location) {
    Path file = inside(label, location);
    try (FileChannel channel = FileChannel.open(file)) {
      return channel.map(MapMode.READ_ONLY, 0, channel.size(), arena).asReadOnly();
    } catch (NoSuchFileException e) {
      throw new OnnxException(
          label
              + ": found no file '"
              + location
              + "' beside the model, expected the one that was exported with it");
    } catch (AccessDeniedException e) {
      throw new OnnxException(
          label + ": the file '" + location + "' cannot be read (permission denied)");
    } catch (IOException e) {
      throw new OnnxException(
          label + ": the file '" + location + "' cannot be read (" + e.getMessage() + ")");
    }
  }

  private Path inside(String label, String location) {
    Path folder = model.toAbsolutePath().normalize().getParent();
    try {
      Path file = folder.resolve(location).normalize();
      boolean fits = !location.isBlank() && !Path.of(location).isAbsolute();
      if (fits && file.startsWith(folder) && !file.equals(folder) && stays(file, folder)) {
        if (Files.exists(file) && !Files.isRegularFile(file)) {
          throw new OnnxException(label + ": found '" + location + "', which is no file");
        }
        return file;
      }
    } catch (InvalidPathException | IOException e) {
      // refused below
    }
    throw new OnnxException(
        label
            + ": found values in the file '"
            + location
            + "', expected one in the folder of the model");
  }

  /** Links may lead to where the model's own link leads, as in a cache of downloads. */
  private boolean stays(Path file, Path folder) throws IOException {
    if (!Files.exists(file)) {
      return true;
    }
    Path real = file.toRealPath();
    return real.startsWith(folder.toRealPath())
        || real.startsWith(model.toAbsolutePath().toRealPath().getParent());
  }

  @Override
  public void close() {
    arena.close();
  }
}
