package dynaxx.djl;

import ai.djl.engine.Engine;
import ai.djl.pytorch.jni.JniUtils;

/**
 * PyTorch's gradient mode, on until this is closed; nothing for other engines. Training has it on.
 * Without it PyTorch computes an LSTM in bfloat16 where the processor can, and the loss is off by
 * half a percent.
 */
final class GradientMode implements AutoCloseable {

  private final boolean change;

  private GradientMode(boolean change) {
    this.change = change;
  }

  static GradientMode on(Engine engine) {
    boolean change = engine.getEngineName().equals("PyTorch") && !JniUtils.isGradMode();
    if (change) {
      JniUtils.setGradMode(true);
    }
    return new GradientMode(change);
  }

  @Override
  public void close() {
    if (change) {
      JniUtils.setGradMode(false);
    }
  }
}
