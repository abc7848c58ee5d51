package dynaxx.monitor;

import dynaxx.spectrum.Signal;
import dynaxx.spectrum.Signal.Reading;
import java.util.List;

/**
 * A column of a metrics file.
 *
 * @param name in the header
 * @param signal that it is about; null if it is of no signal
 * @param layer whose value it has, from 1 on; 0 for all of the network
 * @param error whether it has the uncertainty instead of the value
 */
record MetricsColumn(String name, Signal signal, int layer, boolean error) {

  /** Endings of columns with an uncertainty, whatever its kind: files of others have either. */
  static final List<String> ERRORS = List.of("_error", "_residual");

  static MetricsColumn of(String name) {
    for (Signal signal : Signal.values()) {
      if (name.startsWith(signal.column())) {
        String ending = name.substring(signal.column().length());
        if (ending.isEmpty() || ERRORS.contains(ending)) {
          return new MetricsColumn(name, signal, 0, !ending.isEmpty());
        }
        if (signal.perLayer() && ending.matches("_[1-9]\\d{0,8}")) {
          return new MetricsColumn(name, signal, Integer.parseInt(ending.substring(1)), false);
        }
      }
    }
    return new MetricsColumn(name, null, 0, false);
  }

  /** Whether a reading knows what the column has; a value that is not a number is known. */
  boolean knownIn(Reading reading) {
    if (error) {
      return reading.error().isPresent();
    }
    return layer == 0 || layer <= reading.parts().size() && !reading.parts().get(layer - 1).isNaN();
  }

  /** What the column has of a reading; NaN if it does not know it. */
  double of(Reading reading) {
    if (!knownIn(reading)) {
      return Double.NaN;
    }
    if (error) {
      return reading.error().getAsDouble();
    }
    return layer == 0 ? reading.value() : reading.parts().get(layer - 1);
  }
}
