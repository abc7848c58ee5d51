package dynaxx.network;

import dynaxx.backend.Backend;
import dynaxx.backend.Matrix;
import dynaxx.backend.MatrixKernels.Members;
import dynaxx.backend.Scalars;
import dynaxx.backend.Strided;
import dynaxx.memory.Buffer;
import java.util.List;

/**
 * Multi-head scaled dot-product attention (Vaswani et al., 2017) over tokens that carry query, key
 * and value side by side: input {@code [tokens x 3 width]}, output {@code [tokens x width]}. Head h
 * takes columns {@code h * width / heads} onwards of each third. With {@code A = s Q K'}, {@code P
 * = softmax A}, {@code O = P V}; the probabilities are materialised.
 *
 * @param heads number of heads; divides the width
 * @param causal whether a token sees only itself and earlier tokens
 */
public record Attention(int heads, boolean causal) implements Op {

  private static final int P = 0;
  private static final int DP = 1;
  private static final int DA = 2;

  @Override
  public String name() {
    return "attention";
  }

  @Override
  public Shape outputShape(List<Shape> inputs) {
    Check.inputs(this, inputs, 1);
    Shape x = inputs.getFirst();
    Check.that(
        heads > 0 && x.rank() == 2 && x.dim(1) % (3 * heads) == 0,
        this,
        0,
        x,
        "[tokens x 3 width] with a width divisible by " + heads + " heads");
    return x.withLast(x.dim(1) / 3);
  }

  @Override
  public Workspace workspace(List<Shape> inputs) {
    Geometry g = new Geometry(1, inputs.getFirst(), heads);
    long rows = g.scores();
    return new Workspace(
        List.of(rows, rows, rows), List.of(rows), List.of(rows, Math.max(rows, g.out())));
  }

  /**
   * Extents and the layouts of one frame's matrices; batch indices are (direction, example, head).
   */
  private record Geometry(int examples, int tokens, int width, int heads) {

    Geometry(int examples, Shape qkv, int heads) {
      this(examples, qkv.dim(0), qkv.dim(1) / 3, heads);
    }

    int depth() {
      return width / heads;
    }

    double scale() {
      return 1 / Math.sqrt(depth());
    }

    long rows() {
      return (long) examples * heads * tokens;
    }

    long scores() {
      return rows() * tokens;
    }

    long in() {
      return 3L * examples * tokens * width;
    }

    long out() {
      return (long) examples * tokens * width;
    }

    Members batch(int directions) {
      return new Members(directions, examples, heads);
    }

    /** Query (0), key (1) or value (2) of each head. */
    Matrix part(Buffer qkv, int which, boolean perDirection) {
      return Matrix.of(qkv, 3L * width)
          .at((long) which * width)
          .batch(perDirection ? in() : 0, 3L * tokens * width, depth());
    }

    Matrix output(Buffer o, boolean perDirection) {
      return Matrix.of(o, width).batch(perDirection ? out() : 0, (long) tokens * width, depth());
    }

    Matrix score(Buffer p, boolean perDirection) {
      long square = (long) tokens * tokens;
      return Matrix.of(p, tokens).batch(perDirection ? scores() : 0, heads * square, square);
    }
  }

  private Geometry geometry(Frame f) {
    return new Geometry(f.examples(), f.inputShape(0), heads);
  }

  /** Products of one kind for all members of a frame. */
  private record Products(Backend backend, Geometry g, Members batch) {

    /** {@code scores = alpha left right' + beta scores}, contracted over a head's width. */
    void scores(double alpha, Matrix left, Matrix right, double beta, Matrix scores) {
      backend.gemm(
          g.tokens(), g.tokens(), g.depth(), alpha, left, right.t(), beta, scores, null, batch);
    }

    /** {@code out = alpha scores right + beta out}, contracted over tokens. */
    void mix(double alpha, Matrix scores, Matrix right, double beta, Matrix out) {
      backend.gemm(g.tokens(), g.depth(), g.tokens(), alpha, scores, right, beta, out, null, batch);
    }
  }

  @Override
  public void forward(Frame f) {
    Geometry g = geometry(f);
    Products products = new Products(f.backend(), g, g.batch(1));
    Matrix p = g.score(f.saved(P), false);
    products.scores(g.scale(), g.part(f.x(0), 0, false), g.part(f.x(0), 1, false), 0, p);
    f.backend().softmax(g.rows(), g.tokens(), causal, f.saved(P), f.saved(P));
    products.mix(1, p, g.part(f.x(0), 2, false), 0, g.output(f.y(), false));
  }

  @Override
  public void backward(Frame f) {
    Geometry g = geometry(f);
    Products products = new Products(f.backend(), g, g.batch(1));
    Matrix q = g.part(f.x(0), 0, false);
    Matrix k = g.part(f.x(0), 1, false);
    Matrix v = g.part(f.x(0), 2, false);
    Matrix dO = g.output(f.dy(), false);
    Matrix da = g.score(f.saved(DA), false);
    products.scores(1, dO, v, 0, g.score(f.saved(DP), false));
    f.backend().softmaxBackward(g.rows(), g.tokens(), f.saved(P), f.saved(DP), f.saved(DA));
    products.mix(g.scale(), da, k, f.beta(0), g.part(f.dx(0), 0, false));
    products.mix(g.scale(), da.t(), q, f.beta(0), g.part(f.dx(0), 1, false));
    products.mix(1, g.score(f.saved(P), false).t(), dO, f.beta(0), g.part(f.dx(0), 2, false));
  }

  @Override
  public void tangentForward(Frame f) {
    Geometry g = geometry(f);
    Products products = new Products(f.backend(), g, g.batch(f.directions()));
    Buffer ra = f.scratch(0);
    Buffer rp = f.savedTangent(0);
    Matrix scores = g.score(ra, true);
    products.scores(g.scale(), g.part(f.rx(0), 0, true), g.part(f.x(0), 1, false), 0, scores);
    products.scores(g.scale(), g.part(f.x(0), 0, false), g.part(f.rx(0), 1, true), 1, scores);
    f.backend().softmaxTangent(f.directions(), g.rows(), g.tokens(), f.saved(P), ra, rp);
    Matrix ro = g.output(f.ry(), true);
    products.mix(1, g.score(rp, true), g.part(f.x(0), 2, false), 0, ro);
    products.mix(1, g.score(f.saved(P), false), g.part(f.rx(0), 2, true), 1, ro);
  }

  @Override
  public void tangentBackward(Frame f) {
    Geometry g = geometry(f);
    Products products = new Products(f.backend(), g, g.batch(f.directions()));
    Matrix dO = g.output(f.dy(), false);
    Matrix rdO = g.output(f.rdy(), true);
    Matrix da = g.score(f.saved(DA), false);
    Buffer rdp = f.scratch(0);
    Matrix rda = g.score(rdp, true);
    products.scores(1, rdO, g.part(f.x(0), 2, false), 0, rda);
    products.scores(1, dO, g.part(f.rx(0), 2, true), 1, rda);
    f.backend()
        .softmaxTangentBackward(
            f.directions(),
            g.rows(),
            g.tokens(),
            f.saved(P),
            f.saved(DP),
            f.savedTangent(0),
            rdp,
            rdp);
    double s = g.scale();
    Matrix rdq = g.part(f.rdx(0), 0, true);
    products.mix(s, rda, g.part(f.x(0), 1, false), f.beta(0), rdq);
    products.mix(s, da, g.part(f.rx(0), 1, true), 1, rdq);
    Matrix rdk = g.part(f.rdx(0), 1, true);
    products.mix(s, rda.t(), g.part(f.x(0), 0, false), f.beta(0), rdk);
    products.mix(s, da.t(), g.part(f.rx(0), 0, true), 1, rdk);
    Matrix rdv = g.part(f.rdx(0), 2, true);
    products.mix(1, g.score(f.savedTangent(0), true).t(), dO, f.beta(0), rdv);
    products.mix(1, g.score(f.saved(P), false).t(), rdO, 1, rdv);
  }

  @Override
  public void curvature(Frame f) {
    Geometry g = geometry(f);
    Backend backend = f.backend();
    int directions = f.directions();
    Products products = new Products(backend, g, g.batch(directions));
    Buffer ra = f.scratch(0);
    Buffer product = f.scratch(1);
    backend.softmaxCurvature(
        directions, g.rows(), g.tokens(), f.saved(P), f.saved(DP), ra, f.curvature());
    products.scores(
        1, g.part(f.rx(0), 0, true), g.part(f.rx(0), 1, true), 0, g.score(product, true));
    backend.dots(
        directions, g.scores(), 2 * g.scale(), Strided.of(f.saved(DA)), product, f.curvature());
    products.mix(
        1, g.score(f.savedTangent(0), true), g.part(f.rx(0), 2, true), 0, g.output(product, true));
    backend.dots(directions, g.out(), 2, Strided.of(f.dy()), product, f.curvature());
  }

  /**
   * Adds the entropies of each head's rows, summed over examples and queries of the last forward
   * pass.
   */
  void entropy(Frame f, Scalars sums) {
    Geometry g = geometry(f);
    f.backend().rowEntropy(f.examples(), heads, g.tokens(), g.tokens(), f.saved(P), sums);
  }
}
