package dynaxx.spectrum;

import dynaxx.operator.NonFiniteException;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.function.DoubleUnaryOperator;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/**
 * How the eigenvalues of an operator are spread, by stochastic Lanczos quadrature (Ubaru, Chen and
 * Saad, 2017; Lin, Saad and Yang, 2016): the mean over random start vectors of their Gauss
 * quadratures.
 *
 * <p>Errors are of two kinds. That of the random starts is stated with each mean as a standard
 * error over the starts; of one start alone it is infinite. That of the quadrature is the same for
 * every start: it vanishes for polynomials of degree up to 2m - 1 after m Lanczos steps, so moments
 * have none of it, while a step function such as {@link #massBelow} is only known to within the
 * weights of the nodes beside the step.
 *
 * <p>A weight below about 1/n is invisible: a single eigenvalue, such as an isolated smallest one,
 * has the weight 1/n on average and a random one for each start. Its position is that of the Ritz
 * value, with the Ritz value's error.
 */
public final class SpectralDensity {

  /** Nodes closer than this fraction of the largest magnitude are not told apart in float32. */
  private static final double RESOLUTION = 1e-6;

  /** How far rounding may take a sum of weights from 1. */
  private static final double SUM_TOLERANCE = 1e-6;

  /** Margin of a curve on either side, in widths: what lies beyond is below 1e-8. */
  private static final double MARGIN = 6;

  /** Bins of a histogram in a decade, decades on either side of 1, and edges on a side of zero. */
  private static final int PER_DECADE = 5;

  private static final int DECADES = 6;
  private static final int SIDE = 2 * DECADES * PER_DECADE + 1;

  private final List<Quadrature> starts;
  private final long dimension;
  private final Quadrature merged;

  private SpectralDensity(List<Quadrature> starts, long dimension) {
    this.starts = starts;
    this.dimension = dimension;
    this.merged = merge(starts);
  }

  /**
   * Takes the quadratures of independent random starts.
   *
   * @param starts at least one; two or more give standard errors
   * @param dimension number of eigenvalues n, at least 1
   * @return the density
   * @throws IllegalArgumentException if there is no start, the dimension is below 1, or a
   *     quadrature has no nodes, nodes that do not ascend, or weights that are negative or do not
   *     sum to 1
   * @throws NonFiniteException if a node or a weight is NaN or infinite
   */
  static SpectralDensity of(List<Quadrature> starts, long dimension) {
    if (starts.isEmpty()) {
      throw new IllegalArgumentException("starts: found none, expected at least one");
    }
    if (dimension < 1) {
      throw new IllegalArgumentException("dimension: found " + dimension + ", expected at least 1");
    }
    starts.forEach(SpectralDensity::check);
    return new SpectralDensity(List.copyOf(starts), dimension);
  }

  private static void check(Quadrature start) {
    double[] nodes = start.nodes();
    double[] weights = start.weights();
    if (nodes.length == 0 || nodes.length != weights.length) {
      throw new IllegalArgumentException(
          "quadrature: found "
              + nodes.length
              + " nodes and "
              + weights.length
              + " weights, expected at least one and as many of each");
    }
    for (int i = 0; i < nodes.length; i++) {
      NonFiniteException.check("node", nodes[i]);
      NonFiniteException.check("weight", weights[i]);
      if (i > 0 && nodes[i] < nodes[i - 1]) {
        throw new IllegalArgumentException(
            "nodes: found " + nodes[i] + " after " + nodes[i - 1] + ", expected ascending values");
      }
      if (weights[i] < 0) {
        throw new IllegalArgumentException(
            "weights: found " + weights[i] + ", expected at least 0");
      }
    }
    double sum = Arrays.stream(weights).sum();
    if (Math.abs(sum - 1) > SUM_TOLERANCE) {
      throw new IllegalArgumentException("weights: found a sum of " + sum + ", expected 1");
    }
  }

  private static Quadrature merge(List<Quadrature> starts) {
    double[] nodes = starts.stream().flatMapToDouble(s -> Arrays.stream(s.nodes())).toArray();
    double[] weights =
        starts.stream()
            .flatMapToDouble(s -> Arrays.stream(s.weights()))
            .map(w -> w / starts.size())
            .toArray();
    int[] order =
        IntStream.range(0, nodes.length)
            .boxed()
            .sorted(Comparator.comparingDouble(i -> nodes[i]))
            .mapToInt(Integer::intValue)
            .toArray();
    return new Quadrature(
        Arrays.stream(order).mapToDouble(i -> nodes[i]).toArray(),
        Arrays.stream(order).mapToDouble(i -> weights[i]).toArray());
  }

  /** The quadratures that it is the mean of. */
  List<Quadrature> starts() {
    return starts;
  }

  /**
   * Positions of the nodes of all starts: their Ritz values.
   *
   * @return ascending
   */
  public double[] nodes() {
    return merged.nodes().clone();
  }

  /**
   * Weights of the nodes: the mean of f over the eigenvalues is about {@code sum of weights[i]
   * f(nodes[i])}.
   *
   * @return one for each of {@link #nodes}, summing to 1
   */
  public double[] weights() {
    return merged.weights().clone();
  }

  /**
   * Mean of a function over the eigenvalues, {@code tr f(H) / n}.
   *
   * @param f the function
   * @return the mean; times n it is the trace of f(H)
   * @throws NonFiniteException if f is NaN or infinite at a node
   */
  public Estimate mean(DoubleUnaryOperator f) {
    return estimate(start -> mean(start, f));
  }

  /**
   * Mean of a power of the eigenvalues.
   *
   * @param power at least 0; up to 2m - 1 after m steps there is no error but that of the starts
   * @return {@code tr H^power / n}
   * @throws IllegalArgumentException if the power is negative
   */
  public Estimate moment(int power) {
    if (power < 0) {
      throw new IllegalArgumentException("power: found " + power + ", expected at least 0");
    }
    return mean(x -> Math.pow(x, power));
  }

  /**
   * The trace, from the first moment.
   *
   * @return the sum of all eigenvalues
   */
  public Estimate trace() {
    return estimate(start -> dimension * mean(start, x -> x));
  }

  /**
   * Squared Frobenius norm, from the second moment. The variance of a {@link
   * TraceEstimator#hutchinson(int, long)} sample is at most twice this.
   *
   * @return the sum of the squares of all eigenvalues
   */
  public Estimate frobeniusSquared() {
    return estimate(start -> dimension * mean(start, x -> x * x));
  }

  /**
   * Fraction of eigenvalues below a threshold; at zero the fraction of negative ones. Eigenvalues
   * at zero within the noise of the products, about 1e-5 of the largest, fall on either side: put
   * the threshold at minus the noise to leave them out.
   *
   * @param threshold eigenvalues strictly below count
   * @return from 0 to 1
   */
  public Estimate massBelow(double threshold) {
    return estimate(start -> sum(start, below(start, threshold)));
  }

  /**
   * The least that the starts' own spectral measures can have below a threshold, by the bounds of
   * Chebyshev, Markov and Stieltjes (Szego, 1939, section 3.41): the weights below, without the
   * last node. This and {@link #mostMassBelow} say what the number of steps leaves open, and are
   * wide apart where a node beside the threshold is heavy. The random choice of starts is not in
   * them.
   *
   * @param threshold as in {@link #massBelow}
   * @return from 0 to 1
   */
  public double leastMassBelow(double threshold) {
    return estimate(start -> sum(start, Math.max(0, below(start, threshold) - 1))).value();
  }

  /**
   * The most that the starts' own spectral measures can have below a threshold: the weights below
   * with the next node.
   *
   * @param threshold as in {@link #massBelow}
   * @return from 0 to 1
   */
  public double mostMassBelow(double threshold) {
    return Math.min(1, estimate(start -> sum(start, below(start, threshold) + 1)).value());
  }

  private static int below(Quadrature start, double threshold) {
    return (int) Arrays.stream(start.nodes()).takeWhile(node -> node < threshold).count();
  }

  private static double sum(Quadrature start, int count) {
    return Arrays.stream(start.weights()).limit(count).sum();
  }

  /**
   * Where the bins of every {@link #histogram} end: a fifth of a decade apart on both sides of
   * zero, from 1e-6 to 1e6 in size, so that spectra of different times and networks can be laid
   * beside one another.
   *
   * @return ascending and symmetric about zero; one more than there are bins
   */
  public static double[] edges() {
    double[] edges = new double[2 * SIDE];
    for (int i = 0; i < SIDE; i++) {
      double size = Math.pow(10, (double) i / PER_DECADE - DECADES);
      edges[SIDE + i] = size;
      edges[SIDE - 1 - i] = -size;
    }
    return edges;
  }

  /**
   * Fraction of the eigenvalues between neighbouring {@link #edges}: the weights of the nodes
   * there, not smoothed. What lies beyond the ends counts to the last bins.
   *
   * @return one for each bin, summing to 1
   */
  public double[] histogram() {
    double[] edges = edges();
    double[] bins = new double[edges.length - 1];
    for (int i = 0; i < merged.nodes().length; i++) {
      int found = Arrays.binarySearch(edges, merged.nodes()[i]);
      int bin = found >= 0 ? found : -found - 2;
      bins[Math.clamp(bin, 0, bins.length - 1)] += merged.weights()[i];
    }
    return bins;
  }

  /**
   * The finest width at which a curve shows the spectrum and not the single nodes: the spread of
   * the nodes divided by the steps of the shortest quadrature, but not below the resolution of
   * float32 products. The width is 1 for the zero operator, which has no scale.
   *
   * @return a width above 0, in units of the eigenvalues
   */
  public double defaultWidth() {
    double[] nodes = merged.nodes();
    double lowest = nodes[0];
    double highest = nodes[nodes.length - 1];
    int steps = starts.stream().mapToInt(start -> start.nodes().length).min().orElseThrow();
    double noise = RESOLUTION * Math.max(Math.abs(lowest), Math.abs(highest));
    double width = Math.max((highest - lowest) / steps, noise);
    return width > 0 ? width : 1;
  }

  /**
   * The density at one position, each node spread to a Gaussian.
   *
   * @param x position
   * @param width standard deviation of the Gaussian, above 0
   * @return eigenvalues per unit of length, as a fraction of all
   * @throws IllegalArgumentException if the width is not above 0 and finite
   */
  public double density(double x, double width) {
    requireWidth(width);
    double[] nodes = merged.nodes();
    double[] weights = merged.weights();
    double sum = 0;
    for (int i = 0; i < nodes.length; i++) {
      double distance = (x - nodes[i]) / width;
      sum += weights[i] * Math.exp(-distance * distance / 2);
    }
    return sum / (width * Math.sqrt(2 * Math.PI));
  }

  /**
   * Equally spaced positions for a curve of the density, from six widths below the smallest node to
   * six above the largest.
   *
   * @param points number of positions; enough that they are no more than a width apart, or the
   *     curve would miss nodes
   * @param width standard deviation of the Gaussian, above 0
   * @return the positions, ascending
   * @throws IllegalArgumentException if the width is not above 0 and finite, or there are too few
   *     points for it
   */
  public double[] positions(int points, double width) {
    requireWidth(width);
    double[] nodes = merged.nodes();
    double low = nodes[0] - MARGIN * width;
    double length = nodes[nodes.length - 1] + MARGIN * width - low;
    double needed = Math.ceil(length / width) + 1;
    if (points < needed) {
      throw new IllegalArgumentException(
          "points: found "
              + points
              + " for a width of "
              + width
              + ", expected at least "
              + (long) needed
              + " (no more than a width apart)");
    }
    double[] at = new double[points];
    Arrays.setAll(at, i -> low + length * i / (points - 1));
    return at;
  }

  /**
   * The density at several positions, whose curve over all {@link #positions} has the integral 1.
   *
   * @param at positions
   * @param width standard deviation of the Gaussian that stands for each node, above 0
   * @return eigenvalues per unit of length, as a fraction of all
   * @throws IllegalArgumentException if the width is not above 0 and finite
   */
  public double[] density(double[] at, double width) {
    return Arrays.stream(at).map(x -> density(x, width)).toArray();
  }

  private static void requireWidth(double width) {
    if (!(width > 0 && Double.isFinite(width))) {
      throw new IllegalArgumentException(
          "width: found " + width + ", expected a finite value above 0");
    }
  }

  private static double mean(Quadrature start, DoubleUnaryOperator f) {
    double sum = 0;
    for (int i = 0; i < start.nodes().length; i++) {
      double value = NonFiniteException.check("f", f.applyAsDouble(start.nodes()[i]));
      sum += start.weights()[i] * value;
    }
    return sum;
  }

  private Estimate estimate(ToDoubleFunction<Quadrature> functional) {
    return Estimate.of(starts.stream().mapToDouble(functional).toArray());
  }

  @Override
  public String toString() {
    return "SpectralDensity[" + starts.size() + " starts, " + merged.nodes().length + " nodes]";
  }

  /**
   * Gauss quadrature of a spectrum from one Lanczos run of a random start vector (Golub and
   * Meurant, 1994): the mean of f over the eigenvalues is about {@code sum of weights[i]
   * f(nodes[i])}, exactly so for the start vector's own spectral measure and polynomials of degree
   * up to 2m - 1.
   *
   * @param nodes Ritz values, ascending
   * @param weights squared first components of their Ritz vectors, summing to 1
   */
  record Quadrature(double[] nodes, double[] weights) {}
}
