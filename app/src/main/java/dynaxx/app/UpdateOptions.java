package dynaxx.app;

import dynaxx.app.data.ArrayFile;
import dynaxx.app.io.UserException;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** The optimizer whose stability limit the curvature of a file is compared with. */
final class UpdateOptions {

  /** Updates after which Adam's second moment has no bias left. */
  private static final long MANY = 1_000_000;

  private static final double USUAL_BETA1 = 0.9;

  @Option(
      names = "--learning-rate",
      paramLabel = "R",
      description = "Say how far this learning rate is from the stability limit.")
  private Double learningRate;

  @Option(
      names = "--optimizer",
      paramLabel = "NAME",
      description =
          "The optimizer whose stability limit is meant: sgd or adamw; needs --learning-rate."
              + " Default: sgd.")
  private String optimizer;

  @Option(
      names = "--momentum",
      paramLabel = "B",
      description = "Momentum of sgd, or beta1 of adamw. Default: 0 for sgd, 0.9 for adamw.")
  private Double momentum;

  @Option(
      names = "--weight-decay",
      paramLabel = "D",
      description =
          "Weight decay of the optimizer. Without --learning-rate it is part of what is measured:"
              + " half of it times the squared norm of the parameters is added to the loss, which"
              + " shifts every eigenvalue of the Hessian by it. Default: 0.")
  private Double weightDecay;

  @Option(
      names = "--second-moment",
      paramLabel = "FILE",
      description =
          "Adam's running mean of squared gradients, a .npy file with one value for each of the n"
              + " parameters in the order of the model. Default: the mean squared gradient of the"
              + " micro-batches.")
  private Path secondMoment;

  @Option(
      names = "--updates",
      paramLabel = "T",
      description =
          "How many updates went into the second moment, for Adam's bias correction. Default: so"
              + " many that it needs none.")
  private Long updates;

  /**
   * The optimizer.
   *
   * @param adam whether it is adamw, or else sgd
   * @param momentum or beta1
   * @param second Adam's second moment; empty if it is to be estimated
   */
  record Optimizer(
      boolean adam,
      double learningRate,
      double momentum,
      double weightDecay,
      Optional<HostBuffer> second,
      long updates) {

    String name() {
      return adam ? "adamw" : momentum > 0 ? "sgd with momentum " + momentum : "sgd";
    }
  }

  /** Before anything is read. */
  void check(CommandSpec spec) {
    boolean others =
        optimizer != null || momentum != null || secondMoment != null || updates != null;
    if (learningRate == null && others) {
      throw bad(spec, "--learning-rate: found none with options of an optimizer, expected one");
    }
    if (optimizer != null && !optimizer.equals("sgd") && !optimizer.equals("adamw")) {
      throw bad(spec, "--optimizer: found '" + optimizer + "', expected one of sgd, adamw");
    }
    within(spec, "--learning-rate", learningRate, Double.MIN_NORMAL, Double.MAX_VALUE);
    within(spec, "--momentum", momentum, 0, Math.nextDown(1.0));
    within(spec, "--weight-decay", weightDecay, 0, Double.MAX_VALUE);
    if (!adam() && (secondMoment != null || updates != null)) {
      throw bad(spec, "--second-moment and --updates: found them without --optimizer adamw");
    }
    if (updates != null && (updates < 1 || secondMoment == null)) {
      throw bad(spec, "--updates: found " + updates + ", expected at least 1, and --second-moment");
    }
  }

  private static void within(
      CommandSpec spec, String option, Double found, double least, double most) {
    if (found != null && !(found >= least && found <= most)) {
      String range =
          most == Double.MAX_VALUE
              ? (least > 0 ? "a finite number above 0" : "a finite number of at least 0")
              : "from 0 to below 1";
      throw bad(spec, option + ": found " + found + ", expected " + range);
    }
  }

  private static ParameterException bad(CommandSpec spec, String message) {
    return new ParameterException(spec.commandLine(), message);
  }

  private boolean adam() {
    return "adamw".equals(optimizer);
  }

  /** Weight decay that is part of the loss, not of an optimizer. */
  double objectiveDecay() {
    return learningRate == null && weightDecay != null ? weightDecay : 0;
  }

  /** The file that is read, or null. */
  Path input() {
    return secondMoment;
  }

  /** The optimizer; nothing without a learning rate. */
  Optional<Optimizer> read(Scope scope, long parameters) {
    if (learningRate == null) {
      return Optional.empty();
    }
    double usual = adam() ? USUAL_BETA1 : 0;
    return Optional.of(
        new Optimizer(
            adam(),
            learningRate,
            momentum == null ? usual : momentum,
            weightDecay == null ? 0 : weightDecay,
            Optional.ofNullable(secondMoment).map(file -> moments(file, scope, parameters)),
            updates == null ? MANY : updates));
  }

  private static HostBuffer moments(Path path, Scope scope, long parameters) {
    ArrayFile file = ArrayFile.open(path);
    if (file.size() != parameters) {
      throw new UserException(
          path + ": found shape " + file.shape() + ", expected [" + parameters + "]");
    }
    HostBuffer values = file.values(scope);
    for (long i = 0; i < parameters; i++) {
      if (!(values.get(i) >= 0 && Float.isFinite(values.get(i)))) {
        throw new UserException(
            path
                + ": found "
                + values.get(i)
                + " at "
                + i
                + ", expected finite values of at least 0");
      }
    }
    return values;
  }
}
