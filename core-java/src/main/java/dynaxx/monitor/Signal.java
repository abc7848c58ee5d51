package dynaxx.monitor;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/** What can be observed of a run at a step; names are those of the columns of a metrics file. */
public enum Signal {
  /** Mean loss of the step's batch, in nats for cross entropy. */
  LOSS(Group.LOSS, Scale.LOGARITHMIC),
  /** Mean loss over the validation set. */
  VALIDATION_LOSS(Group.LOSS, Scale.LOGARITHMIC),
  /** Fraction of the validation set that is classified correctly, from 0 to 1. */
  VALIDATION_ACCURACY(Group.LOSS, Scale.FRACTION),
  /** Learning rate of the update. */
  LEARNING_RATE(Group.CONTEXT, Scale.LOGARITHMIC),
  /** Examples of the update's batch. */
  BATCH_SIZE(Group.CONTEXT, Scale.COUNT),
  /** Norm of the gradient of the step's batch. */
  GRADIENT_NORM(Group.GRADIENT, Scale.LOGARITHMIC),
  /** Variance of the gradient across micro-batches, summed over the parameters. */
  GRADIENT_VARIANCE(Group.GRADIENT, Scale.LOGARITHMIC),
  /** Batch size, in examples, at which noise and gradient are equal (McCandlish et al., 2018). */
  NOISE_SCALE(Group.GRADIENT, Scale.LOGARITHMIC),
  /** Smallest eigenvalue of the Hessian; its uncertainty is the residual. */
  LAMBDA_MIN(Group.CURVATURE, Scale.SIGNED),
  /** Largest eigenvalue of the Hessian; its uncertainty is the residual. */
  LAMBDA_MAX(Group.CURVATURE, Scale.LOGARITHMIC),
  /** Largest eigenvalue of the Hessian preconditioned as Adam does (Cohen et al., 2022). */
  PRECONDITIONED_LAMBDA_MAX(Group.CURVATURE, Scale.LOGARITHMIC),
  /** Trace of the Hessian; its uncertainty is a standard error. */
  TRACE(Group.CURVATURE, Scale.LOGARITHMIC),
  /** Mean entropy of the attention rows, in nats. */
  ATTENTION_ENTROPY(Group.NETWORK, Scale.LOGARITHMIC),
  /** Attention heads whose mean entropy is below 0.5 nats. */
  ATTENTION_HEADS_SPARSE(Group.NETWORK, Scale.COUNT),
  /** Fraction of rectified units that are active, from 0 to 1; the mean over the layers. */
  ACTIVE_FRACTION(Group.NETWORK, Scale.FRACTION);

  /** What a signal tells about. */
  enum Group {
    /** How well the network does: measured by the host, often at every step. */
    LOSS,
    GRADIENT,
    CURVATURE,
    NETWORK,
    /** What the host decided; not charted. */
    CONTEXT
  }

  /**
   * How a signal is transformed before it is charted, so that its noise is about the same at every
   * level, and the smallest standard deviation that a chart believes there.
   */
  enum Scale {
    /** {@code asinh(x / 1e-9)}: the logarithm, and defined for zero and for a negative trace. */
    LOGARITHMIC(1e-9, 0.02),
    /**
     * {@code asinh(x / 1e-3)}: the logarithm of the size on both sides of a linear stretch at zero.
     */
    SIGNED(1e-3, 0.05),
    FRACTION(0, 0.005),
    COUNT(0, 0.5);

    private final double unit;

    /**
     * Least standard deviation of the noise: whatever is quieter, less than this matters to none.
     */
    private final double floor;

    Scale(double unit, double floor) {
      this.unit = unit;
      this.floor = floor;
    }

    /** The transformed value. */
    double transform(double value) {
      if (unit == 0) {
        return value;
      }
      double ratio = Math.abs(value) / unit;
      double size =
          ratio < 1e8
              ? Math.log(ratio + Math.sqrt(ratio * ratio + 1))
              : Math.log(Math.abs(value)) + Math.log(2 / unit);
      return Math.copySign(size, value);
    }

    /** Standard error after the transformation, to first order. */
    double error(double value, double error) {
      return unit == 0 ? error : error / Math.hypot(value, unit);
    }

    double inverse(double transformed) {
      return unit == 0 ? transformed : unit * Math.sinh(transformed);
    }

    double floor() {
      return floor;
    }
  }

  private final Group group;
  private final Scale scale;
  private final String column = name().toLowerCase(Locale.ROOT);

  Signal(Group group, Scale scale) {
    this.group = group;
    this.scale = scale;
  }

  Group group() {
    return group;
  }

  Scale scale() {
    return scale;
  }

  /** Whether it is measured by a snapshot, and not by the host at every step. */
  boolean ofSnapshot() {
    return group == Group.CURVATURE
        || group == Group.NETWORK
        || this == GRADIENT_VARIANCE
        || this == NOISE_SCALE;
  }

  /**
   * Name of the signal's column in a metrics file.
   *
   * @return for example {@code lambda_min}
   */
  public String column() {
    return column;
  }

  /**
   * Name of the column of the signal in one layer of the network.
   *
   * @param layer from 1 on
   * @return for example {@code active_fraction_3}
   */
  public String column(int layer) {
    return column() + "_" + layer;
  }

  /**
   * Name of the column of the signal's uncertainty.
   *
   * @return for example {@code lambda_min_residual} or {@code trace_error}
   */
  public String errorColumn() {
    boolean eigenvalue =
        this == LAMBDA_MIN || this == LAMBDA_MAX || this == PRECONDITIONED_LAMBDA_MAX;
    return column + (eigenvalue ? "_residual" : "_error");
  }

  /**
   * The signal of a column.
   *
   * @param column name, for example {@code lambda_min}
   * @return the signal, or nothing if none has that name
   */
  public static Optional<Signal> ofColumn(String column) {
    return Arrays.stream(values()).filter(s -> s.column().equals(column)).findFirst();
  }
}
