package dynaxx.cuda;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Where cuBLAS may be: on the library path, in a CUDA toolkit, or in the Python packages of PyTorch
 * and JAX, which bring it along and put it on no library path.
 *
 * @param environment of the process
 * @param root folder that absolute paths begin with, / except in tests
 * @param windows whether names are those of Windows
 */
record CublasFiles(Map<String, String> environment, Path root, boolean windows) {

  static CublasFiles ofProcess() {
    boolean windows = System.getProperty("os.name").startsWith("Windows");
    return new CublasFiles(System.getenv(), Path.of("/"), windows);
  }

  /**
   * Names and paths, best first: the driver's own major version before the other.
   *
   * @param driverVersion 1000 major + 10 minor
   */
  List<String> candidates(int driverVersion) {
    List<Integer> majors = driverVersion < 13000 ? List.of(12, 13) : List.of(13, 12);
    Set<String> all = new LinkedHashSet<>();
    majors.forEach(major -> all.add(name(major)));
    majors.forEach(major -> toolkits().forEach(folder -> all.add(folder + "/" + name(major))));
    majors.forEach(major -> all.addAll(wheels(major)));
    return List.copyOf(all);
  }

  private String name(int major) {
    return windows ? "cublas64_" + major + ".dll" : "libcublas.so." + major;
  }

  private List<String> toolkits() {
    List<String> folders = new ArrayList<>();
    String toolkit = environment.get("CUDA_PATH");
    if (toolkit != null) {
      Stream.of(windows ? new String[] {"bin", "bin/x64"} : new String[] {"lib64", "lib"})
          .forEach(folder -> folders.add(toolkit + "/" + folder));
    }
    if (!windows) {
      folders.add("/usr/local/cuda/lib64");
    }
    return folders;
  }

  /** Files of the wheels nvidia-cublas (13) and nvidia-cublas-cu12 that are there. */
  private List<String> wheels(int major) {
    String inside =
        (major < 13 ? "nvidia/cublas" : "nvidia/cu" + major) + (windows ? "/bin" : "/lib");
    return packages().stream()
        .map(folder -> folder.resolve(inside).resolve(name(major)))
        .filter(Files::isRegularFile)
        .map(Path::toString)
        .toList();
  }

  /**
   * Folders of Python packages: the active environment, those of the pythons on the path, others.
   */
  private List<Path> packages() {
    Set<Path> homes = new LinkedHashSet<>();
    folders("VIRTUAL_ENV").forEach(homes::add);
    folders("CONDA_PREFIX").forEach(homes::add);
    folders("PATH")
        .filter(folder -> Files.exists(folder.resolve(windows ? "python.exe" : "python3")))
        .map(folder -> folder.toAbsolutePath().normalize().getParent())
        .filter(Objects::nonNull)
        .forEach(homes::add);
    folders("HOME").map(home -> home.resolve(".local")).forEach(homes::add);
    homes.add(root.resolve("usr"));
    homes.add(root.resolve("usr/local"));
    homes.addAll(entries(root.resolve("opt"), "*"));
    List<Path> packages = new ArrayList<>();
    for (Path home : homes) {
      packages.add(home.resolve("Lib/site-packages"));
      for (Path python : entries(home.resolve("lib"), "python3*")) {
        packages.add(python.resolve("site-packages"));
        packages.add(python.resolve("dist-packages"));
      }
    }
    return packages;
  }

  /** Those that a variable names, without what cannot be a path here. */
  private Stream<Path> folders(String variable) {
    String[] names = environment.getOrDefault(variable, "").split(windows ? ";" : ":");
    return Stream.of(names).filter(name -> !name.isEmpty()).flatMap(CublasFiles::path);
  }

  private static Stream<Path> path(String name) {
    try {
      return Stream.of(Path.of(name));
    } catch (InvalidPathException e) {
      return Stream.empty();
    }
  }

  private static List<Path> entries(Path folder, String pattern) {
    List<Path> found = new ArrayList<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder, pattern)) {
      entries.forEach(found::add);
    } catch (IOException | DirectoryIteratorException e) {
      return List.of();
    }
    found.sort(null);
    return found;
  }
}
