package dynaxx.djl;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.nn.Activation;
import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import ai.djl.nn.SequentialBlock;
import ai.djl.nn.norm.BatchNorm;
import ai.djl.training.EasyTrain;
import ai.djl.training.Trainer;
import ai.djl.training.dataset.Batch;
import ai.djl.training.dataset.Dataset;
import ai.djl.training.listener.TrainingListener;
import ai.djl.training.tracker.ParameterTracker;
import ai.djl.training.tracker.Tracker;
import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.monitor.Advice;
import dynaxx.monitor.Event;
import dynaxx.monitor.MonitorRecord;
import dynaxx.monitor.PhaseMonitor;
import dynaxx.monitor.Policy;
import dynaxx.monitor.StepReport;
import dynaxx.network.Loss;
import dynaxx.spectrum.CurvatureProbe;
import dynaxx.spectrum.Signal;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A monitor on a training by DJL. */
class CurvatureListenerTest {

  private static final Tracker FIXED = Tracker.fixed(0.05f);

  private record Way(String name, Function<Training.Examples, TrainingListener> listener) {
    @Override
    public String toString() {
      return name;
    }
  }

  static Stream<Way> ways() {
    Loss loss = Loss.crossEntropy();
    return Stream.of(
        new Way(
            "network",
            e -> CurvatureListener.network(loss, e.data(), e.labels()).monitor(b -> b.every(3))),
        new Way(
            "network in the background",
            e ->
                CurvatureListener.network(loss, e.data(), e.labels())
                    .on(() -> Devices.cpu(1))
                    .monitor(b -> b.every(3).background(1))),
        new Way(
            "engine",
            e -> CurvatureListener.engine(e.data(), e.labels()).monitor(b -> b.every(3))));
  }

  /** Batch norm has running statistics that a measurement must not touch. */
  private static SequentialBlock normed() {
    return new SequentialBlock()
        .add(Blocks.linear(12))
        .add(BatchNorm.builder().build())
        .add(Activation::tanh)
        .add(Blocks.linear(10));
  }

  @ParameterizedTest
  @MethodSource("ways")
  void theTrainingHasTheSameBits(Way way) {
    List<MonitorRecord> records = new ArrayList<>();
    float[] alone = Training.fit(normed(), 3, 16, true, FIXED, e -> null);
    float[] watched =
        Training.fit(
            normed(),
            3,
            16,
            true,
            FIXED,
            e -> ((CurvatureListener) way.listener().apply(e)).monitor(b -> b.sink(records::add)));
    assertArrayEquals(alone, watched);
    List<Double> measured = readings(records, Signal.LAMBDA_MAX);
    assertFalse(measured.isEmpty(), "no snapshot was made");
    assertTrue(measured.stream().allMatch(x -> x > 0));
  }

  /** A rate that is ten times as large from an update on. */
  private static ParameterTracker jump(int update) {
    return (id, n) -> n < update ? 0.05f : 0.5f;
  }

  private static final int STEPS = 240;
  private static final int EVERY = 3;

  @Test
  void eventsAreThoseOfAPlainMonitor() {
    List<MonitorRecord> found = new ArrayList<>();
    Training.fit(
        Blocks.mlpTanh(),
        STEPS,
        64,
        false,
        jump(150),
        e ->
            CurvatureListener.network(Loss.crossEntropy(), e.data(), e.labels())
                .on(() -> Devices.cpu(1))
                .monitor(b -> b.every(EVERY).sink(found::add)));
    List<MonitorRecord> expected = new ArrayList<>();
    Training.run(
        Blocks.mlpTanh(),
        64,
        jump(150),
        e -> null,
        (trainer, data) -> plain(trainer, data, expected));
    List<Event> events = events(expected);
    events.forEach(e -> System.out.println(e.step() + " " + e.kind() + " " + e.explanation()));
    assertFalse(events.isEmpty(), "the run has no events");
    assertEquals(summary(events), summary(events(found)));
    assertEquals(readings(expected, Signal.LAMBDA_MAX), readings(found, Signal.LAMBDA_MAX));
  }

  private static List<Event> events(List<MonitorRecord> records) {
    return records.stream().flatMap(r -> r.events().stream()).toList();
  }

  private static List<String> summary(List<Event> events) {
    return events.stream().map(e -> e.step() + " " + e.kind() + " " + e.signal()).toList();
  }

  private static List<Double> readings(List<MonitorRecord> records, Signal signal) {
    return records.stream()
        .filter(MonitorRecord.Step.class::isInstance)
        .flatMapToDouble(r -> ((MonitorRecord.Step) r).observation().value(signal).stream())
        .boxed()
        .toList();
  }

  /** The loop of EasyTrain with a monitor of core's own network of the known case. */
  private static void plain(Trainer trainer, Dataset dataset, List<MonitorRecord> records) {
    Block block = trainer.getModel().getBlock();
    try (Scope scope = Scope.open();
        Device device = Devices.cpu(1);
        CurvatureProbe probe =
            new CurvatureProbe(
                Training.CASE.network(),
                Training.CASE.loss(),
                Training.CASE.batch(scope),
                device)) {
      HostBuffer parameters = scope.allocate(Training.CASE.network().parameterCount());
      try (PhaseMonitor monitor =
          PhaseMonitor.of(probe, parameters).every(EVERY).sink(records::add).build()) {
        long step = 0;
        for (int epoch = 0; epoch < STEPS; epoch++) {
          for (Batch batch : trainer.iterateDataset(dataset)) {
            EasyTrain.trainBatch(trainer, batch);
            parameters.put(Training.values(block));
            monitor.afterStep(report(trainer, batch, step++));
            trainer.step();
            batch.close();
          }
          monitor.epochEnded(step);
        }
        monitor.finish();
      }
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private static StepReport report(Trainer trainer, Batch batch, long step) {
    double squares = 0;
    for (Parameter p : trainer.getModel().getBlock().getParameters().values()) {
      for (float g : p.getArray().getGradient().toFloatArray()) {
        squares += (double) g * g;
      }
    }
    // the batch is the measured subset, so its loss and that of the next report follow
    NDArray predictions = trainer.evaluate(batch.getData()).head();
    NDArray loss =
        trainer.getLoss().evaluate(batch.getLabels(), new ai.djl.ndarray.NDList(predictions));
    return StepReport.at(step)
        .loss(loss.toFloatArray()[0])
        .batchSize(batch.getSize())
        .gradientNorm(Math.sqrt(squares));
  }

  @Test
  void anotherLossThanTheTrainersIsRefused() {
    Loss loss = Loss.crossEntropy().times(2);
    Exception e =
        assertThrows(
            IllegalStateException.class,
            () ->
                Training.fit(
                    Blocks.mlpTanh(),
                    1,
                    64,
                    false,
                    FIXED,
                    x -> CurvatureListener.network(loss, x.data(), x.labels())));
    assertTrue(
        e.getCause().getMessage().contains("where SoftmaxCrossEntropyLoss of the trainer has"));
  }

  @Test
  void aListenerServesOneTrainingAfterAnother() {
    List<MonitorRecord> records = new ArrayList<>();
    try (NDManager manager = NDManager.newBaseManager()) {
      Training.Examples own = Training.examples(manager);
      CurvatureListener listener =
          CurvatureListener.engine(own.data(), own.labels())
              .monitor(b -> b.every(1).sink(records::add));
      for (int training = 0; training < 2; training++) {
        Training.fit(Blocks.mlpTanh(), 2, 64, false, FIXED, e -> listener);
      }
    }
    List<Long> steps =
        records.stream()
            .filter(MonitorRecord.Step.class::isInstance)
            .map(r -> ((MonitorRecord.Step) r).observation().step())
            .toList();
    assertEquals(List.of(0L, 1L, 0L, 1L), steps);
  }

  @Test
  void adviceReachesTheOptimizer() {
    AdvisedTracker rate = new AdvisedTracker(FIXED);
    List<Advice> received = new ArrayList<>();
    List<MonitorRecord> records = new ArrayList<>();
    Training.fit(
        Blocks.mlpTanh(),
        6,
        64,
        true,
        rate,
        e ->
            CurvatureListener.network(Loss.crossEntropy(), e.data(), e.labels())
                .monitor(b -> b.every(1).policy(halving()).sink(records::add))
                .applyTo(rate)
                .advice(received::add));
    assertEquals(2, received.size());
    assertEquals(0.25, rate.factor());
    assertEquals(0.0125f, rate.lastRate());
    assertEquals(
        List.of(0.05, 0.05, 0.025, 0.025, 0.0125),
        readings(records, Signal.LEARNING_RATE).stream()
            .map(r -> Math.round(r * 1e6) / 1e6)
            .toList());
    assertEquals(5, readings(records, Signal.VALIDATION_LOSS).size());
  }

  /** Halves the rate at steps 2 and 4. */
  private static Policy halving() {
    return situation -> {
      long step = situation.observation().step();
      return step == 2 || step == 4
          ? List.of(new Advice.LearningRate(Double.NaN, 0.5, "a test"))
          : List.of();
    };
  }
}
