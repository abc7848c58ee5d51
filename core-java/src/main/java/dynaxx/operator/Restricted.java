package dynaxx.operator;

import dynaxx.device.Device;
import dynaxx.layer.Parameter;
import dynaxx.memory.Buffer;
import dynaxx.memory.Range;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.network.Network;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.OptionalDouble;

/**
 * The principal submatrix of H that belongs to some of the parameters: the curvature of the loss
 * when only they move, as of one layer or one block. Its vectors hold the selected parameters: the
 * ranges, one after the other, in the order given.
 *
 * <p>A product costs one of H, whatever the number of parameters selected. By Cauchy's interlacing
 * theorem its eigenvalues lie between the smallest and the largest of H.
 *
 * <p>Keeps up to 16 vectors of H's length until it is closed.
 */
final class Restricted implements SymmetricOperator {

  /** Vectors embedded at once; more would take memory and save nothing. */
  private static final int DIRECTIONS = 8;

  private final SymmetricOperator inner;
  private final List<Range> ranges;
  private final long dimension;
  private final Scope scope = Scope.open();
  private final Workspace embedded;
  private final Workspace products;

  private Restricted(SymmetricOperator inner, List<Range> ranges) {
    this.inner = inner;
    this.ranges = merged(ranges);
    this.dimension = ranges.stream().mapToLong(Range::size).sum();
    embedded = new Workspace(inner.device(), inner.dimension(), scope);
    products = new Workspace(inner.device(), inner.dimension(), scope);
  }

  /**
   * Selects ranges of the parameter vector.
   *
   * @param inner the operator H; not closed with this one
   * @param ranges at least one, disjoint, within H's dimension, in the order in which this
   *     operator's vectors hold them
   * @return the submatrix, to be closed
   * @throws IllegalArgumentException if there is no range, one reaches beyond H, or two overlap
   */
  static Restricted of(SymmetricOperator inner, List<Range> ranges) {
    Objects.requireNonNull(inner, "inner");
    if (ranges.isEmpty()) {
      throw new IllegalArgumentException("ranges: found none, expected at least one");
    }
    for (Range range : ranges) {
      if (range.end() > inner.dimension()) {
        throw new IllegalArgumentException(
            "ranges: found " + range + ", expected within [0, " + inner.dimension() + ")");
      }
    }
    List<Range> ascending = new ArrayList<>(ranges);
    ascending.sort(Comparator.comparingLong(Range::offset));
    for (int i = 1; i < ascending.size(); i++) {
      if (ascending.get(i).offset() < ascending.get(i - 1).end()) {
        throw new IllegalArgumentException(
            "ranges: found "
                + ascending.get(i - 1)
                + " and "
                + ascending.get(i)
                + ", expected disjoint ranges");
      }
    }
    return new Restricted(inner, ranges);
  }

  /**
   * Selects parameters of a network by name.
   *
   * @param inner the operator H over the network's parameters; not closed with this one
   * @param network says where its parameters lie
   * @param names exact names, or prefixes that end in a dot: {@code blocks.0.} selects all of that
   *     block
   * @return the submatrix, to be closed
   * @throws IllegalArgumentException if no parameter has a name or prefix, one is selected twice,
   *     or the network does not fit H
   */
  static Restricted of(SymmetricOperator inner, Network network, String... names) {
    Objects.requireNonNull(inner, "inner");
    if (network.parameterCount() != inner.dimension()) {
      throw new IllegalArgumentException(
          "network: found "
              + network.parameterCount()
              + " parameters, expected "
              + inner.dimension()
              + " as in the operator");
    }
    if (names.length == 0) {
      throw new IllegalArgumentException("names: found none, expected at least one");
    }
    List<Parameter> selected = new ArrayList<>();
    for (String name : names) {
      for (Parameter parameter : named(network, name)) {
        if (selected.contains(parameter)) {
          throw new IllegalArgumentException(
              "names: found '" + parameter.name() + "' selected twice, expected once");
        }
        selected.add(parameter);
      }
    }
    return of(inner, selected.stream().map(p -> new Range(p.offset(), p.size())).toList());
  }

  private static List<Parameter> named(Network network, String name) {
    List<Parameter> found =
        network.parameters().stream()
            .filter(p -> name.endsWith(".") ? p.name().startsWith(name) : p.name().equals(name))
            .toList();
    if (found.isEmpty()) {
      throw new IllegalArgumentException(
          "names: found '"
              + name
              + "', expected one of, or a prefix that ends in a dot of one of, "
              + network.parameters().stream().map(Parameter::name).toList());
    }
    return found;
  }

  /** Joins ranges that continue each other, so that there are fewer copies. */
  private static List<Range> merged(List<Range> ranges) {
    List<Range> merged = new ArrayList<>();
    for (Range range : ranges) {
      if (!merged.isEmpty() && merged.getLast().end() == range.offset()) {
        Range last = merged.removeLast();
        merged.add(new Range(last.offset(), last.size() + range.size()));
      } else {
        merged.add(range);
      }
    }
    return List.copyOf(merged);
  }

  /**
   * Where its elements lie in the vectors of H.
   *
   * @return disjoint ranges in the order of this operator's vectors, neighbours joined
   */
  List<Range> ranges() {
    return ranges;
  }

  @Override
  public long dimension() {
    return dimension;
  }

  @Override
  public Device device() {
    return inner.device();
  }

  @Override
  public void apply(Vectors v, Vectors hv) {
    device()
        .turns()
        .serve(
            this,
            "restricted operator",
            () -> {
              Operands.check(this, v, hv);
              for (int from = 0; from < v.count(); from += DIRECTIONS) {
                int k = Math.min(DIRECTIONS, v.count() - from);
                Vectors product = products.vectors(k);
                inner.apply(embed(v.subset(from, k)), product);
                gather(product, hv.subset(from, k));
              }
              return null;
            });
  }

  /**
   * {@inheritDoc}
   *
   * <p>Costs a quadratic form of H.
   */
  @Override
  public double[] quadraticForm(Vectors v) {
    return device()
        .turns()
        .serve(
            this,
            "restricted operator",
            () -> {
              Operands.checkLength(this, "v", v);
              double[] forms = new double[v.count()];
              for (int from = 0; from < v.count(); from += DIRECTIONS) {
                int k = Math.min(DIRECTIONS, v.count() - from);
                double[] part = inner.quadraticForm(embed(v.subset(from, k)));
                System.arraycopy(part, 0, forms, from, k);
              }
              return forms;
            });
  }

  /** The vectors with zeros elsewhere; only the ranges are ever written, the rest stays zero. */
  private Vectors embed(Vectors v) {
    Vectors full = embedded.vectors(v.count());
    long at = 0;
    for (Range r : ranges) {
      copy(v, at, full, r.offset(), r.size());
      at += r.size();
    }
    return full;
  }

  private void gather(Vectors full, Vectors hv) {
    long at = 0;
    for (Range r : ranges) {
      copy(full, r.offset(), hv, at, r.size());
      at += r.size();
    }
  }

  private void copy(Vectors from, long fromOffset, Vectors to, long toOffset, long size) {
    for (int i = 0; i < from.count(); i++) {
      device()
          .algebra()
          .copy(from.vector(i).slice(fromOffset, size), to.vector(i).slice(toOffset, size));
    }
  }

  /**
   * {@inheritDoc}
   *
   * <p>That of H. This supposes that H's errors are small where its entries are, as those of an
   * exact product are; a submatrix that is zero except for rounding comes out as noise.
   */
  @Override
  public double productError() {
    return inner.productError();
  }

  @Override
  public OptionalDouble quadraticForm64(Buffer v) {
    return device()
        .turns()
        .serve(
            this,
            "restricted operator",
            () -> {
              Vectors given = Vectors.of(v, 1, v.size());
              Operands.checkLength(this, "v", given);
              return inner.quadraticForm64(embed(given).buffer());
            });
  }

  /** Frees its memory, not the inner operator; closing twice is harmless. */
  @Override
  public void close() {
    scope.close();
  }
}
