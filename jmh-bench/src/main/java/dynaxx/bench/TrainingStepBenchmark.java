package dynaxx.bench;

import dynaxx.memory.HostBuffer;
import dynaxx.operator.Hessian;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** One training step with AdamW, which the intervals between snapshots are compared with. */
public class TrainingStepBenchmark extends DeviceBenchmark {

  private static final double RATE = 1e-4;
  private static final double DECAY = 0.1;
  private static final double BETA1 = 0.9;
  private static final double BETA2 = 0.999;
  private static final double EPSILON = 1e-8;

  /** Parameters; for a GPU also {@code -p network=100M,350M,1B}. */
  @Param({"1M", "10M"})
  public String network;

  /** Examples of the batch. */
  @Param("16")
  public int batch;

  private Hessian hessian;
  private HostBuffer parameters;
  private HostBuffer gradient;
  private float[] first;
  private float[] second;
  private int step;

  /** Builds the network. */
  @Setup(Level.Trial)
  public void open() {
    openDevice();
    Workload work = Workload.of(network, batch, scope);
    hessian = new Hessian(work.network(), work.loss(), work.batch(), device);
    scope.onClose(hessian::close);
    parameters = work.parameters();
    gradient = scope.allocate(parameters.size());
    first = new float[Math.toIntExact(parameters.size())];
    second = new float[first.length];
  }

  /** Forward and backward pass, and the update on the host. */
  @Benchmark
  public double adamW() {
    hessian.linearize(parameters);
    device.download(hessian.gradient(), gradient.segment());
    step++;
    double rate = RATE * Math.sqrt(1 - Math.pow(BETA2, step)) / (1 - Math.pow(BETA1, step));
    for (int i = 0; i < first.length; i++) {
      float g = gradient.get(i);
      first[i] = (float) (BETA1 * first[i] + (1 - BETA1) * g);
      second[i] = (float) (BETA2 * second[i] + (1 - BETA2) * g * g);
      double change = rate * first[i] / (Math.sqrt(second[i]) + EPSILON);
      parameters.set(i, (float) (parameters.get(i) * (1 - RATE * DECAY) - change));
    }
    return hessian.loss();
  }
}
