package dynaxx.djl;

import ai.djl.Model;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import ai.djl.training.DefaultTrainingConfig;
import ai.djl.training.EasyTrain;
import ai.djl.training.Trainer;
import ai.djl.training.dataset.ArrayDataset;
import ai.djl.training.dataset.Dataset;
import ai.djl.training.listener.TrainingListener;
import ai.djl.training.loss.Loss;
import ai.djl.training.optimizer.Optimizer;
import ai.djl.training.tracker.ParameterTracker;
import dynaxx.testing.KnownCase;
import java.util.function.BiConsumer;
import java.util.function.Function;

/** A training by DJL on the examples of a known case, always the same. */
final class Training {

  static final KnownCase CASE = KnownCase.mlpTanh();
  static final int INPUTS = 49;

  /** The fixed examples, in arrays of a manager. */
  record Examples(NDList data, NDList labels) {}

  private Training() {}

  static Examples examples(NDManager manager) {
    float[] inputs = floats(CASE.array("inputs"));
    float[] targets = floats(CASE.array("targets"));
    return new Examples(
        new NDList(manager.create(inputs, new Shape(targets.length, INPUTS))),
        new NDList(manager.create(targets, new Shape(targets.length))));
  }

  private static float[] floats(double[] values) {
    float[] result = new float[values.length];
    for (int i = 0; i < result.length; i++) {
      result[i] = (float) values[i];
    }
    return result;
  }

  /** Trains by EasyTrain and gives the parameters. */
  static float[] fit(
      Block block,
      int epochs,
      int batch,
      boolean validates,
      ParameterTracker rate,
      Function<Examples, TrainingListener> listener) {
    return run(
        block,
        batch,
        rate,
        listener,
        (trainer, dataset) -> {
          try {
            EasyTrain.fit(trainer, epochs, dataset, validates ? dataset : null);
          } catch (Exception e) {
            throw new IllegalStateException(e);
          }
        });
  }

  static float[] run(
      Block block,
      int batch,
      ParameterTracker rate,
      Function<Examples, TrainingListener> listener,
      BiConsumer<Trainer, Dataset> loop) {
    try (Model model = Model.newInstance("test")) {
      model.setBlock(block);
      NDManager manager = model.getNDManager();
      block.initialize(manager, ai.djl.ndarray.types.DataType.FLOAT32, new Shape(batch, INPUTS));
      Blocks.randomize(block, 11);
      Examples examples = examples(manager);
      Dataset dataset =
          new ArrayDataset.Builder()
              .setData(examples.data().head())
              .optLabels(examples.labels().head())
              .setSampling(batch, false)
              .build();
      DefaultTrainingConfig config =
          new DefaultTrainingConfig(Loss.softmaxCrossEntropyLoss())
              .optOptimizer(Optimizer.sgd().setLearningRateTracker(rate).build());
      TrainingListener own = listener.apply(examples);
      if (own != null) {
        config.addTrainingListeners(own);
      }
      try (Trainer trainer = model.newTrainer(config)) {
        trainer.initialize(new Shape(batch, INPUTS));
        loop.accept(trainer, dataset);
      }
      return values(block);
    }
  }

  /** All parameters, running statistics too. */
  static float[] values(Block block) {
    java.util.List<Float> all = new java.util.ArrayList<>();
    for (Parameter p : block.getParameters().values()) {
      for (float x : p.getArray().toFloatArray()) {
        all.add(x);
      }
    }
    float[] result = new float[all.size()];
    for (int i = 0; i < result.length; i++) {
      result[i] = all.get(i);
    }
    return result;
  }
}
