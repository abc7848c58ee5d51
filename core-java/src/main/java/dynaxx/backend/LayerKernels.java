package dynaxx.backend;

import dynaxx.memory.Buffer;

/**
 * The passes of the elementwise and row-wise layers, and of the losses.
 *
 * <p>Conventions: an argument {@code boolean add} says whether the kernel adds to its output or
 * overwrites it; overwritten outputs are not read. {@code k} is the number of directions, the
 * leading axis of every tangent array ({@code rx}, {@code ry}, {@code rdx}, {@code rdy}, {@code rp}
 * and so on); primal arrays are shared by all k. Gradients of parameters are always added, summed
 * over rows in float64. Curvature kernels add one number for each direction to {@code c}: the
 * layer's own second-order term contracted with the adjoint of its output, so that the sum over
 * layers is v'Hv.
 */
public interface LayerKernels {

  // ---- activations

  /**
   * {@code y = f(x)}.
   *
   * @param f the function
   * @param n number of elements
   * @param x input
   * @param y output
   */
  void activation(Pointwise f, long n, Buffer x, Buffer y);

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
  void activationBackward(Pointwise f, long n, Buffer x, Buffer dy, Buffer dx, boolean add);

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
  void activationTangent(Pointwise f, int k, long n, Buffer x, Buffer rx, Buffer ry);

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
  void activationTangentBackward(
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
  void activationCurvature(Pointwise f, int k, long n, Buffer x, Buffer dy, Buffer rx, Scalars c);

  // ---- normalisation of rows

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
  void norm(Normalization s, Buffer x, Buffer gamma, Buffer beta, Buffer y, Buffer stats);

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
  void normBackward(
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
  void normTangent(
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
  void normTangentBackward(
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
  void normCurvature(
      Normalization s,
      int k,
      Buffer x,
      Buffer stats,
      Buffer gamma,
      Buffer dy,
      Buffer rx,
      Strided rgamma,
      Scalars c);

  // ---- softmax of rows

  /**
   * Softmax of each row; the output may be the input.
   *
   * @param rows number of rows
   * @param cols elements of each
   * @param causal whether row i only sees columns 0 to {@code i % cols}; the others become 0
   * @param a logits
   * @param p probabilities
   */
  void softmax(long rows, int cols, boolean causal, Buffer a, Buffer p);

  /**
   * {@code da = p (dp - sum(p dp))}; the output may be dp.
   *
   * @param rows number of rows
   * @param cols elements of each
   * @param p probabilities
   * @param dp their adjoint
   * @param da adjoint of the logits
   */
  void softmaxBackward(long rows, int cols, Buffer p, Buffer dp, Buffer da);

  /**
   * {@code rp = p (ra - sum(p ra))}; the output may be ra.
   *
   * @param k directions
   * @param rows rows of each direction
   * @param cols elements of each
   * @param p probabilities
   * @param ra tangent of the logits
   * @param rp tangent of the probabilities
   */
  void softmaxTangent(int k, long rows, int cols, Buffer p, Buffer ra, Buffer rp);

  /**
   * {@code rda = rp (dp - sum(p dp)) + p (rdp - sum(rp dp + p rdp))}; the output may be rdp.
   *
   * @param k directions
   * @param rows rows of each direction
   * @param cols elements of each
   * @param p probabilities
   * @param dp their adjoint
   * @param rp tangent of the probabilities
   * @param rdp tangent of the probabilities' adjoint
   * @param rda tangent of the logits' adjoint
   */
  void softmaxTangentBackward(
      int k, long rows, int cols, Buffer p, Buffer dp, Buffer rp, Buffer rdp, Buffer rda);

  /**
   * {@code c += <dp, p (u^2 - sum(p u^2))>} with {@code u = ra - sum(p ra)}.
   *
   * @param k directions
   * @param rows rows of each direction
   * @param cols elements of each
   * @param p probabilities
   * @param dp their adjoint
   * @param ra tangent of the logits
   * @param c one sum for each direction
   */
  void softmaxCurvature(int k, long rows, int cols, Buffer p, Buffer dp, Buffer ra, Scalars c);

  /**
   * Entropy in nats of attention rows, summed over batch and queries: {@code sums[h] += -sum of p
   * log p}, with 0 log 0 = 0.
   *
   * @param batch examples
   * @param heads heads of each example
   * @param queries rows of each head
   * @param cols elements of each row
   * @param p probabilities, batch x heads x queries x cols
   * @param sums one sum for each head
   */
  void rowEntropy(int batch, int heads, int queries, int cols, Buffer p, Scalars sums);

  // ---- sums, products, copies

  /**
   * {@code y = a + b}; the output may be an input.
   *
   * @param n number of elements
   * @param a first summand
   * @param b second summand
   * @param y the sum
   */
  void add(long n, Buffer a, Buffer b, Buffer y);

  /**
   * {@code y (+)= a b} elementwise for k directions.
   *
   * @param k directions
   * @param n elements of each direction
   * @param a factor shared by all directions
   * @param b factor of each direction
   * @param y product of each direction
   * @param add whether to add
   */
  void multiply(int k, long n, Buffer a, Buffer b, Buffer y, boolean add);

  /**
   * {@code c += alpha sum over i of a_i b_i} for each direction.
   *
   * @param k directions
   * @param n elements of each direction
   * @param alpha factor
   * @param a run i is the factor of direction i; stride 0 shares it
   * @param b k x n
   * @param c one sum for each direction
   */
  void dots(int k, long n, double alpha, Strided a, Buffer b, Scalars c);

  /**
   * {@code y_i[r] = x_i[r] + w_i} for every row r: bias, position embedding. The output may be the
   * input.
   *
   * @param k directions
   * @param rows rows of each direction
   * @param cols elements of each row
   * @param x k x rows x cols, or null for zero
   * @param w run i is added to the rows of direction i
   * @param y result
   */
  void addRow(int k, long rows, long cols, Buffer x, Strided w, Buffer y);

  /**
   * Copies rows from one pitch to another: {@code to[toOffset + r toStride + c] (+)=
   * from[fromOffset + r fromStride + c]}. A source stride of 0 repeats one row.
   *
   * @param rows number of rows
   * @param cols elements of each
   * @param from source
   * @param fromOffset its first element
   * @param fromStride from one source row to the next
   * @param to destination
   * @param toOffset its first element
   * @param toStride from one destination row to the next, at least cols
   * @param add whether to add
   */
  void copyRows(
      long rows,
      long cols,
      Buffer from,
      long fromOffset,
      long fromStride,
      Buffer to,
      long toOffset,
      long toStride,
      boolean add);

  /**
   * Mean over the middle axis: {@code y[g] = (1 / rows) sum over r of x[g, r]}, summed in float64.
   *
   * @param groups leading axis
   * @param rows middle axis
   * @param cols last axis
   * @param x groups x rows x cols
   * @param y groups x cols
   */
  void meanRows(long groups, int rows, int cols, Buffer x, Buffer y);

  /**
   * Transpose of {@link #meanRows}: {@code dx[g, r] (+)= dy[g] / rows}.
   *
   * @param groups leading axis
   * @param rows middle axis
   * @param cols last axis
   * @param dy groups x cols
   * @param dx groups x rows x cols
   * @param add whether to add
   */
  void meanRowsBackward(long groups, int rows, int cols, Buffer dy, Buffer dx, boolean add);

  // ---- lookups

  /**
   * {@code y_i[t] = table_i[ids[t]]}.
   *
   * @param k directions
   * @param rows number of ids
   * @param cols elements of each table row
   * @param ids whole numbers inside the table, held as float32
   * @param table run i is the table of direction i
   * @param y k x rows x cols
   */
  void gather(int k, long rows, int cols, Buffer ids, Strided table, Buffer y);

  /**
   * Transpose of {@link #gather}: {@code table_i[ids[t]] += dy_i[t]}, in a fixed order.
   *
   * @param k directions
   * @param rows number of ids
   * @param cols elements of each table row
   * @param ids whole numbers inside the table, held as float32
   * @param dy k x rows x cols
   * @param table run i is the gradient of direction i, added to
   */
  void scatterAdd(int k, long rows, int cols, Buffer ids, Buffer dy, Strided table);

  /**
   * Shape of images cut into square patches without overlap; height and width are multiples of the
   * patch.
   *
   * @param images number of images
   * @param channels of each
   * @param height in pixels
   * @param width in pixels
   * @param patch side of a patch in pixels
   */
  record Patches(long images, int channels, int height, int width, int patch) {

    /**
     * Patches of one image.
     *
     * @return the count
     */
    public int perImage() {
      return (height / patch) * (width / patch);
    }

    /**
     * Values in one patch.
     *
     * @return channels x patch x patch
     */
    public int length() {
      return channels * patch * patch;
    }
  }

  /**
   * Cuts images (images x channels x height x width) into rows of (channel, y, x), patches in
   * reading order.
   *
   * @param s shape
   * @param x images
   * @param rows images x perImage x length
   */
  void toPatches(Patches s, Buffer x, Buffer rows);

  /**
   * Inverse of {@link #toPatches}.
   *
   * @param s shape
   * @param rows images x perImage x length
   * @param x images
   * @param add whether to add to x
   */
  void fromPatches(Patches s, Buffer rows, Buffer x, boolean add);

  /**
   * Inverted dropout: {@code y (+)= x m}, where m is 0 with probability {@code rate} and else
   * {@code 1 / (1 - rate)}: element i is kept if the 24 high bits of word {@code i % 4} of Philox
   * block {@code i / 4} of the stream, as a fraction, are at least {@code rate}.
   *
   * @param n number of elements
   * @param rate from 0 to below 1
   * @param seed key
   * @param stream which mask
   * @param x input
   * @param y output
   * @param add whether to add
   */
  void dropout(long n, double rate, long seed, long stream, Buffer x, Buffer y, boolean add);

  // ---- strided arrays and selections

  /**
   * Copies along a {@link Walk}: {@code to[t] (+)= scale (sum of from[s])} over all indices that
   * meet at t, summed in float64 in the order of the source. So transposes, slices, broadcasts and
   * sums over any axes are one kernel each way. Elements of the destination that the walk does not
   * reach stay as they are.
   *
   * @param walk extents, offsets and strides
   * @param scale factor of every sum
   * @param from source
   * @param to destination, not overlapping the source
   * @param add whether to add
   */
  void rearrange(Walk walk, double scale, Buffer from, Buffer to, boolean add);

  /**
   * {@code y_i (+)= a_i where mask is not 0, b_i elsewhere} for k directions; nothing is computed
   * with the value that is not chosen.
   *
   * @param k directions
   * @param n elements of each direction
   * @param mask shared by all directions
   * @param a k x n, or null for zero
   * @param b k x n, or null for zero
   * @param y k x n
   * @param add whether to add
   */
  void select(int k, long n, Buffer mask, Buffer a, Buffer b, Buffer y, boolean add);

  /**
   * {@code mask = 1 where a > b or a is NaN, 0 elsewhere}; with {@code a < b} unless greater.
   *
   * @param greater which comparison
   * @param n number of elements
   * @param a left side
   * @param b right side
   * @param mask result
   */
  void compare(boolean greater, long n, Buffer a, Buffer b, Buffer mask);

  // ---- losses

  /**
   * Softmax cross-entropy: {@code loss += scale sum over rows of -log p[target]} (by log-sum-exp)
   * and the probabilities.
   *
   * @param rows predictions
   * @param classes classes of each
   * @param scale factor of every row, 1 / (number of predictions) for a mean
   * @param z logits
   * @param targets class of each row, whole numbers held as float32
   * @param p receives the probabilities
   * @param loss one accumulator
   */
  void crossEntropy(
      long rows, int classes, double scale, Buffer z, Buffer targets, Buffer p, Scalars loss);

  /**
   * {@code dz = scale (p - onehot)}, with the target's entry formed as minus the sum of the others
   * so that no digits cancel.
   *
   * @param rows predictions
   * @param classes classes of each
   * @param scale factor of every row
   * @param p probabilities
   * @param targets class of each row
   * @param dz adjoint of the logits
   */
  void crossEntropyBackward(
      long rows, int classes, double scale, Buffer p, Buffer targets, Buffer dz);

  /**
   * {@code rdz = scale p (q - sum(p q))} with {@code q = rz - rz[target]}, which cancels no digits
   * when p is near one-hot.
   *
   * @param k directions
   * @param rows predictions of each direction
   * @param classes classes of each
   * @param scale factor of every row
   * @param p probabilities
   * @param targets class of each row
   * @param rz tangent of the logits
   * @param rdz tangent of the logits' adjoint
   */
  void crossEntropyTangent(
      int k, long rows, int classes, double scale, Buffer p, Buffer targets, Buffer rz, Buffer rdz);

  /**
   * Squared error: {@code loss += scale sum of (z - t)^2}.
   *
   * @param n number of values
   * @param scale factor of every value, 1 / (number of values) for a mean
   * @param z predictions
   * @param targets values
   * @param loss one accumulator
   */
  void squaredError(long n, double scale, Buffer z, Buffer targets, Scalars loss);

  /**
   * {@code dz = 2 scale (z - t)}.
   *
   * @param n number of values
   * @param scale factor of every value
   * @param z predictions
   * @param targets values
   * @param dz adjoint of the predictions
   */
  void squaredErrorBackward(long n, double scale, Buffer z, Buffer targets, Buffer dz);
}
