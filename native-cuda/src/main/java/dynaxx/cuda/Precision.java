package dynaxx.cuda;

import java.util.Arrays;
import java.util.Locale;

/** What matrix products are computed in. Everything else is float32 with sums in float64. */
public enum Precision {
  /** float32 throughout: the default. */
  FP32,
  /**
   * Three TF32 products of factors that are split in two. The split itself loses nothing, but
   * tensor cores cut their sums where float32 rounds (Ootomo and Yokota, 2022), so until it is
   * measured on hardware it counts as good to 2^-20, where float32 is good to 2^-24.
   */
  TF32X3,
  /**
   * Factors cut to TF32, 11 significant bits, some devices without rounding: enough for lambda_max
   * and the trace to two or three digits, not for the sign of a small lambda_min.
   */
  TF32;

  /** System property with the name of a precision, in lower case. */
  public static final String PROPERTY = "dynaxx.cuda.precision";

  static Precision ofProperty() {
    String text = System.getProperty(PROPERTY, "fp32");
    return Arrays.stream(values())
        .filter(p -> p.name().toLowerCase(Locale.ROOT).equals(text.toLowerCase(Locale.ROOT)))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "-D" + PROPERTY + ": found '" + text + "', expected fp32, tf32x3 or tf32"));
  }

  Blas.Type type() {
    return this == FP32 ? Blas.Type.FLOAT32 : Blas.Type.TF32;
  }

  double unitRoundoff() {
    return switch (this) {
      case FP32 -> 0x1p-24;
      case TF32X3 -> 0x1p-20;
      case TF32 -> 0x1p-10;
    };
  }
}
