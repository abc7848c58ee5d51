package dynaxx.spectrum;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.operator.NonFiniteException;
import dynaxx.operator.SymmetricOperator;
import dynaxx.random.Philox;
import dynaxx.testing.Dense;
import dynaxx.testing.DenseForms;
import dynaxx.testing.Numbers;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.LongFunction;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** XTrace against its definition, and both range-finding estimators against exact traces. */
class XTraceTest {

  private static Device device;

  @BeforeAll
  static void open() {
    device = Devices.cpu(2);
  }

  @AfterAll
  static void close() {
    device.close();
  }

  private static DenseForms spectrum(double... values) {
    return new DenseForms(DenseForms.withSpectrum(9, values), device);
  }

  /** A positive spectrum that falls like {@code i^-power}. */
  private static DenseForms decaying(int n, double power) {
    double[] values = new double[n];
    Arrays.setAll(values, i -> 10 * Math.pow(i + 1, -power));
    return spectrum(values);
  }

  /** t_i as it is defined: for each i a basis of its own from the other columns. */
  private static double[] byDefinition(DenseForms matrix, int count, long seed) {
    double[][] probes = new double[count][];
    Arrays.setAll(probes, i -> probe(matrix, seed, i));
    double[][] images = new double[count][];
    Arrays.setAll(images, i -> matrix.times(probes[i]));
    double[] estimates = new double[count];
    Arrays.setAll(estimates, i -> insideAndOutside(matrix, basisWithout(images, i), probes[i]));
    return estimates;
  }

  private static double[] probe(DenseForms matrix, long seed, long index) {
    double[] probe = new double[(int) matrix.dimension()];
    Arrays.setAll(probe, j -> Philox.sign(seed, index, j));
    return probe;
  }

  /** The exact trace within a basis and the quadratic form of what a probe has outside. */
  private static double insideAndOutside(DenseForms matrix, List<double[]> basis, double[] probe) {
    double[] rest = probe.clone();
    double sum = 0;
    for (double[] q : basis) {
      sum += Numbers.dot(q, matrix.times(q));
      DenseForms.addScaled(-Numbers.dot(q, rest), q, rest);
    }
    return sum + Numbers.dot(rest, matrix.times(rest));
  }

  static List<double[]> basisWithout(double[][] images, int left) {
    List<double[]> basis = new ArrayList<>();
    for (int j = 0; j < images.length; j++) {
      double[] x = images[j].clone();
      for (int pass = 0; pass < 2; pass++) {
        for (double[] q : basis) {
          DenseForms.addScaled(-Numbers.dot(q, x), q, x);
        }
      }
      double norm = Numbers.norm(x);
      if (j != left && norm > 1e-10 * Numbers.norm(images[j])) {
        basis.add(Arrays.stream(x).map(value -> value / norm).toArray());
      }
    }
    return basis;
  }

  @Test
  void agreesWithItsDefinition() {
    DenseForms[] matrices = {
      new DenseForms(DenseForms.gaussian(60, 3, 0.4), device),
      decaying(80, 1),
      decaying(80, 3),
      // Its twelve probes of seed 5 span eleven dimensions, four of them on their own.
      new DenseForms(DenseForms.gaussian(12, 8, 1), device)
    };
    for (DenseForms matrix : matrices) {
      for (int products : new int[] {4, 10, 24}) {
        double[] expected = byDefinition(matrix, products / 2, 5);
        Estimate found = new XTrace(products, 5).run(matrix);
        double scale = Numbers.norm(expected) / Math.sqrt(expected.length);
        assertArrayEquals(expected, found.samples(), 2e-5 * scale);

        double mean = Arrays.stream(expected).average().orElseThrow();
        assertEquals(mean, found.value(), 2e-5 * scale);
        double squares = Arrays.stream(expected).map(x -> (x - mean) * (x - mean)).sum();
        int k = expected.length;
        assertEquals(Math.sqrt(squares / (k - 1) / k), found.standardError(), 4e-5 * scale);
      }
    }
  }

  @Test
  void hutchPlusPlusAgreesWithItsDefinition() {
    for (DenseForms matrix :
        new DenseForms[] {
          decaying(80, 1), new DenseForms(DenseForms.gaussian(60, 3, 0.4), device)
        }) {
      double[][] images = new double[7][];
      Arrays.setAll(images, i -> matrix.times(probe(matrix, 5, (1L << 60) + i)));
      List<double[]> basis = basisWithout(images, -1);
      Estimate found = new HutchPlusPlus(23, 5).run(matrix);
      double[] expected = new double[9];
      for (int i = 0; i < expected.length; i++) {
        expected[i] = insideAndOutside(matrix, basis, probe(matrix, 5, i));
      }
      double scale = Numbers.norm(expected) / Math.sqrt(expected.length);
      assertArrayEquals(expected, found.samples(), 2e-5 * scale);
    }
  }

  @Test
  void lowRankIsExact() {
    double[] values = new double[50];
    values[0] = 7;
    values[1] = -3;
    values[2] = 0.5;
    DenseForms matrix = spectrum(values);
    Estimate found = new XTrace(8, 2).run(matrix);
    assertEquals(4.5, found.value(), 1e-5);
    assertEquals(0, found.standardError(), 1e-5);
    Estimate sketch = new HutchPlusPlus(11, 2).run(matrix);
    assertEquals(4.5, sketch.value(), 1e-5);
    assertEquals(0, sketch.standardError(), 1e-5);
  }

  /** More probes than the range or the space has dimensions. */
  @Test
  void smallSpacesAndDegenerateRanges() {
    SymmetricOperator three = Dense.rotated(5, -1, 2, 7).on(device);
    assertEquals(8, new XTrace(20, 1).run(three).value(), 1e-5);
    assertEquals(8, new HutchPlusPlus(20, 1).run(three).value(), 1e-5);
    SymmetricOperator scalar = Dense.diagonal(-4).on(device);
    assertEquals(-4, new XTrace(4, 1).run(scalar).value(), 1e-6);
    assertEquals(-4, new HutchPlusPlus(4, 1).run(scalar).value(), 1e-6);
    SymmetricOperator zero = Dense.diagonal(new double[30]).on(device);
    assertEquals(0, new XTrace(10, 1).run(zero).value());
    assertEquals(0, new XTrace(10, 1).run(zero).standardError());
    assertEquals(0, new HutchPlusPlus(10, 1).run(zero).value());
  }

  private static double rms(DenseForms matrix, LongFunction<Estimate> estimator) {
    int runs = 300;
    double squares = 0;
    for (int seed = 0; seed < runs; seed++) {
      double error = estimator.apply(seed).value() - matrix.trace();
      squares += error * error;
    }
    return Math.sqrt(squares / runs);
  }

  @Test
  void beatsHutchinsonOnDecayingSpectra() {
    for (double power : new double[] {0.5, 1, 2}) {
      DenseForms matrix = decaying(120, power);
      double hutchinson = rms(matrix, seed -> new Hutchinson(30, seed).run(matrix));
      double doubled = rms(matrix, seed -> new Hutchinson(60, seed).run(matrix));
      double sketch = rms(matrix, seed -> new HutchPlusPlus(30, seed).run(matrix));
      double xtrace = rms(matrix, seed -> new XTrace(30, seed).run(matrix));
      System.out.printf(
          "i^-%.1f, rms error at 30 products: Hutchinson %.4f (%.4f with 60 forms),"
              + " Hutch++ %.4f, XTrace %.4f%n",
          power, hutchinson, doubled, sketch, xtrace);
      if (power >= 1) {
        assertTrue(xtrace < sketch, "XTrace against Hutch++, power " + power);
        assertTrue(xtrace < hutchinson / 2, "XTrace against Hutchinson, power " + power);
        assertTrue(sketch < hutchinson / 1.5, "Hutch++ against Hutchinson, power " + power);
      }
    }
  }

  /**
   * The stated error against the one that is made, over all runs. XTrace's leave-one-out estimates
   * depend on each other, so theirs is too small.
   */
  @Test
  void standardErrorsAreHonest() {
    for (DenseForms matrix :
        new DenseForms[] {
          decaying(100, 1), new DenseForms(DenseForms.gaussian(100, 6, 1), device)
        }) {
      int runs = 300;
      double[] ratios = new double[2];
      for (int method = 0; method < 2; method++) {
        double stated = 0;
        double made = 0;
        for (int seed = 0; seed < runs; seed++) {
          Estimate trace =
              method == 0
                  ? new XTrace(40, seed).run(matrix)
                  : new HutchPlusPlus(40, seed).run(matrix);
          stated += trace.standardError() * trace.standardError();
          made += Math.pow(trace.value() - matrix.trace(), 2);
        }
        ratios[method] = Math.sqrt(stated / made);
      }
      System.out.printf(
          "stated error over rms error: XTrace %.2f, Hutch++ %.2f%n", ratios[0], ratios[1]);
      assertEquals(0.8, ratios[0], 0.2);
      assertEquals(1, ratios[1], 0.15);
    }
  }

  @Test
  void sameSeedSameBits() {
    DenseForms matrix = decaying(60, 1);
    assertArrayEquals(
        new XTrace(12, 3).run(matrix).samples(), new XTrace(12, 3).run(matrix).samples());
    try (Device one = Devices.cpu(1)) {
      DenseForms alone = new DenseForms(matrix.matrix(), one);
      assertArrayEquals(
          new XTrace(12, 3).run(alone).samples(), new XTrace(12, 3).run(matrix).samples());
      assertArrayEquals(
          new HutchPlusPlus(12, 3).run(alone).samples(),
          new HutchPlusPlus(12, 3).run(matrix).samples());
    }
    assertTrue(new XTrace(12, 3).run(matrix).value() != new XTrace(12, 4).run(matrix).value());
  }

  @Test
  void refusesWhatIsWrong() {
    for (int products : new int[] {-2, 0, 2, 3, 7}) {
      String message =
          assertThrows(IllegalArgumentException.class, () -> new XTrace(products, 1)).getMessage();
      assertTrue(message.startsWith("products: found " + products + ", expected"), message);
    }
    assertThrows(IllegalArgumentException.class, () -> new HutchPlusPlus(3, 1));
    for (float value : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
      SymmetricOperator broken =
          SymmetricOperator.of(9, device, (v, hv) -> device.algebra().fill(hv.buffer(), value));
      assertThrows(NonFiniteException.class, () -> new XTrace(6, 1).run(broken));
      assertThrows(NonFiniteException.class, () -> new HutchPlusPlus(6, 1).run(broken));
    }
  }
}
