package dynaxx.app;

import dynaxx.app.UpdateOptions.Optimizer;
import dynaxx.app.io.UserException;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.network.Batch;
import dynaxx.operator.Adam;
import dynaxx.operator.Hessian;
import dynaxx.spectrum.CurvatureProbe;
import dynaxx.spectrum.Estimate;
import dynaxx.spectrum.Lanczos;
import dynaxx.spectrum.ProbeSettings;
import dynaxx.spectrum.Signal;
import dynaxx.spectrum.Signal.Reading;
import dynaxx.spectrum.Snapshot;
import dynaxx.spectrum.Update;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * How far a learning rate is from the stability limit, over the examples of a file.
 *
 * @param optimizer whose limit
 * @param ratio sharpness as part of the limit
 * @param error half width of its interval: the sharpness's residual and two standard errors of the
 *     examples
 * @param snapshot what else an update meets, along the gradient of all examples
 * @param parts of the examples that the interval comes from; 0 if there are too few
 */
record Stability(Optimizer optimizer, double ratio, double error, Snapshot snapshot, int parts) {

  private static final int PARTS = 4;
  private static final int LEAST_OF_A_PART = 2;
  private static final double BETA2 = 0.999;
  private static final double EPSILON = 1e-8;
  private static final int STEPS = 100;

  static Stability measure(ProbeRun run, Optimizer optimizer) {
    try (Scope scope = Scope.open()) {
      Update update =
          update(run, optimizer, scope).batch(run.plan().microBatch(), OptionalDouble.empty());
      ProbeSettings settings =
          ProbeSettings.certified()
              .withLanczos(Lanczos.lambdaMax().withCap(STEPS).withCertificate(false))
              .withProbes(2)
              .withMicroBatches(0)
              .withParts(0)
              .withSeed(run.plan().seed());
      Snapshot whole = snapshot(run, run.batch(), settings, update);
      Reading sharpness = ratio(whole, optimizer);
      double residual = sharpness.errorOr(0);
      int size = run.batch().examples() / PARTS;
      if (size < LEAST_OF_A_PART || run.network().couplesExamples()) {
        return new Stability(optimizer, sharpness.value(), residual, whole, 0);
      }
      double[] ratios = new double[PARTS];
      ProbeSettings only = settings.withUpdateSignals(Signal.PRECONDITIONED_LAMBDA_MAX);
      for (int i = 0; i < PARTS; i++) {
        Batch part = run.batch().slice(i * size, size);
        ratios[i] = ratio(snapshot(run, part, only, update), optimizer).value();
      }
      double error = Math.hypot(residual, 2 * Estimate.of(ratios).standardError());
      return new Stability(optimizer, sharpness.value(), error, whole, PARTS);
    }
  }

  private static Reading ratio(Snapshot snapshot, Optimizer optimizer) {
    return snapshot
        .reading(Signal.SHARPNESS_RATIO)
        .orElseThrow(
            () ->
                new UserException(
                    "--learning-rate: found "
                        + optimizer.learningRate()
                        + " with weight decay "
                        + optimizer.weightDecay()
                        + ", whose limit is not above 0"));
  }

  private double low() {
    return ratio >= 0 ? Math.max(0, ratio - error) : ratio - error;
  }

  private static Snapshot snapshot(
      ProbeRun run, Batch batch, ProbeSettings settings, Update update) {
    try (CurvatureProbe probe =
        new CurvatureProbe(run.network(), run.loss(), batch, run.device())) {
      return probe.measure(run.parameters(), settings, Optional.of(update));
    }
  }

  private static Update update(ProbeRun run, Optimizer optimizer, Scope scope) {
    double rate = optimizer.learningRate();
    double decay = optimizer.weightDecay();
    if (!optimizer.adam()) {
      return Update.momentum(rate, optimizer.momentum(), decay);
    }
    Adam adam = new Adam(optimizer.updates(), optimizer.momentum(), BETA2, EPSILON);
    HostBuffer second = optimizer.second().orElseGet(() -> squaredGradients(run, scope));
    return Update.adam(rate, adam, second, decay);
  }

  /** Mean over micro-batches of their squared gradients. */
  private static HostBuffer squaredGradients(ProbeRun run, Scope scope) {
    if (run.network().couplesExamples()) {
      throw new UserException(
          "--second-moment: found none for a network that couples its examples, expected the"
              + " optimizer's own");
    }
    int n = Math.toIntExact(run.network().parameterCount());
    double[] sums = new double[n];
    int size = run.plan().microBatch();
    int count = run.batch().examples() / size;
    int[] taken = new int[1];
    HostBuffer second = scope.allocate(n);
    try (Hessian hessian = new Hessian(run.network(), run.loss(), run.batch(), run.device())) {
      hessian.linearize(run.parameters());
      hessian.microBatchGradients(
          size,
          gradient -> {
            if (taken[0]++ < count) {
              run.device().download(gradient, second.segment());
              for (int i = 0; i < n; i++) {
                sums[i] += (double) second.get(i) * second.get(i);
              }
            }
          });
    }
    for (int i = 0; i < n; i++) {
      second.set(i, (float) (sums[i] / count));
    }
    return second;
  }

  List<String> lines(int microBatch) {
    List<String> lines = new ArrayList<>();
    lines.add(
        text(
            "%-13s%.2g of the stability limit (%.2g to %.2g): %s at learning rate %s",
            "stability", ratio, low(), ratio + error, optimizer.name(), optimizer.learningRate()));
    if (optimizer.adam() && optimizer.second().isEmpty()) {
      lines.add(
          text(
              "%-13swith the mean squared gradient of micro-batches of %d for Adam's second"
                  + " moment; --second-moment takes the optimizer's own",
              "", microBatch));
    }
    lines.add(text("%-13s%s", "", along(microBatch)));
    return lines;
  }

  private String along(int microBatch) {
    List<String> parts = new ArrayList<>();
    snapshot
        .reading(Signal.DIRECTIONAL_CURVATURE_RATIO)
        .ifPresent(r -> parts.add(text("along the gradient %.2g of it", r.value())));
    snapshot
        .reading(Signal.BATCH_SHARPNESS_RATIO)
        .ifPresent(r -> parts.add(text("micro-batches of %d %s of it", microBatch, number(r))));
    snapshot.reading(Signal.CRITICAL_RATE_RATIO).ifPresent(r -> parts.add(critical(r)));
    return String.join("; ", parts);
  }

  /** The rate itself, from the bracket of its part. */
  private String critical(Reading ratio) {
    double rate = optimizer.learningRate();
    double most = ratio.value() + ratio.errorOr(0);
    double least = ratio.value() - ratio.errorOr(0);
    if (ratio.error().isEmpty()) {
      return text("the loss rises even at a learning rate of %.2g", rate / ratio.value());
    }
    return least > 1e-12
        ? text("critical learning rate %.3g to %.3g", rate / most, rate / least)
        : text("critical learning rate above %.3g", rate / most);
  }

  private static String number(Reading reading) {
    return reading.error().isPresent()
        ? text("%.2g +- %.1g", reading.value(), reading.error().getAsDouble())
        : text("%.2g", reading.value());
  }

  Map<String, Object> json() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("optimizer", optimizer.adam() ? "adamw" : "sgd");
    json.put("learning_rate", optimizer.learningRate());
    json.put("momentum", optimizer.momentum());
    json.put("weight_decay", optimizer.weightDecay());
    if (optimizer.adam()) {
      json.put("second_moment", optimizer.second().isPresent() ? "given" : "estimated");
    }
    json.put("part_of_limit", ratio);
    json.put("interval", List.of(low(), ratio + error));
    json.put("parts", parts);
    snapshot.readings().entrySet().stream()
        .filter(e -> e.getKey().group() == Signal.Group.STABILITY)
        .filter(e -> e.getKey() != Signal.SHARPNESS_RATIO)
        .forEach(
            e -> {
              json.put(e.getKey().column(), e.getValue().value());
              e.getValue().error().ifPresent(x -> json.put(e.getKey().errorColumn(), x));
            });
    return json;
  }

  private static String text(String format, Object... arguments) {
    return String.format(Locale.ROOT, format, arguments);
  }
}
