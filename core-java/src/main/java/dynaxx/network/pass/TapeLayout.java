package dynaxx.network.pass;

import dynaxx.network.Network;
import dynaxx.network.op.Op;
import dynaxx.network.op.Step;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Which values and adjoints of a network a tape keeps, each in an array of its own. The others lie
 * in slots that they share: values that only the forward pass reads, as those that a residual sum
 * adds up, and on a compact tape also what elementwise functions and norms give again from what is
 * kept.
 */
final class TapeLayout {

  private static final int OWN = -1;

  private final List<Step> steps;
  private final SharedAdjoints sharing;
  private final List<List<Integer>> consumers = new ArrayList<>();
  private final boolean[] passing;
  private final boolean[] again;

  /** The op that gives a node's adjoint again, or 0 if it is kept. */
  private final int[] giver;

  private final int[] valueSlots;
  private final int[] adjointSlots;
  private final long[] valueSlotSizes;
  private final long[] adjointSlotSizes;

  private TapeLayout(Network network, boolean compact) {
    steps = network.steps();
    sharing = SharedAdjoints.kept(network);
    int n = steps.size();
    passing = new boolean[n];
    again = new boolean[n];
    giver = new int[n];
    for (int i = 0; i < n; i++) {
      consumers.add(new ArrayList<>());
    }
    for (int i = 1; i < n; i++) {
      for (int input : steps.get(i).inputs()) {
        consumers.get(input).add(i);
      }
    }
    for (int i = 1; i < n - 1; i++) {
      int node = i;
      boolean read = steps.get(i).op().readsOutput() || consumers.get(i).isEmpty();
      passing[i] = !read && consumers.get(i).stream().noneMatch(op -> reads(op, node));
      again[i] = compact && !read && !passing[i] && givesAgain(i);
    }
    for (int i = n - 2; i > 0; i--) {
      giver[i] = compact ? giverOf(i) : 0;
    }
    SlotPlan values = new SlotPlan();
    SlotPlan adjoints = new SlotPlan();
    int[] valueIds = new int[n];
    int[] adjointIds = new int[n];
    Arrays.fill(valueIds, OWN);
    Arrays.fill(adjointIds, OWN);
    for (int i = 1; i < n; i++) {
      long size = steps.get(i).shape().size();
      if (passing[i] || again[i]) {
        valueIds[i] = values.add(i, consumers.get(i).getLast(), size);
      }
      if (giver[i] > 0) {
        adjointIds[i] = adjoints.add(n - giver[i], n - i, size);
      }
    }
    valueSlots = map(valueIds, values.assign());
    adjointSlots = map(adjointIds, adjoints.assign());
    valueSlotSizes = values.sizes();
    adjointSlotSizes = adjoints.sizes();
  }

  /** What is kept on a tape, or on a compact one. */
  static TapeLayout of(Network network, boolean compact) {
    return new TapeLayout(network, compact);
  }

  /** Whether an op's later passes read a node's value. */
  private boolean reads(int op, int node) {
    Step step = steps.get(op);
    for (int i = 0; i < step.inputs().length; i++) {
      if (step.inputs()[i] == node && step.op().readsInput(i)) {
        return true;
      }
    }
    return false;
  }

  /** Whether an op's forward pass is cheap, and all that it needs is kept anyway. */
  private boolean givesAgain(int node) {
    Step step = steps.get(node);
    for (int i = 0; i < step.inputs().length; i++) {
      if (!step.op().readsInput(i) || again[step.inputs()[i]]) {
        return false;
      }
    }
    return step.op().cheap();
  }

  /** The only reader of a node, if it is an elementwise function whose own adjoint is kept. */
  private int giverOf(int node) {
    if (consumers.get(node).size() != 1 || again[node] || !steps.get(node).active()) {
      return 0;
    }
    int reader = consumers.get(node).getFirst();
    Op op = steps.get(reader).op();
    boolean elementwise = op.cheap() && op.parameters().isEmpty() && op.readsInput(0);
    return elementwise && sharing.alone(node) && giver[reader] == 0 ? reader : 0;
  }

  private static int[] map(int[] ids, int[] slots) {
    return Arrays.stream(ids).map(id -> id == OWN ? OWN : slots[id]).toArray();
  }

  /** Which nodes have their adjoint in another's array. */
  SharedAdjoints sharing() {
    return sharing;
  }

  /** Slot of a node's value, or less than 0 if it has an array of its own. */
  int valueSlot(int node) {
    return valueSlots[node];
  }

  /** Slot of a node's adjoint, or less than 0 if it has an array of its own. */
  int adjointSlot(int node) {
    return adjointSlots[node];
  }

  long[] valueSlotSizes() {
    return valueSlotSizes;
  }

  long[] adjointSlotSizes() {
    return adjointSlotSizes;
  }

  /** Whether a value is kept only until the forward pass has used it. */
  boolean passing(int node) {
    return passing[node];
  }

  /** Whether a value is computed again wherever it is read after the forward pass. */
  boolean again(int node) {
    return again[node];
  }

  /** The op whose backward pass gives a node's adjoint again; 0 if it is kept. */
  int giver(int node) {
    return giver[node];
  }

  /** Whether a node's adjoint needs an array of its own. */
  boolean keepsAdjoint(int node) {
    return steps.get(node).active() && sharing.owner(node) == node && adjointSlots[node] == OWN;
  }

  /** Floats of all values and adjoints for one example. */
  long floats() {
    long floats = Arrays.stream(valueSlotSizes).sum() + Arrays.stream(adjointSlotSizes).sum();
    for (int i = 1; i < steps.size(); i++) {
      long size = steps.get(i).shape().size();
      floats += (valueSlots[i] == OWN ? size : 0) + (keepsAdjoint(i) ? size : 0);
    }
    return floats;
  }
}
