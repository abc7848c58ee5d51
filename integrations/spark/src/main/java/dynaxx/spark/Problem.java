package dynaxx.spark;

import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.operator.NetworkOperator.Limits;
import java.io.IOException;
import java.io.ObjectOutputStream;
import java.io.OutputStream;
import java.io.Serializable;
import java.util.Objects;
import org.apache.spark.api.java.function.Function0;

/**
 * What an executor must know of an operator: how to make its network and loss, and what its
 * recordings may take. The limits are fixed by the driver, since bits depend on micro-batches.
 */
record Problem(
    long operator,
    Function0<Network> networkFactory,
    Function0<Loss> lossFactory,
    long memoryBytes,
    int microBatch,
    int directions)
    implements Serializable {

  Problem {
    requireSerializable("network", networkFactory);
    requireSerializable("loss", lossFactory);
  }

  Network network() {
    return make("network", networkFactory);
  }

  Loss loss() {
    return make("loss", lossFactory);
  }

  Limits limits() {
    return new Limits(memoryBytes, microBatch, directions);
  }

  private static <T> T make(String argument, Function0<T> factory) {
    T made;
    try {
      made = factory.call();
    } catch (RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new IllegalStateException(argument + ": the factory failed: " + e, e);
    }
    if (made == null) {
      throw new IllegalArgumentException(argument + ": found a factory that makes null");
    }
    return made;
  }

  private static void requireSerializable(String argument, Object factory) {
    Objects.requireNonNull(factory, argument);
    try (ObjectOutputStream out = new ObjectOutputStream(OutputStream.nullOutputStream())) {
      out.writeObject(factory);
    } catch (IOException e) {
      throw new IllegalArgumentException(
          argument
              + ": found a factory that holds what cannot be sent to executors ("
              + e.getMessage()
              + "), expected one that makes everything itself, such as a lambda without captured"
              + " objects",
          e);
    }
  }
}
