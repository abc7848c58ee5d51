package dynaxx.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.cuda.Counts.Card;
import dynaxx.cuda.KernelTraffic.Launch;
import dynaxx.device.Device;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.model.ConvolutionalNetwork;
import dynaxx.model.LanguageModel;
import dynaxx.model.VisionTransformer;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.operator.Hessian;
import dynaxx.spectrum.Lanczos;
import dynaxx.spectrum.TraceEstimator;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/**
 * Launches, operations and bytes of the passes over networks of real size, counted and not
 * computed: the table in docs/gpu.md is what they are, so that none grows unnoticed.
 */
@EmulatorTest
class CountsTest {

  private static final Path PAGE = Path.of("..", "..", "docs", "gpu.md");
  private static final String REWRITE =
      "mvn -pl native-cuda/tests -am verify -Dcuda=off -Ddocs=write"
          + " -Dtest=CountsTest,MemoryPlanTest -Dsurefire.failIfNoSpecifiedTests=false";

  /** Of an H200. */
  static final long MEMORY = 141_000_000_000L;

  private static final int LANCZOS_VECTORS = 8;

  /** A network and how many examples. */
  private record Workload(String name, Network network, int examples) {

    static Workload vit(String name, int width, int heads) {
      Network network =
          new VisionTransformer()
              .image(3, 224, 224)
              .patch(16)
              .embedding(width)
              .depth(12)
              .heads(heads)
              .hidden(4 * width)
              .classes(1000)
              .build();
      return new Workload(name, network, 64);
    }

    static Workload gpt() {
      Network network =
          LanguageModel.gpt()
              .vocabulary(50257)
              .context(1024)
              .embedding(768)
              .depth(12)
              .heads(12)
              .hidden(3072)
              .build();
      return new Workload("GPT-2 small", network, 8);
    }

    static Workload resNet() {
      Network network =
          new ConvolutionalNetwork()
              .image(3, 32, 32)
              .stages(64, 128, 256, 512)
              .blocks(2)
              .groupNorm(32)
              .classes(100)
              .build();
      return new Workload("ResNet-18, 32 x 32", network, 256);
    }

    Batch batch(Scope scope) {
      Loss loss = Loss.crossEntropy();
      HostBuffer inputs = scope.allocate(examples * network.inputShape().size());
      HostBuffer targets = scope.allocate(examples * loss.targetSize(network.outputShape()));
      return Batch.of(network, loss, inputs, targets);
    }
  }

  private interface Work {
    void run();
  }

  /** One kind of work in both precisions. */
  private record Row(Workload of, String work, Counts exact, Counts split) {}

  private static List<String> counted(Work work) {
    Emulator.counted();
    work.run();
    return Emulator.counted();
  }

  /** As often as it takes until it is as in all later runs. */
  private static List<String> steady(Work work) {
    work.run();
    work.run();
    return counted(work);
  }

  private static TreeMap<Integer, List<String>> lines(Workload of, Precision precision) {
    TreeMap<Integer, List<String>> lines = new TreeMap<>();
    Emulator.memory(MEMORY);
    Emulator.eager();
    Emulator.count(1);
    try (CudaDevice device = CudaDevice.open(CudaSettings.DEFAULT.withPrecision(precision));
        Scope scope = Scope.open()) {
      Loss loss = Loss.crossEntropy();
      Batch batch = of.batch(scope);
      Buffer parameters = device.allocate(scope, of.network().parameterCount());
      try (Hessian hessian = new Hessian(of.network(), loss, batch, device)) {
        hessian.observeStatistics();
        long n = hessian.dimension();
        lines.put(0, steady(() -> hessian.linearize(parameters)));
        for (int k : new int[] {1, 8}) {
          try (Scope temporary = scope.child()) {
            Vectors v = device.vectors(temporary, k, n);
            Vectors hv = device.vectors(temporary, k, n);
            lines.put(k == 1 ? 1 : 2, steady(() -> hessian.apply(v, hv)));
            if (k == 8) {
              lines.put(3, steady(() -> hessian.quadraticForm(v)));
            }
          }
        }
        try (Scope temporary = scope.child()) {
          Vectors basis = device.vectors(temporary, LANCZOS_VECTORS + 1, n);
          Vectors w = device.vectors(temporary, 1, n);
          lines.put(4, steady(() -> orthonormalise(device, basis, w)));
        }
        lines.put(5, steady(() -> snapshot(hessian, parameters)));
      }
    }
    Emulator.reset();
    return lines;
  }

  /** As GpuReport times it: 15 Lanczos steps and 8 probes. */
  private static void snapshot(Hessian hessian, Buffer parameters) {
    hessian.linearize(parameters);
    Lanczos.fixed(15).run(hessian);
    TraceEstimator.hutchinson(8, 1).run(hessian);
  }

  private static void orthonormalise(Device device, Vectors basis, Vectors w) {
    device
        .algebra()
        .orthonormalise(
            List.of(basis), new int[] {LANCZOS_VECTORS}, w, new double[1], new double[1]);
  }

  private static final List<String> WORKS =
      List.of(
          "gradient",
          "H v, 1 direction",
          "H v, 8 directions",
          "v'H v, 8 directions",
          "Gram-Schmidt over 8 vectors",
          "snapshot: 15 Lanczos steps, 8 probes");

  private static List<Row> rows() {
    List<Row> rows = new ArrayList<>();
    List<Workload> all =
        List.of(
            Workload.vit("ViT-S/16", 384, 6),
            Workload.vit("ViT-B/16", 768, 12),
            Workload.gpt(),
            Workload.resNet());
    for (Workload of : all) {
      TreeMap<Integer, List<String>> exact = lines(of, Precision.FP32);
      TreeMap<Integer, List<String>> split = lines(of, Precision.TF32X3);
      for (int i = 0; i < WORKS.size(); i++) {
        rows.add(
            new Row(
                of,
                WORKS.get(i),
                Counts.of(exact.get(i), Card.H200),
                Counts.of(split.get(i), Card.H200_TF32)));
      }
    }
    return rows;
  }

  private static String table(List<Row> rows) {
    StringBuilder table = new StringBuilder();
    table.append(
        "| network | work | launches | submitted | products | waits | TFLOP | GB | ms | `tf32x3`:"
            + " launches | TFLOP | GB | ms |\n"
            + "|---|---|---|---|---|---|---|---|---|---|---|---|---|\n");
    String before = "";
    for (Row row : rows) {
      String name = row.of().name() + ", batch " + row.of().examples();
      Counts a = row.exact();
      Counts b = row.split();
      table.append(
          String.format(
              Locale.ROOT,
              "| %s | %s | %d | %d | %d | %d | %.3f | %.2f | %.2f | %d | %.3f | %.2f | %.2f |%n",
              name.equals(before) ? "" : name,
              row.work(),
              a.launches(),
              a.submitted(),
              a.products(),
              a.waits(),
              a.flop() / 1e12,
              a.bytes() / 1e9,
              a.seconds() * 1e3,
              b.launches(),
              b.flop() / 1e12,
              b.bytes() / 1e9,
              b.seconds() * 1e3));
      before = name;
    }
    return table.toString();
  }

  @Test
  void theTableIsWhatTheDeviceIsAskedToDo() throws IOException {
    check("counts", table(rows()));
  }

  /** Compares a table of the page, between comments with its name, or writes it. */
  static void check(String name, String table) throws IOException {
    String page = Files.readString(PAGE);
    String first = "<!-- " + name + ": begin -->\n";
    int begin = page.indexOf(first) + first.length();
    int end = page.indexOf("<!-- " + name + ": end -->\n");
    assertTrue(begin >= first.length() && end >= begin, name + ": no such comments in " + PAGE);
    if ("write".equals(System.getProperty("docs"))) {
      Files.writeString(PAGE, page.substring(0, begin) + table + page.substring(end));
    } else {
      assertEquals(page.substring(begin, end), table, PAGE + " is out of date: " + REWRITE);
    }
  }

  // ---- the bytes of kernels

  private static final int SMALL = 6;

  private static Buffer gaussian(Device device, Scope scope, long n, double scale) {
    Random random = new Random(n);
    HostBuffer host = scope.allocate(n);
    for (long i = 0; i < n; i++) {
      host.set(i, (float) (scale * random.nextGaussian()));
    }
    return device.upload(scope, host.segment());
  }

  private static void run(Workload of) {
    try (Device device = CudaDevice.open(CudaSettings.DEFAULT.withPrecision(Precision.TF32X3));
        Scope scope = Scope.open();
        Hessian hessian = new Hessian(of.network(), Loss.crossEntropy(), of.batch(scope), device)) {
      long n = hessian.dimension();
      hessian.observeStatistics();
      hessian.linearize(gaussian(device, scope, n, 0.1));
      Vectors v = device.vectors(scope, 2, n);
      device.algebra().rademacher(1, 0, v);
      hessian.apply(v, device.vectors(scope, 2, n));
      hessian.quadraticForm(v);
      Vectors basis = device.vectors(scope, 3, n);
      orthonormaliseSmall(device, basis, v.subset(0, 1));
    }
  }

  private static void orthonormaliseSmall(Device device, Vectors basis, Vectors w) {
    device.algebra().orthonormalise(List.of(basis), new int[] {2}, w, new double[1], new double[1]);
  }

  /** Kernels whose bytes follow from their data: at most these are counted. */
  private static final List<String> BOUNDED =
      List.of("rows_gather", "rows_scatter", "rows_scatter_joined", "channel_gradients");

  /** Every kernel of small networks touches as much memory as is counted for it. */
  @Test
  void kernelsTouchTheBytesThatAreCounted() {
    Network vit =
        new VisionTransformer()
            .image(3, 32, 32)
            .patch(8)
            .embedding(32)
            .depth(1)
            .heads(2)
            .hidden(64)
            .classes(10)
            .build();
    Network gpt =
        LanguageModel.gpt().vocabulary(40).context(24).embedding(32).depth(1).heads(2).build();
    Network convolutional =
        new ConvolutionalNetwork().image(3, 12, 12).stages(8, 16).blocks(1).groupNorm(4).build();
    TreeSet<String> wrong = new TreeSet<>();
    TreeSet<String> seen = new TreeSet<>();
    for (Network network : List.of(vit, gpt, convolutional)) {
      Emulator.count(2);
      run(new Workload("small", network, SMALL));
      for (String line : Emulator.counted()) {
        String[] fields = line.split("\\|", -1);
        if (!fields[0].equals("kernel")) {
          continue;
        }
        Launch launch = Counts.launch(fields);
        seen.add(launch.kernel());
        double touched = Counts.touched(fields);
        double expected = KernelTraffic.bytes(launch);
        boolean bounded = BOUNDED.contains(launch.kernel()) && touched <= expected + 1024;
        if (!bounded && Math.abs(expected - touched) > 0.05 * touched + 1024) {
          wrong.add(
              launch.kernel()
                  + ": "
                  + touched
                  + " bytes, counted "
                  + expected
                  + " for "
                  + Arrays.deepToString(launch.arguments()));
        }
      }
      Emulator.reset();
    }
    assertEquals("", String.join("\n", wrong));
    assertTrue(seen.size() > 40, seen.toString());
  }
}
