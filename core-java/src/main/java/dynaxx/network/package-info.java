/**
 * Networks, losses and batches. {@code dynaxx.model} builds networks; operators and probes measure
 * them.
 *
 * <pre>{@code
 * Network network = new VisionTransformer().patch(7).build();
 * Loss loss = Loss.crossEntropy();
 * Batch batch = Batch.of(network, loss, HostBuffer.of(images), HostBuffer.of(labels));
 * Hessian hessian = new Hessian(network, loss, batch, device);
 * hessian.linearize(parameters);
 * }</pre>
 */
package dynaxx.network;
