package dynaxx.app.corpus;

import dynaxx.monitor.Event;
import dynaxx.monitor.Rules;
import dynaxx.spectrum.Signal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;

/** What is measured on a corpus: each signal in several ways, each rule set, and plain rules. */
final class Detectors {

  /** Earlier values that a snapshot's is compared with. */
  private static final int SNAPSHOTS = 5;

  private static final int LEAST = 3;

  /** What is reported about a loss that is about to break, and at the step that shows it. */
  private static final Set<Event.Kind> WARNINGS =
      EnumSet.of(Event.Kind.INSTABILITY_AHEAD, Event.Kind.SPIKE);

  private final List<Pack.Run> runs;
  private final List<Detector> all = new ArrayList<>();

  private Detectors(List<Pack.Run> runs) {
    this.runs = runs;
  }

  static List<Detector> of(List<Pack.Run> runs) {
    Detectors detectors = new Detectors(runs);
    detectors.signals();
    detectors.rules("calibrated", run -> calibrated(run));
    detectors.rules("article", run -> Rules.article());
    detectors.plain();
    return detectors.all;
  }

  /** Calibrated rules that know the run's optimizer. */
  static Rules calibrated(Pack.Run run) {
    return Rules.calibration().stability(run.specification().optimizer().limit()).build();
  }

  private void signals() {
    for (Signal signal : Signal.values()) {
      if (signal.charted()) {
        score(signal.column(), run -> run.values(signal));
        int window = signal.ofSnapshot() ? SNAPSHOTS : Outcome.WINDOW;
        score("rise of " + signal.column(), run -> rise(run.values(signal), signal, window));
        boolean curvature = signal.group() == Signal.Group.CURVATURE;
        if (curvature && signal.scale() == Signal.Scale.LOGARITHMIC) {
          score(
              signal.column() + " x learning rate",
              run -> product(run.values(signal), run.values(Signal.LEARNING_RATE)));
        }
      }
    }
    score("sharpness / limit", Detectors::ratio);
    score("rise of sharpness / limit", run -> logarithmicRise(ratio(run), SNAPSHOTS));
  }

  private void score(String name, Function<Pack.Run, double[]> scores) {
    double[][] values = runs.stream().map(scores).toArray(double[][]::new);
    if (Arrays.stream(values).flatMapToDouble(Arrays::stream).anyMatch(Double::isFinite)) {
      all.add(new Detector(name, Detector.Group.SIGNAL, values, Double.NaN));
    }
  }

  /** Sharpness over the limit of the run's optimizer at the step's learning rate. */
  static double[] ratio(Pack.Run run) {
    var limit = run.specification().optimizer().limit();
    double[] sharpness = run.values(limit.signal());
    double[] rates = run.values(Signal.LEARNING_RATE);
    double[] ratios = new double[rates.length];
    Arrays.setAll(ratios, i -> sharpness[i] / limit.at(rates[i]));
    return ratios;
  }

  private static double[] product(double[] a, double[] b) {
    double[] products = new double[a.length];
    Arrays.setAll(products, i -> a[i] * b[i]);
    return products;
  }

  private static double[] logarithmicRise(double[] values, int window) {
    return rise(Arrays.stream(values).map(Math::log).toArray(), window);
  }

  private static double[] rise(double[] values, Signal signal, int window) {
    return rise(Arrays.stream(values).map(signal.scale()::transform).toArray(), window);
  }

  /** Each value less the median of some that were measured before it. */
  static double[] rise(double[] values, int window) {
    return compare(values, window, LEAST, (value, before) -> value - median(before));
  }

  private void rules(String name, Function<Pack.Run, Rules> fresh) {
    List<List<Event>> events = runs.stream().map(run -> replay(fresh.apply(run), run)).toList();
    Set<Event.Kind> kinds = EnumSet.noneOf(Event.Kind.class);
    events.forEach(list -> list.forEach(event -> kinds.add(event.kind())));
    kinds.forEach(kind -> events(name + ": " + kind, events, EnumSet.of(kind)));
    if (kinds.containsAll(WARNINGS)) {
      events(name + ": INSTABILITY_AHEAD or SPIKE", events, WARNINGS);
    }
  }

  private void events(String name, List<List<Event>> events, Set<Event.Kind> kinds) {
    double[][] marks = new double[runs.size()][];
    for (int r = 0; r < marks.length; r++) {
      double[] own = new double[runs.get(r).observations().size()];
      events.get(r).stream()
          .filter(event -> kinds.contains(event.kind()))
          .forEach(event -> own[Math.min((int) event.step(), own.length - 1)] = 1);
      marks[r] = own;
    }
    all.add(new Detector(name, Detector.Group.RULES, marks, Detector.EVENT));
  }

  /** What rules say of a run. */
  static List<Event> replay(Rules rules, Pack.Run run) {
    List<Event> events = new ArrayList<>();
    run.observations().forEach(observation -> events.addAll(rules.observe(observation)));
    events.addAll(rules.finish());
    return events;
  }

  private void plain() {
    plain("loss, z", run -> deviations(run.losses()));
    plain("gradient norm, z", run -> deviations(run.values(Signal.GRADIENT_NORM)));
    plain("loss / median", run -> overMedian(run.losses()));
    double[][] twice = runs.stream().map(run -> overMedian(run.losses())).toArray(double[][]::new);
    all.add(new Detector("loss above twice its median", Detector.Group.PLAIN, twice, 2));
  }

  private void plain(String name, Function<Pack.Run, double[]> scores) {
    double[][] values = runs.stream().map(scores).toArray(double[][]::new);
    all.add(new Detector(name, Detector.Group.PLAIN, values, Double.NaN));
  }

  /** Each value in standard deviations above the mean of those before it. */
  static double[] deviations(double[] values) {
    return compare(
        values,
        Outcome.WINDOW,
        Outcome.LEAST,
        (value, before) -> {
          double mean = mean(before, x -> x);
          double variance = mean(before, x -> (x - mean) * (x - mean));
          double spread = Math.sqrt(variance * before.length / (before.length - 1));
          return spread > 0 ? (value - mean) / spread : 0;
        });
  }

  private static double mean(double[] values, ToDoubleFunction<Double> of) {
    return Arrays.stream(values).map(of::applyAsDouble).average().orElseThrow();
  }

  static double[] overMedian(double[] values) {
    return compare(
        values, Outcome.WINDOW, Outcome.LEAST, (value, before) -> value / median(before));
  }

  private static double median(double[] values) {
    return Outcome.median(values, 0, values.length);
  }

  /** Compares a value with those before it. */
  private interface Comparison {
    double of(double value, double[] before);
  }

  /** A value that is not finite is beyond all; it is not compared with afterwards. */
  private static double[] compare(double[] values, int window, int least, Comparison comparison) {
    double[] scores = new double[values.length];
    double[] before = new double[0];
    for (int i = 0; i < values.length; i++) {
      boolean finite = Double.isFinite(values[i]);
      scores[i] = before.length >= least && finite ? comparison.of(values[i], before) : Double.NaN;
      if (finite) {
        int kept = Math.min(before.length, window - 1);
        double[] next = Arrays.copyOfRange(before, before.length - kept, before.length + 1);
        next[kept] = values[i];
        before = next;
      }
    }
    return scores;
  }
}
