package dynaxx.model;

/**
 * Layers of recurrent networks: plain (Elman, 1990), LSTM with a forget gate (Hochreiter and
 * Schmidhuber, 1997; Gers et al., 2000) and GRU (Cho et al., 2014). Formulas are those of a step,
 * with {@code gx = W_ih x + b_ih} and {@code gh = W_hh h + b_hh}.
 */
public enum Recurrent {
  /** {@code h = tanh(gx + gh)}. */
  RNN_TANH(1),
  /** {@code h = max(0, gx + gh)}. */
  RNN_RELU(1),
  /**
   * Gates r, z, n: {@code r, z = sigmoid(gx + gh)}, {@code n = tanh(gx + r gh)}, {@code h = (1 - z)
   * n + z h}; the reset gate acts after the matrix product, as in cuDNN and PyTorch.
   */
  GRU(3),
  /**
   * Gates i, f, g, o: {@code i, f, o = sigmoid(gx + gh)}, {@code g = tanh(gx + gh)}, {@code c = f c
   * + i g}, {@code h = o tanh(c)}.
   */
  LSTM(4);

  private final int gates;

  Recurrent(int gates) {
    this.gates = gates;
  }

  /** How many gates a state's element has. */
  int gates() {
    return gates;
  }
}
