package dynaxx.operator;

import dynaxx.device.Device;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.network.pass.FixedFactors;
import dynaxx.network.pass.TangentSweep;
import dynaxx.network.pass.TangentSweep.Kind;
import dynaxx.network.pass.Tape;
import java.util.Arrays;

/** A matrix whose products and quadratic forms are tangent sweeps, allocated when first needed. */
abstract sealed class TangentOperator extends NetworkOperator permits Hessian, GaussNewton {

  private final Kind kind;
  private TangentSweep products;
  private TangentSweep forms;
  private Scope recordingScope;
  private Recordings recordings;
  private FixedFactors fixed;

  TangentOperator(
      String name,
      Kind kind,
      Network network,
      Loss loss,
      Batch batch,
      Device device,
      Limits limits) {
    super(name, network, loss, batch, device, limits, tangentBytes(network, kind));
    this.kind = kind;
  }

  private static long tangentBytes(Network network, Kind kind) {
    return TangentSweep.bytesPerExample(network, kind)
        + TangentSweep.bytesPerExample(network, Kind.QUADRATIC);
  }

  /** Adds a part's share of the products by a sweep of this operator's kind. */
  abstract void addProducts(TangentSweep sweep, Tape tape, Vectors v, Vectors hv);

  /** Adds a part's share of the quadratic forms by a quadratic sweep. */
  abstract void addForms(TangentSweep sweep, Tape tape, Vectors v);

  @Override
  final void addProducts(Tape tape, Vectors v, Vectors hv) {
    products = unlessTooSmall(products, v);
    if (products == null) {
      products = sweep(kind, v);
    }
    fixed.during(
        () -> recordings.run(tape, v, hv, (in, out) -> addProducts(products, tape, in, out)));
  }

  @Override
  final double[] quadraticForms(Tape tape, Vectors v) {
    forms = unlessTooSmall(forms, v);
    if (forms == null) {
      forms = sweep(Kind.QUADRATIC, v);
    }
    forms.clearForms();
    fixed.during(() -> recordings.run(tape, v, null, (in, none) -> addForms(forms, tape, in)));
    return forms.forms();
  }

  @Override
  final Float64Twin.Form form(Device other, int capacity, Scope scope) {
    TangentSweep sweep = new TangentSweep(network(), Kind.QUADRATIC, other, capacity, 1);
    scope.onClose(sweep::close);
    return (tape, v) -> {
      sweep.clearForms();
      addForms(sweep, tape, v);
      return sweep.forms()[0];
    };
  }

  @Override
  final void moved(boolean inPlace) {
    if (inPlace && recordings != null) {
      fixed.changed();
      return;
    }
    renew();
  }

  private void renew() {
    recordings = null; // also where closing fails: what was recorded has gone
    if (recordingScope != null) {
      recordingScope.close();
    }
    recordingScope = recordings().workScope().child();
    boolean recorded = !recomputes() && lossFunction().recordable();
    long mostBytes = recorded ? recordings().plan().memory() / RecordedBatch.RECORDED : 0;
    fixed = recordings().fixed(recordingScope);
    recordings = new Recordings(device(), mostBytes, recordingScope);
  }

  @Override
  final boolean takesCompact() {
    return true;
  }

  @Override
  final void released() {
    products = null;
    forms = null;
  }

  /** Gives the memory of the sweeps back until they are needed again. */
  final void freeSweeps() {
    renew();
    for (TangentSweep sweep : Arrays.asList(products, forms)) {
      if (sweep != null) {
        sweep.close();
      }
    }
    released();
  }

  /** What was recorded with a sweep that is too small is void. */
  private TangentSweep unlessTooSmall(TangentSweep sweep, Vectors v) {
    if (sweep == null || sweep.maxDirections() >= v.count()) {
      return sweep;
    }
    renew();
    sweep.close();
    return null;
  }

  /** Many users only ever take one direction; others get room for all that were planned. */
  private TangentSweep sweep(Kind wanted, Vectors v) {
    int most = v.count() == 1 ? 1 : directions();
    TangentSweep sweep = new TangentSweep(network(), wanted, device(), microBatch(), most);
    recordings().workScope().onClose(sweep::close);
    return sweep;
  }
}
