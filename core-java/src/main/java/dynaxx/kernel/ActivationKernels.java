package dynaxx.kernel;

import dynaxx.memory.Buffer;

/** Functions of single elements and their passes. Conventions are those of {@link Kernels}. */
public interface ActivationKernels {

  /**
   * {@code y = f(x)}.
   *
   * @param f the function
   * @param n number of elements
   * @param x input
   * @param y output
   */
  void forward(Pointwise f, long n, Buffer x, Buffer y);

  /**
   * {@code dx (+)= f'(x) dy}.
   *
   * @param f the function
   * @param n number of elements
   * @param x input
   * @param dy adjoint of the output
   * @param dx adjoint of the input
   * @param add whether to add
   */
  void backward(Pointwise f, long n, Buffer x, Buffer dy, Buffer dx, boolean add);

  /**
   * {@code ry = f'(x) rx}.
   *
   * @param f the function
   * @param k directions
   * @param n elements of each direction
   * @param x input
   * @param rx tangent of the input
   * @param ry tangent of the output
   */
  void tangent(Pointwise f, int k, long n, Buffer x, Buffer rx, Buffer ry);

  /**
   * {@code rdx (+)= f'(x) rdy + f''(x) rx dy}.
   *
   * @param f the function
   * @param k directions
   * @param n elements of each direction
   * @param x input
   * @param dy adjoint of the output
   * @param rx tangent of the input
   * @param rdy tangent of the output's adjoint
   * @param rdx tangent of the input's adjoint
   * @param add whether to add
   */
  void tangentBackward(
      Pointwise f,
      int k,
      long n,
      Buffer x,
      Buffer dy,
      Buffer rx,
      Buffer rdy,
      Buffer rdx,
      boolean add);

  /**
   * {@code c += sum of dy f''(x) rx^2}.
   *
   * @param f the function
   * @param k directions
   * @param n elements of each direction
   * @param x input
   * @param dy adjoint of the output
   * @param rx tangent of the input
   * @param c one sum for each direction
   */
  void curvature(Pointwise f, int k, long n, Buffer x, Buffer dy, Buffer rx, Scalars c);
}
