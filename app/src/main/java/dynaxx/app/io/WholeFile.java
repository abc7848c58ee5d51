package dynaxx.app.io;

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
import java.nio.file.NoSuchFileException;
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
  private static final String READ_ONLY = "the file is read-only";

  /** Characters of a name; file systems allow 255 bytes, and a character takes up to four. */
  private static final int LONGEST = 50;

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
    requireFile(file);
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
   * Sees, before a long computation, whether there is a place for its result, by writing an empty
   * file beside it.
   *
   * @throws UserException if it is a folder, lies in none, or cannot be written
   */
  public static void check(Path file) {
    requireFile(file);
    if (!isReplaced(file)) {
      if (!Files.isWritable(file)) {
        throw new UserException(file + ": " + READ_ONLY);
      }
      return;
    }
    try {
      Path place = followed(file);
      requireWritable(place);
      tryToCreate(Files.exists(place) ? beside(place) : place);
    } catch (IOException e) {
      throw new UserException(file + ": cannot be written (" + reason(e) + ")", e);
    }
  }

  /**
   * Sees, before a long computation, whether a folder for its results is there or can be made.
   *
   * @throws UserException if a file is in the way, or it cannot be written to
   */
  public static void checkFolder(Path folder) {
    Path there = folder.toAbsolutePath();
    while (!Files.exists(there) && there.getParent() != null) {
      there = there.getParent();
    }
    if (!Files.isDirectory(there)) {
      throw new UserException(folder + ": found a file at " + there + ", expected a folder");
    }
    try {
      tryToCreate(beside(there.resolve("folder")));
    } catch (IOException e) {
      throw new UserException(
          folder + ": cannot be written (" + reason(e) + " in " + there + ")", e);
    }
  }

  private static void tryToCreate(Path file) throws IOException {
    Files.delete(Files.createFile(file));
  }

  private static String reason(IOException e) {
    if (e instanceof FileSystemException f && f.getReason() != null) {
      return f.getReason();
    }
    return switch (e) {
      case AccessDeniedException denied -> "permission denied";
      case NoSuchFileException none -> "no file can be made there";
      case FileSystemException other -> other.getClass().getSimpleName();
      default -> e.getMessage();
    };
  }

  /** The place that a name stands for, links followed as far as they lead somewhere. */
  public static Path place(Path file) {
    try {
      return followed(file).toRealPath();
    } catch (IOException e) {
      return file.toAbsolutePath().normalize();
    }
  }

  /** Whether writing replaces what is there, which it does not with a pipe or a terminal. */
  public static boolean isReplaced(Path file) {
    return !STREAMS.containsKey(file.toString())
        && (!Files.exists(file) || Files.isRegularFile(file));
  }

  private static void requireWritable(Path place) throws AccessDeniedException {
    if (Files.exists(place) && !Files.isWritable(place)) {
      throw new AccessDeniedException(place.toString(), null, READ_ONLY);
    }
  }

  /** A long name is cut, so that there is room for what is added to it. */
  private static Path beside(Path place) {
    String name = place.getFileName().toString();
    String part = name.length() <= LONGEST ? name : name.substring(0, LONGEST);
    return place.resolveSibling("." + part + "." + UUID.randomUUID() + ".tmp");
  }

  private static void requireFile(Path file) {
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
    requireWritable(place);
    Path temporary = beside(place);
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
