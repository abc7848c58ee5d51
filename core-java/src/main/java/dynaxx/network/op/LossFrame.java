package dynaxx.network.op;

import dynaxx.device.Device;
import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;

/**
 * The arrays of a loss for one batch.
 *
 * @param device where to compute
 * @param output shape of one example's predictions
 * @param examples number of examples
 * @param scale factor of each term
 * @param z predictions
 * @param targets targets
 * @param saved as stated by {@code Loss.savedSize}, written by forward
 */
public record LossFrame(
    Device device,
    Shape output,
    int examples,
    double scale,
    Buffer z,
    Buffer targets,
    Buffer saved) {}
