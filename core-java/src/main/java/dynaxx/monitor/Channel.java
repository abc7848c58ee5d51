package dynaxx.monitor;

import dynaxx.spectrum.Signal;
import java.util.Comparator;

/**
 * What a chart is of.
 *
 * @param signal which signal
 * @param layer of the network, from 1 on, or 0 for all of it
 */
record Channel(Signal signal, int layer) implements Comparable<Channel> {

  private static final Comparator<Channel> ORDER =
      Comparator.comparing(Channel::signal).thenComparingInt(Channel::layer);

  static Channel of(Signal signal) {
    return new Channel(signal, 0);
  }

  /** Name for explanations. */
  String words() {
    return layer == 0 ? signal.column() : signal.column() + " of layer " + layer;
  }

  @Override
  public int compareTo(Channel other) {
    return ORDER.compare(this, other);
  }
}
