package dynaxx.network;

/**
 * InfoNCE over a batch of embeddings (van den Oord et al., 2018; with several positives as in
 * Khosla et al., 2020): for each example the cross-entropy of its similarities to all others, whose
 * targets are those of its own group. Similarities are cosines divided by a temperature. Examples
 * that are alone in their group have no term.
 *
 * @param size of an embedding
 * @param temperature above 0
 */
record Contrast(int size, double temperature) implements Terms {

  /** Unit vectors, similarities and their softmax. */
  private final class State {
    private final int n;
    private final double[] norm;
    private final double[][] u;
    private final double[][] p;
    private final double[][] positives;
    private final double weight;
    private double value;

    State(double[] z, double[] t) {
      n = z.length / size;
      norm = new double[n];
      u = new double[n][size];
      for (int i = 0; i < n; i++) {
        for (int d = 0; d < size; d++) {
          norm[i] += z[i * size + d] * z[i * size + d];
        }
        norm[i] = Math.sqrt(norm[i]);
        for (int d = 0; d < size; d++) {
          u[i][d] = z[i * size + d] / norm[i];
        }
      }
      positives = positives(t);
      int counted = 0;
      for (double[] row : positives) {
        counted += row == null ? 0 : 1;
      }
      weight = counted == 0 ? Double.NaN : (double) n / counted;
      p = new double[n][n];
      for (int i = 0; i < n; i++) {
        if (positives[i] != null) {
          value += weight * row(i);
        }
      }
    }

    private double[][] positives(double[] t) {
      double[][] found = new double[n][];
      for (int i = 0; i < n; i++) {
        int own = 0;
        for (int j = 0; j < n; j++) {
          own += i != j && t[i] == t[j] ? 1 : 0;
        }
        if (own > 0) {
          found[i] = new double[n];
          for (int j = 0; j < n; j++) {
            found[i][j] = i != j && t[i] == t[j] ? 1.0 / own : 0;
          }
        }
      }
      return found;
    }

    private double row(int i) {
      double most = Double.NEGATIVE_INFINITY;
      for (int j = 0; j < n; j++) {
        p[i][j] = i == j ? Double.NEGATIVE_INFINITY : dot(u[i], u[j]) / temperature;
        most = Math.max(most, p[i][j]);
      }
      double along = 0;
      double sum = 0;
      for (int j = 0; j < n; j++) {
        along += i == j ? 0 : positives[i][j] * p[i][j];
        p[i][j] = Math.exp(p[i][j] - most);
        sum += p[i][j];
      }
      for (int j = 0; j < n; j++) {
        p[i][j] /= sum;
      }
      return most + Math.log(sum) - along;
    }

    /** Derivatives by the similarities. */
    double[][] slopes() {
      double[][] g = new double[n][n];
      for (int i = 0; i < n; i++) {
        for (int j = 0; j < n && positives[i] != null; j++) {
          g[i][j] = weight * (p[i][j] - positives[i][j]) / temperature;
        }
      }
      return g;
    }

    /** Tangents of the slopes. */
    double[][] slopes(double[][] ru) {
      double[][] rg = new double[n][n];
      for (int i = 0; i < n; i++) {
        if (positives[i] == null) {
          continue;
        }
        double mean = 0;
        for (int j = 0; j < n; j++) {
          rg[i][j] = i == j ? 0 : (dot(ru[i], u[j]) + dot(u[i], ru[j])) / temperature;
          mean += p[i][j] * rg[i][j];
        }
        for (int j = 0; j < n; j++) {
          rg[i][j] = weight * p[i][j] * (rg[i][j] - mean) / temperature;
        }
      }
      return rg;
    }

    /** {@code out += (g + g') x}. */
    void add(double[][] g, double[][] x, double[][] out) {
      for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
          double factor = g[i][j] + g[j][i];
          for (int d = 0; d < size; d++) {
            out[i][d] += factor * x[j][d];
          }
        }
      }
    }
  }

  private static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }

  @Override
  public double value(double[] z, double[] t) {
    State s = new State(z, t);
    if (Double.isNaN(s.weight)) {
      throw new IllegalArgumentException(
          "targets: found no two examples of one group, expected some for a contrastive loss");
    }
    return s.value;
  }

  @Override
  public void gradient(double[] z, double[] t, double[] dz) {
    State s = new State(z, t);
    double[][] du = new double[s.n][size];
    s.add(s.slopes(), s.u, du);
    for (int i = 0; i < s.n; i++) {
      double along = dot(du[i], s.u[i]);
      for (int d = 0; d < size; d++) {
        dz[i * size + d] = (du[i][d] - along * s.u[i][d]) / s.norm[i];
      }
    }
  }

  @Override
  public Product hessian(double[] z, double[] t) {
    State s = new State(z, t);
    double[][] g = s.slopes();
    double[][] du = new double[s.n][size];
    s.add(g, s.u, du);
    return (v, hv) -> product(s, g, du, v, hv);
  }

  private void product(State s, double[][] g, double[][] du, double[] v, double[] hv) {
    double[][] ru = new double[s.n][size];
    double[] relative = new double[s.n];
    for (int i = 0; i < s.n; i++) {
      for (int d = 0; d < size; d++) {
        relative[i] += s.u[i][d] * v[i * size + d] / s.norm[i];
      }
      for (int d = 0; d < size; d++) {
        ru[i][d] = v[i * size + d] / s.norm[i] - relative[i] * s.u[i][d];
      }
    }
    double[][] rdu = new double[s.n][size];
    s.add(s.slopes(ru), s.u, rdu);
    s.add(g, ru, rdu);
    for (int i = 0; i < s.n; i++) {
      double along = dot(du[i], s.u[i]);
      double tangent = dot(rdu[i], s.u[i]) + dot(du[i], ru[i]);
      for (int d = 0; d < size; d++) {
        double u = s.u[i][d];
        double dz = (du[i][d] - along * u) / s.norm[i];
        hv[i * size + d] =
            (rdu[i][d] - tangent * u - along * ru[i][d]) / s.norm[i] - dz * relative[i];
      }
    }
  }
}
