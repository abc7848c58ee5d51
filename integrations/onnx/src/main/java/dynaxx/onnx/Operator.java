package dynaxx.onnx;

import java.util.List;
import java.util.function.Function;

/** What an ONNX operator makes of its inputs. */
@FunctionalInterface
interface Operator {

  /** The outputs in order; fewer than the node has if the others are not supported. */
  List<Value> apply(Call call);

  static Operator one(Function<Call, Value> f) {
    return call -> List.of(f.apply(call));
  }
}
