/**
 * What the layers of a network are described by: shapes, activations, and where each parameter lies
 * in the vector of all parameters.
 *
 * <pre>{@code
 * Shape images = Shape.of(1, 28, 28);                       // channels, height, width
 * Network mlp = Mlp.of(Activation.GELU, 784, 64, 10);
 * Parameter weight = mlp.parameter("0.weight");             // name, shape, offset
 * long first = weight.offset();
 * }</pre>
 */
package dynaxx.layer;
