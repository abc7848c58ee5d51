package dynaxx.app.io;

import dynaxx.app.UserException;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.UUID;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Files that are there as a whole or not at all. */
public final class WholeFile {

  private static final Pattern UNFINISHED = Pattern.compile("\\..+\\.[0-9a-f-]{36}\\.tmp");
  private static final int MOST_LINKS = 40;

  private WholeFile() {}

  /** Writes the content of a file. */
  @FunctionalInterface
  public interface Content {
    void write(OutputStream to) throws IOException;
  }

  /**
   * Writes beside the file, forces it to the disk and renames, so that nobody reads half of it, not
   * even after the power failed. A link stays one, and its file is replaced; what is no regular
   * file (a pipe, a terminal) is written to as it is.
   *
   * @throws UserException if it is a folder
   */
  public static void write(Path file, Content content) throws IOException {
    Path place = followed(file);
    if (Files.isDirectory(place)) {
      throw new UserException(file + ": found a folder, expected a file to write to");
    }
    if (Files.exists(place) && !Files.isRegularFile(place)) {
      try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(place))) {
        content.write(out);
      }
      return;
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
