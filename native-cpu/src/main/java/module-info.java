/** Products of the CPU device in machine code; only adds to dynaxx.core. */
module dynaxx.nativecpu {
  requires dynaxx.core;

  provides dynaxx.device.cpu.NativeKernels with
      dynaxx.nativecpu.NativeCpu;
}
