package dynaxx.spark;

import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.operator.Hessian;
import dynaxx.operator.NonFiniteException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.function.Supplier;
import java.util.zip.CRC32C;

/**
 * A partition's examples in an executor's off-heap memory, and their Hessian at a point. Threads of
 * the task that is done and of one that was given up take turns.
 */
final class HeldPartition implements AutoCloseable {

  private static final long NOWHERE = -1;

  private final Scope scope = Scope.open();
  private boolean read;
  private long examples;
  private long checksum;
  private Device device;
  private Hessian hessian;
  private HostBuffer parameters;
  private long point = NOWHERE;
  private volatile long lastAsked = NOWHERE;

  /**
   * Reads the examples, if that was not done yet.
   *
   * @param threads of its device
   * @throws IllegalArgumentException if they do not fit the network and the loss
   */
  synchronized HeldPartition read(Problem problem, Iterator<Examples> data, int threads) {
    if (!read) {
      List<float[]> inputs = new ArrayList<>();
      List<float[]> targets = new ArrayList<>();
      while (data.hasNext()) {
        Examples block = data.next();
        inputs.add(block.inputs());
        targets.add(block.targets());
      }
      HostBuffer in = concatenate(inputs);
      HostBuffer out = concatenate(targets);
      checksum = checksum(in, out);
      if (in.size() > 0 || out.size() > 0) {
        place(problem, in, out, threads);
      }
      read = true;
    }
    return this;
  }

  private void place(Problem problem, HostBuffer inputs, HostBuffer targets, int threads) {
    Network network = problem.network();
    Loss loss = problem.loss();
    Batch batch = Batch.of(network, loss, inputs, targets);
    device = Devices.cpu(threads);
    scope.onClose(device::close);
    hessian = new Hessian(network, loss, batch, device, problem.limits());
    scope.onClose(hessian::close);
    parameters = scope.allocate(network.parameterCount());
    examples = batch.examples();
  }

  private HostBuffer concatenate(List<float[]> arrays) {
    HostBuffer all = scope.allocate(arrays.stream().mapToLong(a -> a.length).sum());
    long at = 0;
    for (float[] array : arrays) {
      all.slice(at, array.length).put(array);
      at += array.length;
    }
    return all;
  }

  private static long checksum(HostBuffer... buffers) {
    CRC32C checksum = new CRC32C();
    for (HostBuffer buffer : buffers) {
      MemorySegment rest = buffer.segment();
      while (rest.byteSize() > 0) {
        long bytes = Math.min(rest.byteSize(), 1 << 30);
        checksum.update(rest.asSlice(0, bytes).asByteBuffer());
        rest = rest.asSlice(bytes);
      }
    }
    return checksum.getValue();
  }

  long examples() {
    return examples;
  }

  String device() {
    return device == null ? null : device.description();
  }

  long checksum() {
    return checksum;
  }

  /** Whether no task asked for it since a point. */
  boolean unusedSince(long wanted) {
    return lastAsked < wanted;
  }

  HeldPartition asked(long wanted) {
    lastAsked = Math.max(lastAsked, wanted);
    return this;
  }

  /** Does a job's share at a point, whose parameters are fetched only if it is a new one. */
  synchronized void answer(
      Part part, Job.Kind kind, long wanted, Supplier<float[]> values, Supplier<float[][]> v) {
    moveTo(wanted, values);
    switch (kind) {
      case GRADIENT -> {
        part.scalars = new double[] {hessian.loss()};
        part.vectors = new float[][] {((HostBuffer) hessian.gradient()).toArray()};
      }
      case PRODUCTS -> part.vectors = products(v.get());
      case FORMS -> part.scalars = forms(v.get());
      case FORMS64 -> part.scalars = form64(v.get()[0]);
    }
  }

  private void moveTo(long wanted, Supplier<float[]> values) {
    if (point == wanted) {
      return;
    }
    point = NOWHERE;
    parameters.put(values.get());
    hessian.linearize(parameters);
    point = wanted;
  }

  private float[][] products(float[][] v) {
    try (Scope work = Scope.open()) {
      Vectors hv = work.vectors(v.length, hessian.dimension());
      hessian.apply(directions(work, v), hv);
      float[][] products = new float[v.length][];
      for (int i = 0; i < v.length; i++) {
        HostBuffer product = (HostBuffer) hv.vector(i);
        NonFiniteException.check("product", device.algebra().dot(product, product));
        products[i] = product.toArray();
      }
      return products;
    }
  }

  private double[] forms(float[][] v) {
    try (Scope work = Scope.open()) {
      double[] forms = hessian.quadraticForm(directions(work, v));
      for (double form : forms) {
        NonFiniteException.check("quadratic form", form);
      }
      return forms;
    }
  }

  /** Nothing where examples are coupled and their float64 recordings exceed the limit. */
  private double[] form64(float[] v) {
    try (Scope work = Scope.open()) {
      return hessian.quadraticForm64(work.allocate(v.length).put(v)).stream()
          .map(form -> NonFiniteException.check("quadratic form in float64", form))
          .toArray();
    }
  }

  private static Vectors directions(Scope work, float[][] v) {
    Vectors directions = work.vectors(v.length, v[0].length);
    for (int i = 0; i < v.length; i++) {
      MemorySegment to = ((HostBuffer) directions.vector(i)).segment();
      MemorySegment.copy(v[i], 0, to, ValueLayout.JAVA_FLOAT, 0, v[i].length);
    }
    return directions;
  }

  @Override
  public synchronized void close() {
    scope.close();
  }
}
