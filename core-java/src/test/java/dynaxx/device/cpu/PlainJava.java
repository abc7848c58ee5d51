package dynaxx.device.cpu;

import dynaxx.device.Device;

/** The CPU without the Vector API, also where it is there. */
public final class PlainJava {

  private PlainJava() {}

  /** Opens it as {@code -Ddynaxx.simd=off} does. */
  public static Device open(int threads) {
    return new CpuDevice(threads, new ScalarRowLoops(), Natives.NONE);
  }
}
