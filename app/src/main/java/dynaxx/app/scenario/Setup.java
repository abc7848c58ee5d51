package dynaxx.app.scenario;

import dynaxx.app.train.Examples;
import dynaxx.app.train.Optimizer;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.spectrum.Update.StabilityLimit;
import java.util.function.IntToDoubleFunction;

/**
 * What a scenario trains and how.
 *
 * @param network to train
 * @param loss of the training
 * @param training examples
 * @param validation examples
 * @param batch examples of a batch; all of them for gradient descent without noise
 * @param optimizer fresh
 * @param rates learning rate of each step
 * @param limit of the optimizer's stability
 * @param steps of the run
 * @param every steps between snapshots
 * @param subset training examples that snapshots measure on
 * @param lanczos steps of a snapshot
 * @param restart step at which the optimizer loses its state, or -1
 */
record Setup(
    Network network,
    Loss loss,
    Examples training,
    Examples validation,
    int batch,
    Optimizer optimizer,
    IntToDoubleFunction rates,
    StabilityLimit limit,
    int steps,
    int every,
    int subset,
    int lanczos,
    int restart) {}
