package dynaxx.app.scenario;

import dynaxx.app.data.FashionMnist;
import dynaxx.app.data.FirstOf;
import dynaxx.app.data.ModularAddition;
import dynaxx.app.data.OneHot;
import dynaxx.app.train.AdamW;
import dynaxx.app.train.Optimizer;
import dynaxx.app.train.Sgd;
import dynaxx.app.train.Triangular;
import dynaxx.app.train.WarmupConstant;
import dynaxx.layer.Activation;
import dynaxx.model.Mlp;
import dynaxx.monitor.Rules.StabilityLimit;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import java.util.Locale;
import java.util.function.IntToDoubleFunction;

/** Trainings in which something known happens, each within minutes on two cores. */
public enum Scenario {
  /** Gradient descent on all examples: the sharpness rises to 2 / learning rate and stays there. */
  EDGE_OF_STABILITY,
  /** A learning rate beyond the first sharpness: the loss rises, and lands where it is flatter. */
  CATAPULT,
  /** Modular addition: memorised first, understood long after. */
  GROKKING,
  /** The optimizer's state is lost in mid-run. */
  RESTART,
  /** The learning rate goes up and down. */
  CYCLIC,
  /** The learning rate is thirty times too high for three steps. */
  SPIKE;

  /** Step of the disturbance, where there is one. */
  static final int DISTURBED = 400;

  static final int SPIKE_LENGTH = 3;
  private static final double SPIKE_FACTOR = 30;
  private static final int CYCLE = 100;
  private static final int PIXELS = 784;
  private static final int CLASSES = 10;

  Setup setup(long seed) {
    return switch (this) {
      case EDGE_OF_STABILITY ->
          fullBatch(
              Mlp.of(Activation.TANH, PIXELS, 32, 32, 32, CLASSES),
              new WarmupConstant(0.3, 150)::at,
              800,
              2);
      case CATAPULT -> fullBatch(Mlp.of(Activation.TANH, PIXELS, 48, CLASSES), step -> 0.15, 60, 1);
      case GROKKING -> grokking(seed);
      case RESTART -> images(constant(), DISTURBED, 800);
      case CYCLIC -> images(new Triangular(2e-4, 4e-3, CYCLE)::at, -1, 1000);
      case SPIKE -> images(Scenario::spiked, -1, 800);
    };
  }

  /** Gradient descent on squared errors, without noise. */
  private static Setup fullBatch(Network network, IntToDoubleFunction rates, int steps, int every) {
    FashionMnist images = FashionMnist.embedded();
    int count = 512;
    return new Setup(
        network,
        Loss.meanSquaredError(),
        new OneHot(new FirstOf(images.train(), count), CLASSES),
        new OneHot(new FirstOf(images.test(), 500), CLASSES),
        count,
        new Sgd(0, 0),
        rates,
        StabilityLimit.sgd(0),
        steps,
        every,
        count,
        16,
        -1);
  }

  /** Strong weight decay takes the network from a table of sums to the rule behind them. */
  private static Setup grokking(long seed) {
    int modulus = 31;
    ModularAddition[] sets = ModularAddition.split(modulus, 0.6, seed);
    int count = sets[0].count();
    return new Setup(
        Mlp.of(Activation.RELU, 2 * modulus, 128, modulus),
        Loss.crossEntropy(),
        sets[0],
        sets[1],
        count,
        new AdamW(1),
        step -> 0.01,
        StabilityLimit.adam(0.9),
        3500,
        10,
        count,
        16,
        -1);
  }

  private static Setup images(IntToDoubleFunction rates, int restart, int steps) {
    FashionMnist images = FashionMnist.embedded();
    Network network = Mlp.of(Activation.GELU, PIXELS, 48, 48, CLASSES);
    Optimizer optimizer = new AdamW(0.01);
    return new Setup(
        network,
        Loss.crossEntropy(),
        images.train(),
        new FirstOf(images.test(), 500),
        64,
        optimizer,
        rates,
        StabilityLimit.adam(0.9),
        steps,
        5,
        128,
        20,
        restart);
  }

  private static IntToDoubleFunction constant() {
    return step -> 1e-3;
  }

  private static double spiked(int step) {
    boolean high = step >= DISTURBED && step < DISTURBED + SPIKE_LENGTH;
    return high ? SPIKE_FACTOR * 1e-3 : 1e-3;
  }

  /** As it is written on the command line. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
