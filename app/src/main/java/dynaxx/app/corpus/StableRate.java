package dynaxx.app.corpus;

import dynaxx.app.train.Trainer;
import dynaxx.device.Device;
import dynaxx.monitor.Observation;
import dynaxx.network.Batch;
import dynaxx.spectrum.CurvatureProbe;
import dynaxx.spectrum.Signal;
import dynaxx.spectrum.Update;
import dynaxx.spectrum.Update.StabilityLimit;
import java.util.Optional;

/**
 * The learning rate that is just stable where a run begins.
 *
 * @param sharpness largest eigenvalue of the Hessian, or of the preconditioned one for Adam
 * @param rate at which this is the stability limit
 */
record StableRate(double sharpness, double rate) {

  /** Updates in which Adam's second moments settle before its sharpness is measured. */
  private static final int SETTLING = 40;

  /** Rate of these updates, at which the network hardly moves. */
  private static final double SETTLING_RATE = 1e-4;

  static StableRate measure(Specification run, Family.Task task, Batch subset, Device device) {
    StabilityLimit limit = run.optimizer().limit();
    try (Trainer trainer = CorpusRun.trainer(run, task, task.training(), device);
        CurvatureProbe probe = new CurvatureProbe(task.network(), task.loss(), subset, device)) {
      for (int i = 0; limit.signal() != Signal.LAMBDA_MAX && i < SETTLING; i++) {
        trainer.evaluate();
        trainer.update(SETTLING_RATE);
      }
      trainer.evaluate();
      Optional<Update> update = Optional.of(trainer.coming(SETTLING_RATE));
      Observation measured =
          Observation.at(0)
              .with(probe.measure(trainer.parameters(), CorpusRun.settings(run), update));
      double sharpness = measured.value(limit.signal()).orElseThrow();
      return new StableRate(sharpness, limit.at(1) / sharpness);
    }
  }
}
