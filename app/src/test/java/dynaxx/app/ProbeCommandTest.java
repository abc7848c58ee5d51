package dynaxx.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dynaxx.app.data.ArrayFile;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.testing.CaseFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The command on networks whose curvature PyTorch computed in float64. */
class ProbeCommandTest {

  @TempDir private Path temporary;

  private static Outcome run(List<String> arguments) {
    return Outcome.of(arguments);
  }

  private static List<String> arguments(String name, String loss, String... more) {
    List<String> all = new ArrayList<>();
    all.add("probe");
    all.addAll(List.of("--model", CaseFiles.path(name, "model.onnx").toString()));
    all.addAll(List.of("--inputs", CaseFiles.path(name, "inputs.npy").toString()));
    all.addAll(List.of("--targets", CaseFiles.path(name, "targets.npy").toString()));
    all.addAll(List.of("--loss", loss));
    all.addAll(List.of(more));
    return all;
  }

  private static JsonNode json(Path file) throws IOException {
    return new ObjectMapper().readTree(file.toFile());
  }

  private static double number(JsonNode json, String... path) {
    JsonNode found = json;
    for (String key : path) {
      found = found.get(key);
    }
    return found.asDouble();
  }

  /** Names, places and axes of inputs are those of the model, or one line says which are. */
  @Test
  void inputsByNameAndAxis() throws IOException {
    String file = CaseFiles.path("mlp-tanh", "inputs.npy").toString();
    Path json = temporary.resolve("named.json");
    List<String> all = arguments("mlp-tanh", "cross-entropy", "--mode", "cheap");
    all.set(all.indexOf("--inputs") + 1, "input=" + file);
    all.addAll(List.of("--batch-axis", "input=0", "--json", json.toString()));
    Outcome named = run(all);
    assertEquals(0, named.status(), named.err());
    JsonNode expected = json(CaseFiles.path("mlp-tanh", "expected.json"));
    assertEquals(number(expected, "loss"), number(json(json), "loss"), 1e-6);
    refusedInput(List.of("--batch-axis", "third"), "--batch-axis: found 'third'");
    refusedInput(List.of("--batch-axis", "7"), "--batch-axis: found 7");
    refusedInput(List.of("--inputs", file), "inputs: found '#1', expected some of");
    refusedInput(List.of("--shared", "mask", "--inputs", file), "--shared: found 'mask'");
  }

  private static void refusedInput(List<String> more, String message) {
    List<String> all = arguments("mlp-tanh", "cross-entropy");
    all.addAll(more);
    Outcome outcome = run(all);
    assertEquals(2, outcome.status(), outcome.err());
    assertTrue(outcome.err().contains(message), outcome.err());
    assertEquals(1, outcome.err().lines().count(), outcome.err());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"mlp-tanh", "mlp-regression", "cnn-relu", "gru", "lm-causal", "vit-small"})
  void reproducesKnownCurvature(String name) throws IOException {
    JsonNode expected = json(CaseFiles.path(name, "expected.json"));
    Path file = temporary.resolve("probe.json");
    Outcome outcome =
        run(
            arguments(
                name,
                expected.get("loss_kind").asText(),
                "--operator",
                "gauss-newton,empirical-fisher",
                "--json",
                file.toString()));
    assertEquals(0, outcome.status(), outcome.err());
    JsonNode found = json(file);
    assertEquals(expected.get("n").asInt(), found.get("parameters").asInt());
    assertEquals(expected.get("examples").asInt(), found.get("examples").asInt());
    assertEquals(number(expected, "loss"), number(found, "loss"), 1e-6);
    double largest = number(expected, "lambda_max");
    double smallest = number(expected, "lambda_min");
    assertEquals(largest, number(found, "lambda_max", "value"), 1e-4 * largest);
    assertEquals(smallest, number(found, "lambda_min", "value"), 1e-4 * largest);
    assertTrue(number(found, "lambda_min", "lower_bound") <= smallest);
    assertTrue(found.get("lambda_min").get("verdict").asText().startsWith("NEGATIVE ("));
    double error = number(found, "trace", "standard_error");
    assertEquals(number(expected, "trace"), number(found, "trace", "value"), 3 * error);
    for (String key : List.of("micro_batch_gradient_variance", "per_example_gradient_variance")) {
      assertEquals(number(expected, key), number(found, key), 1e-4 * number(expected, key), key);
    }
    for (String matrix : List.of("gauss_newton", "empirical_fisher")) {
      // The Gauss-Newton values of one case are missing: see the README of the cases.
      if (expected.has(matrix)) {
        semidefinite(expected.get(matrix), found.get(matrix));
      }
    }
    JsonNode entropies = expected.path("attention_entropy_nats");
    assertEquals(entropies.size(), found.path("attention_entropy_nats").size());
    JsonNode fractions = expected.path("active_fractions");
    assertEquals(fractions.size(), found.path("active_fractions").size());
    for (int i = 0; i < fractions.size(); i++) {
      double exact = fractions.get(i).asDouble();
      assertEquals(exact, found.get("active_fractions").get(i).asDouble(), 1e-15);
    }
    assertEquals(
        name.equals("cnn-relu"),
        outcome.out().contains("active       0.529 0.506 of each rectifier layer's units"),
        outcome.out());
    assertEquals(expected.get("parameters").size(), found.get("layer_traces").size());
    assertTrue(outcome.out().contains("lambda_min"), outcome.out());
  }

  private static void semidefinite(JsonNode expected, JsonNode found) {
    for (int i = 0; i < 5; i++) {
      double value = expected.get("largest").get(i).asDouble();
      assertEquals(value, found.get("largest").get(i).asDouble(), 1e-4 * value);
    }
    assertEquals(
        number(expected, "trace"), number(found, "trace"), 1e-4 * number(expected, "trace"));
  }

  @Test
  void multipliesGivenVectorsAndWritesTheGradient() throws IOException {
    Path products = temporary.resolve("hv.npy");
    Path gradient = temporary.resolve("g.npy");
    Outcome outcome =
        run(
            arguments(
                "gru",
                "cross-entropy",
                "--hvp",
                CaseFiles.path("gru", "probe.npy").toString(),
                "--out",
                products.toString(),
                "--gradient",
                gradient.toString()));
    assertEquals(0, outcome.status(), outcome.err());
    assertClose(CaseFiles.path("gru", "hvp.npy"), products);
    assertClose(CaseFiles.path("gru", "gradient.npy"), gradient);
  }

  /** A comparison with NaN is no agreement. */
  @Test
  void expectedOutputsMustBeFinite() throws IOException {
    Path expected = temporary.resolve("expected.npy");
    try (Scope scope = Scope.open()) {
      ArrayFile outputs = ArrayFile.open(CaseFiles.path("gru", "targets.npy"));
      HostBuffer none = scope.allocate(outputs.size());
      none.set(0, Float.NaN);
      ArrayFile.write(expected, outputs.shape(), none);
    }
    refused(
        arguments("gru", "cross-entropy", "--expect", expected.toString()), expected.toString());
  }

  /** What is solved for, multiplied again, is the right-hand side. */
  @Test
  void solvesWithDamping() throws IOException {
    Path x = temporary.resolve("x.npy");
    Path back = temporary.resolve("back.npy");
    String b = CaseFiles.path("gru", "probe.npy").toString();
    String[] asked = {"--solve", b, "--damping", "0.5", "--out", x.toString()};
    Outcome solved = run(arguments("gru", "cross-entropy", asked));
    assertEquals(0, solved.status(), solved.err());
    assertTrue(solved.out().contains("hessian + 0.5000, residual at most "), solved.out());
    String[] again = {"--hvp", x.toString(), "--weight-decay", "0.5", "--out", back.toString()};
    Outcome multiplied = run(arguments("gru", "cross-entropy", again));
    assertEquals(0, multiplied.status(), multiplied.err());
    assertClose(CaseFiles.path("gru", "probe.npy"), back);
    String[] bounded = {
      "--operator", "gauss-newton", "--solve", b, "--damping", "0.5", "--out", x.toString()
    };
    assertTrue(run(arguments("gru", "cross-entropy", bounded)).out().contains("error at most"));
    refused(arguments("gru", "cross-entropy", "--solve", b), "--solve and --out: found one");
  }

  /** Eigenvalues and products against those of PyTorch; solutions against the products. */
  @ParameterizedTest
  @ValueSource(strings = {"kfac", "ekfac"})
  void approximatesTheGaussNewtonMatrix(String matrix) throws IOException {
    JsonNode expected = json(CaseFiles.path("cnn-relu", "kfac.json")).get(matrix);
    Path file = temporary.resolve("probe.json");
    String[] measured = {"--operator", matrix, "--mode", "article", "--json", file.toString()};
    Outcome outcome = run(arguments("cnn-relu", "cross-entropy", measured));
    assertEquals(0, outcome.status(), outcome.err());
    assertTrue(outcome.out().contains("approximation of the Gauss-Newton"), outcome.out());
    JsonNode found = json(file).get(matrix);
    assertEquals("gauss_newton", found.get("approximates").asText());
    for (int i = 0; i < 5; i++) {
      double value = expected.get("largest").get(i).asDouble();
      assertEquals(value, found.get("largest").get(i).asDouble(), 1e-4 * value);
    }
    double trace = number(expected, "trace");
    assertEquals(trace, number(found, "trace"), 1e-4 * trace);
    Path x = temporary.resolve("x.npy");
    String b = CaseFiles.path("cnn-relu", "gradient.npy").toString();
    String[] asked = {
      "--operator", matrix, "--solve", b, "--damping", "0.5", "--out", x.toString()
    };
    Outcome solved = run(arguments("cnn-relu", "cross-entropy", asked));
    assertEquals(0, solved.status(), solved.err());
    assertTrue(solved.out().contains(matrix + " + 0.5000, residual at most"), solved.out());
    assertTrue(solved.out().contains("error at most"), solved.out());
    Path back = temporary.resolve("back.npy");
    String[] again = {"--operator", matrix, "--hvp", x.toString(), "--out", back.toString()};
    assertEquals(0, run(arguments("cnn-relu", "cross-entropy", again)).status());
    try (Scope scope = Scope.open()) {
      HostBuffer wanted = ArrayFile.open(Path.of(b)).values(scope);
      HostBuffer solution = ArrayFile.open(x).values(scope);
      HostBuffer product = ArrayFile.open(back).values(scope);
      double rest = 0;
      double all = 0;
      for (long i = 0; i < wanted.size(); i++) {
        double left = product.get(i) + 0.5 * solution.get(i) - wanted.get(i);
        rest += left * left;
        all += (double) wanted.get(i) * wanted.get(i);
      }
      assertTrue(rest <= 1e-10 * all, "residual " + Math.sqrt(rest / all));
    }
  }

  @Test
  void saysHowTheLossWasChosen() throws IOException {
    Path file = temporary.resolve("probe.json");
    String[] asked = {"--mode", "article", "--lanczos", "4", "--probes", "2"};
    List<String> all = new ArrayList<>(List.of(asked));
    all.addAll(List.of("--reduction", "mean", "--label-smoothing", "0.1"));
    all.addAll(List.of("--json", file.toString()));
    Outcome outcome = run(arguments("gru", "cross-entropy", all.toArray(String[]::new)));
    assertEquals(0, outcome.status(), outcome.err());
    assertTrue(
        outcome.out().contains("loss options reduction mean, label smoothing 0.1\n"),
        outcome.out());
    assertEquals(
        "{\"reduction\":\"mean\",\"label_smoothing\":0.1}",
        json(file).get("loss_options").toString());
    Outcome plain = run(arguments("gru", "cross-entropy", asked));
    assertFalse(plain.out().contains("loss options"), plain.out());
  }

  /** Against the products with some unit vectors. */
  @Test
  void writesTheDiagonal() throws IOException {
    String[] quick = {"--mode", "article", "--lanczos", "4", "--probes", "2"};
    Path diagonal = temporary.resolve("d.npy");
    Path units = temporary.resolve("units.npy");
    Path products = temporary.resolve("h.npy");
    int some = 200;
    int step = 8;
    int n;
    try (Scope scope = Scope.open()) {
      n = ArrayFile.open(CaseFiles.path("gru", "probe.npy")).shape().getLast().intValue();
      HostBuffer ones = scope.allocate((long) some * n);
      for (int i = 0; i < some; i++) {
        ones.set((long) i * n + i * step, 1);
      }
      ArrayFile.write(units, List.of((long) some, (long) n), ones);
    }
    Outcome exact =
        run(
            arguments(
                "gru",
                "cross-entropy",
                "--hvp",
                units.toString(),
                "--weight-decay",
                "0.5",
                "--out",
                products.toString()));
    assertEquals(0, exact.status(), exact.err());
    List<String> asked = new ArrayList<>(List.of(quick));
    asked.addAll(List.of("--diagonal", diagonal.toString(), "--weight-decay", "0.5"));
    asked.set(asked.indexOf("2"), "40");
    Outcome outcome = run(arguments("gru", "cross-entropy", asked.toArray(String[]::new)));
    assertEquals(0, outcome.status(), outcome.err());
    assertTrue(outcome.out().contains("the diagonal of hessian and its standard errors"));
    try (Scope scope = Scope.open()) {
      ArrayFile found = ArrayFile.open(diagonal);
      assertEquals(List.of(2L, (long) n), found.shape());
      HostBuffer values = found.values(scope);
      HostBuffer matrix = ArrayFile.open(products).values(scope);
      double off = 0;
      double told = 0;
      double sum = 0;
      int within = 0;
      for (int i = 0; i < some; i++) {
        double entry = matrix.get((long) i * n + i * step);
        double difference = values.get(i * step) - entry;
        off += difference * difference;
        told += (double) values.get(n + i * step) * values.get(n + i * step);
        sum += (entry - 0.5) * (entry - 0.5);
        within += Math.abs(difference) <= 3 * values.get(n + i * step) + 1e-5 ? 1 : 0;
      }
      assertTrue(within >= 0.9 * some, within + " of " + some + " within three errors");
      assertTrue(off < 0.15 * sum, "relative error " + Math.sqrt(off / sum));
      assertEquals(1, Math.sqrt(told / off), 0.5, "errors as they are told, of those there are");
    }
    String[] two = {"--operator", "hessian,gauss-newton", "--diagonal", diagonal.toString()};
    refused(
        arguments("gru", "cross-entropy", two),
        "--diagonal: found 2 matrices in --operator, expected one");
  }

  @Test
  void deliversTheGradientAndWhatElseIsAskedFor() {
    Path gradient = temporary.resolve("g.npy");
    String[] quick = {"--mode", "article", "--lanczos", "12", "--probes", "2", "--density"};
    List<String> all = arguments("gru", "cross-entropy", quick);
    all.addAll(List.of("--gradient", gradient.toString()));
    Outcome outcome = run(all);
    assertEquals(0, outcome.status(), outcome.err());
    assertClose(CaseFiles.path("gru", "gradient.npy"), gradient);
    assertTrue(outcome.out().contains("lambda_min"), outcome.out());
    assertTrue(outcome.out().contains("density"), outcome.out());
  }

  @Test
  void multipliesWithOneMatrixOnly() {
    Path products = temporary.resolve("hv.npy");
    List<String> all = arguments("gru", "cross-entropy", "--operator", "hessian,gauss-newton");
    all.addAll(List.of("--hvp", CaseFiles.path("gru", "probe.npy").toString()));
    all.addAll(List.of("--out", products.toString()));
    refused(all, "--hvp: found 2 matrices in --operator, expected one");
    assertFalse(Files.exists(products));
  }

  @Test
  void whatCannotBeWrittenIsSaidInOneLine() {
    String[] quick = {"--mode", "article", "--lanczos", "4", "--probes", "2", "--json"};
    List<String> all = arguments("mlp-regression", "mse", quick);
    all.add(temporary.toString());
    refused(all, temporary + ": found a folder, expected a file to write to");
    assumeTrue(Files.exists(Path.of("/dev/full")), "no /dev/full on this system");
    all.set(all.size() - 1, "/dev/full");
    refused(all, "dynaxx: /dev/full: cannot be written or read (No space left on device)");
  }

  private static void assertClose(Path expected, Path found) {
    try (Scope scope = Scope.open()) {
      ArrayFile left = ArrayFile.open(expected);
      ArrayFile right = ArrayFile.open(found);
      assertEquals(left.shape(), right.shape());
      HostBuffer a = left.values(scope);
      HostBuffer b = right.values(scope);
      double difference = 0;
      double norm = 0;
      for (long i = 0; i < a.size(); i++) {
        difference += Math.pow(a.get(i) - b.get(i), 2);
        norm += Math.pow(a.get(i), 2);
      }
      assertTrue(Math.sqrt(difference / norm) < 2e-5, found + ": " + Math.sqrt(difference / norm));
    }
  }

  @Test
  void drawsPictures() throws IOException {
    Path svg = temporary.resolve("spectrum.svg");
    Path png = temporary.resolve("spectrum.png");
    String[] quick = {"--mode", "article", "--lanczos", "12", "--probes", "2", "--plot"};
    for (Path file : List.of(svg, png)) {
      List<String> all = arguments("mlp-regression", "mse", quick);
      all.add(file.toString());
      Outcome outcome = run(all);
      assertEquals(0, outcome.status(), outcome.err());
      assertTrue(outcome.out().contains("wrote " + file));
    }
    assertTrue(
        Files.readString(svg).startsWith("<svg") && Files.readString(svg).endsWith("</svg>\n"));
    assertEquals(2 * 860, javax.imageio.ImageIO.read(png.toFile()).getWidth());
  }

  private static void refused(List<String> arguments, String... parts) {
    Outcome outcome = run(arguments);
    assertEquals(2, outcome.status(), outcome.out() + outcome.err());
    for (String part : parts) {
      assertTrue(outcome.err().contains(part), part + " in " + outcome.err());
    }
    assertFalse(outcome.err().contains("\tat "), outcome.err());
  }

  @Test
  void takesTargetsInTheirOrderOnly() throws IOException {
    JsonNode expected = json(CaseFiles.path("lm-causal", "expected.json"));
    ArrayFile whole = ArrayFile.open(CaseFiles.path("lm-causal", "targets.npy"));
    long examples = whole.shape().get(0);
    long tokens = whole.shape().get(1);
    Path targets = temporary.resolve("targets.npy");
    List<String> all = arguments("lm-causal", "cross-entropy", "--mode", "cheap", "--json");
    Path file = temporary.resolve("probe.json");
    all.add(file.toString());
    all.set(6, targets.toString());
    try (Scope scope = Scope.open()) {
      HostBuffer values = whole.values(scope);
      for (List<Long> shape : List.of(List.of(examples * tokens), List.of(examples, tokens, 1L))) {
        ArrayFile.write(targets, shape, values);
        Outcome outcome = run(all);
        assertEquals(0, outcome.status(), outcome.err());
        assertEquals(number(expected, "loss"), number(json(file), "loss"), 1e-6);
      }
      for (List<Long> shape :
          List.of(List.of(tokens, examples), List.of(2 * examples, tokens / 2))) {
        ArrayFile.write(targets, shape, values);
        refused(all, "expected [" + examples + " x " + tokens + "]");
      }
    }
  }

  @Test
  void comparesALearningRateWithItsLimit() throws IOException {
    JsonNode expected = json(CaseFiles.path("gru", "expected.json"));
    double max = number(expected, "lambda_max");
    Path file = temporary.resolve("probe.json");
    Outcome sgd =
        run(
            arguments(
                "gru",
                "cross-entropy",
                "--learning-rate",
                "0.5",
                "--momentum",
                "0.9",
                "--weight-decay",
                "0.01",
                "--json",
                file.toString()));
    assertEquals(0, sgd.status(), sgd.err());
    double part = max / (2 * 1.9 / 0.5 - 0.01);
    JsonNode found = json(file).get("stability");
    assertEquals(part, number(found, "part_of_limit"), 1e-4 * part);
    double low = found.get("interval").get(0).asDouble();
    double high = found.get("interval").get(1).asDouble();
    assertTrue(low < 0.99 * part && high > 1.01 * part, low + " to " + high);
    assertEquals(4, found.get("parts").asInt());
    assertTrue(sgd.out().contains("0.24 of the stability limit (0."), sgd.out());
    assertTrue(sgd.out().contains("sgd with momentum 0.9 at learning rate 0.5"), sgd.out());
    assertTrue(found.has("directional_curvature_ratio") && found.has("critical_rate_ratio"));

    Path moments = temporary.resolve("v.npy");
    long n = expected.get("n").asLong();
    try (Scope scope = Scope.open()) {
      HostBuffer same = scope.allocate(n);
      for (long i = 0; i < n; i++) {
        same.set(i, 0.25f);
      }
      ArrayFile.write(moments, List.of(n), same);
    }
    List<String> adam =
        arguments(
            "gru",
            "cross-entropy",
            "--learning-rate",
            "0.01",
            "--optimizer",
            "adamw",
            "--json",
            file.toString());
    Outcome estimated = run(adam);
    assertEquals(0, estimated.status(), estimated.err());
    assertTrue(estimated.out().contains("--second-moment takes the optimizer's own"));
    assertEquals("estimated", json(file).get("stability").get("second_moment").asText());
    adam.addAll(List.of("--second-moment", moments.toString()));
    Outcome given = run(adam);
    assertEquals(0, given.status(), given.err());
    double preconditioned = max / 0.5 * 0.01 / 38;
    assertEquals(
        preconditioned, number(json(file), "stability", "part_of_limit"), 0.01 * preconditioned);
    assertFalse(given.out().contains("--second-moment"), given.out());
  }

  @Test
  void listsTheTensors() throws IOException {
    Path csv = temporary.resolve("layers.csv");
    Path file = temporary.resolve("probe.json");
    Outcome outcome =
        run(
            arguments(
                "gru", "cross-entropy", "--layers", csv.toString(), "--json", file.toString()));
    assertEquals(0, outcome.status(), outcome.err());
    List<String> lines = Files.readAllLines(csv);
    List<String> names = List.of(lines.getFirst().split(","));
    assertEquals(7, lines.size());
    double sum = 0;
    double before = Double.POSITIVE_INFINITY;
    for (String line : lines.subList(1, lines.size())) {
      String[] fields = line.split(",", -1);
      assertEquals(names.size(), fields.length, line);
      sum += Double.parseDouble(fields[names.indexOf("trace")]);
      double max = Double.parseDouble(fields[names.indexOf("lambda_max")]);
      assertTrue(max <= before, "the sharpest first");
      before = max;
      assertTrue(outcome.out().contains(fields[0]), fields[0]);
    }
    double error = number(json(file), "trace", "standard_error");
    assertEquals(number(json(file), "trace", "value"), sum, 4 * error);
    assertEquals(6, json(file).get("tensors").size());
    Outcome shown = run(arguments("gru", "cross-entropy", "--mode", "article", "--layers"));
    assertEquals(0, shown.status(), shown.err());
    assertTrue(shown.out().contains("loss at int4"), shown.out());
  }

  @Test
  void weightDecayShiftsTheHessian() throws IOException {
    Path plain = temporary.resolve("plain.json");
    Path decayed = temporary.resolve("decayed.json");
    run(arguments("gru", "cross-entropy", "--mode", "article", "--json", plain.toString()));
    Outcome shown =
        run(
            arguments(
                "gru",
                "cross-entropy",
                "--mode",
                "article",
                "--weight-decay",
                "0.5",
                "--json",
                decayed.toString()));
    assertTrue(shown.out().contains("shifts the Hessian by it"), shown.out());
    assertEquals(
        number(json(plain), "lambda_max", "value") + 0.5,
        number(json(decayed), "lambda_max", "value"),
        1e-5);
  }

  @Test
  void measuresSomeExamplesWithASmoothedLoss() throws IOException {
    Outcome shown =
        run(
            arguments(
                "gru",
                "cross-entropy",
                "--mode",
                "cheap",
                "--subset",
                "16",
                "--label-smoothing",
                "0.1",
                "--reduction",
                "sum"));
    assertEquals(0, shown.status(), shown.err());
    assertTrue(shown.out().contains("on 16 examples"), shown.out());
    refused(
        arguments("gru", "cross-entropy", "--subset", "65"),
        "--subset: found 65 of 64 examples, expected at most those");
    refused(arguments("gru", "cross-entropy", "--examples", "9:3"), "expected FROM:TO");
    refused(arguments("gru", "cross-entropy", "--delta", "2"), "expected huber or smooth-l1");
    refused(
        arguments(
            "gru", "cross-entropy", "--expect", CaseFiles.path("gru", "inputs.npy").toString()),
        "expected 64 outputs");
  }

  @Test
  void explainsWhatDoesNotFit() throws IOException {
    refused(List.of("probe"), "Missing required options", "--model=FILE");
    refused(
        arguments("gru", "hinge"),
        "--loss: found 'hinge', expected one of cross-entropy, soft-cross-entropy");
    refused(
        arguments("gru", "mse"),
        "targets.npy: found shape [64], expected [64 x 10]: a value for each prediction");
    refused(
        arguments("gru", "cross-entropy", "--operator", "laplacian"),
        "--operator: found 'laplacian', expected one of hessian, gauss-newton, empirical-fisher,"
            + " fisher");
    refused(arguments("gru", "cross-entropy", "--mode", "x"), "expected one of certified, article");
    refused(arguments("gru", "cross-entropy", "--lanczos", "1"), "--lanczos: found 1");
    refused(arguments("gru", "cross-entropy", "--micro-batch", "40"), "half of the 64 examples");
    refused(
        arguments("gru", "cross-entropy", "--momentum", "0.9"),
        "--learning-rate: found none with options of an optimizer");
    refused(
        arguments("gru", "cross-entropy", "--learning-rate", "NaN"),
        "--learning-rate: found NaN, expected a finite number above 0");
    refused(
        arguments("gru", "cross-entropy", "--learning-rate", "1", "--optimizer", "adam"),
        "--optimizer: found 'adam', expected one of sgd, adamw");
    refused(
        arguments("gru", "cross-entropy", "--learning-rate", "1", "--momentum", "1"),
        "--momentum: found 1.0, expected from 0 to below 1");
    refused(
        arguments("gru", "cross-entropy", "--learning-rate", "1", "--updates", "3"),
        "without --optimizer adamw");
    refused(
        arguments(
            "gru",
            "cross-entropy",
            "--learning-rate",
            "1",
            "--optimizer",
            "adamw",
            "--second-moment",
            CaseFiles.path("gru", "inputs.npy").toString()),
        "inputs.npy: found shape [64, 14, 14], expected [1706]");
    refused(
        arguments("gru", "cross-entropy", "--learning-rate", "1", "--weight-decay", "3"),
        "whose limit is not above 0");
    refused(arguments("gru", "cross-entropy", "--plot", "x.pdf"), "ends with .png or .svg");
    refused(arguments("gru", "cross-entropy", "--hvp", "v.npy"), "found one of them");
    refused(arguments("gru", "cross-entropy", "--backend", "tpu"), "'tpu' is not available");
    refused(
        arguments("gru", "cross-entropy", "--parameters", "("), "expected a regular expression");
    refused(
        arguments("gru", "cross-entropy", "--parameters", "none"),
        "found no parameter that reaches");
    refused(
        arguments("gru", "cross-entropy", "--json", "/nowhere/x.json"), "found no folder /nowhere");
    List<String> other = arguments("gru", "cross-entropy");
    other.set(4, CaseFiles.path("mlp-tanh", "inputs.npy").toString());
    refused(other, "found examples of shape [49], expected [14, 14]");
    other.set(4, temporary.resolve("none.npy").toString());
    refused(other, "none.npy: found no such file");
    List<String> text = arguments("gru", "cross-entropy");
    text.set(2, CaseFiles.path("gru", "expected.json").toString());
    refused(text, "expected.json: found");
    Path vectors = temporary.resolve("v.npy");
    try (Scope scope = Scope.open()) {
      ArrayFile.write(vectors, List.of(2L, 3L), scope.allocate(6));
    }
    refused(
        arguments(
            "gru",
            "cross-entropy",
            "--hvp",
            vectors.toString(),
            "--out",
            temporary.resolve("o.npy").toString()),
        "found shape [2, 3], expected [k x 1706] or [1706]");
  }
}
