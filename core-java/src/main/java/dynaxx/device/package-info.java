/**
 * Where dynaxx computes: {@link dynaxx.device.Devices} chooses a {@link dynaxx.device.Device},
 * which owns memory and vector algebra.
 *
 * <pre>{@code
 * try (Device device = Devices.open(); Scope scope = Scope.open()) {
 *   Vectors v = device.vectors(scope, 2, 1_000);
 *   device.algebra().rademacher(1, 0, v);
 *   double squaredNorm = device.algebra().dot(v.vector(0), v.vector(0));
 * }
 * }</pre>
 */
package dynaxx.device;
