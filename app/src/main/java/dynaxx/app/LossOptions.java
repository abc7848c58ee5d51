package dynaxx.app;

import dynaxx.app.data.ArrayFile;
import dynaxx.app.io.UserException;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.network.Loss;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** What is to be measured: a loss with its settings, or a sum of some, one for each output. */
final class LossOptions {

  /** Losses by their names on the command line. */
  enum Kind {
    CROSS_ENTROPY,
    SOFT_CROSS_ENTROPY,
    BINARY_CROSS_ENTROPY,
    MSE,
    HUBER,
    SMOOTH_L1,
    L1,
    POISSON,
    GAUSSIAN,
    KULLBACK_LEIBLER,
    COSINE,
    CONTRASTIVE;

    /** Whether its Hessian by the predictions has no negative eigenvalue. */
    boolean isConvex() {
      return this != GAUSSIAN && this != COSINE && this != CONTRASTIVE;
    }

    /** Whether the last axis of the predictions are classes. */
    boolean hasClasses() {
      return this == CROSS_ENTROPY || this == SOFT_CROSS_ENTROPY;
    }

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  @Option(
      names = "--loss",
      required = true,
      paramLabel = "LOSS",
      description =
          "cross-entropy, soft-cross-entropy, binary-cross-entropy, mse, huber, smooth-l1, l1,"
              + " poisson, gaussian, kullback-leibler, cosine or contrastive. Cross-entropies take"
              + " logits: a softmax or sigmoid at the end of the model is left out. For a weighted"
              + " sum over several outputs: one for each --output, with as many --targets.")
  private List<String> losses;

  @Option(
      names = "--loss-weight",
      paramLabel = "W",
      description = "Factor of each loss of a sum. Default: 1.")
  private List<Double> factors = List.of();

  @Option(
      names = "--reduction",
      paramLabel = "R",
      description =
          "tokens: the mean over all terms that count, PyTorch's mean; mean: every example counts"
              + " alike, however many of its targets are ignored; sum. Default: tokens.")
  private String reduction = "tokens";

  @Option(
      names = "--ignore-index",
      paramLabel = "C",
      description = "Target of cross-entropy that does not count. Default: -100.")
  private Integer ignored;

  @Option(
      names = "--class-axis",
      paramLabel = "A",
      description =
          "Axis of the classes in the output, the examples being axis 0. Default: the last, or 1 if"
              + " the targets have the shape of the output without axis 1.")
  private Integer classAxis;

  @Option(
      names = "--class-weights",
      paramLabel = "W,...|FILE",
      description = "Weight of each class in a cross-entropy: numbers or a .npy file.")
  private String classWeights;

  @Option(
      names = "--label-smoothing",
      paramLabel = "E",
      description = "Part of each target that a cross-entropy spreads over all classes.")
  private Double smoothing;

  @Option(
      names = "--z-loss",
      paramLabel = "F",
      description =
          "Factor of the squared logarithm of the softmax's normaliser, added to a cross-entropy.")
  private Double zLoss;

  @Option(
      names = "--pos-weight",
      paramLabel = "W,...|FILE",
      description =
          "Factor of the positive part of a binary cross-entropy, one or one for each output:"
              + " numbers or a .npy file.")
  private String positive;

  @Option(
      names = "--probabilities",
      description = "The predictions of a binary cross-entropy are probabilities, not logits.")
  private boolean probabilities;

  @Option(
      names = "--delta",
      paramLabel = "D",
      description = "Error at which huber becomes linear, or beta of smooth-l1. Default: 1.")
  private Double delta;

  @Option(
      names = "--rates",
      description = "The predictions of poisson are rates, not their logarithms.")
  private boolean rates;

  @Option(
      names = "--log-variance",
      description =
          "The second half of gaussian's predictions are logarithms of variances, not variances.")
  private boolean logVariance;

  @Option(
      names = "--temperature",
      paramLabel = "T",
      description = "What contrastive divides cosines by. Default: 0.1.")
  private Double temperature;

  @Option(
      names = "--example-weights",
      paramLabel = "FILE",
      description = "A weight for each example, a .npy file; a mean is divided by their sum.")
  private Path exampleWeights;

  private List<Kind> kinds = List.of();

  /** What was chosen, by option; beside the reduction, only what was given. */
  Map<String, Object> given() {
    Map<String, Object> given = new LinkedHashMap<>();
    given.put("reduction", reduction);
    given.put("loss_weights", factors.isEmpty() ? null : factors);
    given.put("ignore_index", ignored);
    given.put("class_axis", classAxis);
    given.put("class_weights", classWeights);
    given.put("label_smoothing", smoothing);
    given.put("z_loss", zLoss);
    given.put("pos_weight", positive);
    given.put("probabilities", probabilities ? true : null);
    given.put("delta", delta);
    given.put("rates", rates ? true : null);
    given.put("log_variance", logVariance ? true : null);
    given.put("temperature", temperature);
    given.put("example_weights", exampleWeights == null ? null : exampleWeights.toString());
    given.values().removeIf(Objects::isNull);
    return given;
  }

  /** Before anything is read. */
  void check(CommandSpec spec, int outputs, int targets) {
    kinds = losses.stream().map(l -> kind(spec, l)).toList();
    if (kinds.size() != Math.max(1, outputs) || targets != kinds.size()) {
      throw bad(
          spec,
          "--loss, --output and --targets: found "
              + kinds.size()
              + ", "
              + outputs
              + " and "
              + targets
              + ", expected as many of each");
    }
    if (!factors.isEmpty() && factors.size() != kinds.size()) {
      throw bad(spec, "--loss-weight: found " + factors.size() + ", expected one for each --loss");
    }
    if (!List.of("mean", "sum", "tokens").contains(reduction)) {
      throw bad(spec, "--reduction: found '" + reduction + "', expected one of mean, sum, tokens");
    }
    Kind[] softmax = {Kind.CROSS_ENTROPY, Kind.SOFT_CROSS_ENTROPY};
    only(spec, "--ignore-index", ignored != null, Kind.CROSS_ENTROPY);
    only(spec, "--class-axis", classAxis != null, softmax);
    only(spec, "--class-weights", classWeights != null, softmax);
    only(spec, "--label-smoothing", smoothing != null, softmax);
    only(spec, "--z-loss", zLoss != null, softmax);
    only(spec, "--pos-weight", positive != null, Kind.BINARY_CROSS_ENTROPY);
    only(spec, "--probabilities", probabilities, Kind.BINARY_CROSS_ENTROPY);
    only(spec, "--delta", delta != null, Kind.HUBER, Kind.SMOOTH_L1);
    only(spec, "--rates", rates, Kind.POISSON);
    only(spec, "--log-variance", logVariance, Kind.GAUSSIAN);
    only(spec, "--temperature", temperature != null, Kind.CONTRASTIVE);
  }

  private Kind kind(CommandSpec spec, String found) {
    String name = found.strip().toLowerCase(Locale.ROOT);
    return Arrays.stream(Kind.values())
        .filter(k -> k.toString().equals(name))
        .findFirst()
        .orElseThrow(
            () -> {
              List<String> names = Arrays.stream(Kind.values()).map(Kind::toString).toList();
              return bad(
                  spec,
                  "--loss: found '" + found + "', expected one of " + String.join(", ", names));
            });
  }

  private void only(CommandSpec spec, String option, boolean given, Kind... of) {
    if (given && Arrays.stream(of).noneMatch(kinds::contains)) {
      String names = String.join(" or ", Arrays.stream(of).map(Kind::toString).toList());
      throw bad(
          spec,
          option + ": found it with --loss " + String.join(", ", losses) + ", expected " + names);
    }
  }

  private static ParameterException bad(CommandSpec spec, String message) {
    return new ParameterException(spec.commandLine(), message);
  }

  List<Kind> kinds() {
    return kinds;
  }

  /** Whether the Gauss-Newton matrix has no negative eigenvalue. */
  boolean isConvex() {
    return zLoss == null
        && kinds.stream().allMatch(Kind::isConvex)
        && factors.stream().allMatch(f -> f >= 0);
  }

  Integer classAxis() {
    return classAxis;
  }

  Path exampleWeights() {
    return exampleWeights;
  }

  double factor(int i) {
    return factors.isEmpty() ? 1 : factors.get(i);
  }

  /** Whether a sigmoid at the end of the model is left out. */
  boolean takesBinaryLogits(int i) {
    return kinds.get(i) == Kind.BINARY_CROSS_ENTROPY && !probabilities;
  }

  /**
   * One of the losses.
   *
   * @param ignores whether its targets hold some that do not count
   * @param weighted whether its examples have weights
   */
  Loss loss(int i, boolean ignores, boolean weighted) {
    double d = delta == null ? 1 : delta;
    Loss loss =
        switch (kinds.get(i)) {
          case CROSS_ENTROPY ->
              ignores || smoothing != null || classWeights != null
                  ? Loss.crossEntropy(
                      ignored(), smoothed(), numbers("--class-weights", classWeights))
                  : Loss.crossEntropy();
          case SOFT_CROSS_ENTROPY ->
              Loss.softCrossEntropy(smoothed(), numbers("--class-weights", classWeights));
          case BINARY_CROSS_ENTROPY -> {
            float[] weights = numbers("--pos-weight", positive);
            yield probabilities
                ? Loss.binaryCrossEntropyOfProbabilities(weights)
                : Loss.binaryCrossEntropy(weights);
          }
          case MSE -> Loss.meanSquaredError();
          case HUBER -> Loss.huber(d);
          case SMOOTH_L1 -> Loss.smoothL1(d);
          case L1 -> Loss.l1();
          case POISSON -> Loss.poisson(!rates);
          case GAUSSIAN -> Loss.gaussian(logVariance);
          case KULLBACK_LEIBLER -> Loss.kullbackLeibler();
          case COSINE -> Loss.cosine();
          case CONTRASTIVE -> Loss.contrastive(temperature == null ? 0.1 : temperature);
        };
    Loss reduced = loss.with(reduction, weighted);
    return zLoss == null || !kinds.get(i).hasClasses()
        ? reduced
        : reduced.plus(zLoss, Loss.squaredNormalizer().with(reduction, weighted));
  }

  int ignored() {
    return ignored == null ? -100 : ignored;
  }

  private double smoothed() {
    return smoothing == null ? 0 : smoothing;
  }

  /** Files of class weights and positive weights, by option. */
  Map<String, Path> weightFiles() {
    Map<String, Path> files = new LinkedHashMap<>();
    if (isFile(classWeights)) {
      files.put("--class-weights", Path.of(classWeights));
    }
    if (isFile(positive)) {
      files.put("--pos-weight", Path.of(positive));
    }
    return files;
  }

  private static boolean isFile(String text) {
    return text != null && !text.isBlank() && Files.exists(ArrayFile.fileOf(Path.of(text)));
  }

  private static float[] numbers(String option, String text) {
    if (text == null) {
      return new float[0];
    }
    if (isFile(text)) {
      try (Scope scope = Scope.open()) {
        ArrayFile file = ArrayFile.open(Path.of(text));
        if (file.shape().size() > 1) {
          throw new UserException(
              option
                  + ": found shape "
                  + file.shape()
                  + " in "
                  + text
                  + ", expected a vector with a number for each place of the last axis");
        }
        HostBuffer values = file.values(scope);
        return values.toArray();
      }
    }
    List<Float> numbers = new ArrayList<>();
    for (String part : text.split(",")) {
      try {
        numbers.add(Float.parseFloat(part.strip()));
      } catch (NumberFormatException e) {
        throw new UserException(
            option + ": found '" + text + "', expected numbers with commas or a .npy file");
      }
    }
    float[] all = new float[numbers.size()];
    for (int i = 0; i < all.length; i++) {
      all[i] = numbers.get(i);
    }
    return all;
  }
}
