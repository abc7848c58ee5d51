package dynaxx.device.cpu;

import dynaxx.layer.Activation;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Activations with their derivatives in float32 vectors. Whole vectors only, so that an element's
 * bits do not depend on its place; all are formed from {@code exp(-|x|)} or the like, which neither
 * overflows nor loses the digits of a tail.
 */
final class VectorActivations {

  private static final VectorSpecies<Float> S = VectorRowLoops.S;
  private static final VectorSpecies<Integer> I = VectorSpecies.of(int.class, S.vectorShape());
  private static final int L = S.length();

  private static final float LOG2_E = 1.4426950408889634f;
  private static final float LN2_HIGH = 0.693359375f;
  private static final float LN2_LOW = -2.12194440e-4f;

  /** Adding it leaves a float's whole part in its low bits. */
  private static final float ROUND = 12582912f;

  private static final int ROUND_BITS = Float.floatToRawIntBits(ROUND);

  private VectorActivations() {}

  static void evaluate(Activation f, int n, float[] x, float[] y, float[] d1, float[] d2) {
    switch (f) {
      case RELU -> relu(n, x, y, d1, d2);
      case GELU -> gelu(n, x, y, d1, d2);
      case GELU_TANH -> geluTanh(n, x, y, d1, d2);
      case TANH -> tanh(n, x, y, d1, d2);
      case SIGMOID -> sigmoid(n, x, y, d1, d2);
      case SILU -> silu(n, x, y, d1, d2);
      case SOFTPLUS -> softplus(n, x, y, d1, d2);
    }
  }

  /**
   * exp with a relative error of about 1e-7; the polynomial is that of Cephes expf (Moshier). NaN
   * stays NaN.
   */
  static FloatVector exp(FloatVector argument) {
    FloatVector x = argument.max(-105f).min(89f);
    FloatVector t = x.fma(FloatVector.broadcast(S, LOG2_E), FloatVector.broadcast(S, ROUND));
    FloatVector whole = t.sub(ROUND);
    FloatVector r = whole.fma(FloatVector.broadcast(S, -LN2_HIGH), x);
    r = whole.fma(FloatVector.broadcast(S, -LN2_LOW), r);
    FloatVector p = FloatVector.broadcast(S, 1.9875691500E-4f);
    p = p.fma(r, FloatVector.broadcast(S, 1.3981999507E-3f));
    p = p.fma(r, FloatVector.broadcast(S, 8.3334519073E-3f));
    p = p.fma(r, FloatVector.broadcast(S, 4.1665795894E-2f));
    p = p.fma(r, FloatVector.broadcast(S, 1.6666665459E-1f));
    p = p.fma(r, FloatVector.broadcast(S, 5.0000001201E-1f));
    p = p.fma(r.mul(r), r).add(1f);
    IntVector power = t.reinterpretAsInts().sub(ROUND_BITS);
    IntVector half = power.lanewise(VectorOperators.ASHR, 1);
    IntVector rest = power.sub(half);
    // two factors: 2^power itself need not be a normal float
    p = p.mul(half.add(127).lanewise(VectorOperators.LSHL, 23).reinterpretAsFloats());
    return p.mul(rest.add(127).lanewise(VectorOperators.LSHL, 23).reinterpretAsFloats());
  }

  private static void relu(int n, float[] x, float[] y, float[] d1, float[] d2) {
    for (int i = 0; i < n; i += L) {
      FloatVector v = FloatVector.fromArray(S, x, i);
      if (y != null) {
        v.max(0f).intoArray(y, i);
      }
      if (d1 != null) {
        VectorMask<Float> positive = v.compare(VectorOperators.GT, 0f);
        VectorMask<Float> nan = v.compare(VectorOperators.NE, v);
        FloatVector.zero(S).blend(1f, positive).blend(v, nan).intoArray(d1, i);
      }
      if (d2 != null) {
        FloatVector.zero(S).intoArray(d2, i);
      }
    }
  }

  private static void gelu(int n, float[] x, float[] y, float[] d1, float[] d2) {
    for (int i = 0; i < n; i += L) {
      FloatVector v = FloatVector.fromArray(S, x, i);
      FloatVector z = v.max(-Mills.FAR).min(Mills.FAR);
      FloatVector t = z.abs();
      FloatVector inverse = FloatVector.broadcast(S, 1f).div(t.add(Mills.SHIFT));
      FloatVector u = t.sub(Mills.SHIFT).mul(inverse);
      FloatVector h = FloatVector.broadcast(S, Mills.H[10]);
      h = h.fma(u, FloatVector.broadcast(S, Mills.H[9]));
      h = h.fma(u, FloatVector.broadcast(S, Mills.H[8]));
      h = h.fma(u, FloatVector.broadcast(S, Mills.H[7]));
      h = h.fma(u, FloatVector.broadcast(S, Mills.H[6]));
      h = h.fma(u, FloatVector.broadcast(S, Mills.H[5]));
      h = h.fma(u, FloatVector.broadcast(S, Mills.H[4]));
      h = h.fma(u, FloatVector.broadcast(S, Mills.H[3]));
      h = h.fma(u, FloatVector.broadcast(S, Mills.H[2]));
      h = h.fma(u, FloatVector.broadcast(S, Mills.H[1]));
      h = h.fma(u, FloatVector.broadcast(S, Mills.H[0]));
      // the rounding error of the square goes in to first order, or exp would magnify it in the
      // tails
      FloatVector square = z.mul(z);
      FloatVector error = z.fma(z, square.neg());
      FloatVector e = exp(square.mul(-0.5f)).mul(Mills.ONE_OVER_SQRT_2PI);
      FloatVector density = e.sub(e.mul(error.mul(0.5f)));
      FloatVector tail = density.mul(h.mul(inverse));
      VectorMask<Float> positive = v.compare(VectorOperators.GT, 0f);
      FloatVector phi = tail.blend(FloatVector.broadcast(S, 1f).sub(tail), positive);
      if (y != null) {
        v.mul(phi).intoArray(y, i);
      }
      if (d1 != null) {
        z.fma(density, phi).intoArray(d1, i);
      }
      if (d2 != null) {
        density.mul(FloatVector.broadcast(S, 2f).sub(square)).intoArray(d2, i);
      }
    }
  }

  private static void geluTanh(int n, float[] x, float[] y, float[] d1, float[] d2) {
    float c = Mills.SQRT_2_OVER_PI;
    float a = Mills.CUBIC;
    for (int i = 0; i < n; i += L) {
      FloatVector v = FloatVector.fromArray(S, x, i);
      FloatVector z = v.max(-Mills.FAR).min(Mills.FAR);
      FloatVector square = z.mul(z);
      FloatVector u = z.mul(c).mul(square.mul(a).add(1f));
      FloatVector e = exp(u.abs().mul(-2f));
      FloatVector inverse = FloatVector.broadcast(S, 1f).div(e.add(1f));
      VectorMask<Float> negative = u.compare(VectorOperators.LT, 0f);
      FloatVector small = e.mul(inverse);
      FloatVector s = inverse.blend(small, negative);
      if (y != null) {
        v.mul(s).intoArray(y, i);
      }
      FloatVector q = small.mul(inverse).mul(4f);
      FloatVector u1 = square.mul(3f * a).add(1f).mul(c);
      if (d1 != null) {
        z.mul(0.5f).mul(q).fma(u1, s).intoArray(d1, i);
      }
      if (d2 != null) {
        FloatVector size = FloatVector.broadcast(S, 1f).sub(e).mul(inverse);
        FloatVector t = size.blend(size.neg(), negative);
        FloatVector u2 = z.mul(6f * c * a);
        FloatVector inner = u2.sub(t.mul(2f).mul(u1).mul(u1));
        q.mul(z.mul(0.5f).fma(inner, u1)).intoArray(d2, i);
      }
    }
  }

  private static void tanh(int n, float[] x, float[] y, float[] d1, float[] d2) {
    for (int i = 0; i < n; i += L) {
      FloatVector v = FloatVector.fromArray(S, x, i);
      FloatVector e = exp(v.abs().mul(-2f));
      FloatVector inverse = FloatVector.broadcast(S, 1f).div(e.add(1f));
      FloatVector size = FloatVector.broadcast(S, 1f).sub(e).mul(inverse);
      FloatVector far = size.blend(size.neg(), v.compare(VectorOperators.LT, 0f));
      // near 0 the difference 1 - e cancels; polynomial of Cephes tanhf (Moshier)
      FloatVector z = v.mul(v);
      FloatVector p = FloatVector.broadcast(S, -5.70498872745E-3f);
      p = p.fma(z, FloatVector.broadcast(S, 2.06390887954E-2f));
      p = p.fma(z, FloatVector.broadcast(S, -5.37397155531E-2f));
      p = p.fma(z, FloatVector.broadcast(S, 1.33314422036E-1f));
      p = p.fma(z, FloatVector.broadcast(S, -3.33332819422E-1f));
      FloatVector near = p.mul(z).fma(v, v);
      FloatVector t = far.blend(near, v.abs().compare(VectorOperators.LT, 0.625f));
      if (y != null) {
        t.intoArray(y, i);
      }
      FloatVector q = e.mul(inverse).mul(inverse).mul(4f);
      if (d1 != null) {
        q.intoArray(d1, i);
      }
      if (d2 != null) {
        t.mul(q).mul(-2f).intoArray(d2, i);
      }
    }
  }

  private static void sigmoid(int n, float[] x, float[] y, float[] d1, float[] d2) {
    for (int i = 0; i < n; i += L) {
      FloatVector v = FloatVector.fromArray(S, x, i);
      FloatVector e = exp(v.abs().neg());
      FloatVector inverse = FloatVector.broadcast(S, 1f).div(e.add(1f));
      VectorMask<Float> negative = v.compare(VectorOperators.LT, 0f);
      FloatVector small = e.mul(inverse);
      if (y != null) {
        inverse.blend(small, negative).intoArray(y, i);
      }
      FloatVector q = small.mul(inverse);
      if (d1 != null) {
        q.intoArray(d1, i);
      }
      if (d2 != null) {
        FloatVector size = FloatVector.broadcast(S, 1f).sub(e).mul(inverse);
        q.mul(size.neg().blend(size, negative)).intoArray(d2, i);
      }
    }
  }

  private static void silu(int n, float[] x, float[] y, float[] d1, float[] d2) {
    for (int i = 0; i < n; i += L) {
      FloatVector v = FloatVector.fromArray(S, x, i);
      FloatVector e = exp(v.abs().neg());
      FloatVector inverse = FloatVector.broadcast(S, 1f).div(e.add(1f));
      VectorMask<Float> negative = v.compare(VectorOperators.LT, 0f);
      FloatVector small = e.mul(inverse);
      FloatVector s = inverse.blend(small, negative);
      if (y != null) {
        v.mul(s).intoArray(y, i);
      }
      FloatVector q = small.mul(inverse);
      FloatVector z = v.max(-200f).min(200f);
      if (d1 != null) {
        z.fma(q, s).intoArray(d1, i);
      }
      if (d2 != null) {
        FloatVector size = FloatVector.broadcast(S, 1f).sub(e).mul(inverse);
        FloatVector odd = z.abs().mul(size);
        q.mul(FloatVector.broadcast(S, 2f).sub(odd)).intoArray(d2, i);
      }
    }
  }

  private static void softplus(int n, float[] x, float[] y, float[] d1, float[] d2) {
    for (int i = 0; i < n; i += L) {
      FloatVector v = FloatVector.fromArray(S, x, i);
      FloatVector e = exp(v.abs().neg());
      if (y != null) {
        // log(1 + e) = 2 artanh(e / (2 + e)), whose series converges fast since the argument is at
        // most 1/3
        FloatVector w = e.div(e.add(2f));
        FloatVector z = w.mul(w);
        FloatVector p = FloatVector.broadcast(S, 2f / 15f);
        p = p.fma(z, FloatVector.broadcast(S, 2f / 13f));
        p = p.fma(z, FloatVector.broadcast(S, 2f / 11f));
        p = p.fma(z, FloatVector.broadcast(S, 2f / 9f));
        p = p.fma(z, FloatVector.broadcast(S, 2f / 7f));
        p = p.fma(z, FloatVector.broadcast(S, 2f / 5f));
        p = p.fma(z, FloatVector.broadcast(S, 2f / 3f));
        p = p.fma(z, FloatVector.broadcast(S, 2f));
        v.max(0f).add(p.mul(w)).intoArray(y, i);
      }
      FloatVector inverse = FloatVector.broadcast(S, 1f).div(e.add(1f));
      FloatVector small = e.mul(inverse);
      if (d1 != null) {
        inverse.blend(small, v.compare(VectorOperators.LT, 0f)).intoArray(d1, i);
      }
      if (d2 != null) {
        small.mul(inverse).intoArray(d2, i);
      }
    }
  }
}
