package dynaxx.spectrum;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dynaxx.spectrum.Lanczos.ExtremeEigenvalue;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;

class VerdictTest {

  private static final double NOISE = 1e-5;

  private static ExtremeEigenvalue min(double value, double bound, boolean converged) {
    return new ExtremeEigenvalue(
        value, OptionalDouble.of(1e-6), OptionalDouble.of(bound), NOISE, converged);
  }

  private static Verdict judge(ExtremeEigenvalue min, OptionalDouble form) {
    return Verdict.of(min, form, 1e-14, 1e-3);
  }

  @Test
  void aValueBelowTheNoiseFloorIsNegativeConvergedOrNot() {
    Verdict expected = new Verdict.Negative(-2e-3 + NOISE, false);
    assertEquals(expected, judge(min(-2e-3, -3e-3, true), OptionalDouble.empty()));
    assertEquals(expected, judge(min(-2e-3, -1, false), OptionalDouble.empty()));
  }

  @Test
  void aFormInFloat64SettlesWhatTheNoiseFloorCannot() {
    ExtremeEigenvalue small = min(-1e-6, -2e-5, true);
    assertEquals(
        new Verdict.NegativeWithinNoise(-1e-6, NOISE), judge(small, OptionalDouble.empty()));
    assertEquals(new Verdict.Negative(-9e-7 + 1e-14, true), judge(small, OptionalDouble.of(-9e-7)));
    assertEquals(new Verdict.NotNegativeAt(2e-5, 0.99), judge(small, OptionalDouble.of(1e-9)));
  }

  @Test
  void aPositiveValueIsNeverProved() {
    assertEquals(new Verdict.Undecided(), judge(min(3e-3, -0.2, false), OptionalDouble.empty()));
    assertEquals(new Verdict.Undecided(), judge(min(3e-3, -0.2, true), OptionalDouble.empty()));
    assertEquals(
        new Verdict.NotNegativeAt(1e-5, 0.99),
        judge(min(3e-3, -1e-5, true), OptionalDouble.empty()));
    assertEquals(
        new Verdict.NotNegativeAt(1e-5, 0.99),
        judge(min(3e-3, -1e-5, false), OptionalDouble.empty()),
        "the bound holds converged or not");
    assertEquals(
        new Verdict.NotNegativeAt(0, 0.99), judge(min(3e-3, 2e-3, true), OptionalDouble.empty()));
  }

  @Test
  void aFormThatContradictsTheProductsDecidesNothing() {
    assertEquals(new Verdict.Undecided(), judge(min(-2e-3, -3e-3, true), OptionalDouble.of(1e-9)));
  }

  @Test
  void saysWhatItIsInOneWord() {
    assertEquals("UNDECIDED", new Verdict.Undecided().toString());
    assertEquals(
        "NOT_NEGATIVE_AT (1.0e-05, 99 %)", new Verdict.NotNegativeAt(1e-5, 0.99).toString());
    assertEquals(
        "NEGATIVE (-0.500, certified in float64)", new Verdict.Negative(-0.5, true).toString());
  }
}
