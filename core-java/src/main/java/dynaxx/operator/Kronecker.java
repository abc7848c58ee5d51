package dynaxx.operator;

import dynaxx.dense.SymmetricEigen;
import dynaxx.device.Device;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.network.pass.KroneckerBlocks;
import dynaxx.network.pass.KroneckerSweep;
import java.util.Arrays;
import java.util.OptionalDouble;

/**
 * KFAC or EKFAC plus a multiple of the unit matrix, in the eigenvectors of its factors, where it is
 * diagonal.
 *
 * @param name for messages
 * @param device where its vectors live
 * @param dimension of the vectors
 * @param blocks the matrix without the shift
 * @param shift added to its diagonal
 * @param owned whether this closes the blocks
 */
record Kronecker(
    String name, Device device, long dimension, KroneckerBlocks blocks, double shift, boolean owned)
    implements SymmetricOperator {

  /** A correction that leaves more than this part of the residual is the last. */
  private static final double PROGRESS = 0.5;

  /** Makes KFAC, or EKFAC by that name, from the recordings of an operator. */
  static Kronecker of(String name, GaussNewton from, int columns, long seed) {
    RecordedBatch recorded = from.recordings();
    try (KroneckerSweep sweep =
        new KroneckerSweep(
            from.network(),
            from.lossFunction(),
            from.device(),
            columns,
            seed,
            recorded.memoryBesideTapes())) {
      for (int i = 0; i < recorded.parts(); i++) {
        sweep.addFactors(recorded.tape(i), (long) i * from.microBatch());
      }
      KroneckerBlocks blocks = sweep.blocks();
      try {
        boolean scaled = name.equals("ekfac");
        for (int i = 0; i < sweep.layers(); i++) {
          decompose(sweep, i, blocks, scaled);
        }
        if (scaled) {
          for (int i = 0; i < recorded.parts(); i++) {
            sweep.addScales(recorded.tape(i), (long) i * from.microBatch(), blocks);
          }
          for (int i = 0; i < sweep.layers(); i++) {
            blocks.scales(i, sweep.scale(i));
          }
        }
        NonFiniteException.check(name, blocks.most() - blocks.least());
        return new Kronecker(name, from.device(), from.dimension(), blocks, 0, true);
      } catch (RuntimeException | Error e) {
        blocks.close();
        throw e;
      }
    }
  }

  private static void decompose(
      KroneckerSweep sweep, int i, KroneckerBlocks blocks, boolean scaled) {
    SymmetricEigen[] outputs = decompose(sweep.name(i), sweep.outputFactor(i));
    SymmetricEigen[] inputs = decompose(sweep.name(i), sweep.inputFactor(i));
    blocks.bases(i, vectors(outputs), vectors(inputs));
    if (scaled) {
      return;
    }
    int rows = outputs[0].values().length;
    int width = inputs[0].values().length;
    double[] products = new double[outputs.length * rows * width];
    Arrays.setAll(
        products,
        at -> {
          int group = at / (rows * width);
          double g = outputs[group].values()[at / width % rows];
          double a = inputs[group].values()[at % width];
          return Math.max(0, g) * Math.max(0, a);
        });
    blocks.scales(i, products);
  }

  private static SymmetricEigen[] decompose(String name, double[][][] factors) {
    for (double[][] factor : factors) {
      for (double[] row : factor) {
        NonFiniteException.check("Kronecker factor of " + name, Arrays.stream(row).sum());
      }
    }
    return Arrays.stream(factors).map(SymmetricEigen::of).toArray(SymmetricEigen[]::new);
  }

  private static double[][][] vectors(SymmetricEigen[] groups) {
    return Arrays.stream(groups).map(SymmetricEigen::vectors).toArray(double[][][]::new);
  }

  @Override
  public void apply(Vectors v, Vectors hv) {
    Operands.check(this, v, hv);
    device
        .turns()
        .serve(
            blocks,
            name,
            () -> {
              for (int i = 0; i < v.count(); i++) {
                blocks.multiply(shift, v.vector(i), hv.vector(i));
              }
              return null;
            });
  }

  @Override
  public SymmetricOperator shifted(double more) {
    if (!Double.isFinite(more)) {
      throw new IllegalArgumentException("shift: found " + more + ", expected a finite value");
    }
    return new Kronecker(name, device, dimension, blocks, shift + more, false);
  }

  @Override
  public OptionalDouble knownTrace() {
    return OptionalDouble.of(blocks.trace() + shift * dimension);
  }

  /** The rotations' error is that of the matrix without the shift. */
  @Override
  public double productError() {
    double largest = Math.max(Math.abs(blocks.least() + shift), Math.abs(blocks.most() + shift));
    double error = SymmetricOperator.super.productError();
    return largest == 0 ? 1 : Math.min(1, error * (1 + Math.abs(shift) / largest));
  }

  /**
   * {@inheritDoc}
   *
   * <p>Exact except for rounding in one step, of which what is left is corrected; by MINRES if the
   * matrix is singular.
   */
  @Override
  public double solve(Buffer b, Buffer x, double tolerance, int products) {
    MinimumResidual.check(this, b, x, tolerance, products);
    double smallest = blocks.least() + shift;
    double largest = Math.max(Math.abs(smallest), Math.abs(blocks.most() + shift));
    if (smallest <= device.unitRoundoff() * largest) {
      return MinimumResidual.solve(this, b, x, tolerance, products);
    }
    return device.turns().serve(blocks, name, () -> refined(b, x, tolerance, products));
  }

  private double refined(Buffer b, Buffer x, double tolerance, int products) {
    double whole = norm("b", b);
    device.algebra().fill(x, 0);
    if (whole == 0) {
      return 0;
    }
    try (Scope scope = Scope.open()) {
      Buffer residual = device.allocate(scope, dimension);
      Buffer correction = device.allocate(scope, dimension);
      device.algebra().copy(b, residual);
      double reached = 1;
      for (int i = 0; i < products && reached > tolerance; i++) {
        blocks.solve(shift, residual, correction);
        device.algebra().axpby(1, correction, 1, x);
        blocks.multiply(shift, x, residual);
        device.algebra().axpby(1, b, -1, residual);
        double now = norm("residual", residual) / whole;
        if (now >= reached) {
          device.algebra().axpby(-1, correction, 1, x);
          return reached;
        }
        boolean slow = now > PROGRESS * reached;
        reached = now;
        if (slow) {
          return reached;
        }
      }
      return reached;
    }
  }

  private double norm(String what, Buffer buffer) {
    return Math.sqrt(NonFiniteException.check(what, device.algebra().dot(buffer, buffer)));
  }

  @Override
  public void close() {
    if (owned) {
      device
          .turns()
          .serve(
              blocks,
              name,
              () -> {
                blocks.close();
                return null;
              });
    }
  }
}
