package dynaxx.app.corpus;

import dynaxx.app.corpus.Specification.OptimizerKind;
import dynaxx.monitor.Observation;
import dynaxx.spectrum.Signal;
import java.util.ArrayList;
import java.util.List;

/** Specifications and runs for tests. */
final class Runs {

  private Runs() {}

  static Specification specification(int index, Family family, Fault fault, int at, int steps) {
    return new Specification(
        index,
        100 + index,
        family,
        0,
        false,
        64,
        16,
        OptimizerKind.SGD,
        0.25,
        0,
        fault,
        at,
        steps,
        10);
  }

  /** A run with these losses, and a sharpness at each tenth step. */
  static Pack.Run of(int index, Fault fault, int at, double[] losses, double[] sharpness) {
    Specification run = specification(index, Family.PERCEPTRON, fault, at, losses.length);
    List<Observation> observations = new ArrayList<>();
    for (int i = 0; i < losses.length; i++) {
      Observation observation =
          Observation.at(i)
              .with(Signal.LOSS, losses[i])
              .with(Signal.GRADIENT_NORM, 1)
              .with(Signal.LEARNING_RATE, 0.1);
      observations.add(
          i % 10 == 0 ? observation.with(Signal.LAMBDA_MAX, sharpness[i / 10]) : observation);
    }
    Outcome outcome = Outcome.of(losses, fault.injected() ? at : 0);
    return new Pack.Run(new CorpusRun.Facts(run, 1, 1, losses.length, outcome), observations);
  }
}
