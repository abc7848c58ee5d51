package dynaxx.cost;

import dynaxx.spectrum.Lanczos;
import dynaxx.spectrum.ProbeSettings;

/**
 * What a snapshot of some settings will take, in gradients over its subset, counted in matrix
 * products. What one took says {@link dynaxx.spectrum.Snapshot#gradientEquivalents}.
 */
public final class SnapshotWork {

  private SnapshotWork() {}

  /** Forms of stored vectors, without Lanczos; they take a sweep of their own. */
  static int storedForms(ProbeSettings settings) {
    return settings.lanczos().isEmpty() ? settings.storedPairs() : 0;
  }

  /** Forms of the probes that are no start vectors. */
  static int probeForms(ProbeSettings settings) {
    int starts = settings.lanczos().map(Lanczos::starts).orElse(0);
    return Math.max(0, settings.probes() - starts);
  }

  /** Passes over the recording for gradients of micro-batches and examples. */
  static int statisticsPasses(ProbeSettings settings) {
    return settings.perExample() ? 3 : settings.microBatches() > 0 ? 1 : 0;
  }

  /**
   * The work of a snapshot whose host reports no update, with as many Lanczos steps as are allowed.
   * What {@code parts} adds is not counted.
   *
   * @param settings what is measured
   * @return gradients: 2 for a product, 1 for a form, a third for a pass of statistics
   */
  public static double gradients(ProbeSettings settings) {
    int steps = settings.lanczos().map(Lanczos::cap).orElse(0);
    int starts = settings.lanczos().map(Lanczos::starts).orElse(0);
    int forms = storedForms(settings) + probeForms(settings);
    return 1 + 2.0 * steps * starts + forms + statisticsPasses(settings) / 3.0;
  }
}
