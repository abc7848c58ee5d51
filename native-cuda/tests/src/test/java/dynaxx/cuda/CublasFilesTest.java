package dynaxx.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
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

  /** Of the wheels of nvidia-cublas on this machine; without any, the test is skipped. */
  private static List<String> wheels() {
    List<String> wheels =
        CublasFiles.ofProcess().candidates(13000).stream()
            .filter(c -> c.contains("nvidia"))
            .toList();
    Assumptions.assumeFalse(wheels.isEmpty(), "no wheel of nvidia-cublas on this machine");
    return wheels;
  }

  /** The real library, on a machine without a driver. */
  @Test
  void theRealLibraryHasAllSymbolsAndSaysThatThereIsNoDriver() {
    List<String> wheels = wheels();
    Assumptions.assumeTrue(
        Native.find("CUDA driver", "libcuda.so.1").isEmpty(), "this machine has a driver");
    LoadException e = assertThrows(LoadException.class, () -> Blas.open(wheels));
    assertTrue(e.getMessage().contains("CUBLAS_STATUS_NOT_INITIALIZED"), e.getMessage());
  }

  /** The numbers and arguments that Blas passes are those of the header beside the library. */
  @Test
  void theRealHeaderHasTheSameNumbersAndArguments() throws IOException {
    Path header = Path.of(wheels().getFirst()).resolve("../../include/cublas_api.h").normalize();
    Assumptions.assumeTrue(Files.exists(header), "the wheel has no " + header);
    String text = Files.readString(header);
    Map<String, Integer> numbers =
        Map.of(
            "CUBLAS_OP_N", new Blas.Operand(0, 0, 0, false).op(),
            "CUBLAS_OP_T", new Blas.Operand(0, 0, 0, true).op(),
            "CUBLAS_COMPUTE_32F", Blas.Type.FLOAT32.compute(),
            "CUBLAS_COMPUTE_32F_FAST_TF32", Blas.Type.TF32.compute(),
            "CUBLAS_COMPUTE_64F", Blas.Type.FLOAT64.compute(),
            "CUBLAS_POINTER_MODE_HOST", Blas.HOST_POINTERS,
            "CUBLAS_GEMM_DEFAULT", Blas.DEFAULT_ALGORITHM);
    numbers.forEach(
        (name, number) ->
            assertTrue(
                Pattern.compile("\\b" + name + "\\s*=\\s*\\(?" + number + "\\)?\\s*[,}/\\n]")
                    .matcher(text)
                    .find(),
                name + ": expected " + number));
    assertEquals(
        "handle, int, int, n, n, n, *, *, int, n, n, *, int, n, n, *, *, int, n, n, n, int, int",
        arguments(text, "cublasGemmStridedBatchedEx_64"));
    assertEquals(
        "handle, int, int, n, n, n, *, *, int, n, *, int, n, *, *, int, n, n, int, int",
        arguments(text, "cublasGemmBatchedEx_64"));
    assertEquals("handle, *, n", arguments(text, "cublasSetWorkspace_v2"));
    assertEquals("handle, handle", arguments(text, "cublasSetStream_v2"));
    assertEquals("handle, int", arguments(text, "cublasSetPointerMode_v2"));
  }

  /** How the arguments of a function are passed: by 32 or 64 bits, as handles or addresses. */
  private static String arguments(String header, String function) {
    Matcher found = Pattern.compile("\\b" + function + "\\s*\\(([^)]*)\\)").matcher(header);
    assertTrue(found.find(), "no " + function + " in the header");
    return Stream.of(found.group(1).split(","))
        .map(
            argument -> {
              if (argument.contains("*") || argument.contains("[]")) {
                return "*";
              }
              if (argument.matches("(?s).*(cublasHandle_t|cudaStream_t)\\b.*")) {
                return "handle";
              }
              return argument.matches("(?s).*(int64_t|long long|size_t)\\b.*") ? "n" : "int";
            })
        .collect(Collectors.joining(", "));
  }
}
