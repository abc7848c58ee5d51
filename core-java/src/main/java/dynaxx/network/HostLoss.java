package dynaxx.network;

import dynaxx.kernel.Scalars;
import dynaxx.kernel.Strided;
import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.network.op.LossFrame;
import dynaxx.network.op.LossRoot;
import java.util.Arrays;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.ToLongFunction;
import java.util.random.RandomGenerator;

/**
 * A loss that is computed on the host in float64, example by example, wherever the network is:
 * predictions are few beside what makes them.
 *
 * @param name for messages and reports
 * @param terms for a shape of predictions, the loss of an example or a batch
 * @param count terms of one example
 * @param given target values of one example
 * @param checks what targets must be
 * @param coupled whether the loss of an example depends on the others
 * @param takesBinaryLogits whether predictions are logits of single probabilities
 * @param weighing how terms are averaged
 */
record HostLoss(
    String name,
    Function<Shape, Terms> terms,
    ToLongFunction<Shape> count,
    ToLongFunction<Shape> given,
    Targets checks,
    boolean coupled,
    boolean takesBinaryLogits,
    Weighing weighing)
    implements Loss {

  HostLoss(
      String name,
      Function<Shape, Terms> terms,
      ToLongFunction<Shape> count,
      ToLongFunction<Shape> given,
      Targets checks,
      boolean coupled,
      Weighing weighing) {
    this(name, terms, count, given, checks, coupled, false, weighing);
  }

  HostLoss takingLogits() {
    return new HostLoss(name, terms, count, given, checks, coupled, true, weighing);
  }

  /** Refuses predictions of a shape that does not fit. */
  HostLoss fitting(Consumer<Shape> check) {
    Function<Shape, Terms> checked =
        shape -> {
          check.accept(shape);
          return terms.apply(shape);
        };
    return new HostLoss(name, checked, count, given, checks, coupled, takesBinaryLogits, weighing);
  }

  /** What targets must be. */
  enum Targets {
    FINITE("finite values"),
    PROBABILITIES("values from 0 to 1"),
    COUNTS("values of at least 0"),
    WHOLE("whole numbers");

    private final String text;

    Targets(String text) {
      this.text = text;
    }

    boolean has(float t) {
      return switch (this) {
        case FINITE -> Float.isFinite(t);
        case PROBABILITIES -> t >= 0 && t <= 1;
        case COUNTS -> t >= 0 && Float.isFinite(t);
        case WHOLE -> Float.isFinite(t) && t == Math.rint(t);
      };
    }

    void refuse(HostBuffer targets, long i) {
      throw new IllegalArgumentException(
          "targets: found " + targets.get(i) + " at " + i + ", expected " + text);
    }

    void check(HostBuffer targets) {
      for (long i = 0; i < targets.size(); i++) {
        if (!has(targets.get(i))) {
          refuse(targets, i);
        }
      }
    }
  }

  /** A mean over all predictions, each with a target, that is no log-likelihood. */
  static HostLoss elements(String name, Targets checks, ElementTerms.Element element) {
    return elements(name, checks, element, null);
  }

  /** A mean over all predictions, each with a target. */
  static HostLoss elements(
      String name, Targets checks, ElementTerms.Element element, Scores.Draw draw) {
    Terms terms = new ElementTerms(element, draw);
    return new HostLoss(
        name, shape -> terms, Shape::size, Shape::size, checks, false, Weighing.PLAIN);
  }

  /** A mean over rows of predictions; for each prediction so many targets. */
  static HostLoss rows(String name, Targets checks, double targets, Terms row) {
    return new HostLoss(
        name,
        shape -> RowTerms.of(shape, targets, row),
        Shape::rows,
        shape -> (long) (shape.size() * targets),
        checks,
        false,
        Weighing.PLAIN);
  }

  @Override
  public Loss with(String reduction, boolean exampleWeights) {
    Weighing other = Weighing.of(reduction, exampleWeights);
    if (coupled && !other.isPlain()) {
      throw new IllegalArgumentException(
          "reduction: found sum or example weights for "
              + name
              + ", expected the mean, since it couples the examples");
    }
    return new HostLoss(name, terms, count, given, checks, coupled, takesBinaryLogits, other);
  }

  @Override
  public boolean couplesExamples() {
    return coupled;
  }

  @Override
  public boolean recordable() {
    return false;
  }

  @Override
  public long terms(Shape output) {
    return count.applyAsLong(output);
  }

  @Override
  public long givenSize(Shape output) {
    return given.applyAsLong(output);
  }

  /** The weight of an example stands behind its targets. */
  @Override
  public long targetSize(Shape output) {
    return givenSize(output) + (weighing.isPlain() ? 0 : 1);
  }

  @Override
  public long savedSize(Shape output) {
    return 0;
  }

  @Override
  public HostBuffer targets(Scope scope, Shape output, HostBuffer values, HostBuffer weights) {
    long each = Math.max(1, givenSize(output));
    return targets(scope, output, values, weights, Math.toIntExact(values.size() / each));
  }

  /** For a loss without targets, the number of examples has to be told. */
  HostBuffer targets(
      Scope scope, Shape output, HostBuffer values, HostBuffer weights, int examples) {
    terms.apply(output);
    check(values, (int) givenSize(output), 0);
    if (weighing.isPlain()) {
      return values;
    }
    long each = givenSize(output);
    double[] counts = new double[examples];
    Arrays.fill(counts, terms(output));
    double[] factors = weighing.factors(counts, terms(output), weights);
    HostBuffer targets = scope.allocate(examples * (each + 1));
    for (int e = 0; e < examples; e++) {
      HostBuffer to = targets.slice(e * (each + 1), each + 1);
      to.slice(0, each).segment().copyFrom(values.slice(e * each, each).segment());
      to.set(each, (float) factors[e]);
    }
    return targets;
  }

  @Override
  public void check(Shape output, HostBuffer targets) {
    terms.apply(output);
    check(targets, (int) targetSize(output), weighing.isPlain() ? 0 : 1);
  }

  private void check(HostBuffer targets, int each, int weights) {
    for (long i = 0; i < targets.size(); i++) {
      boolean weight = i % each >= each - weights;
      if (!(weight ? Float.isFinite(targets.get(i)) : checks.has(targets.get(i)))) {
        checks.refuse(targets, i);
      }
    }
  }

  private HostUnits units(LossFrame f) {
    int count = coupled ? 1 : f.examples();
    int each = Math.toIntExact(f.examples() / count * targetSize(f.output()));
    return new HostUnits(f, terms.apply(f.output()), count, each, !weighing.isPlain());
  }

  @Override
  public double[] score(Shape output, double[] z, double[] t, RandomGenerator random) {
    Scores.check(this, output, z, t);
    double[] score = new double[z.length];
    if (coupled || !terms.apply(output).score(z, t, random, score)) {
      throw Scores.refusal(name);
    }
    double factor = weighing.isPlain() ? 1 : Math.sqrt(t[t.length - 1]);
    for (int i = 0; i < score.length; i++) {
      score[i] = factor == 0 ? 0 : factor * score[i];
    }
    return score;
  }

  @Override
  public double undecidedLogits(LossFrame f, double limit) {
    boolean softmax =
        terms.apply(f.output()) instanceof RowTerms rows
            && rows.row() instanceof RowTerms.SquaredNormalizer;
    return softmax ? UndecidedLogits.size(f, limit, row -> true) : 0;
  }

  @Override
  public void forward(LossFrame f, Scalars loss) {
    double sum = units(f).value();
    try (Scope temporary = Scope.open()) {
      HostBuffer host = temporary.allocate(1).put(1);
      Buffer one = f.device().upload(temporary, host.segment());
      f.device().kernels().elementwise().dots(1, 1, f.scale() * sum, Strided.of(one), one, loss);
    }
  }

  @Override
  public void backward(LossFrame f, Buffer dz) {
    HostArrays.write(f.device(), units(f).gradient(f.scale()), dz);
  }

  @Override
  public void tangent(LossFrame f, int k, Buffer rz, Buffer rdz) {
    HostUnits units = units(f);
    double[] v = HostArrays.read(f.device(), rz, (long) k * units.predictions());
    HostArrays.write(f.device(), units.products(f.scale(), k, v), rdz);
  }

  @Override
  public LossRoot root(LossFrame f) {
    int given = Math.toIntExact(targetSize(f.output()));
    return HostRoot.of(this, f, terms.apply(f.output()), given, !weighing.isPlain());
  }
}
