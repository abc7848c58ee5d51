/**
 * Functions of single elements, such as activations, that every device can compute with their first
 * and second derivatives.
 *
 * <pre>{@code
 * Pointwise gelu = Activation.GELU;
 * Pointwise leaky = Elementary.leakyRelu(0.01);
 * Network mlp = Mlp.of(Activation.GELU, 784, 64, 10);
 * }</pre>
 */
package dynaxx.function;
