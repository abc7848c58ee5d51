package dynaxx.network.pass;

import dynaxx.device.Device;
import dynaxx.kernel.Scalars;
import dynaxx.kernel.Strided;
import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.network.Network;
import dynaxx.network.op.Frame;
import dynaxx.network.op.Frame.Mode;
import dynaxx.network.op.Step;
import java.util.Arrays;
import java.util.List;

/**
 * Plays k directions at once over a {@link Tape}. A product sweep is tangentForward through all
 * ops, the loss, then tangentBackward through all ops: H v for each direction. A quadratic sweep is
 * tangentForward and curvature only: v'Hv, half the work, and no tangent outlives its last
 * consumer, so its memory does not grow with depth.
 *
 * <p>A Gauss-Newton sweep leaves out the curvature of the network and keeps that of the loss
 * (Schraudolph, 2002): tangentForward through all ops, the loss, then the plain backward pass of
 * every op, once for each direction. Tangents end with their last consumer here too.
 */
public final class TangentSweep implements AutoCloseable {

  /** What a sweep computes. */
  public enum Kind {
    /** Hessian-vector products. */
    PRODUCT(true, true),
    /** Quadratic forms of the Hessian or the Gauss-Newton matrix. */
    QUADRATIC(false, false),
    /** Gauss-Newton products. */
    GAUSS_NEWTON(false, true);

    private final boolean keepsTangents;
    private final boolean goesBack;

    Kind(boolean keepsTangents, boolean goesBack) {
      this.keepsTangents = keepsTangents;
      this.goesBack = goesBack;
    }
  }

  /** Slot of every tangent array of a network. */
  private record Layout(
      int[] tangents,
      int[] adjointTangents,
      int[][] saved,
      long[] slotSizes,
      SharedAdjoints shared) {

    static Layout of(Network network, Kind kind) {
      List<Step> steps = network.steps();
      int n = steps.size();
      int[] first = new int[n];
      int[] last = new int[n];
      consumers(steps, first, last);
      SlotPlan plan = new SlotPlan();
      int[] tangents = new int[n];
      int[] adjoints = new int[n];
      SharedAdjoints shared = SharedAdjoints.passing(network);
      int[][] saved = new int[n][];
      boolean kept = kind.keepsTangents;
      for (int i = 1; i < n; i++) {
        int node = i;
        Step step = steps.get(i);
        long size = step.active() ? step.shape().size() : 0;
        boolean again = kept && first[i] < n;
        tangents[i] = plan.add(i, again ? 2 * n - first[i] : last[i], size);
        if (!kind.goesBack) {
          adjoints[i] = plan.add(n, n, i == n - 1 ? size : 0);
        } else if (shared.owner(i) == i) {
          adjoints[i] = plan.add(2 * n - last[i], 2 * n - shared.first(i), size);
        }
        saved[i] =
            Workspaces.of(network, i).tangents().stream()
                .mapToInt(s -> plan.add(node, kept ? 2 * n - node : node, s))
                .toArray();
      }
      for (int i = 1; i < n && kind.goesBack; i++) {
        adjoints[i] = adjoints[shared.owner(i)];
      }
      int[] slots = plan.assign();
      return new Layout(
          map(tangents, slots), map(adjoints, slots), map(saved, slots), plan.sizes(), shared);
    }

    /**
     * The first op that reads each node's tangent going back, n if there is none, and the last op
     * that uses it going forward; the loss, at time n, uses the output.
     */
    private static void consumers(List<Step> steps, int[] first, int[] last) {
      int n = steps.size();
      Arrays.fill(first, n);
      last[n - 1] = n;
      for (int i = 1; i < n; i++) {
        int[] inputs = steps.get(i).inputs();
        for (int j = 0; j < inputs.length; j++) {
          if (steps.get(i).op().readsInput(j)) {
            first[inputs[j]] = Math.min(first[inputs[j]], i);
          }
          last[inputs[j]] = i;
        }
      }
    }

    private static int[] map(int[] ids, int[] slots) {
      return Arrays.stream(ids).map(id -> slots[id]).toArray();
    }

    private static int[][] map(int[][] ids, int[] slots) {
      int[][] mapped = new int[ids.length][];
      for (int i = 1; i < ids.length; i++) {
        mapped[i] = map(ids[i], slots);
      }
      return mapped;
    }
  }

  private final Network network;
  private final Kind kind;
  private final int capacity;
  private final int maxDirections;
  private final Scope scope;
  private final Layout layout;
  private final Buffer[] slots;
  private final Buffer[] scratch;
  private final Scalars forms;
  private Vectors v;
  private Vectors hv;
  private Scalars curvature;

  /**
   * Allocates a sweep.
   *
   * @param network the network of the tapes it will play over
   * @param kind products or quadratic forms
   * @param device where to compute
   * @param capacity the most examples of a tape
   * @param maxDirections the most directions at once
   */
  public TangentSweep(Network network, Kind kind, Device device, int capacity, int maxDirections) {
    this.network = network;
    this.kind = kind;
    this.capacity = capacity;
    this.maxDirections = maxDirections;
    this.scope = Scope.open();
    this.layout = Layout.of(network, kind);
    long width = Math.multiplyExact((long) capacity, maxDirections);
    try {
      slots =
          Arrays.stream(layout.slotSizes())
              .mapToObj(size -> device.allocate(scope, Math.multiplyExact(size, width)))
              .toArray(Buffer[]::new);
      scratch =
          Arrays.stream(Workspaces.scratchSizes(network))
              .mapToObj(size -> device.allocate(scope, Math.multiplyExact(size, width)))
              .toArray(Buffer[]::new);
      forms = kind == Kind.QUADRATIC ? device.scalars(scope, maxDirections) : null;
    } catch (RuntimeException | Error e) {
      scope.close();
      throw e;
    }
  }

  /**
   * Memory of a sweep.
   *
   * @param network the network
   * @param kind products or quadratic forms
   * @return bytes for each example of capacity and each direction
   */
  public static long bytesPerExample(Network network, Kind kind) {
    long floats = Arrays.stream(Layout.of(network, kind).slotSizes()).sum();
    return (floats + Arrays.stream(Workspaces.scratchSizes(network)).sum()) * Float.BYTES;
  }

  /**
   * Adds this tape's share of H v for each direction.
   *
   * @param tape holds a forward and a backward pass in {@link Mode#MEASURE}
   * @param v k directions of n values
   * @param hv k products of n values, added to
   */
  public void addProducts(Tape tape, Vectors v, Vectors hv) {
    tape.requireMeasured();
    begin(tape, Kind.PRODUCT, v);
    to(hv);
    forward(tape, false);
    for (int i = network.steps().size() - 1; i > 0; i--) {
      if (active(i)) {
        TapeFrame frame = new TapeFrame(tape, this, i);
        tape.run(i, op -> op.tangentBackward(frame));
      }
    }
  }

  /**
   * Adds this tape's share of G v for each direction, G the Gauss-Newton matrix. Runs the ops'
   * backward passes over what they saved, so that the tape can be used for Hessians again only
   * after its own backward pass.
   *
   * @param tape holds a forward pass in {@link Mode#MEASURE}
   * @param v k directions of n values
   * @param gv k products of n values, added to
   */
  public void addGaussNewtonProducts(Tape tape, Vectors v, Vectors gv) {
    tape.requireMeasuredForward();
    begin(tape, Kind.GAUSS_NEWTON, v);
    to(gv);
    forward(tape, false);
    tape.overwriteSaved();
    for (int i = network.steps().size() - 1; i > 0; i--) {
      DirectionFrame frame = new DirectionFrame(tape, this, i);
      for (int j = 0; j < directions() && active(i); j++) {
        int direction = j;
        tape.run(i, op -> op.backward(frame.turnTo(direction)));
      }
    }
  }

  /**
   * Adds this tape's share of v'Hv for each direction.
   *
   * @param tape holds a forward and a backward pass in {@link Mode#MEASURE}
   * @param v k directions of n values
   * @param forms one accumulator for each direction
   */
  public void addQuadraticForms(Tape tape, Vectors v, Scalars forms) {
    tape.requireMeasured();
    addForms(tape, v, forms, true);
  }

  /**
   * Adds this tape's share of v'Gv for each direction, G the Gauss-Newton matrix: tangentForward
   * only.
   *
   * @param tape holds a forward pass in {@link Mode#MEASURE}
   * @param v k directions of n values
   * @param forms one accumulator for each direction
   */
  public void addGaussNewtonForms(Tape tape, Vectors v, Scalars forms) {
    tape.requireMeasuredForward();
    addForms(tape, v, forms, false);
  }

  /**
   * Adds this tape's share of v'Hv to this sweep's own sums.
   *
   * @param tape holds a forward and a backward pass in {@link Mode#MEASURE}
   * @param v k directions of n values
   */
  public void addQuadraticForms(Tape tape, Vectors v) {
    addQuadraticForms(tape, v, forms);
  }

  /**
   * Adds this tape's share of v'Gv to this sweep's own sums.
   *
   * @param tape holds a forward pass in {@link Mode#MEASURE}
   * @param v k directions of n values
   */
  public void addGaussNewtonForms(Tape tape, Vectors v) {
    addGaussNewtonForms(tape, v, forms);
  }

  /** Sets this sweep's own sums to zero. */
  public void clearForms() {
    forms.clear();
  }

  /**
   * Reads this sweep's own sums.
   *
   * @return one for each of the most directions
   */
  public double[] forms() {
    return forms.read();
  }

  private void addForms(Tape tape, Vectors v, Scalars forms, boolean curved) {
    begin(tape, Kind.QUADRATIC, v);
    this.curvature = forms;
    forward(tape, curved);
    int last = network.steps().size() - 1;
    long size = tape.examples() * network.outputShape().size();
    Strided rz = new Strided(tangent(last), 0, size);
    tape.device()
        .kernels()
        .elementwise()
        .dots(directions(), size, 1, rz, adjointTangent(last), forms);
  }

  /** Tangents of all ops, with their curvature or without, and of the predictions' adjoint. */
  private void forward(Tape tape, boolean curved) {
    int last = network.steps().size() - 1;
    for (int i = 1; i <= last; i++) {
      if (active(i)) {
        Frame frame = new TapeFrame(tape, this, i);
        tape.run(i, op -> op.tangentForward(frame));
        if (curved) {
          tape.run(i, op -> op.curvature(frame));
        }
      }
    }
    tape.loss().tangent(tape.head(), directions(), tangent(last), adjointTangent(last));
  }

  private void to(Vectors products) {
    Shape.requireSize("products", products.buffer().size(), v.buffer().size());
    this.hv = products;
  }

  private void begin(Tape tape, Kind wanted, Vectors directions) {
    if (kind != wanted || tape.network() != network) {
      throw new IllegalArgumentException("sweep: made for another kind of pass or another network");
    }
    Shape.requireSize("directions", directions.length(), network.parameterCount());
    if (tape.examples() > capacity || directions.count() > maxDirections) {
      throw new IllegalArgumentException(
          "sweep: found "
              + tape.examples()
              + " examples and "
              + directions.count()
              + " directions, expected at most "
              + capacity
              + " and "
              + maxDirections);
    }
    this.v = directions;
  }

  private boolean active(int node) {
    return network.steps().get(node).active();
  }

  /** Frees its memory; closing twice is harmless. */
  @Override
  public void close() {
    scope.close();
  }

  int directions() {
    return v.count();
  }

  /**
   * Room for directions.
   *
   * @return the most at once
   */
  public int maxDirections() {
    return maxDirections;
  }

  Vectors v() {
    return v;
  }

  Vectors hv() {
    return hv;
  }

  Scalars curvature() {
    return curvature;
  }

  Buffer tangent(int node) {
    return node > 0 && active(node) ? slots[layout.tangents()[node]] : null;
  }

  Buffer adjointTangent(int node) {
    return node > 0 && active(node) ? slots[layout.adjointTangents()[node]] : null;
  }

  SharedAdjoints adjoints() {
    return layout.shared();
  }

  Buffer savedTangent(int node, int i) {
    return slots[layout.saved()[node][i]];
  }

  Buffer scratch(int i) {
    return scratch[i];
  }
}
