package dynaxx.app.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WholeFileTest {

  @TempDir private Path folder;

  private static void write(Path file, String text) throws IOException {
    WholeFile.write(file, to -> to.write(text.getBytes(StandardCharsets.UTF_8)));
  }

  private Set<String> names() throws IOException {
    try (Stream<Path> all = Files.list(folder)) {
      return all.map(f -> f.getFileName().toString())
          .collect(Collectors.toCollection(TreeSet::new));
    }
  }

  @Test
  void whatFailsLeavesWhatWasThere() throws IOException {
    Path file = folder.resolve("run.json");
    write(file, "whole");
    FileSystemException found =
        assertThrows(
            FileSystemException.class,
            () ->
                WholeFile.write(
                    file,
                    to -> {
                      to.write(new byte[100_000]);
                      throw new IOException("disk full");
                    }));
    assertEquals("disk full", found.getReason());
    assertEquals(file.toString(), found.getFile());
    assertEquals("whole", Files.readString(file));
    assertEquals(Set.of("run.json"), names());
    write(file, "new");
    assertEquals("new", Files.readString(file));
    assertEquals(Set.of("run.json"), names());
  }

  @Test
  void othersMayReadWhatTheyMayReadOfAnyNewFile() throws IOException {
    Path usual = Files.createFile(folder.resolve("usual"));
    Path file = folder.resolve("whole");
    write(file, "text");
    assertEquals(Files.getPosixFilePermissions(usual), Files.getPosixFilePermissions(file));
    Set<PosixFilePermission> mine = PosixFilePermissions.fromString("rw-------");
    Files.setPosixFilePermissions(file, mine);
    write(file, "again");
    assertEquals(mine, Files.getPosixFilePermissions(file));
  }

  @Test
  void linksStayLinks() throws IOException {
    Path target = folder.resolve("target");
    Path link = Files.createSymbolicLink(folder.resolve("link"), Path.of("target"));
    Path second = Files.createSymbolicLink(folder.resolve("second"), link);
    write(second, "first");
    assertEquals("first", Files.readString(target));
    write(link, "then");
    assertEquals("then", Files.readString(target));
    assertTrue(Files.isSymbolicLink(link) && Files.isSymbolicLink(second));
    Files.delete(link);
    Files.createSymbolicLink(link, second);
    String message = assertThrows(UserException.class, () -> write(link, "x")).getMessage();
    assertTrue(message.contains("links that lead in a circle"), message);
  }

  @Test
  void foldersAreNotReplaced() throws IOException {
    Path empty = Files.createDirectory(folder.resolve("empty"));
    String message = assertThrows(UserException.class, () -> write(empty, "x")).getMessage();
    assertEquals(empty + ": found a folder, expected a file to write to", message);
    assertTrue(Files.isDirectory(empty));
    Path nowhere = folder.resolve("none").resolve("file");
    message = assertThrows(UserException.class, () -> write(nowhere, "x")).getMessage();
    assertEquals(
        nowhere + ": found no folder " + nowhere.getParent() + ", expected one to write to",
        message);
  }

  @Test
  void whatCannotBeWrittenIsFoundByTrying() throws IOException {
    Path good = folder.resolve("new");
    WholeFile.check(good);
    WholeFile.check(Path.of("/dev/null"));
    WholeFile.checkFolder(folder.resolve("one").resolve("two"));
    assertEquals(Set.of(), names());
    Path long300 = folder.resolve("x".repeat(300));
    String message = assertThrows(UserException.class, () -> WholeFile.check(long300)).getMessage();
    assertTrue(message.endsWith(": cannot be written (File name too long)"), message);
    assumeTrue(Files.isDirectory(Path.of("/proc/self")), "no /proc on this system");
    message =
        assertThrows(UserException.class, () -> WholeFile.checkFolder(Path.of("/proc/none/run")))
            .getMessage();
    assertTrue(message.startsWith("/proc/none/run: cannot be written ("), message);
  }

  /** The name of a temporary file is longer than the name it is for. */
  @Test
  void longNamesAreWritten() throws IOException {
    Path file = folder.resolve("x".repeat(250));
    WholeFile.check(file);
    write(file, "text");
    assertEquals("text", Files.readString(file));
  }

  @Test
  void devicesAreWrittenToAsTheyAre() throws IOException {
    Path device = Path.of("/dev/null");
    write(device, "text");
    assertTrue(Files.exists(device) && !Files.isRegularFile(device));
    Path full = Path.of("/dev/full");
    assumeTrue(Files.exists(full), "no /dev/full on this system");
    FileSystemException e = assertThrows(FileSystemException.class, () -> write(full, "text"));
    assertEquals("/dev/full", e.getFile());
    assertTrue(e.getReason().contains("No space left"), e.getReason());
  }

  @Test
  void onlyWhatWasBegunIsSweptAway() throws IOException {
    Files.writeString(folder.resolve(".run.json." + UUID.randomUUID() + ".tmp"), "{");
    for (String other : Set.of("notes.tmp", ".hidden.tmp", "run.json")) {
      Files.writeString(folder.resolve(other), "mine");
    }
    WholeFile.sweep(folder);
    assertEquals(Set.of("notes.tmp", ".hidden.tmp", "run.json"), names());
    WholeFile.sweep(folder.resolve("none"));
  }
}
