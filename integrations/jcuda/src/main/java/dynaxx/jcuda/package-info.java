/**
 * For programs that keep their data in JCuda's pointers: parameters go in and results come out
 * without a copy.
 *
 * <pre>{@code
 * try (CudaDevice device = JCudaBridge.open(context, stream);
 *     Hessian hessian = new Hessian(network, loss, batch, device)) {
 *   hessian.linearize(JCudaBridge.wrap(device, parameters, hessian.dimension()));
 *   Lanczos.Result ends = Lanczos.both().run(hessian);
 * }
 * }</pre>
 */
package dynaxx.jcuda;
