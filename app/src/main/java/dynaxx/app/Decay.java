package dynaxx.app;

import dynaxx.memory.HostBuffer;

/** Weight decay as part of a loss: half of it times the squared norm of the parameters. */
final class Decay {

  private Decay() {}

  static double squares(HostBuffer values) {
    double sum = 0;
    for (long i = 0; i < values.size(); i++) {
      sum += (double) values.get(i) * values.get(i);
    }
    return sum;
  }

  static void add(double decay, HostBuffer parameters, HostBuffer gradient) {
    for (long i = 0; decay != 0 && i < parameters.size(); i++) {
      gradient.set(i, (float) (gradient.get(i) + decay * parameters.get(i)));
    }
  }
}
