package dynaxx.monitor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.cost.SnapshotPlan;
import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.layer.Activation;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.model.Mlp;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.network.op.Frame.Mode;
import dynaxx.network.pass.Tape;
import dynaxx.operator.NonFiniteException;
import dynaxx.operator.UntrustworthyOperatorException;
import dynaxx.spectrum.CurvatureProbe;
import dynaxx.spectrum.Lanczos;
import dynaxx.spectrum.ProbeSettings;
import dynaxx.spectrum.Signal;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class PhaseMonitorTest {

  /** Gradient descent with momentum and dropout-free batches drawn from a random stream. */
  private static final class Host {
    final Network network = Mlp.of(Activation.TANH, 6, 8, 3);
    final Loss loss = Loss.crossEntropy();
    final Random random = new Random(5);
    final float[] velocity = new float[Math.toIntExact(network.parameterCount())];
    float[] result;

    /** Trains 40 steps; watched or not. */
    void train(boolean watched) {
      try (Device device = Devices.open();
          Scope scope = Scope.open();
          Tape tape = new Tape(network, loss, device, 16)) {
        HostBuffer x = scope.allocate(16 * 6);
        HostBuffer y = scope.allocate(16);
        HostBuffer parameters = scope.allocate(velocity.length);
        HostBuffer gradient = scope.allocate(velocity.length);
        network.initialize(parameters, 1);
        fill(x, y, new Random(9));
        Batch subset = Batch.of(network, loss, copy(scope, x), copy(scope, y));
        try (CurvatureProbe probe = new CurvatureProbe(network, loss, subset, device);
            PhaseMonitor monitor =
                PhaseMonitor.of(probe, parameters)
                    .schedule(new Schedule.Every(3))
                    .policy(Policy.ride())
                    .build()) {
          for (int step = 0; step < 40; step++) {
            fill(x, y, random);
            double value = step(device, tape, parameters, gradient, x, y);
            if (watched) {
              monitor.afterStep(StepReport.at(step).loss(value).learningRate(0.1));
            }
            for (int i = 0; i < velocity.length; i++) {
              velocity[i] = 0.9f * velocity[i] + gradient.get(i);
              parameters.set(i, parameters.get(i) - 0.1f * velocity[i]);
            }
          }
          assertEquals(watched ? 14 : 0, monitor.usage().snapshots());
          result = parameters.toArray();
        }
      }
    }

    private static HostBuffer copy(Scope scope, HostBuffer from) {
      return scope.allocate(from.size()).put(from.toArray());
    }

    private static void fill(HostBuffer x, HostBuffer y, Random random) {
      for (int i = 0; i < x.size(); i++) {
        x.set(i, (float) random.nextGaussian());
      }
      for (int i = 0; i < y.size(); i++) {
        y.set(i, random.nextInt(3));
      }
    }

    private double step(
        Device device,
        Tape tape,
        HostBuffer parameters,
        HostBuffer gradient,
        HostBuffer x,
        HostBuffer y) {
      try (Scope temporary = Scope.open()) {
        Buffer point = device.upload(temporary, parameters.segment());
        Batch batch = Batch.of(network, loss, x, y).on(device, temporary);
        double value = tape.forward(point, batch, 16, Mode.MEASURE);
        Buffer sum = device.allocate(temporary, gradient.size());
        device.algebra().fill(sum, 0);
        tape.backward(sum);
        device.download(sum, gradient.segment());
        return value;
      }
    }
  }

  @Test
  void theHostIsBitIdenticalWithAndWithoutMonitor() {
    Host alone = new Host();
    Host watched = new Host();
    alone.train(false);
    watched.train(true);
    assertArrayEquals(alone.result, watched.result);
    assertArrayEquals(alone.velocity, watched.velocity);
    assertEquals(alone.random.nextLong(), watched.random.nextLong());
  }

  private static PhaseMonitor.Builder of(FakeModel model) {
    return PhaseMonitor.of(model).nanoTime(() -> model.nanos);
  }

  /** Steps at which snapshots were made. */
  private static List<Long> snapshots(FakeModel model, PhaseMonitor.Builder builder, int steps) {
    List<Long> at = new ArrayList<>();
    PhaseMonitor monitor = builder.build();
    for (long step = 0; step < steps; step++) {
      model.train(0.1);
      PhaseMonitor.Outcome outcome = monitor.afterStep(StepReport.at(step).loss(1).batchSize(256));
      if (outcome.snapshot().isPresent()) {
        at.add(step);
      }
    }
    return at;
  }

  @Test
  void looksByTheArticlesTableAtOddAndEvenSteps() {
    FakeModel model = new FakeModel();
    assertEquals(List.of(101L, 202L, 303L), snapshots(model, of(model), 400));
    assertEquals(
        List.of(51L, 102L, 153L, 204L, 305L, 406L, 507L),
        snapshots(model, of(model).steps(1000), 520));
    assertEquals(
        List.of(0L, 30L, 60L), snapshots(model, of(model).schedule(new Schedule.Every(30)), 80));
  }

  @Test
  void theTableOfIntervals() {
    assertEquals(100, new Schedule.Article(10_000_000, 0).interval(0, 256));
    assertEquals(200, new Schedule.Article(100_000_000, 0).interval(0, 256));
    assertEquals(350, new Schedule.Article(316_227_766, 0).interval(0, 256));
    assertEquals(500, new Schedule.Article(1_000_000_000, 0).interval(0, 256));
    assertEquals(1000, new Schedule.Article(2_000_000_000, 0).interval(0, 256));
    assertEquals(50, new Schedule.Article(2_000_000_000, 0).interval(0, 32));
    assertEquals(500, new Schedule.Article(0, 0).interval(0, 8192));
    assertEquals(50, new Schedule.Article(0, 1000).interval(199, 256));
    assertEquals(100, new Schedule.Article(0, 1000).interval(200, 256));
    assertThrows(IllegalArgumentException.class, () -> new Schedule.Every(0));
  }

  /** A full snapshot costs 40 times a step: the share stays below, at every price. */
  @Test
  void keepsItsShareBelowTheBudget() {
    for (double price : new double[] {0.0001, 0.01, 0.1, 1, 4}) {
      for (double budget : new double[] {0.01, 0.05, 0.2}) {
        FakeModel model = new FakeModel();
        model.secondsPerGradient = price;
        PhaseMonitor monitor = of(model).budget(budget).build();
        for (long step = 0; step < 20_000; step++) {
          model.train(0.1);
          monitor.afterStep(StepReport.at(step).loss(1).batchSize(64));
        }
        PhaseMonitor.Usage usage = monitor.usage();
        String found = "price " + price + ", budget " + budget + ": " + usage;
        // The first is made whatever it costs: nothing is known of its price before.
        assertTrue(usage.share() <= budget || usage.snapshots() == 1, found);
        assertTrue(usage.snapshots() >= 2 || price >= 1, found);
        assertEquals(1999.9, usage.hostSeconds(), 1e-3, "all but the time before the first");
      }
    }
  }

  @Test
  void whatIsTooDearIsMadeCheaper() {
    FakeModel model = new FakeModel();
    model.secondsPerGradient = 1e-4;
    PhaseMonitor.Builder rich = of(model).budget(0.5);
    snapshots(model, rich, 2000);
    assertTrue(model.asked.stream().skip(1).allMatch(s -> s.lanczos().orElseThrow().cap() == 15));
    assertTrue(model.asked.size() > 10);

    FakeModel poor = new FakeModel();
    poor.secondsPerGradient = 0.1;
    PhaseMonitor monitor = of(poor).budget(0.05).build();
    for (long step = 0; step < 20_000; step++) {
      poor.train(0.1);
      monitor.afterStep(StepReport.at(step).loss(1).batchSize(256));
    }
    PhaseMonitor.Usage usage = monitor.usage();
    assertTrue(usage.cheap() > usage.full() + usage.fewerSteps(), usage.toString());
    assertTrue(usage.full() + usage.fewerSteps() >= usage.cheap() / 4, usage.toString());
    assertEquals(10, poor.asked.getFirst().lanczos().orElseThrow().cap(), "the first, to time it");
  }

  /** 2000 steps at 5 %: a small snapshot once a third of its price is saved, none at the end. */
  @Test
  void aShortTrainingSpendsItsBudgetEarly() {
    FakeModel model = new FakeModel();
    model.secondsPerGradient = 0.5;
    PhaseMonitor monitor = of(model).budget(0.05).steps(2000).build();
    List<Long> at = new ArrayList<>();
    for (long step = 0; step < 2000; step++) {
      model.train(0.1);
      PhaseMonitor.Outcome outcome = monitor.afterStep(StepReport.at(step).loss(1).batchSize(64));
      if (outcome.snapshot().isPresent()) {
        at.add(step);
      }
    }
    assertTrue(at.getFirst() < 700, at.toString());
    assertTrue(monitor.usage().share() <= 0.05, monitor.usage().toString());
    FakeModel hopeless = new FakeModel();
    assertEquals(List.of(), snapshots(hopeless, of(hopeless).budget(0.05).steps(600), 600));
  }

  /**
   * The demo's 600 steps at 5 %, on the subset that the plan chooses: a gradient of few examples
   * takes longer than its part of a step, and six times that while its code is cold.
   */
  @Test
  void aShortTrainingCoversFiveSnapshotsOfThePlan() {
    ProbeSettings wanted = ProbeSettings.article().withLanczos(Lanczos.fixed(40)).withProbes(16);
    SnapshotPlan plan = SnapshotPlan.ofTraining(wanted, 64, 600, 0.05);
    for (double price : new double[] {1, 1.5, 2}) {
      FakeModel model = new FakeModel();
      model.examples = plan.examples();
      PhaseMonitor monitor = of(model).budget(0.05).steps(600).settings(plan.settings()).build();
      for (long step = 0; step < 600; step++) {
        model.train(0.01 + 0.3 * Math.exp(-step / 10.0));
        boolean cold = monitor.usage().snapshots() == 0;
        model.secondsPerGradient = (cold ? 6 : 1) * price * 0.01 * plan.examples() / 64;
        monitor.afterStep(StepReport.at(step).loss(1).batchSize(64));
      }
      String found = price + ": " + monitor.usage();
      assertTrue(monitor.usage().snapshots() >= 5, found);
      assertTrue(monitor.usage().share() <= 0.05, found);
    }
  }

  /** Steps of 2 ms once code is warm, 50 ms before: neither the host's pace nor its price lasts. */
  @Test
  void aFastTrainingDoesNotTrustItsFirstSteps() {
    for (int steps : new int[] {300, 3000, 8000, 60_000}) {
      FakeModel model = new FakeModel();
      PhaseMonitor monitor = of(model).budget(0.05).steps(steps).build();
      for (long step = 0; step < steps; step++) {
        model.train(0.002 + 0.05 * Math.exp(-step / 40.0));
        model.secondsPerGradient = monitor.usage().snapshots() == 0 ? 0.05 : 0.004;
        monitor.afterStep(StepReport.at(step).loss(1).batchSize(64));
      }
      String found = steps + ": " + monitor.usage();
      assertTrue(monitor.usage().share() <= 0.05, found);
      assertEquals(steps == 60_000, monitor.usage().snapshots() > 1, found);
    }
  }

  /** What a sink takes at a notice is the monitor's time, too. */
  @Test
  void noticesAreTimed() {
    FakeModel model = new FakeModel();
    PhaseMonitor monitor =
        of(model).schedule(new Schedule.Every(1000)).sink(record -> model.train(1)).build();
    monitor.afterStep(StepReport.at(0));
    model.train(3);
    monitor.checkpointed(0);
    model.train(3);
    monitor.afterStep(StepReport.at(1));
    assertEquals(6, monitor.usage().hostSeconds(), 1e-9);
    assertEquals(3, monitor.usage().ownSeconds(), 1e-9);
  }

  @Test
  void aSuspiciousCheapSnapshotIsRepeatedInFull() {
    FakeModel model = new FakeModel();
    model.secondsPerGradient = 0.1;
    PhaseMonitor monitor = of(model).budget(0.05).build();
    long step = 0;
    while (monitor.usage().cheap() < 1) {
      model.train(0.1);
      monitor.afterStep(StepReport.at(step++).loss(1).batchSize(256));
    }
    model.max *= 2;
    // Out of turn it may cost no more than the budget and a fifth.
    model.train(2000);
    int full = monitor.usage().full();
    int cheap = monitor.usage().cheap();
    while (monitor.usage().cheap() == cheap && monitor.usage().full() == full) {
      model.train(0.1);
      monitor.afterStep(StepReport.at(step++).loss(1).batchSize(256));
    }
    assertEquals(full + 1, monitor.usage().full());
  }

  @Test
  void optionsAndStepsAreChecked() {
    FakeModel model = new FakeModel();
    assertTrue(
        assertThrows(IllegalArgumentException.class, () -> of(model).budget(1.5))
            .getMessage()
            .startsWith("budget: found 1.5, expected"));
    PhaseMonitor monitor = of(model).build();
    monitor.afterStep(StepReport.at(3));
    assertTrue(
        assertThrows(IllegalArgumentException.class, () -> monitor.afterStep(StepReport.at(3)))
            .getMessage()
            .contains("expected a step after 3"));
    assertThrows(IllegalArgumentException.class, () -> StepReport.at(1).seconds(-1));
  }

  @Test
  void aModelThatCannotBeMeasuredIsAnEventAndTrainingGoesOn() {
    SnapshotSource broken =
        settings -> {
          NonFiniteException.check("loss", Double.NaN);
          throw new AssertionError();
        };
    PhaseMonitor monitor = PhaseMonitor.of(broken).schedule(new Schedule.Every(1)).build();
    PhaseMonitor.Outcome outcome = monitor.afterStep(StepReport.at(0).loss(Double.NaN));
    assertEquals(List.of(), outcome.advice());
    assertEquals(2, outcome.events().size(), outcome.events().toString());
    assertTrue(outcome.events().stream().allMatch(e -> e.kind() == Event.Kind.NOT_FINITE));
  }

  /** A host hears of its own mistakes at the first snapshot, and is left alone afterwards. */
  @Test
  void whatIsRefusedAfterTheFirstSnapshotIsAnEvent() {
    FakeModel model = new FakeModel();
    boolean[] refuses = {true};
    SnapshotSource source =
        settings -> {
          if (refuses[0]) {
            throw new UntrustworthyOperatorException("logits too far from zero");
          }
          return model.measure(settings);
        };
    PhaseMonitor first = PhaseMonitor.of(source).schedule(new Schedule.Every(1)).build();
    assertThrows(
        UntrustworthyOperatorException.class, () -> first.afterStep(StepReport.at(0).loss(1)));
    PhaseMonitor monitor = PhaseMonitor.of(source).schedule(new Schedule.Every(1)).build();
    refuses[0] = false;
    assertTrue(monitor.afterStep(StepReport.at(0).loss(1)).snapshot().isPresent());
    refuses[0] = true;
    List<Event> events = monitor.afterStep(StepReport.at(1).loss(1)).events();
    assertEquals(List.of(Event.Kind.NOT_MEASURED), events.stream().map(Event::kind).toList());
    assertTrue(events.getFirst().toString().contains("logits too far"), events.toString());
    refuses[0] = false;
    assertTrue(monitor.afterStep(StepReport.at(2).loss(1)).snapshot().isPresent());
  }

  /** A run with a change of trace and lambda_max at step 80, and validation every 5 steps. */
  private static List<MonitorRecord> run(
      PhaseMonitor.Builder builder, FakeModel model, TrainingControl control, int steps) {
    List<MonitorRecord> records = new ArrayList<>();
    builder.schedule(new Schedule.Every(1)).sink(records::add);
    if (control != null) {
      builder.control(control);
    }
    feed(builder.build(), model, 0, steps);
    return records;
  }

  private static PhaseMonitor.Outcome feed(
      PhaseMonitor monitor, FakeModel model, int from, int to) {
    PhaseMonitor.Outcome last = null;
    for (int step = from; step < to; step++) {
      SplittableRandom random = new SplittableRandom(step);
      random.nextGaussian();
      double shift = step < 80 ? 0 : 0.5;
      model.max = 10 * Math.exp(0.03 * random.nextGaussian() + shift);
      model.trace = 50 * Math.exp(0.03 * random.nextGaussian() + shift);
      model.min = -1 * Math.exp(0.03 * random.nextGaussian());
      StepReport report =
          StepReport.at(step)
              .loss(Math.exp(0.03 * random.nextGaussian()))
              .learningRate(0.01)
              .batchSize(64);
      if (step % 5 == 0) {
        report = report.validation(step < 80 ? 0.5 : 0.9, step < 80 ? 0.8 : 0.6);
      }
      last = monitor.afterStep(report);
    }
    return last;
  }

  private static final class Recorder implements TrainingControl {
    final List<String> calls = new ArrayList<>();

    @Override
    public void learningRate(double value, double factor) {
      calls.add("rate " + value + " x" + factor);
    }

    @Override
    public void momentum(double value) {
      calls.add("momentum " + value);
    }

    @Override
    public void checkpoint(long step) {
      calls.add("checkpoint " + step);
    }

    @Override
    public Observation validate(long step) {
      calls.add("validate");
      return Observation.at(step)
          .with(Signal.VALIDATION_LOSS, 0.9)
          .with(Signal.VALIDATION_ACCURACY, 0.6);
    }

    @Override
    public long revert(long step) {
      calls.add("revert " + step);
      return step;
    }
  }

  @Test
  void aHarmfulTransitionIsRevertedAndTheRateHalved() {
    Recorder control = new Recorder();
    FakeModel model = new FakeModel();
    PhaseMonitor monitor =
        of(model)
            .schedule(new Schedule.Every(1))
            .policy(Policy.smooth())
            .rules(Rules.calibrated())
            .control(control)
            .build();
    List<Event> events = new ArrayList<>();
    PhaseMonitor.Outcome outcome = null;
    for (int step = 0; step < 100 && !control.calls.contains("revert 70"); step++) {
      outcome = feed(monitor, model, step, step + 1);
      events.addAll(outcome.events());
    }
    assertEquals(
        List.of(Event.Kind.TRANSITION, Event.Kind.HARMFUL),
        events.stream().map(Event::kind).toList());
    assertTrue(control.calls.containsAll(List.of("checkpoint 0", "checkpoint 70", "validate")));
    int reverted = control.calls.indexOf("revert 70");
    assertEquals("rate 0.005 x0.5", control.calls.get(reverted + 1));
    assertTrue(outcome.advises(Advice.Revert.class) && outcome.advises(Advice.LearningRate.class));
    // The monitor knows that steps go back.
    feed(monitor, model, 70, 90);
  }

  @Test
  void observingNeverAdvises() {
    FakeModel model = new FakeModel();
    List<MonitorRecord> records = run(of(model), model, null, 120);
    assertTrue(
        records.stream().allMatch(r -> r instanceof MonitorRecord.Step s && s.advice().isEmpty()));
    assertTrue(
        records.stream()
            .flatMap(r -> r.events().stream())
            .anyMatch(e -> e.kind() == Event.Kind.HARMFUL));
  }

  /** A monitor that recalls the first part goes on as the one that lived through it. */
  @Test
  void whatIsRecalledIsKnown() {
    FakeModel model = new FakeModel();
    Recorder control = new Recorder();
    List<MonitorRecord> all = run(of(model).policy(Policy.ride()), model, control, 100);
    assertTrue(all.stream().anyMatch(r -> r instanceof MonitorRecord.Validation));
    for (int cut : new int[] {30, 79, 80, 81, 82, 83, 84, 85, 86, 90}) {
      int upTo = 0;
      while (all.get(upTo).step() < cut) {
        upTo++;
      }
      List<MonitorRecord> rest = new ArrayList<>();
      FakeModel again = new FakeModel();
      PhaseMonitor monitor =
          of(again)
              .schedule(new Schedule.Every(1))
              .policy(Policy.ride())
              .control(new Recorder())
              .sink(rest::add)
              .build();
      all.subList(0, upTo).forEach(monitor::recall);
      assertTrue(rest.isEmpty());
      feed(monitor, again, cut, 100);
      assertEquals(all.subList(upTo, all.size()).toString(), rest.toString(), "cut at " + cut);
    }
    assertFalse(all.stream().allMatch(r -> r.events().isEmpty()));
  }

  /** The schedule of the article counts from the first report. */
  @Test
  void whatIsRecalledIsLookedAtWhenItWouldHaveBeen() {
    FakeModel model = new FakeModel();
    List<MonitorRecord> all = new ArrayList<>();
    feed(of(model).sink(all::add).build(), model, 0, 400);
    List<Long> expected = snapshots(all, 30);
    assertFalse(expected.isEmpty());
    List<MonitorRecord> rest = new ArrayList<>();
    FakeModel again = new FakeModel();
    PhaseMonitor monitor = of(again).sink(rest::add).build();
    all.stream().filter(r -> r.step() < 30).forEach(monitor::recall);
    feed(monitor, again, 30, 400);
    assertEquals(expected, snapshots(rest, 30));
  }

  private static List<Long> snapshots(List<MonitorRecord> records, long from) {
    return records.stream()
        .filter(r -> r.step() >= from)
        .filter(r -> r instanceof MonitorRecord.Step step && step.effort().isPresent())
        .map(MonitorRecord::step)
        .toList();
  }

  @Test
  void noticesReachTheRules() {
    FakeModel model = new FakeModel();
    List<MonitorRecord> records = new ArrayList<>();
    PhaseMonitor monitor = of(model).schedule(new Schedule.Every(1)).sink(records::add).build();
    feed(monitor, model, 0, 60);
    assertEquals(Event.Kind.RESTART, monitor.restarted(50).getFirst().kind());
    feed(monitor, model, 50, 80);
    monitor.learningRateChanged(80);
    // With the cause known, the change of step 80 is none.
    feed(monitor, model, 80, 110);
    monitor.epochEnded(110);
    monitor.finish();
    assertEquals(List.of(), monitor.finish());
    assertTrue(
        records.stream()
            .flatMap(r -> r.events().stream())
            .noneMatch(e -> e.kind() == Event.Kind.TRANSITION));
    assertEquals(4, records.stream().filter(r -> r instanceof MonitorRecord.Notice).count());
  }
}
