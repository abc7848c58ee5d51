/**
 * Computes on an NVIDIA GPU. With this artifact on the path, {@code Devices.open()} prefers the
 * GPU; open it yourself to choose a precision, a memory limit, or another library's context.
 *
 * <pre>{@code
 * CudaSettings settings = CudaSettings.DEFAULT.on(context, stream);
 * try (CudaDevice device = CudaDevice.open(settings)) {
 *   Buffer parameters = device.wrap(address, n);            // memory of another library, no copy
 *   hessian.linearize(parameters);                          // a Hessian on this device
 * }
 * }</pre>
 */
package dynaxx.cuda;
