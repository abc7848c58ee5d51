package dynaxx.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CublasFilesTest {

  private static final List<String> USUAL =
      List.of(
          "libcublas.so.13",
          "libcublas.so.12",
          "/usr/local/cuda/lib64/libcublas.so.13",
          "/usr/local/cuda/lib64/libcublas.so.12");

  @TempDir private Path root;

  private Path wheel(String file) throws IOException {
    Path path = root.resolve(file);
    Files.createDirectories(path.getParent());
    return Files.createFile(path);
  }

  private List<String> candidates(int version, Map<String, String> environment) {
    return new CublasFiles(environment, root, false).candidates(version);
  }

  @Test
  void theDriversOwnMajorVersionComesFirst() {
    assertEquals(USUAL, candidates(13000, Map.of()));
    assertEquals("libcublas.so.12", candidates(12040, Map.of()).getFirst());
    List<String> toolkit = candidates(13000, Map.of("CUDA_PATH", "/cuda"));
    assertEquals("/cuda/lib64/libcublas.so.13", toolkit.get(2));
    assertEquals("/cuda/lib/libcublas.so.13", toolkit.get(3));
  }

  @Test
  void findsWhatPyTorchBringsAlong() throws IOException {
    Path system = wheel("usr/local/lib/python3.12/dist-packages/nvidia/cu13/lib/libcublas.so.13");
    Path old = wheel("opt/conda/lib/python3.11/site-packages/nvidia/cublas/lib/libcublas.so.12");
    Path active = wheel("env/lib/python3.13/site-packages/nvidia/cu13/lib/libcublas.so.13");
    wheel("home/bin/python3");
    Path onPath = wheel("home/lib/python3.12/site-packages/nvidia/cu13/lib/libcublas.so.13");
    Map<String, String> environment =
        Map.of(
            "VIRTUAL_ENV",
            root.resolve("env").toString(),
            "PATH",
            "/nowhere::" + root.resolve("home/bin"));
    List<String> found = candidates(13000, environment);
    assertEquals(USUAL, found.subList(0, 4));
    assertEquals(
        List.of(active.toString(), onPath.toString(), system.toString(), old.toString()),
        found.subList(4, found.size()));
  }

  /** As where PATH has letters that the locale lacks; and Python in the root folder. */
  @Test
  void passesOverWhatIsNoPath() throws IOException {
    Path active = wheel("env/lib/python3.13/site-packages/nvidia/cu13/lib/libcublas.so.13");
    Map<String, String> environment =
        Map.of("VIRTUAL_ENV", root.resolve("env").toString(), "PATH", "no\0path:/", "HOME", "\0");
    assertEquals(active.toString(), candidates(13000, environment).get(4));
  }

  /** The real library, on a machine without a driver. */
  @Test
  void theRealLibraryHasAllSymbolsAndSaysThatThereIsNoDriver() {
    List<String> wheels =
        CublasFiles.ofProcess().candidates(13000).stream()
            .filter(c -> c.contains("nvidia"))
            .toList();
    Assumptions.assumeFalse(wheels.isEmpty(), "no wheel of nvidia-cublas on this machine");
    Assumptions.assumeTrue(
        Native.find("CUDA driver", "libcuda.so.1").isEmpty(), "this machine has a driver");
    LoadException e = assertThrows(LoadException.class, () -> Blas.open(wheels));
    assertTrue(e.getMessage().contains("CUBLAS_STATUS_NOT_INITIALIZED"), e.getMessage());
  }
}
