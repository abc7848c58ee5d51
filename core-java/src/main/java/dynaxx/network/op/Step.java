package dynaxx.network.op;

import dynaxx.layer.Shape;

/**
 * A value of the graph: the input is node 0, every op makes one more.
 *
 * @param op what computes it; null for the input
 * @param inputs positions of what it is computed from
 * @param shape without the axis of examples
 * @param active whether it depends on parameters
 * @param adds for each input, whether other ops after this one add to its adjoint
 */
public record Step(Op op, int[] inputs, Shape shape, boolean active, boolean[] adds) {}
