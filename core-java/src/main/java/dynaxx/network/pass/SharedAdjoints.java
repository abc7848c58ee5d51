package dynaxx.network.pass;

import dynaxx.network.Network;
import dynaxx.network.op.Step;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Which nodes have their adjoint in the array of another node's. An op that passes its output's
 * adjoint on unchanged, as a residual sum does, needs no copy where its input's adjoint can begin
 * in the same array: that of a residual stream stays in one array from end to end.
 */
final class SharedAdjoints {

  private final List<Step> steps;
  private final List<List<Integer>> consumers = new ArrayList<>();
  private final boolean kept;

  /** The op's output that an adjoint is passed on from, or the node itself. */
  private final int[] from;

  /** The node whose array holds the adjoint. */
  private final int[] owner;

  private final List<List<Integer>> members = new ArrayList<>();

  private SharedAdjoints(Network network, boolean kept) {
    this.steps = network.steps();
    this.kept = kept;
    int n = steps.size();
    from = new int[n];
    owner = new int[n];
    for (int i = 0; i < n; i++) {
      from[i] = i;
      owner[i] = i;
      consumers.add(new ArrayList<>());
      members.add(new ArrayList<>(List.of(i)));
    }
    for (int i = 1; i < n; i++) {
      for (int input : steps.get(i).inputs()) {
        consumers.get(input).add(i);
      }
    }
    for (int i = n - 1; i > 0; i--) {
      share(i);
    }
  }

  /** Where an adjoint is used up once its op has passed it on. */
  static SharedAdjoints passing(Network network) {
    return new SharedAdjoints(network, false);
  }

  /** Where every adjoint stays as it is to the end. */
  static SharedAdjoints kept(Network network) {
    return new SharedAdjoints(network, true);
  }

  private void share(int op) {
    Step step = steps.get(op);
    for (int i = 0; i < step.inputs().length; i++) {
      int input = step.inputs()[i];
      boolean passes = step.active() && step.op().passesAdjoint(i);
      boolean begins = steps.get(input).active() && !step.adds()[i] && input > 0;
      boolean once = Arrays.stream(step.inputs()).filter(j -> j == input).count() == 1;
      if (passes && begins && once && undisturbed(input, op)) {
        from[input] = op;
        owner[input] = owner[op];
        members.get(owner[op]).add(input);
      }
    }
  }

  /** The last op before {@code op} that adds to a node's adjoint; 0 if there is none. */
  private int lastBefore(int node, int op) {
    return consumers.get(node).stream().filter(c -> c < op).mapToInt(c -> c).max().orElse(0);
  }

  /**
   * Whether nobody sees what others add to this adjoint, nor it what is added to theirs. Those that
   * its own is passed on from are done with before.
   */
  private boolean undisturbed(int input, int op) {
    int last = lastBefore(input, op);
    if (kept && last > 0) {
      return false;
    }
    List<Integer> above = new ArrayList<>(List.of(op));
    for (int node = op; from[node] != node; node = from[node]) {
      above.add(from[node]);
    }
    for (int other : members.get(owner[op])) {
      if (!above.contains(other) && (other <= last || input <= lastBefore(other, from[other]))) {
        return false;
      }
    }
    return true;
  }

  /** The node whose array holds a node's adjoint: itself, or a later one. */
  int owner(int node) {
    return owner[node];
  }

  /** Whether a node's adjoint has an array that no other one is in. */
  boolean alone(int node) {
    return owner[node] == node && members.get(node).size() == 1;
  }

  /** The first node whose adjoint is in the array of an owner. */
  int first(int owner) {
    return members.get(owner).stream().mapToInt(i -> i).min().orElseThrow();
  }

  /** Whether an op's input has its adjoint where the op's output has its own. */
  boolean passesOn(int op, int input) {
    return from[input] == op && input != op;
  }
}
