/**
 * The CUDA device: kernels, and the driver and cuBLAS bound through the Foreign Function and Memory
 * API. Needs no CUDA toolkit at run time, only the driver and cuBLAS.
 */
module dynaxx.cuda {
  requires transitive dynaxx.core;

  exports dynaxx.cuda;

  provides dynaxx.device.DeviceProvider with
      dynaxx.cuda.CudaDeviceProvider;
}
