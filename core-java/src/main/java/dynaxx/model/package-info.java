/**
 * Networks to start from: perceptrons, residual convolutional networks, vision transformers,
 * language models (as GPT-2 or Llama) and recurrent networks; {@link dynaxx.model.NetworkBuilder}
 * builds your own.
 *
 * <pre>{@code
 * Network vit = new VisionTransformer().patch(7).embedding(32).depth(3).heads(4).build();
 * HostBuffer parameters = scope.allocate(vit.parameterCount());
 * vit.initialize(parameters, 1);
 * }</pre>
 */
package dynaxx.model;
