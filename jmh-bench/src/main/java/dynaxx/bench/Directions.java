package dynaxx.bench;

import dynaxx.backend.Backend;
import dynaxx.backend.Scalars;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;

/**
 * Probes and room for their products, where a backend computes.
 *
 * @param v k Rademacher probes
 * @param products k vectors
 * @param end read to wait for a backend that is not done when it returns
 */
record Directions(Vectors v, Vectors products, Scalars end) {

  static Directions of(Backend backend, Scope scope, int k, long n) {
    Vectors v = backend.vectors(scope, k, n);
    backend.rademacher(2, 0, v);
    return new Directions(v, backend.vectors(scope, k, n), backend.scalars(scope, 1));
  }

  /** Waits for all work. */
  Vectors done() {
    end.read();
    return products;
  }
}
