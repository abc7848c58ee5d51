/**
 * Curvature of a neural network's loss: memory, devices, networks with five passes, operators and
 * spectral estimators. Needs nothing but a JDK; the Vector API is used when its module is resolved.
 */
@SuppressWarnings("module") // the modules that see more are built after this one
module dynaxx.core {
  requires static jdk.incubator.vector;

  exports dynaxx.memory;
  exports dynaxx.layer;
  exports dynaxx.device;
  exports dynaxx.network;
  exports dynaxx.model;
  exports dynaxx.operator;
  exports dynaxx.spectrum;
  exports dynaxx.monitor;
  exports dynaxx.kernel to
      dynaxx.cuda,
      dynaxx.djl,
      dynaxx.nativecpu,
      dynaxx.onnx;
  exports dynaxx.device.cpu to
      dynaxx.nativecpu;
  exports dynaxx.network.op to
      dynaxx.djl,
      dynaxx.onnx;
  exports dynaxx.network.pass to
      dynaxx.onnx;
  exports dynaxx.random to
      dynaxx.cuda;

  uses dynaxx.device.DeviceProvider;
  uses dynaxx.device.cpu.NativeKernels;

  provides dynaxx.device.DeviceProvider with
      dynaxx.device.cpu.CpuDeviceProvider;
}
