package dynaxx.spectrum;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * What can be observed of a run at a step. Each signal is a descriptor: files, charts and the table
 * in docs/metrics.md are made from it, so a new signal takes a constant here, its measurement and a
 * test. Add it at the end: the order is that of the charts, and decides their random numbers.
 */
public enum Signal {
  /** Mean loss of the step's batch, in nats for cross entropy. */
  LOSS(
      host(Group.LOSS, Scale.LOGARITHMIC)
          .unit("loss")
          .says("Mean loss of this step's batch; in nats for cross entropy.")),
  /** Mean loss over the validation set. */
  VALIDATION_LOSS(
      host(Group.LOSS, Scale.LOGARITHMIC)
          .unit("loss")
          .says("Mean loss over the validation set, where it was measured.")),
  /** Fraction of the validation set that is classified correctly, from 0 to 1. */
  VALIDATION_ACCURACY(
      host(Group.LOSS, Scale.FRACTION)
          .unit("0 to 1")
          .says("Fraction of the validation set that is classified correctly.")),
  /** Learning rate of the update. */
  LEARNING_RATE(
      host(Group.CONTEXT, Scale.LOGARITHMIC).says("Of this update; empty where there is none.")),
  /** Examples of the update's batch. */
  BATCH_SIZE(host(Group.CONTEXT, Scale.COUNT).unit("examples").says("Of this update.")),
  /** Norm of the gradient of the step's batch. */
  GRADIENT_NORM(
      host(Group.GRADIENT, Scale.LOGARITHMIC)
          .unit("loss / parameter")
          .says("Norm of the gradient of this step's batch.")),
  /** Variance of the gradient across micro-batches, summed over the parameters. */
  GRADIENT_VARIANCE(
      snapshot(Group.GRADIENT, Scale.LOGARITHMIC)
          .unit("(loss / parameter)²")
          .says(
              "Unbiased variance of the gradient across micro-batches of the subset, summed over"
                  + " the parameters.")),
  /** Batch size, in examples, at which noise and gradient are equal (McCandlish et al., 2018). */
  NOISE_SCALE(
      snapshot(Group.GRADIENT, Scale.LOGARITHMIC)
          .unit("examples")
          .says(
              "Batch size at which noise and gradient are equal (McCandlish et al., 2018); empty"
                  + " if the noise hides the gradient.")),
  /** Smallest eigenvalue of the Hessian; its uncertainty is the residual. */
  LAMBDA_MIN(
      snapshot(Group.CURVATURE, Scale.SIGNED)
          .title("Smallest eigenvalue")
          .unit("loss / parameter²")
          .uncertainty(Uncertainty.RESIDUAL)
          .says("Smallest Ritz value of the Hessian over the subset.")),
  /** Largest eigenvalue of the Hessian; its uncertainty is the residual. */
  LAMBDA_MAX(
      snapshot(Group.CURVATURE, Scale.LOGARITHMIC)
          .title("Largest eigenvalue")
          .unit("loss / parameter²")
          .uncertainty(Uncertainty.RESIDUAL)
          .says("Largest Ritz value of the Hessian over the subset.")),
  /** Largest eigenvalue of the Hessian preconditioned as Adam does (Cohen et al., 2022). */
  PRECONDITIONED_LAMBDA_MAX(
      snapshot(Group.CURVATURE, Scale.LOGARITHMIC)
          .title("Largest eigenvalue, as Adam sees it")
          .unit("1 / learning rate")
          .uncertainty(Uncertainty.RESIDUAL)
          .says(
              "Largest Ritz value of the Hessian as Adam preconditions it (Cohen et al., 2022);"
                  + " with beta1 = 0.9, training is stable while it is below 38 / `learning_rate`;"
                  + " for adamw, sam and asam.")),
  /** Trace of the Hessian; its uncertainty is a standard error. */
  TRACE(
      snapshot(Group.CURVATURE, Scale.LOGARITHMIC)
          .title("Trace of the Hessian")
          .unit("loss / parameter²")
          .uncertainty(Uncertainty.STANDARD_ERROR)
          .says("Hutchinson's estimate of the trace of the Hessian over the subset.")),
  /** Mean entropy of the attention rows, in nats. */
  ATTENTION_ENTROPY(
      snapshot(Group.NETWORK, Scale.LOGARITHMIC)
          .unit("nats")
          .extent(Extent.HEAD)
          .says("Mean entropy of the attention rows, over all heads.")),
  /** Attention heads whose mean entropy is below 0.5 nats. */
  ATTENTION_HEADS_SPARSE(
      snapshot(Group.NETWORK, Scale.COUNT)
          .title("Sparse attention heads")
          .unit("heads")
          .says("Heads whose mean attention entropy is below 0.5 nats.")),
  /** Fraction of rectified units that are active, from 0 to 1; the mean over the layers. */
  ACTIVE_FRACTION(
      snapshot(Group.NETWORK, Scale.FRACTION)
          .title("Active units")
          .unit("0 to 1")
          .extent(Extent.LAYER)
          .says(
              "Fraction of the subset's activations that rectifiers (such as ReLU) let through.")),
  /** Sharpness as part of the optimizer's stability limit: the margin of the learning rate. */
  SHARPNESS_RATIO(
      snapshot(Group.STABILITY, Scale.LOGARITHMIC)
          .title("Sharpness")
          .unit("of the limit")
          .uncertainty(Uncertainty.RESIDUAL)
          .says(
              "`lambda_max`, or `preconditioned_lambda_max` for Adam, divided by the largest"
                  + " eigenvalue at which the optimizer is stable (Cohen et al., 2021, 2022); only"
                  + " if the host reports its update.")),
  /** Curvature along the coming update, as part of the stability limit. */
  DIRECTIONAL_CURVATURE_RATIO(
      snapshot(Group.STABILITY, Scale.SIGNED)
          .title("Curvature along the update")
          .unit("of the limit")
          .says(
              "d'Hd / d'd along the coming update d (d'Hd / d'Pd with Adam's preconditioner P),"
                  + " divided by the stability limit; a loss spike comes when it passes 1 (Bai et"
                  + " al., 2025).")),
  /** Curvature of micro-batches along their own gradients, as part of the stability limit. */
  BATCH_SHARPNESS_RATIO(
      snapshot(Group.STABILITY, Scale.SIGNED)
          .title("Batch sharpness")
          .unit("of the limit")
          .uncertainty(Uncertainty.STANDARD_ERROR)
          .says(
              "Mean of g_B'H_B g_B / g_B'g_B over micro-batches B as large as the update's batch,"
                  + " divided by the stability limit; in mini-batch training it goes to 1 while"
                  + " `sharpness_ratio` stays below 1 (Andreyev and Beneventano, 2024).")),
  /** Learning rate as part of the one at which the update leaves the loss as high as before. */
  CRITICAL_RATE_RATIO(
      snapshot(Group.STABILITY, Scale.LOGARITHMIC)
          .title("Learning rate to the critical one")
          .unit("of the limit")
          .uncertainty(Uncertainty.BRACKET)
          .says(
              "Learning rate divided by the critical one, at which the loss over the subset is as"
                  + " high after the update as before (arXiv:2601.16979); no uncertainty if even a"
                  + " sixteenth of the update raises the loss.")),
  /** Part of the coming update that lies along the sharpest directions. */
  OSCILLATION(
      snapshot(Group.STABILITY, Scale.FRACTION)
          .title("Update across the valley")
          .unit("0 to 1")
          .says(
              "Fraction of the coming update's squared norm along the stored Ritz vectors with"
                  + " positive curvature, which point across the valley and not along it.")),
  /** Squared gradient against what Adam remembers of it. */
  DECOUPLING_RATIO(
      snapshot(Group.STABILITY, Scale.LOGARITHMIC)
          .unit("ratio")
          .says(
              "Squared gradient norm divided by the sum of Adam's second moments; if it is far"
                  + " below 1, the second moments decay and the preconditioned sharpness grows (Bai"
                  + " et al., 2025).")),
  /** Least fraction of the eigenvalues below zero; its parts say how all of them are spread. */
  NEGATIVE_FRACTION(
      snapshot(Group.SPREAD, Scale.FRACTION)
          .title("Negative eigenvalues")
          .unit("0 to 1")
          .extent(Extent.EIGENVALUE)
          .says(
              "Fraction of the Hessian's eigenvalues below zero, at least: by stochastic Lanczos"
                  + " quadrature, without the node beside zero. Its parts are the fractions between"
                  + " the edges of `SpectralDensity.edges`."));

  /** What a signal tells about. */
  public enum Group {
    /** How well the network does: measured by the host, often at every step. */
    LOSS,
    /** The gradient and its noise. */
    GRADIENT,
    /** The spectrum of the Hessian. */
    CURVATURE,
    /** What happens within the network. */
    NETWORK,
    /** How near the coming update is to a limit, which it is compared with; not charted. */
    STABILITY,
    /** How all eigenvalues are spread, from few random starts and so noisy; not charted. */
    SPREAD,
    /** What the host decided; not charted. */
    CONTEXT
  }

  /**
   * How a signal is transformed before it is charted, so that its noise is about the same at every
   * level, and the smallest standard deviation that a chart believes there.
   */
  public enum Scale {
    /** {@code asinh(x / 1e-9)}: the logarithm, and defined for zero and for a negative trace. */
    LOGARITHMIC(1e-9, 0.02),
    /**
     * {@code asinh(x / 1e-3)}: the logarithm of the size on both sides of a linear stretch at zero.
     */
    SIGNED(1e-3, 0.05),
    /** A part of one, as it is. */
    FRACTION(0, 0.005),
    /** A whole number, as it is. */
    COUNT(0, 0.5);

    private final double unit;
    private final double floor;

    Scale(double unit, double floor) {
      this.unit = unit;
      this.floor = floor;
    }

    /**
     * Transforms a value.
     *
     * @param value in the signal's unit
     * @return the transformed value
     */
    public double transform(double value) {
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

    /**
     * Transforms an uncertainty, to first order.
     *
     * @param value in the signal's unit
     * @param error its uncertainty, in the same unit
     * @return the uncertainty of the transformed value
     */
    public double error(double value, double error) {
      return unit == 0 ? error : error / Math.hypot(value, unit);
    }

    /**
     * Takes the transformation back.
     *
     * @param transformed a transformed value
     * @return the value in the signal's unit
     */
    public double inverse(double transformed) {
      return unit == 0 ? transformed : unit * Math.sinh(transformed);
    }

    /**
     * Least standard deviation of the noise: a quieter change matters to nobody.
     *
     * @return a transformed size
     */
    public double floor() {
      return floor;
    }
  }

  /**
   * One measured value.
   *
   * @param value may be NaN or infinite: rules report it and do not use it
   * @param error standard error or residual, in units of the value; empty if not known
   * @param parts of a signal of layers, heads or eigenvalues: the value of each, in order, NaN
   *     where it is not known; empty if only the value is known
   */
  public record Reading(double value, OptionalDouble error, List<Double> parts) {

    /**
     * Copies the parts and checks the error.
     *
     * @throws IllegalArgumentException if the error is NaN or negative
     */
    public Reading {
      if (error.isPresent() && !(error.getAsDouble() >= 0)) {
        throw new IllegalArgumentException(
            "error: found " + error.getAsDouble() + ", expected at least 0");
      }
      parts = List.copyOf(parts);
    }

    /**
     * A reading of the whole network.
     *
     * @param value may be NaN or infinite
     * @param error standard error or residual; empty if not known
     */
    public Reading(double value, OptionalDouble error) {
      this(value, error, List.of());
    }

    /**
     * A reading without uncertainty.
     *
     * @param value may be NaN or infinite
     * @return the reading
     */
    public static Reading of(double value) {
      return new Reading(value, OptionalDouble.empty());
    }

    /**
     * The mean over layers or heads.
     *
     * @param parts the value of each, in order; NaN where it is not known
     * @return the mean of those that are known, with all of them
     * @throws IllegalArgumentException if none is known
     */
    public static Reading mean(List<Double> parts) {
      double mean =
          parts.stream()
              .mapToDouble(part -> part)
              .filter(part -> !Double.isNaN(part))
              .average()
              .orElseThrow(
                  () ->
                      new IllegalArgumentException(
                          "parts: found " + parts + ", expected at least one known value"));
      return new Reading(mean, OptionalDouble.empty(), parts);
    }

    /**
     * Whether rules may use it.
     *
     * @return false if the value is NaN or infinite
     */
    public boolean finite() {
      return Double.isFinite(value);
    }

    /**
     * The uncertainty.
     *
     * @param otherwise what stands for one that is not known
     * @return standard error or residual
     */
    public double errorOr(double otherwise) {
      return error.orElse(otherwise);
    }
  }

  /** Kind of uncertainty, with the ending of its column. */
  private enum Uncertainty {
    NONE("_error"),
    STANDARD_ERROR("_error"),
    RESIDUAL("_residual"),
    BRACKET("_error");

    private final String ending;

    Uncertainty(String ending) {
      this.ending = ending;
    }
  }

  /** What has a value of its own beside the signal's, which is the mean. */
  private enum Extent {
    SCALAR,
    LAYER,
    HEAD,
    EIGENVALUE
  }

  /** The properties of a signal, with defaults. */
  private static final class Descriptor {
    private final boolean ofSnapshot;
    private final Group group;
    private final Scale scale;
    private String title = "";
    private String unit = "";
    private Uncertainty uncertainty = Uncertainty.NONE;
    private Extent extent = Extent.SCALAR;
    private String documentation = "";

    private Descriptor(boolean ofSnapshot, Group group, Scale scale) {
      this.ofSnapshot = ofSnapshot;
      this.group = group;
      this.scale = scale;
    }

    Descriptor title(String text) {
      title = text;
      return this;
    }

    Descriptor unit(String text) {
      unit = text;
      return this;
    }

    Descriptor uncertainty(Uncertainty kind) {
      uncertainty = kind;
      return this;
    }

    Descriptor extent(Extent each) {
      extent = each;
      return this;
    }

    Descriptor says(String sentence) {
      documentation = sentence;
      return this;
    }
  }

  private static Descriptor host(Group group, Scale scale) {
    return new Descriptor(false, group, scale);
  }

  private static Descriptor snapshot(Group group, Scale scale) {
    return new Descriptor(true, group, scale);
  }

  private final Descriptor descriptor;
  private final String column = name().toLowerCase(Locale.ROOT);

  Signal(Descriptor descriptor) {
    this.descriptor = descriptor;
  }

  /**
   * What it tells about.
   *
   * @return its group
   */
  public Group group() {
    return descriptor.group;
  }

  /**
   * How it is charted.
   *
   * @return its scale
   */
  public Scale scale() {
    return descriptor.scale;
  }

  /**
   * What it is called above a chart.
   *
   * @return a few words without markup
   */
  public String title() {
    String words = column.replace('_', ' ');
    return descriptor.title.isEmpty()
        ? words.substring(0, 1).toUpperCase(Locale.ROOT) + words.substring(1)
        : descriptor.title;
  }

  /**
   * What its values are counted in.
   *
   * @return for example {@code nats}; empty if it depends on the host
   */
  public String unit() {
    return descriptor.unit;
  }

  /**
   * What it is, in a sentence.
   *
   * @return text for people, in Markdown
   */
  public String documentation() {
    return descriptor.documentation;
  }

  /**
   * Who measures it.
   *
   * @return true if a snapshot does, false if the host does, often at every step
   */
  public boolean ofSnapshot() {
    return descriptor.ofSnapshot;
  }

  /**
   * Whether rules chart it.
   *
   * @return false for what the host decides, and for what is compared with a limit
   */
  public boolean charted() {
    return switch (descriptor.group) {
      case LOSS, GRADIENT, CURVATURE, NETWORK -> true;
      case STABILITY, SPREAD, CONTEXT -> false;
    };
  }

  /**
   * Whether each layer has a value, a column and a chart of its own, and the signal is their mean.
   *
   * @return true for a signal of layers
   */
  public boolean perLayer() {
    return descriptor.extent == Extent.LAYER;
  }

  /**
   * What the parts of its readings are of.
   *
   * @return {@code layer}, {@code head}, {@code eigenvalue}, or nothing if it has no parts
   */
  public Optional<String> part() {
    return descriptor.extent == Extent.SCALAR
        ? Optional.empty()
        : Optional.of(descriptor.extent.name().toLowerCase(Locale.ROOT));
  }

  /**
   * Kind of uncertainty that its measurement states.
   *
   * @return {@code residual}, {@code standard error}, {@code bracket}, or nothing if it states none
   */
  public Optional<String> uncertainty() {
    return descriptor.uncertainty == Uncertainty.NONE
        ? Optional.empty()
        : Optional.of(descriptor.uncertainty.name().toLowerCase(Locale.ROOT).replace('_', ' '));
  }

  /**
   * Name of the signal, which is that of its column in a metrics file.
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
    return column + "_" + layer;
  }

  /**
   * Name of the column of the signal's uncertainty, whether its measurement states one or not.
   *
   * @return for example {@code lambda_min_residual} or {@code trace_error}
   */
  public String errorColumn() {
    return column + descriptor.uncertainty.ending;
  }

  /**
   * The signal's columns in a metrics file: its own, that of its uncertainty if it has one, and one
   * for each layer.
   *
   * @param layers of the network that have a value of their own
   * @return names in order
   */
  public List<String> columns(int layers) {
    List<String> columns = new ArrayList<>(List.of(column));
    if (descriptor.uncertainty != Uncertainty.NONE) {
      columns.add(errorColumn());
    }
    for (int layer = 1; perLayer() && layer <= layers; layer++) {
      columns.add(column(layer));
    }
    return columns;
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
