/**
 * Curvature of a neural network's loss: memory, backends, networks with five passes, operators and
 * spectral estimators. Needs nothing but a JDK; the Vector API is used when its module is resolved.
 */
module dynaxx.core {
  requires static jdk.incubator.vector;

  exports dynaxx.memory;
  exports dynaxx.backend;
  exports dynaxx.network;
  exports dynaxx.operator;
  exports dynaxx.spectrum;
  exports dynaxx.monitor;

  uses dynaxx.backend.BackendProvider;

  provides dynaxx.backend.BackendProvider with
      dynaxx.backend.cpu.CpuBackendProvider;
}
