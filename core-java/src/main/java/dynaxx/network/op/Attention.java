package dynaxx.network.op;

import dynaxx.device.Device;
import dynaxx.kernel.GemmKernels.Members;
import dynaxx.kernel.Matrix;
import dynaxx.kernel.Scalars;
import dynaxx.kernel.Strided;
import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import dynaxx.network.op.Op.Statistic;
import java.util.List;

/**
 * Multi-head scaled dot-product attention (Vaswani et al., 2017) over tokens that carry the heads'
 * queries, keys and values side by side: input {@code [tokens x (heads + 2 keyHeads) depth]},
 * output {@code [tokens x heads depth]}. With fewer key heads than heads, {@code heads / keyHeads}
 * neighbouring queries share a key and a value (grouped queries, Ainslie et al., 2023). With {@code
 * A = s Q K'}, {@code P = softmax A}, {@code O = P V}; the probabilities are materialised.
 *
 * @param heads number of heads
 * @param keyHeads number of keys and values of each token; divides the heads
 * @param causal whether a token sees only itself and earlier tokens
 */
public record Attention(int heads, int keyHeads, boolean causal) implements Op {

  private static final int P = 0;
  private static final int DP = 1;
  private static final int DA = 2;

  /**
   * A key and a value for each head: input {@code [tokens x 3 width]}.
   *
   * @param heads number of heads; divides the width
   * @param causal whether a token sees only itself and earlier tokens
   */
  public Attention(int heads, boolean causal) {
    this(heads, heads, causal);
  }

  @Override
  public String name() {
    return "attention";
  }

  @Override
  public Shape outputShape(List<Shape> inputs) {
    Check.inputs(this, inputs, 1);
    Shape x = inputs.getFirst();
    boolean grouped = heads > 0 && keyHeads > 0 && heads % keyHeads == 0;
    int parts = heads + 2 * keyHeads;
    Check.that(
        grouped && x.rank() == 2 && x.dim(1) % parts == 0,
        this,
        0,
        x,
        "[tokens x columns] with columns divisible by "
            + (heads == keyHeads
                ? "3 times " + heads + " heads"
                : heads + " heads and 2 times " + keyHeads + " key heads that divide them"));
    return x.withLast(x.dim(1) / parts * heads);
  }

  @Override
  public Workspace workspace(List<Shape> inputs) {
    Geometry g = new Geometry(1, inputs.getFirst(), heads, keyHeads);
    long rows = g.scores();
    return new Workspace(
        List.of(rows, rows, rows), List.of(rows), List.of(rows, Math.max(rows, g.out())));
  }

  /**
   * One matrix for each batch index (direction, example, key head): that of the first query of a
   * group; the one of the next query is {@code next} elements further, or the same if that is 0.
   */
  private record Family(Matrix first, long next) {

    Matrix member(int query) {
      return first.at(query * next);
    }

    Family t() {
      return new Family(first.t(), next);
    }
  }

  /** Extents and the layouts of one frame's matrices. */
  private record Geometry(int examples, int tokens, int depth, int heads, int keyHeads) {

    Geometry(int examples, Shape qkv, int heads, int keyHeads) {
      this(examples, qkv.dim(0), qkv.dim(1) / (heads + 2 * keyHeads), heads, keyHeads);
    }

    /** Queries that share a key. */
    int group() {
      return heads / keyHeads;
    }

    double scale() {
      return 1 / Math.sqrt(depth);
    }

    long columns() {
      return (heads + 2L * keyHeads) * depth;
    }

    long width() {
      return (long) heads * depth;
    }

    long rows() {
      return (long) examples * heads * tokens;
    }

    long scores() {
      return rows() * tokens;
    }

    long in() {
      return examples * tokens * columns();
    }

    long out() {
      return examples * tokens * width();
    }

    Members batch(int directions) {
      return new Members(directions, examples, keyHeads);
    }

    /** Query (0), key (1) or value (2) of each head. */
    Family part(Buffer qkv, int which, boolean perDirection) {
      long start = which == 0 ? 0 : (heads + (which - 1L) * keyHeads) * depth;
      long stride = which == 0 ? (long) group() * depth : depth;
      Matrix first =
          Matrix.of(qkv, columns())
              .at(start)
              .batch(perDirection ? in() : 0, tokens * columns(), stride);
      return new Family(first, which == 0 ? depth : 0);
    }

    Family output(Buffer o, boolean perDirection) {
      Matrix first =
          Matrix.of(o, width())
              .batch(perDirection ? out() : 0, tokens * width(), (long) group() * depth);
      return new Family(first, depth);
    }

    Family score(Buffer p, boolean perDirection) {
      long square = (long) tokens * tokens;
      Matrix first =
          Matrix.of(p, tokens).batch(perDirection ? scores() : 0, heads * square, group() * square);
      return new Family(first, square);
    }
  }

  private Geometry geometry(Frame f) {
    return new Geometry(f.examples(), f.inputShape(0), heads, keyHeads);
  }

  /** Products of one kind for all members of a frame. */
  private record Products(Device device, Geometry g, Members batch) {

    /** {@code scores = alpha left right' + beta scores}, contracted over a head's width. */
    void scores(double alpha, Family left, Family right, double beta, Family scores) {
      for (int q = 0; q < g.group(); q++) {
        Matrix key = right.member(q).t();
        Matrix to = scores.member(q);
        device
            .kernels()
            .gemm()
            .multiply(
                g.tokens(),
                g.tokens(),
                g.depth(),
                alpha,
                left.member(q),
                key,
                beta,
                to,
                null,
                batch);
      }
    }

    /** {@code out = alpha scores right + beta out}, contracted over tokens; shared outputs add. */
    void mix(double alpha, Family scores, Family right, double beta, Family out) {
      for (int q = 0; q < g.group(); q++) {
        double old = q > 0 && out.next() == 0 ? 1 : beta;
        Matrix p = scores.member(q);
        Matrix to = out.member(q);
        device
            .kernels()
            .gemm()
            .multiply(
                g.tokens(), g.depth(), g.tokens(), alpha, p, right.member(q), old, to, null, batch);
      }
    }
  }

  @Override
  public void forward(Frame f) {
    Geometry g = geometry(f);
    Products products = new Products(f.device(), g, g.batch(1));
    Family p = g.score(f.saved(P), false);
    products.scores(g.scale(), g.part(f.x(0), 0, false), g.part(f.x(0), 1, false), 0, p);
    f.device().kernels().softmax().forward(g.rows(), g.tokens(), causal, f.saved(P), f.saved(P));
    products.mix(1, p, g.part(f.x(0), 2, false), 0, g.output(f.y(), false));
  }

  @Override
  public void backward(Frame f) {
    Geometry g = geometry(f);
    Products products = new Products(f.device(), g, g.batch(1));
    Family q = g.part(f.x(0), 0, false);
    Family k = g.part(f.x(0), 1, false);
    Family v = g.part(f.x(0), 2, false);
    Family dO = g.output(f.dy(), false);
    Family da = g.score(f.saved(DA), false);
    products.scores(1, dO, v, 0, g.score(f.saved(DP), false));
    f.device()
        .kernels()
        .softmax()
        .backward(g.rows(), g.tokens(), f.saved(P), f.saved(DP), f.saved(DA));
    products.mix(g.scale(), da, k, f.beta(0), g.part(f.dx(0), 0, false));
    products.mix(g.scale(), da.t(), q, f.beta(0), g.part(f.dx(0), 1, false));
    products.mix(1, g.score(f.saved(P), false).t(), dO, f.beta(0), g.part(f.dx(0), 2, false));
  }

  @Override
  public void tangentForward(Frame f) {
    Geometry g = geometry(f);
    Products products = new Products(f.device(), g, g.batch(f.directions()));
    Buffer ra = f.scratch(0);
    Buffer rp = f.savedTangent(0);
    Family scores = g.score(ra, true);
    products.scores(g.scale(), g.part(f.rx(0), 0, true), g.part(f.x(0), 1, false), 0, scores);
    products.scores(g.scale(), g.part(f.x(0), 0, false), g.part(f.rx(0), 1, true), 1, scores);
    f.device()
        .kernels()
        .softmax()
        .tangent(f.directions(), g.rows(), g.tokens(), f.saved(P), ra, rp);
    Family ro = g.output(f.ry(), true);
    products.mix(1, g.score(rp, true), g.part(f.x(0), 2, false), 0, ro);
    products.mix(1, g.score(f.saved(P), false), g.part(f.rx(0), 2, true), 1, ro);
  }

  @Override
  public void tangentBackward(Frame f) {
    Geometry g = geometry(f);
    Products products = new Products(f.device(), g, g.batch(f.directions()));
    Family dO = g.output(f.dy(), false);
    Family rdO = g.output(f.rdy(), true);
    Family da = g.score(f.saved(DA), false);
    Buffer rdp = f.scratch(0);
    Family rda = g.score(rdp, true);
    products.scores(1, rdO, g.part(f.x(0), 2, false), 0, rda);
    products.scores(1, dO, g.part(f.rx(0), 2, true), 1, rda);
    f.device()
        .kernels()
        .softmax()
        .tangentBackward(
            f.directions(),
            g.rows(),
            g.tokens(),
            f.saved(P),
            f.saved(DP),
            f.savedTangent(0),
            rdp,
            rdp);
    double s = g.scale();
    Family rdq = g.part(f.rdx(0), 0, true);
    products.mix(s, rda, g.part(f.x(0), 1, false), f.beta(0), rdq);
    products.mix(s, da, g.part(f.rx(0), 1, true), 1, rdq);
    Family rdk = g.part(f.rdx(0), 1, true);
    products.mix(s, rda.t(), g.part(f.x(0), 0, false), f.beta(0), rdk);
    products.mix(s, da.t(), g.part(f.rx(0), 0, true), 1, rdk);
    Family rdv = g.part(f.rdx(0), 2, true);
    products.mix(1, g.score(f.savedTangent(0), true).t(), dO, f.beta(0), rdv);
    products.mix(1, g.score(f.saved(P), false).t(), rdO, 1, rdv);
  }

  @Override
  public void curvature(Frame f) {
    Geometry g = geometry(f);
    Device device = f.device();
    int directions = f.directions();
    Products products = new Products(device, g, g.batch(directions));
    Buffer ra = f.scratch(0);
    Buffer product = f.scratch(1);
    device
        .kernels()
        .softmax()
        .curvature(directions, g.rows(), g.tokens(), f.saved(P), f.saved(DP), ra, f.curvature());
    products.scores(
        1, g.part(f.rx(0), 0, true), g.part(f.rx(0), 1, true), 0, g.score(product, true));
    device
        .kernels()
        .elementwise()
        .dots(
            directions, g.scores(), 2 * g.scale(), Strided.of(f.saved(DA)), product, f.curvature());
    products.mix(
        1, g.score(f.savedTangent(0), true), g.part(f.rx(0), 2, true), 0, g.output(product, true));
    device
        .kernels()
        .elementwise()
        .dots(directions, g.out(), 2, Strided.of(f.dy()), product, f.curvature());
  }

  @Override
  public List<Statistic> statistics(List<Shape> inputs) {
    long queries = inputs.getFirst().dim(0);
    return List.of(new Statistic("attention_entropy", heads, queries, false, this::entropy));
  }

  /** Adds the entropies of each head's rows, in nats, summed over examples and queries. */
  private void entropy(Frame f, Scalars sums) {
    Geometry g = geometry(f);
    f.device()
        .kernels()
        .softmax()
        .entropy(f.examples(), heads, g.tokens(), g.tokens(), f.saved(P), sums);
  }
}
