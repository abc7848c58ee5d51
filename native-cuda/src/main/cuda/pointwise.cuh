// Functions of one number with their first and second derivative, in the order of dynaxx.backend.Activation and Elementary.Kind. Whoever
// uses only some of the three pays only for those.
#pragma once
#include "dynaxx.cuh"

namespace pointwise {

struct Jet {
  real value;
  real slope;
  real bend;
};

// Of functions whose derivatives can leave the range of float32 where their products with tangents and adjoints do not.
struct Wide {
  real value;
  double slope;
  double bend;
};

// Product of a second derivative of at most about 1 with an adjoint and a tangent: the larger of these first, so that nothing underflows on
// the way if the result does not.
__device__ __forceinline__ float product(float bend, float dy, float v) {
  bool first = fabs(dy) > fabs(v);
  return (bend * (first ? dy : v)) * (first ? v : dy);
}

__device__ __forceinline__ double product(double bend, double dy, double v) { return bend * dy * v; }

// c0 + c1 u + c2 u^2 + ...
template <class T>
__device__ __forceinline__ T polynomial(T, T c) {
  return c;
}

template <class T, class... More>
__device__ __forceinline__ T polynomial(T u, T c, More... more) {
  return c + u * polynomial(u, more...);
}

// h of the upper tail of the normal distribution: Phi(-t) = phi(t) h(u) / (t + 3), u = (t - 3) / (t + 3), t >= 0; a Chebyshev fit of the
// Mills ratio. It keeps the relative accuracy of the left tail, which 1 + erf(x) cannot. Relative error below 6e-8 and 3e-16.
__device__ __forceinline__ float mills(float u) {
  return polynomial(
      u, 1.8275418281555176f, -1.276706337928772f, 0.5765679478645325f, -0.11846249550580978f, -0.026215102523565292f,
      0.017430869862437248f, 0.0025247952435165644f, -0.002514066407456994f, -0.0005371139268390834f, 0.00028088464750908315f,
      8.886156865628436e-05f);
}

__device__ __forceinline__ double mills(double u) {
  return polynomial(
      u, 1.8275417922606199, -1.2767059470482247, 0.5765689205544887, -0.11847083516796027, -0.026226518313778945, 0.017477769549462282,
      0.0025757917977631195, -0.002621503594928623, -0.0006431388454024207, 0.0003870095334435379, 0.00019755281313125057,
      -3.320297383123327e-05, -5.185425656010188e-05, -8.816877234915424e-06, 9.107502751943966e-06, 5.652608975272569e-06,
      5.180160159040075e-08, -1.4753184875512024e-06, -7.236802441427023e-07, 8.533490786173618e-08, 2.675688099181777e-07,
      8.645222796079935e-08, -4.4655987344210306e-08, -3.2740379654237885e-08, 7.790752406315652e-10, 4.268779637683514e-09,
      6.469817626542739e-10);
}

// Beyond this the normal density is 0.
constexpr real FAR = sizeof(real) == 4 ? 20 : 40;

// x between -most and most; NaN stays NaN.
__device__ __forceinline__ real limited(real x, real most) { return x < -most ? -most : x > most ? most : x; }

__device__ __forceinline__ real sign(real x) { return x > 0 ? real(1) : x < 0 ? real(-1) : x; }

// `value` where x is a number, else NaN.
__device__ __forceinline__ real unless_nan(real x, real value) { return x == x ? value : x; }

// exp(-x^2 factor), factor a power of two. The rounding error of the square goes in to first order, or exp would magnify it in the tails.
__device__ __forceinline__ real bell(real x, real factor) {
  real square = x * x;
  real error = fma(x, x, -square);
  real e = exp(-factor * square);
  return e - e * (factor * error);
}

// The logistic function and what its derivatives are made of, from e = exp(-|x|), so that nothing overflows and the left tail keeps its
// digits.
struct Logistic {
  real value;  // of x
  real product;  // of the values of x and -x
  real difference;  // of the values of x and -x

  __device__ __forceinline__ Logistic(real x, real e) {
    real inverse = 1 / (1 + e);
    real small = e * inverse;
    real size = (1 - e) * inverse;
    value = x < 0 ? small : inverse;
    product = small * inverse;
    difference = x < 0 ? -size : size;
  }
};

// ---- Activation

struct Relu {
  __device__ __forceinline__ Jet operator()(real x) const {
    return {x > 0 ? x : unless_nan(x, 0), x > 0 ? real(1) : unless_nan(x, 0), real(0)};
  }
};

struct Gelu {
  __device__ __forceinline__ Jet operator()(real x) const {
    real z = limited(x, FAR);
    real t = fabs(z);
    real inverse = 1 / (t + 3);
    real density = real(0.3989422804014326779) * bell(z, real(0.5));
    real tail = density * (mills((t - 3) * inverse) * inverse);
    real phi = x > 0 ? 1 - tail : tail;
    return {x * phi, phi + z * density, density * (2 - z * z)};
  }
};

struct GeluTanh {
  __device__ __forceinline__ Jet operator()(real x) const {
    real c = real(0.7978845608028653559), a = real(0.044715);
    real z = limited(x, FAR);
    real square = z * z;
    real u = c * z * (1 + a * square);
    real u1 = c * (1 + 3 * a * square);
    real u2 = 6 * c * a * z;
    Logistic s(u, exp(-2 * fabs(u)));
    real q = 4 * s.product;
    return {x * s.value, s.value + real(0.5) * z * q * u1, q * (u1 + real(0.5) * z * (u2 - 2 * s.difference * u1 * u1))};
  }
};

struct Tanh {
  __device__ __forceinline__ Jet operator()(real x) const {
    real t = tanh(x);
    real q = 4 * Logistic(x, exp(-2 * fabs(x))).product;
    return {t, q, -2 * t * q};
  }
};

struct Sigmoid {
  __device__ __forceinline__ Jet operator()(real x) const {
    Logistic s(x, exp(-fabs(x)));
    return {s.value, s.product, -s.product * s.difference};
  }
};

struct Silu {
  __device__ __forceinline__ Jet operator()(real x) const {
    Logistic s(x, exp(-fabs(x)));
    // beyond this the product is 0, which times infinity would be NaN
    real z = limited(x, sizeof(real) == 4 ? 200 : 800);
    return {x * s.value, s.value + z * s.product, s.product * (2 - z * s.difference)};
  }
};

struct Softplus {
  __device__ __forceinline__ Jet operator()(real x) const {
    real e = exp(-fabs(x));
    Logistic s(x, e);
    return {(x > 0 ? x : real(0)) + log1p(e), s.value, s.product};
  }
};

// ---- Elementary

struct Exp {
  __device__ __forceinline__ Wide operator()(real x) const {
    real e = exp(x);
    return {e, e, e};
  }
};

struct Log {
  __device__ __forceinline__ Wide operator()(real x) const {
    double r = 1.0 / x;
    return {log(x), r, -r * r};
  }
};

struct Sqrt {
  __device__ __forceinline__ Wide operator()(real x) const {
    double root = sqrt((double)x);
    double slope = 0.5 / root;
    return {real(root), slope, -0.5 * slope / x};
  }
};

struct Reciprocal {
  __device__ __forceinline__ Wide operator()(real x) const {
    double r = 1.0 / x;
    return {real(r), -r * r, 2 * r * r * r};
  }
};

// x^p in float64. Small whole powers by products, which round less than pow.
__device__ __forceinline__ double power(double x, double p) {
  double size = fabs(p);
  if (size > 4 || size != floor(size)) {
    return pow(x, p);
  }
  double square = x * x;
  double v = size == 0 ? 1 : size == 1 ? x : size == 2 ? square : size == 3 ? square * x : square * square;
  return p < 0 ? 1 / v : v;
}

struct Power {
  double p;

  // A factor that is 0 wins over a power that is infinite or undefined, as for x = 0.
  __device__ __forceinline__ Wide operator()(real x) const {
    double slope = p == 0 ? 0 : p * power(x, p - 1);
    double bend = p == 0 || p == 1 ? 0 : p * (p - 1) * power(x, p - 2);
    return {real(power(x, p)), slope, bend};
  }
};

struct Abs {
  __device__ __forceinline__ Jet operator()(real x) const { return {fabs(x), sign(x), real(0)}; }
};

struct Erf {
  __device__ __forceinline__ Wide operator()(real x) const {
    double slope = 1.128379167095512574 * exp(-(double)x * (double)x);
    return {erf(x), slope, slope == 0 ? 0 : -2 * (double)x * slope};
  }
};

struct Affine {
  real a, b;

  __device__ __forceinline__ Jet operator()(real x) const { return {a * x + b, unless_nan(x, a), real(0)}; }
};

struct Clip {
  real least, most;

  __device__ __forceinline__ Jet operator()(real x) const {
    real value = x < least ? least : x > most ? most : x;
    return {value, x >= least && x <= most ? real(1) : unless_nan(x, 0), real(0)};
  }
};

struct LeakyRelu {
  real a;

  __device__ __forceinline__ Jet operator()(real x) const {
    return {x > 0 ? x : a * x, x > 0 ? real(1) : unless_nan(x, a), real(0)};
  }
};

struct Elu {
  real a;

  __device__ __forceinline__ Wide operator()(real x) const {
    double slope = (double)a * (double)exp(x);
    return {x > 0 ? x : a * expm1(x), x > 0 ? 1 : slope, x > 0 ? 0 : slope};
  }
};

struct HardSigmoid {
  real a, b;

  __device__ __forceinline__ Jet operator()(real x) const {
    real line = a * x + b;
    real value = line < 0 ? real(0) : line > 1 ? real(1) : line;
    return {value, line > 0 && line < 1 ? a : unless_nan(x, 0), real(0)};
  }
};

struct Softsign {
  __device__ __forceinline__ Wide operator()(real x) const {
    double q = 1 / (1 + fabs((double)x));
    return {real(x * q), q * q, -2 * (double)sign(x) * q * q * q};
  }
};

struct Sin {
  __device__ __forceinline__ Jet operator()(real x) const {
    real s = sin(x);
    return {s, cos(x), -s};
  }
};

struct Cos {
  __device__ __forceinline__ Jet operator()(real x) const {
    real c = cos(x);
    return {c, -sin(x), -c};
  }
};

struct Tan {
  __device__ __forceinline__ Wide operator()(real x) const {
    real t = tan(x);
    double slope = 1 + (double)t * t;
    return {t, slope, 2 * t * slope};
  }
};

// arcsin, or arccos.
struct Arc {
  bool cosine;

  __device__ __forceinline__ Wide operator()(real x) const {
    double square = (1 - (double)x) * (1 + (double)x);
    double slope = (cosine ? -1 : 1) / sqrt(square);
    return {cosine ? acos(x) : asin(x), slope, x * slope / square};
  }
};

struct Atan {
  __device__ __forceinline__ Wide operator()(real x) const {
    double slope = 1 / (1 + (double)x * x);
    return {atan(x), slope, -2 * (x * slope) * slope};
  }
};

struct Sinh {
  __device__ __forceinline__ Wide operator()(real x) const {
    real s = sinh(x);
    return {s, cosh(x), s};
  }
};

struct Cosh {
  __device__ __forceinline__ Wide operator()(real x) const {
    real c = cosh(x);
    return {c, sinh(x), c};
  }
};

// arsinh and arcosh: the slope is one over the root of x^2 + 1 and of x^2 - 1.
struct Asinh {
  __device__ __forceinline__ Wide operator()(real x) const {
    double root = hypot(1.0, (double)x);
    return {asinh(x), 1 / root, -(x / root) / root / root};
  }
};

struct Acosh {
  __device__ __forceinline__ Wide operator()(real x) const {
    double root = sqrt((double)x - 1) * sqrt((double)x + 1);
    return {acosh(x), 1 / root, -(x / root) / root / root};
  }
};

struct Atanh {
  __device__ __forceinline__ Wide operator()(real x) const {
    double slope = 1 / ((1.0 - x) * (1.0 + x));
    return {atanh(x), slope, 2 * x * slope * slope};
  }
};

// Functions that change in steps only: derivatives are 0, and NaN of NaN.
__device__ __forceinline__ real flat(real x) { return x == x ? real(0) : x; }

struct Step {
  __device__ __forceinline__ Jet operator()(real x) const { return {x > 0 ? real(1) : flat(x), flat(x), flat(x)}; }
};

struct Floor {
  __device__ __forceinline__ Jet operator()(real x) const { return {floor(x), flat(x), flat(x)}; }
};

struct Round {
  __device__ __forceinline__ Jet operator()(real x) const { return {rint(x), flat(x), flat(x)}; }
};

// Where a function and its derivatives are finite, for places behind the last element.
template <class F>
__device__ __forceinline__ real harmless(const F&) {
  return real(1);
}

__device__ __forceinline__ real harmless(const Arc&) { return real(0); }

__device__ __forceinline__ real harmless(const Atanh&) { return real(0); }

__device__ __forceinline__ real harmless(const Acosh&) { return real(2); }

// Which function of its enum, and its constants.
struct Function {
  int ordinal;
  double a, b;
};

// Runs the body with an activation: body(f). The choice is made outside of the body's loop.
template <class Body>
__device__ __forceinline__ void with_activation(const Function& f, Body body) {
  switch (f.ordinal) {
    case 0:
      return body(Relu{});
    case 1:
      return body(Gelu{});
    case 2:
      return body(GeluTanh{});
    case 3:
      return body(Tanh{});
    case 4:
      return body(Sigmoid{});
    case 5:
      return body(Silu{});
    case 6:
      return body(Softplus{});
  }
}

template <class Body>
__device__ __forceinline__ void with_elementary(const Function& f, Body body) {
  real a = real(f.a), b = real(f.b);
  switch (f.ordinal) {
    case 0:
      return body(Exp{});
    case 1:
      return body(Log{});
    case 2:
      return body(Sqrt{});
    case 3:
      return body(Reciprocal{});
    case 4:
      return body(Power{f.a});
    case 5:
      return body(Abs{});
    case 6:
      return body(Erf{});
    case 7:
      return body(Affine{a, b});
    case 8:
      return body(Clip{a, b});
    case 9:
      return body(LeakyRelu{a});
    case 10:
      return body(Elu{a});
    case 11:
      return body(HardSigmoid{a, b});
    case 12:
      return body(Softsign{});
    case 13:
      return body(Sin{});
    case 14:
      return body(Cos{});
    case 15:
      return body(Tan{});
    case 16:
      return body(Arc{false});
    case 17:
      return body(Arc{true});
    case 18:
      return body(Atan{});
    case 19:
      return body(Sinh{});
    case 20:
      return body(Cosh{});
    case 21:
      return body(Asinh{});
    case 22:
      return body(Acosh{});
    case 23:
      return body(Atanh{});
    case 24:
      return body(Step{});
    case 25:
      return body(Floor{});
    case 26:
      return body(Round{});
  }
}

}  // namespace pointwise
