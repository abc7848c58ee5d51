package dynaxx.spectrum;

import dynaxx.backend.Backend;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.operator.SymmetricOperator;
import dynaxx.spectrum.Lanczos.End;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalDouble;
import java.util.function.Predicate;
import java.util.stream.IntStream;

/** One run of {@link Lanczos}: a Krylov space for each start, grown in step until it may stop. */
final class LanczosRun implements AutoCloseable {

  /** Largest number of Ritz pairs that a restart keeps. */
  private static final int KEPT = 16;

  private static final int SMALLEST_BASIS = 8;

  /** The projection is decomposed on the host. */
  private static final int LARGEST_BASIS = 1000;

  /** Part of a warm start vector's squared norm that is fresh. */
  private static final double FRESH = 0.1;

  /**
   * A bound further below zero than this part of the largest Ritz value is no answer to whether
   * there are negative eigenvalues.
   */
  private static final double WORTH_SAYING = 1e-3;

  private final Lanczos settings;
  private final SymmetricOperator operator;
  private final Backend backend;
  private final long n;
  private final Scope scope = Scope.open();
  private final List<KrylovSpace> spaces = new ArrayList<>();
  private final Vectors directions;
  private final Vectors products;
  private final double[] components;
  private int steps;
  private int made;
  private int restarts;

  LanczosRun(Lanczos settings, SymmetricOperator operator) {
    this.settings = settings;
    this.operator = operator;
    this.backend = operator.backend();
    this.n = operator.dimension();
    int starts = settings.starts();
    try {
      int capacity = capacity();
      directions = starts == 1 ? null : backend.vectors(scope, starts, n);
      products = backend.vectors(scope, starts, n);
      components = new double[starts];
      for (int i = 0; i < starts; i++) {
        begin(i, backend.vectors(scope, capacity + 1, n));
      }
      grow();
    } catch (RuntimeException | Error e) {
      scope.close();
      throw e;
    }
  }

  private int capacity() {
    long most = Math.min(Math.min(settings.cap(), n), LARGEST_BASIS);
    long limit =
        settings.memoryBytes() == 0 ? backend.defaultMemoryLimit() : settings.memoryBytes();
    int starts = settings.starts();
    long vectors = limit / (n * Float.BYTES) - 2L * starts;
    long fitting = vectors / starts - 1;
    if (fitting < most || most < Math.min(settings.cap(), n)) {
      fitting = Math.min(most, (vectors - KEPT) / starts - 1);
      if (fitting < SMALLEST_BASIS) {
        throw new IllegalArgumentException(
            "memory limit: found "
                + limit
                + " bytes, expected at least "
                + (KEPT + (3L + SMALLEST_BASIS) * starts) * n * Float.BYTES
                + " for a basis of "
                + SMALLEST_BASIS
                + " vectors of "
                + n
                + " values");
      }
    }
    return (int) Math.min(most, fitting);
  }

  /** Every start has to fail for the joint bound to fail. */
  private void begin(int index, Vectors basis) {
    double failure = Math.pow(1 - ExtremeEigenvalue.PROBABILITY, 1.0 / settings.starts());
    components[index] = KrylovBound.smallestComponent(n, failure);
    try (Scope temporary = Scope.open()) {
      Buffer start = GaussianVector.create(backend, temporary, n, settings.seed(), index);
      if (settings.earlier() != null) {
        double norm = Math.sqrt(backend.dot(start, start));
        backend.axpby(Math.sqrt(FRESH) / norm, start, 0, start);
        addEarlier(temporary, start);
        // With a shift, a component of the random part is no more likely to be small than without.
        components[index] *= Math.sqrt(FRESH / backend.dot(start, start));
      }
      spaces.add(new KrylovSpace(backend, basis, start));
    }
  }

  private void addEarlier(Scope temporary, Buffer start) {
    Vectors earlier = settings.earlier().vectors();
    if (earlier.length() != n) {
      throw new IllegalArgumentException(
          "pairs: found vectors of length " + earlier.length() + ", expected " + n);
    }
    double[] shares = new double[earlier.count()];
    Arrays.fill(shares, Math.sqrt((1 - FRESH) / shares.length));
    Buffer sum = backend.allocate(temporary, n);
    backend.combine(earlier, shares, sum);
    backend.axpby(1, sum, 1, start);
  }

  private void grow() {
    int cap = (int) Math.min(settings.cap(), n);
    List<KrylovSpace> active = List.copyOf(spaces);
    while (!active.isEmpty() && steps < cap && !(due() && converged())) {
      for (KrylovSpace space : active) {
        if (space.full()) {
          restart(space);
        }
      }
      multiply(active);
      steps++;
      active = active.stream().filter(Predicate.not(KrylovSpace::exhausted)).toList();
    }
  }

  private void restart(KrylovSpace space) {
    restarts += space == spaces.getFirst() ? 1 : 0;
    int kept = Math.min(KEPT, space.capacity() / 2);
    space.restart(kept / 2, kept - kept / 2);
  }

  private void multiply(List<KrylovSpace> active) {
    int k = active.size();
    Vectors v = active.getFirst().pending();
    if (k > 1) {
      v = directions.subset(0, k);
      for (int i = 0; i < k; i++) {
        backend.copy(active.get(i).pending().buffer(), v.vector(i));
      }
    }
    operator.apply(v, products.subset(0, k));
    made += k;
    for (int i = 0; i < k; i++) {
      active.get(i).absorb(products.vector(i));
    }
  }

  /** Looking costs no product, but grows with the square of the basis. */
  private boolean due() {
    return settings.end() != null && steps > 0 && steps % Math.max(1, steps / 32) == 0;
  }

  private boolean converged() {
    Ends ends = ends();
    boolean min = settings.end() == End.MAX || converged(ends.min(), ends.noise());
    boolean max = settings.end() == End.MIN || converged(ends.max(), ends.noise());
    return min && max;
  }

  private boolean converged(RitzValue ritz, double noise) {
    return ritz.residual() <= Math.max(noise, settings.tolerance() * Math.abs(ritz.value()));
  }

  /** The extreme Ritz values over all spaces, and the space of the smallest. */
  private record Ends(List<List<RitzValue>> ritz, int best, RitzValue max, double noise) {
    RitzValue min() {
      return ritz.get(best).getFirst();
    }
  }

  private Ends ends() {
    List<List<RitzValue>> ritz = spaces.stream().map(space -> space.ritz().list()).toList();
    int best =
        IntStream.range(0, ritz.size())
            .boxed()
            .min(Comparator.comparingDouble(i -> ritz.get(i).getFirst().value()))
            .orElseThrow();
    RitzValue max =
        ritz.stream()
            .map(List::getLast)
            .max(Comparator.comparingDouble(RitzValue::value))
            .orElseThrow();
    double min = ritz.get(best).getFirst().value();
    double noise = operator.productError() * Math.max(Math.abs(min), Math.abs(max.value()));
    return new Ends(ritz, best, max, noise);
  }

  Lanczos.Result result() {
    Ends ends = ends();
    double noise = ends.noise();
    double lowest = ends.min().value();
    double highest = ends.max().value();
    for (int i = 0; i < spaces.size(); i++) {
      KrylovSpace space = spaces.get(i);
      KrylovSpace.FirstCycle first = space.firstCycle();
      double[] values = first.values();
      boolean complete = space.exhausted() && !space.restarted();
      double below = 0;
      double above = 0;
      if (!complete) {
        below = KrylovBound.below(values, first.couplings(), components[i]);
        above = KrylovBound.above(values, first.couplings(), components[i]);
      }
      lowest = Math.min(lowest, values[0] - below);
      highest = Math.max(highest, values[values.length - 1] + above);
    }
    ExtremeEigenvalue min = extreme(ends.min(), lowest - noise, noise);
    ExtremeEigenvalue max = extreme(ends.max(), highest + noise, noise);
    return new Lanczos.Result(
        min,
        max,
        verdict(min, max, ends.best()),
        distinct(ends.ritz(), noise),
        ends.ritz().get(ends.best()),
        settings.earlier() == null ? quadratures() : List.of(),
        steps,
        made,
        restarts,
        spaces.stream().anyMatch(KrylovSpace::exhausted));
  }

  private ExtremeEigenvalue extreme(RitzValue ritz, double bound, double noise) {
    return new ExtremeEigenvalue(
        ritz.value(),
        OptionalDouble.of(ritz.residual()),
        OptionalDouble.of(bound),
        noise,
        converged(ritz, noise));
  }

  private Verdict verdict(ExtremeEigenvalue min, ExtremeEigenvalue max, int best) {
    double scale = Math.max(Math.abs(min.value()), Math.abs(max.value()));
    OptionalDouble form = OptionalDouble.empty();
    if (settings.certified() && min.value() < 0) {
      try (Scope temporary = Scope.open()) {
        Buffer y = spaces.get(best).vectors(temporary, new int[] {0}).buffer();
        form = Rayleigh.quotient64(operator, y);
      }
    }
    return Verdict.of(min, form, Rayleigh.ERROR64 * scale, WORTH_SAYING * scale);
  }

  /** Converged Ritz values of all spaces; what cannot be told apart is one entry. */
  private List<RitzValue> distinct(List<List<RitzValue>> ritz, double noise) {
    List<RitzValue> found = new ArrayList<>();
    ritz.stream()
        .flatMap(List::stream)
        .filter(r -> converged(r, noise))
        .sorted(Comparator.comparingDouble(RitzValue::value))
        .forEach(
            r -> {
              RitzValue last = found.isEmpty() ? null : found.getLast();
              if (last == null || r.value() - last.value() > apart(last, r, noise)) {
                found.add(r);
              } else if (r.residual() < last.residual()) {
                found.set(found.size() - 1, r);
              }
            });
    return List.copyOf(found);
  }

  private static double apart(RitzValue a, RitzValue b, double noise) {
    return Math.max(noise, a.residual() + b.residual());
  }

  private List<Quadrature> quadratures() {
    return spaces.stream()
        .map(KrylovSpace::firstCycle)
        .map(first -> new Quadrature(first.values(), first.weights()))
        .toList();
  }

  /** Ritz pairs nearest both ends of the space with the smallest Ritz value. */
  RitzPairs pairs(int count, Scope owner) {
    Ends ends = ends();
    List<RitzValue> ritz = ends.ritz().get(ends.best());
    int high = Math.min(count, ritz.size()) / 2;
    int low = Math.min(count, ritz.size()) - high;
    int[] wanted =
        IntStream.concat(IntStream.range(0, low), IntStream.range(ritz.size() - high, ritz.size()))
            .toArray();
    Vectors vectors = spaces.get(ends.best()).vectors(owner, wanted);
    return new RitzPairs(IntStream.of(wanted).mapToObj(ritz::get).toList(), vectors);
  }

  @Override
  public void close() {
    scope.close();
  }
}
