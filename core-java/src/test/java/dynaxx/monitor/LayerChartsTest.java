package dynaxx.monitor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.spectrum.ProbeSettings;
import dynaxx.spectrum.Signal;
import dynaxx.spectrum.Signal.Reading;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.IntToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Twelve layers of rectifiers, of which some die at snapshot 80. */
class LayerChartsTest {

  private static final int QUIET_RUNS = 100;

  private static final int LAYERS = 12;
  private static final int CHANGE = 80;
  private static final double NOISE = 0.01;

  private static IntToDoubleFunction shift(double size) {
    return i -> i < CHANGE ? 0 : size;
  }

  /** Active fractions about one half, a trace about 300, and what is added to some. */
  private static List<Observation> run(
      long seed, int snapshots, Map<Integer, IntToDoubleFunction> layers, double logTrace) {
    SplittableRandom random = new SplittableRandom(seed);
    List<Observation> all = new ArrayList<>();
    for (int i = 0; i < snapshots; i++) {
      List<Double> fractions = new ArrayList<>();
      for (int layer = 1; layer <= LAYERS; layer++) {
        double added = layers.getOrDefault(layer, shift(0)).applyAsDouble(i);
        fractions.add(0.5 + added + NOISE * random.nextGaussian());
      }
      double trace = 300 * Math.exp(0.05 * random.nextGaussian() + (i < CHANGE ? 0 : logTrace));
      all.add(
          Observation.at(10L * i)
              .with(Signal.TRACE, trace)
              .with(Signal.ACTIVE_FRACTION, Reading.mean(fractions)));
    }
    return all;
  }

  private static List<Double> parts(Observation observation) {
    return observation.readings().get(Signal.ACTIVE_FRACTION).parts();
  }

  /** All but cycles, which noise shows by chance. */
  private static List<Event> events(List<Observation> observations) {
    return Scenario.replay(Rules.calibrated(), observations).stream()
        .filter(e -> e.kind() != Event.Kind.CYCLIC)
        .toList();
  }

  @Test
  void aLayerThatDiesIsALevelShiftThatNamesIt() {
    List<Observation> run = run(1, 110, Map.of(7, shift(-0.1)), 0);
    List<Event> events = events(run);
    assertEquals(1, events.size(), events.toString());
    Event event = events.getFirst();
    assertEquals(Event.Kind.LEVEL_SHIFT, event.kind());
    assertEquals(Signal.ACTIVE_FRACTION, event.signal());
    assertTrue(
        event.explanation().startsWith("active_fraction of layer 7 has been below its trend since"),
        event.explanation());
    assertTrue(event.step() >= 800 && event.step() <= 850, event.toString());
    assertEquals(0.4, event.evidence().value(), 4 * NOISE);
    assertEquals(0.5, event.evidence().baseline().orElseThrow(), 3 * NOISE);
    assertTrue(event.confidence() > 0.9);
  }

  /** Four standard deviations of one layer are little more than one of the mean over the layers. */
  @Test
  void theMeanOverTheLayersWouldNotShowIt() {
    List<Observation> means =
        run(1, 110, Map.of(7, shift(-0.04)), 0).stream()
            .map(
                o ->
                    o.with(
                        Signal.ACTIVE_FRACTION, o.readings().get(Signal.ACTIVE_FRACTION).value()))
            .toList();
    assertEquals(List.of(), events(means));
    List<Event> events = events(run(1, 110, Map.of(7, shift(-0.04)), 0));
    assertEquals(1, events.size(), events.toString());
    assertTrue(events.getFirst().explanation().contains("of layer 7"), events.toString());
  }

  @Test
  void withAnotherSignalItIsATransition() {
    List<Event> events = events(run(2, 110, Map.of(7, shift(-0.1)), 0.4));
    assertEquals(1, events.size(), events.toString());
    Event event = events.getFirst();
    assertEquals(Event.Kind.TRANSITION, event.kind());
    assertTrue(event.explanation().contains("active_fraction of layer 7"), event.explanation());
    assertTrue(event.explanation().contains("trace has been above"), event.explanation());
  }

  @Test
  void layersAloneAreOneWitnessHoweverMany() {
    Map<Integer, IntToDoubleFunction> two = Map.of(3, shift(-0.1), 9, shift(0.08));
    List<Event> events = events(run(3, 110, two, 0));
    assertEquals(1, events.size(), events.toString());
    assertEquals(Event.Kind.LEVEL_SHIFT, events.getFirst().kind());
    String words = events.getFirst().explanation();
    assertTrue(words.contains("layer 3 has been below"), words);
    assertTrue(words.contains("layer 9 has been above"), words);
  }

  @Test
  void whatAllLayersShowIsOneEvent() {
    Map<Integer, IntToDoubleFunction> all =
        IntStream.rangeClosed(1, LAYERS)
            .boxed()
            .collect(Collectors.toMap(i -> i, i -> shift(-0.1)));
    List<Event> events = events(run(6, 110, all, 0));
    assertEquals(1, events.size(), events.toString());
    assertEquals(Event.Kind.LEVEL_SHIFT, events.getFirst().kind());
    assertTrue(events.getFirst().explanation().contains(" layers more"), events.toString());
    all.replaceAll((layer, shift) -> i -> i == CHANGE ? 0.3 : 0);
    Event spike = events(run(7, 110, all, 0)).getFirst();
    assertEquals(Event.Kind.SPIKE, spike.kind());
    List<Event> spikes = events(run(7, 110, all, 0));
    assertEquals(1, spikes.size(), spikes.toString());
  }

  /** A layer is late by less than the rules wait for a second signal. */
  @Test
  void aSecondLayerDoesNotConfirmAShift() {
    IntToDoubleFunction late = i -> i < CHANGE + 6 ? 0 : -0.1;
    List<Event> events = events(run(4, 120, Map.of(3, shift(-0.1), 9, late), 0));
    assertEquals(2, events.size(), events.toString());
    assertTrue(
        events.stream().allMatch(e -> e.kind() == Event.Kind.LEVEL_SHIFT), events.toString());
  }

  @Test
  void aSpikeNamesItsLayer() {
    List<Event> events = events(run(5, 110, Map.of(2, i -> i == CHANGE ? 0.3 : 0), 0));
    assertEquals(1, events.size(), events.toString());
    assertEquals(Event.Kind.SPIKE, events.getFirst().kind());
    assertTrue(
        events.getFirst().explanation().startsWith("active_fraction of layer 2 was"),
        events.toString());
  }

  /** As many false alarms as one signal more raises, not as twelve do. */
  @Test
  void quietLayersAreQuiet() {
    long shifts = 0;
    long transitions = 0;
    long cycles = 0;
    for (int seed = 0; seed < QUIET_RUNS; seed++) {
      for (Event event : Scenario.replay(Rules.calibrated(), run(100 + seed, 300, Map.of(), 0))) {
        cycles += event.kind() == Event.Kind.CYCLIC ? 1 : 0;
        transitions += event.kind() == Event.Kind.TRANSITION ? 1 : 0;
        boolean ofLayer = event.signal() == Signal.ACTIVE_FRACTION;
        shifts += ofLayer && event.kind() == Event.Kind.LEVEL_SHIFT ? 1 : 0;
      }
    }
    int snapshots = 300 * QUIET_RUNS;
    System.out.printf(
        "twelve quiet layers, %d snapshots: %d level shifts, %d transitions, %d cycles%n",
        snapshots, shifts, transitions, cycles);
    assertTrue(cycles <= snapshots / 5000, cycles + " cycles");
    assertTrue(shifts <= snapshots / 2000, shifts + " level shifts");
    assertTrue(transitions <= snapshots / 10_000, transitions + " transitions");
  }

  /** A hole in one layer's series leaves the others as they are. */
  @Test
  void aLayerThatIsNotKnownIsLeftOut() {
    List<Observation> run =
        run(1, 110, Map.of(7, shift(-0.1)), 0).stream()
            .map(
                o -> {
                  List<Double> fractions = new ArrayList<>(parts(o));
                  fractions.set(3, Double.NaN);
                  return o.with(Signal.ACTIVE_FRACTION, Reading.mean(fractions));
                })
            .toList();
    List<Event> events = events(run);
    assertEquals(1, events.size(), events.toString());
    assertTrue(events.getFirst().explanation().contains("of layer 7"), events.toString());
  }

  @Test
  void anObservationTakesTheLayersOfASnapshotAndTheirMean() {
    FakeModel model = new FakeModel();
    List<Double> fractions = List.of(0.25, 0.5, 0.75);
    model.readings = Map.of(Signal.ACTIVE_FRACTION, Reading.mean(fractions));
    Observation all = Observation.at(3).with(model.measure(ProbeSettings.article()));
    assertEquals(fractions, parts(all));
    assertEquals(0.5, all.readings().get(Signal.ACTIVE_FRACTION).value());
    assertEquals(fractions, parts(all.with(Signal.LOSS, 1)));
    model.readings = Map.of();
    Observation none = Observation.at(3).with(model.measure(ProbeSettings.article()));
    assertTrue(!none.readings().containsKey(Signal.ACTIVE_FRACTION));
    assertEquals(
        IntStream.rangeClosed(1, 3).mapToObj(i -> "active_fraction_" + i).toList(),
        IntStream.rangeClosed(1, 3).mapToObj(Signal.ACTIVE_FRACTION::column).toList());
  }
}
