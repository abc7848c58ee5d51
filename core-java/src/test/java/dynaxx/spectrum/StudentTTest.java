package dynaxx.spectrum;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class StudentTTest {

  /** The two-sided columns of published tables, with the further digits that SciPy 1.17 gives. */
  @ParameterizedTest
  @CsvSource({
    "0.5, 1, 1.000000000000",
    "0.5, 2, 0.816496580928",
    "0.5, 15, 0.691196948958",
    "0.9, 1, 6.313751514675",
    "0.9, 4, 2.131846786327",
    "0.9, 99, 1.660391156017",
    "0.95, 1, 12.706204736175",
    "0.95, 2, 4.302652729749",
    "0.95, 3, 3.182446305284",
    "0.95, 7, 2.364624251593",
    "0.95, 15, 2.131449545560",
    "0.95, 30, 2.042272456301",
    "0.95, 120, 1.979930405082",
    "0.95, 1001, 1.962336705281",
    "0.99, 2, 9.924843200918",
    "0.99, 5, 4.032142983555",
    "0.99, 15, 2.946712883475",
    "0.99, 1001, 2.580749768751",
    "0.999, 1, 636.619248768790",
    "0.999, 9, 4.780912585931",
    "0.999, 120, 3.373453768563"
  })
  void agreesWithTables(double confidence, int freedom, double expected) {
    assertEquals(expected, StudentT.halfWidth(confidence, freedom), 1e-10 * expected);
  }

  /** One degree of freedom is Cauchy, and two have a closed form as well. */
  @ParameterizedTest
  @CsvSource({"1e-6", "0.01", "0.3", "0.7", "0.9999", "0.999999"})
  void closedForms(double confidence) {
    double cauchy = Math.tan(Math.PI / 2 * confidence);
    assertEquals(cauchy, StudentT.halfWidth(confidence, 1), 1e-9 * cauchy);
    double two = confidence * Math.sqrt(2 / ((1 - confidence) * (1 + confidence)));
    assertEquals(two, StudentT.halfWidth(confidence, 2), 1e-9 * two);
  }

  /** Many degrees of freedom: the normal quantile with its first correction, (z^3 + z) / 4v. */
  @Test
  void tendsToTheNormalDistribution() {
    double z = 1.959963984540054;
    assertEquals(z + (z * z * z + z) / 4e6, StudentT.halfWidth(0.95, 1_000_000), 1e-9);
  }

  @Test
  void refusesWrongArguments() {
    for (double confidence : new double[] {0, 1, -0.5, 95, Double.NaN}) {
      assertThrows(IllegalArgumentException.class, () -> StudentT.halfWidth(confidence, 3));
    }
    assertThrows(IllegalArgumentException.class, () -> StudentT.halfWidth(0.95, 0));
  }
}
