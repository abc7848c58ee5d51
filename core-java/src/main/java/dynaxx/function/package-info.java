/**
 * Functions of single elements that every device knows with their first and second derivatives.
 *
 * <pre>{@code
 * Pointwise gelu = Activation.GELU;
 * Pointwise leaky = Elementary.leakyRelu(0.01);
 * }</pre>
 */
package dynaxx.function;
