/**
 * Networks as graphs of {@link dynaxx.network.op.Op}s, losses and batches. {@code dynaxx.model} builds
 * networks; operators and probes measure them.
 *
 * <pre>{@code
 * Network network = new VisionTransformer().patch(7).build();
 * Loss loss = Loss.crossEntropy();
 * Batch batch = Batch.of(network, loss, HostBuffer.of(images), HostBuffer.of(labels));
 * Hessian hessian = new Hessian(network, loss, batch, device);
 * hessian.linearize(parameters);
 * }</pre>
 *
 * <p>Each op states five passes: forward, backward, tangentForward, tangentBackward and curvature.
 * Everything second-order comes from them (Pearlmutter, "Fast exact multiplication by the Hessian",
 * 1994).
 */
package dynaxx.network;
