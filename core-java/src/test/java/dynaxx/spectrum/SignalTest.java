package dynaxx.spectrum;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.spectrum.Signal.Reading;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class SignalTest {

  @ParameterizedTest
  @EnumSource
  void isDescribed(Signal signal) {
    assertTrue(signal.documentation().endsWith("."), signal.documentation());
    assertFalse(signal.documentation().contains("|"), "the table would break");
    assertEquals(Optional.of(signal), Signal.ofColumn(signal.column()));
    assertTrue(
        signal.charted()
            || !signal.ofSnapshot()
            || signal.group() == Signal.Group.STABILITY
            || signal.group() == Signal.Group.SPREAD,
        "what a snapshot measures is charted, compared with a limit, or a spread");
    assertTrue(signal.title().matches("[A-Z][A-Za-z, ]+"), signal.title());
  }

  /** The order decides which random numbers a chart's threshold is found with. */
  @Test
  void earlierSignalsKeepTheirPlaces() {
    List<Signal> all = List.of(Signal.values());
    assertEquals(
        List.of(0, 6, 8, 9, 10, 11, 14),
        List.of(
            all.indexOf(Signal.LOSS),
            all.indexOf(Signal.GRADIENT_VARIANCE),
            all.indexOf(Signal.LAMBDA_MIN),
            all.indexOf(Signal.LAMBDA_MAX),
            all.indexOf(Signal.PRECONDITIONED_LAMBDA_MAX),
            all.indexOf(Signal.TRACE),
            all.indexOf(Signal.ACTIVE_FRACTION)));
  }

  @Test
  void columnsFollowFromTheDescriptor() {
    assertEquals(List.of("loss"), Signal.LOSS.columns(3));
    assertEquals(List.of("trace", "trace_error"), Signal.TRACE.columns(0));
    assertEquals(List.of("lambda_min", "lambda_min_residual"), Signal.LAMBDA_MIN.columns(0));
    assertEquals(
        List.of("active_fraction", "active_fraction_1", "active_fraction_2"),
        Signal.ACTIVE_FRACTION.columns(2));
    assertEquals(List.of("attention_entropy"), Signal.ATTENTION_ENTROPY.columns(2));
    assertEquals(Optional.of("head"), Signal.ATTENTION_ENTROPY.part());
    assertEquals(Optional.of("standard error"), Signal.TRACE.uncertainty());
    List<String> all = new ArrayList<>();
    Arrays.stream(Signal.values()).forEach(signal -> all.addAll(signal.columns(3)));
    assertEquals(all.size(), new HashSet<>(all).size(), all.toString());
  }

  @Test
  void aReadingOfPartsIsTheMeanOfThoseThatAreKnown() {
    Reading reading = Reading.mean(List.of(0.25, Double.NaN, 0.75));
    assertEquals(0.5, reading.value());
    assertEquals(3, reading.parts().size());
    String message =
        assertThrows(
                IllegalArgumentException.class, () -> Reading.mean(List.of(Double.NaN, Double.NaN)))
            .getMessage();
    assertEquals("parts: found [NaN, NaN], expected at least one known value", message);
  }
}
