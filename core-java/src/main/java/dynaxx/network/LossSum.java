package dynaxx.network;

import dynaxx.device.Device;
import dynaxx.kernel.Scalars;
import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.network.op.LossFrame;
import dynaxx.network.op.LossRoot;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.ToLongFunction;
import java.util.random.RandomGenerator;
import java.util.stream.Collectors;

/**
 * A weighted sum of losses, each of its own part of the predictions. The targets of an example are
 * those of the parts, one after the other.
 *
 * @param parts at least one
 */
record LossSum(List<Part> parts) implements Loss {

  /**
   * One of the losses.
   *
   * @param factor what it is multiplied by
   * @param loss the loss
   * @param from its first prediction
   * @param shape of its predictions, or null for all of them
   */
  record Part(double factor, Loss loss, long from, Shape shape) {

    Part {
      if (!Double.isFinite(factor)) {
        throw new IllegalArgumentException(
            "factor: found " + factor + " of " + loss.name() + ", expected a finite number");
      }
    }

    Shape shape(Shape output) {
      Shape own = shape == null ? output : shape;
      if (from < 0 || from + own.size() > output.size()) {
        throw new IllegalArgumentException(
            loss.name()
                + ": found predictions "
                + from
                + " to "
                + (from + own.size() - 1)
                + ", expected some of "
                + output.size());
      }
      return own;
    }
  }

  LossSum {
    parts = List.copyOf(parts);
  }

  /** A loss as parts of a sum, all multiplied by a factor. */
  static List<Part> parts(double factor, Loss loss) {
    if (!(loss instanceof LossSum sum)) {
      return List.of(new Part(factor, loss, 0, null));
    }
    return sum.parts.stream()
        .map(p -> new Part(factor * p.factor(), p.loss(), p.from(), p.shape()))
        .toList();
  }

  @Override
  public String name() {
    return parts.stream()
        .map(p -> (p.factor() == 1 ? "" : p.factor() + " ") + p.loss().name())
        .collect(Collectors.joining(" + "));
  }

  @Override
  public Loss with(String reduction, boolean exampleWeights) {
    return new LossSum(
        parts.stream()
            .map(
                p ->
                    new Part(
                        p.factor(), p.loss().with(reduction, exampleWeights), p.from(), p.shape()))
            .toList());
  }

  @Override
  public boolean takesLogits() {
    return parts.stream().anyMatch(p -> p.loss().takesLogits());
  }

  @Override
  public boolean takesBinaryLogits() {
    return parts.stream().anyMatch(p -> p.loss().takesBinaryLogits());
  }

  @Override
  public boolean couplesExamples() {
    return parts.stream().anyMatch(p -> p.loss().couplesExamples());
  }

  @Override
  public boolean recordable() {
    return false;
  }

  @Override
  public long terms(Shape output) {
    return 1;
  }

  private long sum(Shape output, ToLongFunction<Part> size) {
    return parts.stream().mapToLong(size).sum();
  }

  @Override
  public long givenSize(Shape output) {
    return sum(output, p -> p.loss().givenSize(p.shape(output)));
  }

  @Override
  public long targetSize(Shape output) {
    return sum(output, p -> p.loss().targetSize(p.shape(output)));
  }

  /** What each part saves, and copies of its predictions and targets. */
  @Override
  public long savedSize(Shape output) {
    return sum(output, p -> saved(p, output));
  }

  private static long saved(Part p, Shape output) {
    Shape own = p.shape(output);
    return p.loss().savedSize(own) + own.size() + p.loss().targetSize(own);
  }

  @Override
  public HostBuffer targets(Scope scope, Shape output, HostBuffer given, HostBuffer weights) {
    long each = givenSize(output);
    int examples = Math.toIntExact(given.size() / each);
    HostBuffer targets = scope.allocate(examples * targetSize(output));
    long from = 0;
    long to = 0;
    for (Part p : parts) {
      Shape own = p.shape(output);
      long in = p.loss().givenSize(own);
      long out = p.loss().targetSize(own);
      HostBuffer some = columns(scope, given, examples, each, from, in);
      HostBuffer made =
          p.loss() instanceof HostLoss host
              ? host.targets(scope, own, some, weights, examples)
              : p.loss().targets(scope, own, some, weights);
      for (int e = 0; e < examples; e++) {
        targets
            .slice(e * targetSize(output) + to, out)
            .segment()
            .copyFrom(made.slice(e * out, out).segment());
      }
      from += in;
      to += out;
    }
    return targets;
  }

  private static HostBuffer columns(
      Scope scope, HostBuffer all, int rows, long each, long from, long size) {
    HostBuffer part = scope.allocate(rows * size);
    for (int r = 0; r < rows; r++) {
      part.slice(r * size, size).segment().copyFrom(all.slice(r * each + from, size).segment());
    }
    return part;
  }

  @Override
  public void check(Shape output, HostBuffer targets) {
    long each = targetSize(output);
    int examples = Math.toIntExact(targets.size() / each);
    long from = 0;
    try (Scope scope = Scope.open()) {
      for (Part p : parts) {
        long size = p.loss().targetSize(p.shape(output));
        p.loss().check(p.shape(output), columns(scope, targets, examples, each, from, size));
        from += size;
      }
    }
  }

  /** The parts' targets are drawn independently, so that their variances add up. */
  @Override
  public double[] score(Shape output, double[] z, double[] targets, RandomGenerator random) {
    Scores.check(this, output, z, targets);
    double[] score = new double[z.length];
    int at = 0;
    for (Part p : parts) {
      if (!(p.factor() >= 0)) {
        throw new IllegalArgumentException(
            "fisher: found the factor "
                + p.factor()
                + " of "
                + p.loss().name()
                + ", expected at least 0: a log-likelihood has no negative part");
      }
      Shape own = p.shape(output);
      int from = Math.toIntExact(p.from());
      int to = at + Math.toIntExact(p.loss().targetSize(own));
      double[] some = Arrays.copyOfRange(z, from, from + Math.toIntExact(own.size()));
      double[] given = Arrays.copyOfRange(targets, at, to);
      double factor = Math.sqrt(p.factor() / p.loss().terms(own));
      double[] part = p.loss().score(own, some, given, random);
      for (int i = 0; i < part.length; i++) {
        score[from + i] += factor * part[i];
      }
      at = to;
    }
    return score;
  }

  /** The frames of the parts, in what this loss saves. */
  private LossFrame frame(LossFrame f, int index, boolean fill) {
    long saved = 0;
    long target = 0;
    for (Part p : parts.subList(0, index)) {
      saved += f.examples() * saved(p, f.output());
      target += p.loss().targetSize(p.shape(f.output()));
    }
    Part p = parts.get(index);
    Shape own = p.shape(f.output());
    long predictions = f.examples() * own.size();
    long size = p.loss().targetSize(own);
    Buffer z = f.saved().slice(saved, predictions);
    Buffer t = f.saved().slice(saved + predictions, f.examples() * size);
    long rest = saved + predictions + f.examples() * size;
    if (fill) {
      copy(f, f.z(), p.from(), f.output().size(), z, own.size());
      copy(f, f.targets(), target, targetSize(f.output()), t, size);
    }
    double scale = f.scale() * p.factor() / p.loss().terms(own);
    Buffer kept = f.saved().slice(rest, f.examples() * p.loss().savedSize(own));
    return new LossFrame(f.device(), own, f.examples(), scale, z, t, kept);
  }

  private static void copy(LossFrame f, Buffer from, long at, long stride, Buffer to, long size) {
    if (size > 0) {
      f.device()
          .kernels()
          .rows()
          .copyRows(f.examples(), size, from, at, stride, to, 0, size, false);
    }
  }

  @Override
  public void forward(LossFrame f, Scalars loss) {
    for (int i = 0; i < parts.size(); i++) {
      parts.get(i).loss().forward(frame(f, i, true), loss);
    }
  }

  @Override
  public void backward(LossFrame f, Buffer dz) {
    long n = f.examples() * f.output().size();
    f.device().algebra().fill(dz.slice(0, n), 0);
    for (int i = 0; i < parts.size(); i++) {
      LossFrame own = frame(f, i, false);
      try (Scope temporary = Scope.open()) {
        long size = own.output().size();
        Buffer part = f.device().allocate(temporary, f.examples() * size);
        parts.get(i).loss().backward(own, part);
        add(f.device(), f.examples(), part, size, dz, parts.get(i).from(), f.output().size());
      }
    }
  }

  @Override
  public void tangent(LossFrame f, int k, Buffer rz, Buffer rdz) {
    long rows = (long) k * f.examples();
    long all = f.output().size();
    f.device().algebra().fill(rdz.slice(0, rows * all), 0);
    for (int i = 0; i < parts.size(); i++) {
      LossFrame own = frame(f, i, false);
      long from = parts.get(i).from();
      try (Scope temporary = Scope.open()) {
        long size = own.output().size();
        Buffer in = f.device().allocate(temporary, rows * size);
        Buffer out = f.device().allocate(temporary, rows * size);
        f.device().kernels().rows().copyRows(rows, size, rz, from, all, in, 0, size, false);
        parts.get(i).loss().tangent(own, k, in, out);
        add(f.device(), rows, out, size, rdz, from, all);
      }
    }
  }

  @Override
  public double undecidedLogits(LossFrame f, double limit) {
    double most = 0;
    for (int i = 0; i < parts.size(); i++) {
      most = Math.max(most, parts.get(i).loss().undecidedLogits(frame(f, i, false), limit));
    }
    return most;
  }

  /** The columns of the parts, one part after the other. */
  @Override
  public LossRoot root(LossFrame f) {
    List<HostRoot> roots = new ArrayList<>();
    for (int i = 0; i < parts.size(); i++) {
      roots.add((HostRoot) parts.get(i).loss().root(frame(f, i, false)));
    }
    return new HostRoot(
        f,
        roots.stream().mapToInt(HostRoot::columns).sum(),
        (example, r, dz) -> {
          Arrays.fill(dz, 0);
          int at = 0;
          for (int i = 0; i < roots.size(); i++) {
            HostRoot root = roots.get(i);
            double[] own = new double[Math.toIntExact(root.f().output().size())];
            double[] signs = Arrays.copyOfRange(r, at, at + root.columns());
            root.block().times(example, signs, own);
            int from = Math.toIntExact(parts.get(i).from());
            for (int j = 0; j < own.length; j++) {
              dz[from + j] += own[j];
            }
            at += root.columns();
          }
        });
  }

  private static void add(
      Device device, long rows, Buffer from, long size, Buffer to, long at, long stride) {
    device.kernels().rows().copyRows(rows, size, from, 0, size, to, at, stride, true);
  }
}
