/**
 * The service provider interface: what a device must compute for dynaxx, and how one is chosen.
 * Calls are coarse, one per pass of an operation, so what is fused inside a call is the backend's
 * own business.
 *
 * <p>Notation in every signature: {@code x} is an input, {@code y} an output, {@code dx} the
 * adjoint of x (the derivative of the loss with respect to it), {@code rx} its tangent (the
 * derivative of x along a direction v of parameter space, Pearlmutter 1994) and {@code rdx} the
 * tangent of its adjoint. Primal values and adjoints have no direction axis; tangents carry k
 * directions in their leading axis. All arrays are dense and row-major.
 */
package dynaxx.backend;
