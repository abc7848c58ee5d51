package dynaxx.app.profile;

import dynaxx.app.io.UserException;
import dynaxx.app.io.WholeFile;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Profiles that come with dynaxx, and those in a folder. */
public final class Library {

  private static final String SHIPPED = "/dynaxx/profiles/";
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,63}");
  private static final String ENDING = ".json";

  private final Path folder;

  /**
   * A library.
   *
   * @param folder of the user's own profiles; need not exist
   */
  public Library(Path folder) {
    this.folder = folder;
  }

  /**
   * Sees whether a profile can be kept, before it is made.
   *
   * @param replace whether one of the same name may be replaced
   * @return its file
   * @throws UserException if the name does not fit or is taken, or the folder cannot be written
   */
  public Path check(String name, boolean replace) {
    if (!NAME.matcher(name).matches()) {
      throw new UserException(
          "--name: found '"
              + name
              + "', expected letters, digits, dots, dashes and underscores, 64 at most");
    }
    Path file = folder.resolve(name + ENDING);
    if (Files.exists(file) && !replace) {
      throw new UserException("--name: found a profile " + file + " already; --force replaces it");
    }
    WholeFile.checkFolder(folder);
    if (Files.isDirectory(folder)) {
      WholeFile.check(file);
    }
    return file;
  }

  /**
   * Keeps a profile.
   *
   * @param replace whether one of the same name may be replaced
   * @return the file
   */
  public Path save(Profile profile, boolean replace) throws IOException {
    Path file = check(profile.name(), replace);
    Files.createDirectories(folder);
    profile.write(file);
    return file;
  }

  /** All profiles: those shipped first. */
  public List<Profile> all() {
    List<Profile> all = new ArrayList<>();
    for (String name : shipped("index.txt").lines().filter(l -> !l.isBlank()).toList()) {
      all.add(Profile.read(name, shipped(name + ENDING)));
    }
    if (Files.exists(folder) && !Files.isDirectory(folder)) {
      throw new UserException("--profiles: found a file at " + folder + ", expected a folder");
    }
    if (Files.isDirectory(folder)) {
      try (Stream<Path> files = Files.list(folder)) {
        files.filter(f -> f.toString().endsWith(ENDING)).sorted().forEach(f -> all.add(read(f)));
      } catch (IOException e) {
        throw new UncheckedIOException(folder + ": " + e.getMessage(), e);
      }
    }
    return all;
  }

  private static Profile read(Path file) {
    try {
      return Profile.read(file.toString(), Files.readString(file));
    } catch (IOException e) {
      throw new UserException(file + ": found no file that can be read");
    }
  }

  private static String shipped(String name) {
    try (InputStream in = Library.class.getResourceAsStream(SHIPPED + name)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(name, e);
    }
  }
}
