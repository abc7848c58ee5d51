package dynaxx.kernel;

import dynaxx.memory.Buffer;

/** Normalisation of rows and its passes. Conventions are those of {@link Kernels}. */
public interface NormKernels {

  /**
   * Shape and kind of a row normalisation {@code y = gamma xh + beta}, {@code xh = (x - mean) r},
   * {@code r = (variance + epsilon)^-1/2}. Without centring the mean is left out of both (RMSNorm,
   * Zhang and Sennrich 2019); with it this is LayerNorm (Ba et al. 2016).
   *
   * @param rows number of rows
   * @param cols elements of each row
   * @param epsilon added to the variance; 0 is allowed
   * @param centred whether the mean is subtracted
   */
  record Normalization(long rows, int cols, double epsilon, boolean centred) {}

  /**
   * Forward pass.
   *
   * @param s shape
   * @param x input, rows x cols
   * @param gamma gains, cols
   * @param beta shifts, cols, or null for none
   * @param y output
   * @param stats receives mean and r of each row, rows x 2
   */
  void forward(Normalization s, Buffer x, Buffer gamma, Buffer beta, Buffer y, Buffer stats);

  /**
   * Backward pass: {@code dx (+)= r (dxh - mean dxh - xh mean(dxh xh))} with {@code dxh = gamma
   * dy}.
   *
   * @param s shape
   * @param x input
   * @param stats of the forward pass
   * @param gamma gains
   * @param dy adjoint of the output
   * @param dx adjoint of the input, or null if it is not wanted
   * @param add whether to add to dx
   * @param dgamma gradient of the gains, added to
   * @param dbeta gradient of the shifts, added to, or null
   */
  void backward(
      Normalization s,
      Buffer x,
      Buffer stats,
      Buffer gamma,
      Buffer dy,
      Buffer dx,
      boolean add,
      Buffer dgamma,
      Buffer dbeta);

  /**
   * Tangent forward pass: {@code rxh = r (rx - mean rx - xh mean(xh rx))}, {@code ry = rgamma xh +
   * gamma rxh + rbeta}.
   *
   * @param s shape of one direction
   * @param k directions
   * @param x input
   * @param stats of the forward pass
   * @param gamma gains
   * @param rx tangent of the input, or null if the input is constant
   * @param rgamma tangents of the gains
   * @param rbeta tangents of the shifts, or null
   * @param ry tangent of the output
   */
  void tangent(
      Normalization s,
      int k,
      Buffer x,
      Buffer stats,
      Buffer gamma,
      Buffer rx,
      Strided rgamma,
      Strided rbeta,
      Buffer ry);

  /**
   * Tangent backward pass: with {@code dxh = gamma dy}, {@code m2 = mean(dxh xh)}, {@code rr = -r^2
   * mean(xh rx)} and {@code d = r (dxh - mean dxh - xh m2)}, {@code rdxh = rgamma dy + gamma rdy}
   * and {@code rdx (+)= (rr / r) d + r (rdxh - mean rdxh - rxh m2 - xh mean(rdxh xh + dxh rxh))};
   * gradients {@code rdgamma += sum(rdy xh + dy rxh)}, {@code rdbeta += sum rdy}.
   *
   * @param s shape of one direction
   * @param k directions
   * @param x input
   * @param stats of the forward pass
   * @param gamma gains
   * @param dy adjoint of the output
   * @param rx tangent of the input, or null if the input is constant
   * @param rgamma tangents of the gains
   * @param rdy tangent of the output's adjoint
   * @param rdx tangent of the input's adjoint, or null if it is not wanted
   * @param add whether to add to rdx
   * @param rdgamma tangents of the gains' gradient, added to
   * @param rdbeta tangents of the shifts' gradient, added to, or null
   */
  void tangentBackward(
      Normalization s,
      int k,
      Buffer x,
      Buffer stats,
      Buffer gamma,
      Buffer dy,
      Buffer rx,
      Strided rgamma,
      Buffer rdy,
      Buffer rdx,
      boolean add,
      Strided rdgamma,
      Strided rdbeta);

  /**
   * Curvature: {@code c += <dy, 2 rgamma rxh + gamma (2 rxc rr + (xh / r) rrr)>} with {@code rxc =
   * rx - mean rx} and {@code rrr = 3 rr^2 / r - r^3 mean(rxc^2)}; without centring rxc is rx.
   *
   * @param s shape of one direction
   * @param k directions
   * @param x input
   * @param stats of the forward pass
   * @param gamma gains
   * @param dy adjoint of the output
   * @param rx tangent of the input
   * @param rgamma tangents of the gains
   * @param c one sum for each direction
   */
  void curvature(
      Normalization s,
      int k,
      Buffer x,
      Buffer stats,
      Buffer gamma,
      Buffer dy,
      Buffer rx,
      Strided rgamma,
      Scalars c);
}
