/**
 * Curvature of SameDiff graphs, the part of Deeplearning4j that differentiates.
 *
 * <pre>{@code
 * SameDiffGradients gradients = new SameDiffGradients(graph, Map.of("x", images, "y", labels));
 * try (Device device = Devices.open();
 *     GradientDifference hessian = gradients.operator(device)) {
 *   System.out.println(Lanczos.lambdaMax().run(hessian).max());
 * }
 * }</pre>
 */
package dynaxx.samediff;
