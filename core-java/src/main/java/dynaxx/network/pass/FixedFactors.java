package dynaxx.network.pass;

import dynaxx.device.Device;
import dynaxx.kernel.GemmKernels;
import dynaxx.kernel.GemmKernels.Fixed;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scope;
import java.util.ArrayList;
import java.util.List;

/**
 * What the products of sweeps over the same recordings have in common: parameters, values and
 * adjoints. A device may keep what it makes of them.
 */
public final class FixedFactors {

  /** Nothing is kept. */
  public static final FixedFactors NONE = new FixedFactors(Fixed.NONE);

  private final Fixed fixed;

  private FixedFactors(Fixed fixed) {
    this.fixed = fixed;
  }

  /**
   * Those of recordings.
   *
   * @param device where they are
   * @param point the parameters
   * @param tapes recorded at them; only their own passes write their arrays
   * @param withAdjoints whether no other backward pass writes adjoints
   * @param bytes memory that the device may take
   * @param scope ends it
   * @return for as long as all arrays stay where they are
   */
  public static FixedFactors of(
      Device device,
      Buffer point,
      List<Tape> tapes,
      boolean withAdjoints,
      long bytes,
      Scope scope) {
    if (!device.records() || bytes <= 0) {
      return NONE;
    }
    List<Buffer> factors = new ArrayList<>(List.of(point));
    tapes.forEach(tape -> factors.addAll(tape.kept(withAdjoints)));
    GemmKernels gemm = device.kernels().gemm();
    return new FixedFactors(gemm.fix(factors, bytes, scope));
  }

  /**
   * Does work that changes none of them.
   *
   * @param work sweeps over the recordings
   */
  public void during(Runnable work) {
    fixed.during(work);
  }

  /** The recordings are of another point from now on. */
  public void changed() {
    fixed.changed();
  }
}
