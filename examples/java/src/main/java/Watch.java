import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.monitor.PhaseMonitor;
import dynaxx.monitor.StepReport;

/** Gradient descent on a loss with a saddle, watched while it runs. */
public final class Watch {

  private static final float[] A = {4, 2, 0.5f, -1};

  private Watch() {}

  /** Of the loss sum a_i x_i^2 / 2 + x_i^4 / 12; its Hessian is diagonal, a_i + x_i^2. */
  private static void gradient(float[] x, float[] gradient) {
    for (int i = 0; i < x.length; i++) {
      gradient[i] = A[i] * x[i] + x[i] * x[i] * x[i] / 3;
    }
  }

  private static double loss(float[] x) {
    double loss = 0;
    for (int i = 0; i < x.length; i++) {
      loss += A[i] * x[i] * x[i] / 2 + Math.pow(x[i], 4) / 12;
    }
    return loss;
  }

  /** Trains and prints lambda_min and lambda_max at every fiftieth step. */
  public static void main(String[] arguments) {
    float[] x = {0.5f, 0.5f, 0.5f, 0.5f};
    float[] gradient = new float[x.length];
    try (Device device = Devices.open();
        PhaseMonitor monitor =
            PhaseMonitor.ofGradients(x, device, Watch::gradient).every(50).build()) {
      for (int step = 0; step <= 200; step++) {
        var outcome = monitor.afterStep(StepReport.at(step).loss(loss(x)));
        int now = step;
        outcome
            .snapshot()
            .map(s -> s.spectrum())
            .ifPresent(s -> System.out.println(now + ": " + s.min() + " to " + s.max()));
        gradient(x, gradient);
        for (int i = 0; i < x.length; i++) {
          x[i] -= 0.02f * gradient[i];
        }
      }
    }
  }
}
