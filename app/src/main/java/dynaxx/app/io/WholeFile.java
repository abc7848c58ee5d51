package dynaxx.app.io;

import dynaxx.app.UserException;
import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Files that are there as a whole or not at all. */
public final class WholeFile {

  private static final Pattern UNFINISHED = Pattern.compile("\\..+\\.[0-9a-f-]{36}\\.tmp");
  private static final int MOST_LINKS = 40;

  /** Opened by name they would be written from their beginning. */
  private static final Map<String, FileDescriptor> STREAMS =
      Map.of("/dev/stdout", FileDescriptor.out, "/dev/stderr", FileDescriptor.err);

  private WholeFile() {}

  /** Writes the content of a file. */
  @FunctionalInterface
  public interface Content {
    void write(OutputStream to) throws IOException;
  }

  /**
   * Writes beside the file, forces it to the disk and renames, so that nobody reads half of it, not
   * even after the power failed. A link stays one, and its file is replaced with the same
   * permissions; what is no regular file (a pipe, a terminal) is written to as it is.
   *
   * @throws UserException if it is a folder, or lies in none
   * @throws FileSystemException that names the file, whatever else goes wrong
   */
  public static void write(Path file, Content content) throws IOException {
    check(file);
    try {
      if (STREAMS.containsKey(file.toString())) {
        // Not closed: others print to it, too.
        OutputStream out =
            new BufferedOutputStream(new FileOutputStream(STREAMS.get(file.toString())));
        content.write(out);
        out.flush();
      } else if (Files.exists(file) && !Files.isRegularFile(file)) {
        try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(file))) {
          content.write(out);
        }
      } else {
        replace(followed(file), content);
      }
    } catch (FileSystemException e) {
      throw e;
    } catch (IOException e) {
      FileSystemException named = new FileSystemException(file.toString(), null, e.getMessage());
      named.initCause(e);
      throw named;
    }
  }

  /**
   * Sees, before a long computation, whether there is a place for its result.
   *
   * @throws UserException if it is a folder, or lies in none
   */
  public static void check(Path file) {
    if (Files.isDirectory(file)) {
      throw new UserException(file + ": found a folder, expected a file to write to");
    }
    Path folder = file.toAbsolutePath().getParent();
    if (!Files.isDirectory(folder)) {
      throw new UserException(file + ": found no folder " + folder + ", expected one to write to");
    }
  }

  private static void replace(Path place, Content content) throws IOException {
    boolean there = Files.exists(place);
    if (there && !Files.isWritable(place)) {
      throw new AccessDeniedException(place.toString(), null, "it is not to be written");
    }
    Path temporary =
        place.resolveSibling("." + place.getFileName() + "." + UUID.randomUUID() + ".tmp");
    try {
      try (FileChannel channel =
              FileChannel.open(temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
          OutputStream out = new BufferedOutputStream(Channels.newOutputStream(channel))) {
        content.write(out);
        out.flush();
        channel.force(true);
      }
      boolean posix = Files.getFileStore(temporary).supportsFileAttributeView("posix");
      if (there && posix) {
        Files.setPosixFilePermissions(temporary, Files.getPosixFilePermissions(place));
      }
      Files.move(
          temporary, place, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(temporary);
    }
  }

  /** Deletes what a process that was killed had begun to write in a folder. */
  public static void sweep(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      return;
    }
    List<Path> unfinished;
    try (Stream<Path> all = Files.list(folder)) {
      unfinished =
          all.filter(file -> UNFINISHED.matcher(file.getFileName().toString()).matches()).toList();
    }
    for (Path file : unfinished) {
      Files.deleteIfExists(file);
    }
  }

  /** Where links lead, also if nothing is there yet. */
  private static Path followed(Path file) throws IOException {
    Path place = file.toAbsolutePath();
    for (int links = 0; Files.isSymbolicLink(place); links++) {
      if (links == MOST_LINKS) {
        throw new UserException(file + ": found links that lead in a circle");
      }
      place = place.resolveSibling(Files.readSymbolicLink(place));
    }
    return place;
  }
}
