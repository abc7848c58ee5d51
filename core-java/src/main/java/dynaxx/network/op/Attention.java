package dynaxx.network.op;

import dynaxx.kernel.AttentionKernels;
import dynaxx.kernel.AttentionKernels.Heads;
import dynaxx.kernel.AttentionKernels.Primal;
import dynaxx.kernel.Scalars;
import dynaxx.layer.Shape;
import dynaxx.network.op.Op.Statistic;
import java.util.List;

/**
 * Multi-head scaled dot-product attention (Vaswani et al., 2017) over tokens that carry the heads'
 * queries, keys and values side by side: input {@code [tokens x (heads + 2 keyHeads) depth]},
 * output {@code [tokens x heads depth]}. With fewer key heads than heads, {@code heads / keyHeads}
 * neighbouring queries share a key and a value (grouped queries, Ainslie et al., 2023). With {@code
 * A = s Q K'}, {@code P = softmax A}, {@code O = P V}; probabilities are not kept, every pass
 * computes them again.
 *
 * @param heads number of heads
 * @param keyHeads number of keys and values of each token; divides the heads
 * @param causal whether a token sees only itself and earlier tokens
 */
public record Attention(int heads, int keyHeads, boolean causal) implements Op {

  private static final int SAVED = 0;
  private static final int ADJOINT = 1;

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
    long rows = (long) heads * inputs.getFirst().dim(0);
    return new Workspace(
        List.of(AttentionKernels.SAVED * rows, AttentionKernels.ADJOINT * rows),
        List.of(AttentionKernels.TANGENT * rows),
        List.of());
  }

  private Heads extents(Frame f) {
    Shape x = f.inputShape(0);
    int depth = x.dim(1) / (heads + 2 * keyHeads);
    return new Heads(f.examples(), x.dim(0), depth, heads, keyHeads, causal);
  }

  private static AttentionKernels kernels(Frame f) {
    return f.device().kernels().attention();
  }

  private static Primal primal(Frame f) {
    return new Primal(f.x(0), f.saved(SAVED), f.dy(), f.saved(ADJOINT));
  }

  @Override
  public void forward(Frame f) {
    kernels(f).forward(extents(f), f.x(0), f.y(), f.saved(SAVED));
  }

  @Override
  public void backward(Frame f) {
    kernels(f)
        .backward(
            extents(f),
            f.x(0),
            f.y(),
            f.saved(SAVED),
            f.dy(),
            f.saved(ADJOINT),
            f.dx(0),
            f.adds(0));
  }

  @Override
  public void tangentForward(Frame f) {
    kernels(f)
        .tangent(
            extents(f),
            f.directions(),
            f.x(0),
            f.y(),
            f.saved(SAVED),
            f.rx(0),
            f.ry(),
            f.savedTangent(0));
  }

  @Override
  public void tangentBackward(Frame f) {
    kernels(f)
        .tangentBackward(
            extents(f),
            f.directions(),
            primal(f),
            f.rx(0),
            f.savedTangent(0),
            f.rdy(),
            f.rdx(0),
            f.adds(0));
  }

  @Override
  public void curvature(Frame f) {
    kernels(f)
        .curvature(
            extents(f), f.directions(), primal(f), f.rx(0), f.savedTangent(0), f.curvature());
  }

  @Override
  public List<Statistic> statistics(List<Shape> inputs) {
    long queries = inputs.getFirst().dim(0);
    return List.of(new Statistic("attention_entropy", heads, queries, false, this::entropy));
  }

  /** Adds the entropies of each head's rows, in nats, summed over examples and queries. */
  private void entropy(Frame f, Scalars sums) {
    kernels(f).entropy(extents(f), f.x(0), f.saved(SAVED), sums);
  }
}
