package dynaxx.spark;

import dynaxx.network.Loss;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.function.UnaryOperator;

/**
 * Half the squared error, whose second derivative does something in the middle of a product if a
 * file tells it to.
 */
final class Interrupted {

  private Interrupted() {}

  /** The first executor that finds the file deletes it and ends at once, as a lost machine does. */
  static Loss killedBy(String file) {
    return loss(
        () -> {
          if (delete(file)) {
            Runtime.getRuntime().halt(1);
          }
        });
  }

  /** Products delete the file and go on only when there is one again. */
  static Loss waitingFor(String file) {
    return loss(
        () -> {
          if (delete(file)) {
            while (!Files.exists(Path.of(file))) {
              Cluster.pause();
            }
          }
        });
  }

  private static Loss loss(Runnable event) {
    return Loss.of(
        "interrupted",
        shape -> shape.size(),
        (z, t) -> {
          double sum = 0;
          for (int i = 0; i < z.length; i++) {
            sum += 0.5 * (z[i] - t[i]) * (z[i] - t[i]);
          }
          return sum;
        },
        (z, t) -> {
          double[] gradient = new double[z.length];
          Arrays.setAll(gradient, i -> z[i] - t[i]);
          return gradient;
        },
        (z, t) -> direction -> during(event, direction));
  }

  private static double[] during(Runnable event, double[] direction) {
    event.run();
    return direction.clone();
  }

  /** Squared error whose second derivative is NaN for targets above a limit. */
  static Loss brokenAbove(double limit) {
    return Loss.of(
        "broken",
        shape -> shape.size(),
        (z, t) -> 0.5 * (z[0] - t[0]) * (z[0] - t[0]),
        (z, t) -> new double[] {z[0] - t[0]},
        (z, t) -> product(t[0] > limit ? Double.NaN : 1));
  }

  private static UnaryOperator<double[]> product(double factor) {
    return direction -> new double[] {factor * direction[0]};
  }

  private static boolean delete(String file) {
    try {
      return Files.deleteIfExists(Path.of(file));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
