package dynaxx.spectrum;

import dynaxx.device.Device;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.operator.SymmetricOperator;
import dynaxx.operator.UntrustworthyOperatorException;
import dynaxx.spectrum.Lanczos.End;
import dynaxx.spectrum.Lanczos.ExtremeEigenvalue;
import dynaxx.spectrum.Lanczos.RitzValue;
import dynaxx.spectrum.SpectralDensity.Quadrature;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.IntToDoubleFunction;
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

  /** Noise floors by which a Ritz value and the form in float64 of its vector may differ. */
  private static final double SLACK = 4;

  private static final double FLOAT32 = 0x1p-24;

  private final Lanczos settings;
  private final SymmetricOperator operator;
  private final Device device;
  private final long n;
  private final Scope scope = Scope.open();
  private final List<KrylovSpace> spaces = new ArrayList<>();
  private final Vectors directions;
  private final Vectors products;
  private final double[] components;
  private final double productError;
  private int steps;
  private int made;
  private int restarts;
  private Optional<Look> last = Optional.empty();

  LanczosRun(Lanczos settings, SymmetricOperator operator) {
    this.settings = settings;
    this.operator = operator;
    this.device = operator.device();
    this.n = operator.dimension();
    this.productError = operator.productError();
    Vectors earlier = settings.earlier();
    if (earlier != null && earlier.length() != n) {
      throw new IllegalArgumentException(
          "vectors: found vectors of length " + earlier.length() + ", expected " + n);
    }
    int starts = settings.starts();
    try {
      int capacity = capacity();
      directions = starts == 1 ? null : device.vectors(scope, starts, n);
      products = device.vectors(scope, starts, n);
      components = new double[starts];
      for (int i = 0; i < starts; i++) {
        begin(i, device.vectors(scope, capacity + 1, n));
      }
      grow();
    } catch (RuntimeException | Error e) {
      scope.close();
      throw e;
    }
  }

  private int capacity() {
    long most = Math.min(Math.min(settings.cap(), n), LARGEST_BASIS);
    long limit = settings.memoryBytes() == 0 ? device.defaultMemoryLimit() : settings.memoryBytes();
    int starts = settings.starts();
    long vectors = limit / (n * Float.BYTES) - 2L * starts;
    long fitting = vectors / starts - 1;
    if (fitting < most || most < Math.min(settings.cap(), n)) {
      fitting = Math.min(most, (vectors - KEPT) / starts - 1);
      if (fitting < SMALLEST_BASIS) {
        long restarted = KEPT + (SMALLEST_BASIS + 3L) * starts;
        long needed = Math.min(restarted, (most + 3) * starts);
        throw new IllegalArgumentException(
            "memory limit: found "
                + limit
                + " bytes, expected at least "
                + needed * n * Float.BYTES
                + " for the Krylov bases, "
                + needed
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
      Buffer start = GaussianVector.create(device, temporary, n, settings.seed(), index);
      // In two dimensions a component has no density that is largest at zero.
      if (settings.earlier() != null && n > 2) {
        double norm = Math.sqrt(device.algebra().dot(start, start));
        device.algebra().axpby(Math.sqrt(FRESH) / norm, start, 0, start);
        addEarlier(temporary, start);
        // With a shift, a component of the random part is no more likely to be small than without.
        components[index] *= Math.sqrt(FRESH / device.algebra().dot(start, start));
      }
      spaces.add(new KrylovSpace(device, basis, start));
    }
  }

  private void addEarlier(Scope temporary, Buffer start) {
    Vectors earlier = settings.earlier();
    double[] shares = new double[earlier.count()];
    Arrays.fill(shares, Math.sqrt((1 - FRESH) / shares.length));
    Buffer sum = device.allocate(temporary, n);
    device.algebra().combine(earlier, shares, sum);
    device.algebra().axpby(1, sum, 1, start);
  }

  private void grow() {
    List<KrylovSpace> active = List.copyOf(spaces);
    while (!active.isEmpty() && steps < settings.cap() && !(due() && satisfied(look()))) {
      for (KrylovSpace space : active) {
        if (space.full()) {
          restart(space);
        }
      }
      multiply(active);
      steps++;
      tell();
      active = active.stream().filter(Predicate.not(KrylovSpace::exhausted)).toList();
    }
  }

  private void tell() {
    settings
        .listener()
        .accept(
            new Lanczos.Progress(
                steps,
                (int) Math.min(settings.cap(), n),
                settings.tolerance(),
                last.map(Look::min),
                last.map(Look::max)));
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
        device.algebra().copy(active.get(i).pending().buffer(), v.vector(i));
      }
    }
    operator.apply(v, products.subset(0, k));
    made += k;
    KrylovSpace.absorb(active, products);
  }

  /** Looking costs no product, but grows with the square of the basis. */
  private boolean due() {
    return settings.end() != null && steps > 0 && steps % Math.max(1, steps / 32) == 0;
  }

  private boolean satisfied(Look now) {
    last = Optional.of(now);
    return (settings.end() == End.MAX || satisfied(now.min(), now.scale()))
        && (settings.end() == End.MIN || satisfied(now.max(), now.scale()));
  }

  /** A certificate is of little use while the bound on the other side is far away. */
  private boolean satisfied(ExtremeEigenvalue found, double scale) {
    double open = Math.abs(found.value() - found.bound().orElseThrow());
    double enough = Math.max(settings.tolerance() * Math.abs(found.value()), WORTH_SAYING * scale);
    return found.converged() && (!settings.certified() || open <= enough);
  }

  /** What is known after some steps. */
  private record Look(
      List<List<RitzValue>> ritz,
      int best,
      int highest,
      ExtremeEigenvalue min,
      ExtremeEigenvalue max,
      double scale) {}

  private Look look() {
    List<List<RitzValue>> ritz = spaces.stream().map(space -> space.ritz().list()).toList();
    int best = argmin(i -> ritz.get(i).getFirst().value());
    int highestOf = argmin(i -> -ritz.get(i).getLast().value());
    RitzValue min = ritz.get(best).getFirst();
    RitzValue max = ritz.get(highestOf).getLast();
    double scale =
        Math.max(
            Math.max(Math.abs(min.value()), Math.abs(max.value())),
            spaces.stream().mapToDouble(KrylovSpace::largestProduct).max().orElseThrow());
    double lowest = min.value();
    double highest = max.value();
    for (int i = 0; i < spaces.size(); i++) {
      KrylovSpace.FirstCycle first = spaces.get(i).firstCycle();
      double[] values = first.values();
      boolean complete = spaces.get(i).complete();
      double below = complete ? 0 : KrylovBound.below(values, first.couplings(), components[i]);
      double above = complete ? 0 : KrylovBound.above(values, first.couplings(), components[i]);
      lowest = Math.min(lowest, values[0] - below);
      highest = Math.max(highest, values[values.length - 1] + above);
    }
    double noise = productError * scale;
    return new Look(
        ritz,
        best,
        highestOf,
        extreme(min, lowest - noise, scale),
        extreme(max, highest + noise, scale),
        scale);
  }

  private int argmin(IntToDoubleFunction key) {
    return IntStream.range(0, spaces.size())
        .boxed()
        .min(Comparator.comparingDouble(key::applyAsDouble))
        .orElseThrow();
  }

  /**
   * A residual at the noise floor alone is no convergence: with most of the spectrum at zero, it is
   * that small long before an eigenvalue close to zero is seen.
   */
  private ExtremeEigenvalue extreme(RitzValue ritz, double bound, double scale) {
    double noise = productError * scale;
    boolean relative = ritz.residual() <= settings.tolerance() * Math.abs(ritz.value());
    boolean absolute =
        ritz.residual() <= noise && Math.abs(ritz.value() - bound) <= WORTH_SAYING * scale;
    return new ExtremeEigenvalue(
        ritz.value(),
        OptionalDouble.of(ritz.residual()),
        OptionalDouble.of(bound),
        noise,
        relative || absolute);
  }

  Lanczos.Result result() {
    Look now = look();
    return new Lanczos.Result(
        now.min(),
        now.max(),
        verdict(now),
        distinct(now.ritz(), productError * now.scale()),
        now.ritz().get(now.best()),
        settings.earlier() == null
            ? Optional.of(SpectralDensity.of(quadratures(), n))
            : Optional.empty(),
        Optional.empty(),
        steps,
        made,
        restarts,
        spaces.stream().anyMatch(KrylovSpace::exhausted));
  }

  private Verdict verdict(Look now) {
    OptionalDouble form = OptionalDouble.empty();
    double scale = now.scale();
    double formError = Rayleigh.error64(device, productError * scale);
    if (settings.certified() && device.unitRoundoff() >= FLOAT32) {
      OptionalDouble lowest = checked("smallest", now.best(), 0, now.min(), formError);
      boolean said = now.min().value() < 0 || lowest.orElse(0) < -formError;
      form = said ? lowest : form;
      int last = now.ritz().get(now.highest()).size() - 1;
      checked("largest", now.highest(), last, now.max(), formError);
    } else if (settings.certified() && now.min().value() < 0) {
      form = form64(now.best(), 0);
    }
    return Verdict.of(now.min(), form, formError, WORTH_SAYING * scale);
  }

  /**
   * The quadratic form in float64 of an extreme Ritz vector. The Ritz value is that form by the
   * operator's own products: if both differ by more than rounding should cause, the products are
   * not accurate enough here, and neither value, residual nor bound means anything.
   */
  private OptionalDouble checked(
      String which, int space, int index, ExtremeEigenvalue found, double formError) {
    OptionalDouble form = form64(space, index);
    double off = Math.abs(form.orElse(found.value()) - found.value());
    double allowed = found.residual().orElse(0) + SLACK * found.noiseFloor() + formError;
    if (off > allowed) {
      throw new UntrustworthyOperatorException(
          String.format(
              Locale.ROOT,
              "products in float32 are not accurate enough at this point: found %.6g as the %s"
                  + " eigenvalue, and %.6g in float64 for the same vector, expected a difference"
                  + " of at most %.1e",
              found.value(),
              which,
              form.orElseThrow(),
              allowed));
    }
    return form;
  }

  private OptionalDouble form64(int space, int index) {
    try (Scope temporary = Scope.open()) {
      Buffer y = spaces.get(space).vectors(temporary, new int[] {index}).buffer();
      return Rayleigh.quotient64(operator, y);
    }
  }

  /** Converged Ritz values of all spaces; what cannot be told apart is one entry. */
  private List<RitzValue> distinct(List<List<RitzValue>> ritz, double noise) {
    List<RitzValue> found = new ArrayList<>();
    ritz.stream()
        .flatMap(List::stream)
        .filter(r -> settled(r, noise))
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

  private boolean settled(RitzValue ritz, double noise) {
    return ritz.residual() <= Math.max(noise, settings.tolerance() * Math.abs(ritz.value()));
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

  /** Which start came closest to the smallest eigenvalue. */
  int best() {
    return look().best();
  }

  /** The Ritz pairs of that start nearest both ends, in memory of the owner. */
  RitzPairs pairs(int count, Scope owner) {
    int best = best();
    List<RitzValue> ritz = spaces.get(best).ritz().list();
    int high = Math.min(count, ritz.size()) / 2;
    int low = Math.min(count, ritz.size()) - high;
    int[] wanted =
        IntStream.concat(IntStream.range(0, low), IntStream.range(ritz.size() - high, ritz.size()))
            .toArray();
    Vectors vectors = spaces.get(best).vectors(owner, wanted);
    return new RitzPairs(IntStream.of(wanted).mapToObj(ritz::get).toList(), vectors);
  }

  @Override
  public void close() {
    scope.close();
  }
}
