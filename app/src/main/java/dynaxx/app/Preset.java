package dynaxx.app;

import dynaxx.model.VisionTransformer;
import java.util.Locale;

/** Named settings of the demo. */
enum Preset {
  /** A small vision transformer that finishes within 90 seconds on two cores. */
  QUICK(
      new VisionTransformer().patch(7).embedding(32).depth(3).heads(4).hidden(64),
      new Schedule(600, 60, 60),
      new Measurement(40, 16, 256, true),
      new Training(64, 3e-3, 0.05, 40)),
  /**
   * The article's walkthrough in shape: 12 layers, 8 heads, AdamW 1e-3, weight decay 0.1, batch
   * 256, Lanczos 15.
   */
  WALKTHROUGH(
      new VisionTransformer().patch(7).embedding(32).depth(12).heads(8).hidden(128),
      new Schedule(2000, 200, 100),
      new Measurement(15, 8, 4096, false),
      new Training(256, 1e-3, 0.1, 100));

  /** Steps of the run, and how many steps lie between snapshots and between validations. */
  record Schedule(int steps, int every, int validateEvery) {}

  /**
   * Lanczos steps, probes of the trace, examples of the fixed subset, and whether the last
   * parameters are measured once more with certified settings.
   */
  record Measurement(int lanczos, int probes, int subset, boolean certify) {}

  /** Examples of a batch, peak learning rate, weight decay and warm-up steps. */
  record Training(int batch, double learningRate, double weightDecay, int warmup) {

    Training withLearningRate(double rate) {
      return new Training(batch, rate, weightDecay, warmup);
    }
  }

  final VisionTransformer architecture;
  final Schedule schedule;
  final Measurement measurement;
  final Training training;

  Preset(
      VisionTransformer architecture,
      Schedule schedule,
      Measurement measurement,
      Training training) {
    this.architecture = architecture;
    this.schedule = schedule;
    this.measurement = measurement;
    this.training = training;
  }

  /** As it is written on the command line. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
