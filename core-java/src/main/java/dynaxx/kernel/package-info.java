/**
 * What a device computes for the ops of a network: one small interface for each family of kernels,
 * which the classes of a device implement directly. Calls are coarse, one for each pass of an op,
 * so what is fused inside a call is the device's own business.
 *
 * <p>Notation in every signature: {@code x} is an input, {@code y} an output, {@code dx} the
 * adjoint of x (the derivative of the loss with respect to it), {@code rx} its tangent (the
 * derivative of x along a direction v of parameter space, Pearlmutter 1994) and {@code rdx} the
 * tangent of its adjoint. Primal values and adjoints have no direction axis; tangents carry k
 * directions in their leading axis. All arrays are dense and row-major.
 */
package dynaxx.kernel;
