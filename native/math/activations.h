// exp, sigmoid, tanh and softplus on vectors, and log on doubles. NaN stays NaN; sigmoid stays in [0, 1], tanh in
// [-1, 1]. Then the activations of layers by their names.
//
// exp(x) = 2^n exp(r), n = round(x / ln 2), |r| <= ln(2)/2, with exp(r) = 1 + r + r^2 q(r) and q the polynomial whose
// largest relative error in exp(r) is least: 3e-9 for float, 1.3e-17 for double. tanh goes through expm1, which keeps
// full relative accuracy near 0: tanh(x) = e/(e + 2), e = exp(2|x|) - 1. sigmoid(x) = 1/(1 + z) or z/(1 + z), z =
// exp(-|x|), keeps the negative tail; softplus(x) = max(x, 0) + log(1 + z). tests/native/activations.cpp measures the
// errors: every float, and samples of double.
#pragma once

#include "math/simd.h"
#include "program.h"

namespace elman::ELMAN_ISA {

template <class T>
struct ExpConstants;

template <>
struct ExpConstants<float> {
  static constexpr float round = 12582912.0f;  // 1.5 * 2^23: adding it leaves the rounded integer in the low bits
  static constexpr float log2e = 1.44269504088896341f, ln2_hi = 0.693145751953125f, ln2_lo = 1.42860682030941723e-6f;
  static constexpr float lowest = -87.33654f, tanh_limit = 20.0f;
  static constexpr int bias = 127, shift = 23;
  static constexpr float q[] = {0.0013814320f, 0.0083688507f, 0.0416684004f, 0.1666651964f, 0.4999999404f};
};

template <>
struct ExpConstants<double> {
  static constexpr double round = 6755399441055744.0;  // 1.5 * 2^52
  static constexpr double log2e = 1.44269504088896340736, ln2_hi = 0.693147180369123816490,
                          ln2_lo = 1.90821492927058770002e-10;
  static constexpr double lowest = -708.3964185322641, tanh_limit = 44.0;
  static constexpr int bias = 1023, shift = 52;
  static constexpr double q[] = {2.5100598458610222e-08, 2.762032706370491e-07,  2.7557267968398128e-06,
                                 2.480152079314554e-05,  0.00019841269863426152, 0.0013888888917538247,
                                 0.008333333333329961,   0.04166666666662348,    0.16666666666666669,
                                 0.5000000000000001};
};

// exp(x) = scale * (1 + p), for x within the range where scale = 2^n is normal.
template <class T>
ELMAN_INLINE void exp_parts(Vec<T> x, Vec<T>& scale, Vec<T>& p) {
  using C = ExpConstants<T>;
  const Vec<T> shifted = fma<T>(x, splat(C::log2e), splat(C::round));
  const Vec<T> n = shifted - splat(C::round);
  Vec<T> r = fma<T>(n, splat(-C::ln2_hi), x);
  r = fma<T>(n, splat(-C::ln2_lo), r);
  Vec<T> q = splat(C::q[0]);
  for (unsigned i = 1; i < sizeof(C::q) / sizeof(T); i++) q = fma<T>(q, r, splat(C::q[i]));
  p = fma<T>(q * r, r, r);
  IVec<T> bits;
  memcpy(&bits, &shifted, sizeof bits);
  bits = (bits + C::bias) << C::shift;  // the rounding constant's own bits are shifted out
  memcpy(&scale, &bits, sizeof scale);
}

// exp(-|x|), 0 where the result would not be normal.
template <class T>
ELMAN_INLINE Vec<T> exp_negative(Vec<T> x) {
  const Vec<T> low = splat(ExpConstants<T>::lowest);
  const Vec<T> a = with_sign<T>(x, splat(T(-1)));
  Vec<T> scale, p;
  exp_parts<T>(a < low ? low : a, scale, p);
  const Vec<T> e = fma<T>(scale, p, scale);
  return a < low ? Vec<T>{} : e;
}

template <class T>
ELMAN_INLINE Vec<T> sigmoid(Vec<T> x) {
  const Vec<T> one = splat(T(1));
  const Vec<T> z = exp_negative<T>(x);
  return quotient(x < Vec<T>{} ? z : one, one + z);
}

template <class T>
ELMAN_INLINE Vec<T> tanh(Vec<T> x) {
  const Vec<T> limit = splat(ExpConstants<T>::tanh_limit), one = splat(T(1));
  const Vec<T> a = with_sign<T>(x + x, one);
  Vec<T> scale, p;
  exp_parts<T>(a > limit ? limit : a, scale, p);
  const Vec<T> e = fma<T>(scale, p, scale - one);
  return with_sign<T>(quotient(e, e + splat(T(2))), x);
}

// log(1 + z) for z in [0, 1], = 2 atanh(s), s = z/(2 + z) <= 1/3; a small z keeps its relative precision.
template <class T>
ELMAN_INLINE Vec<T> log1p_unit(Vec<T> z) {
  constexpr int terms = sizeof(T) == 4 ? 15 : 35;
  const Vec<T> s = z / (z + splat(T(2))), s2 = s * s;
  Vec<T> q = splat(T(1) / T(terms));
  for (int k = terms - 2; k >= 3; k -= 2) q = fma<T>(q, s2, splat(T(1) / T(k)));
  const Vec<T> two_s = s + s;
  return fma<T>(two_s * s2, q, two_s);
}

template <class T>
ELMAN_INLINE Vec<T> softplus(Vec<T> x) {
  const Vec<T> zero{};
  return (x > zero ? x : zero) + log1p_unit<T>(exp_negative<T>(x));
}

// 1 - exp(-y) for y >= 0: the slope of softplus in terms of its value. A small y keeps its relative precision.
template <class T>
ELMAN_INLINE Vec<T> rise(Vec<T> y) {
  const Vec<T> low = splat(ExpConstants<T>::lowest), one = splat(T(1));
  const Vec<T> x = with_sign<T>(y, splat(T(-1)));
  Vec<T> scale, p;
  exp_parts<T>(x < low ? low : x, scale, p);
  return (one - scale) - scale * p;
}

// log(x) for x in (0, 1]: x = 2^n m, m in [sqrt(1/2), sqrt(2)), log m = 2 atanh(s), s = (m - 1)/(m + 1).
template <class T>
ELMAN_INLINE Vec<T> log_of(Vec<T> x) {
  using C = ExpConstants<T>;
  using Int = typename Lanes<T>::Int;
  constexpr int terms = sizeof(T) == 4 ? 7 : 23;
  IVec<T> bits;
  memcpy(&bits, &x, sizeof bits);
  const Int fraction = (Int(1) << C::shift) - 1, half = Int(C::bias - 1) << C::shift;
  IVec<T> n = (bits >> C::shift) - (C::bias - 1);
  bits = (bits & fraction) | half;  // m in [1/2, 1)
  Vec<T> m;
  memcpy(&m, &bits, sizeof m);
  const Vec<T> one = splat(T(1)), low = splat(T(0.70710678118654752));
  const IVec<T> small = m < low;  // all ones where true
  m = m < low ? m + m : m;
  n += small;
  const Vec<T> s = (m - one) / (m + one), s2 = s * s;
  Vec<T> q = splat(T(1) / T(terms));
  for (int k = terms - 2; k >= 3; k -= 2) q = fma<T>(q, s2, splat(T(1) / T(k)));
  Vec<T> exponent;
  for (int l = 0; l < kWidth<T>; l++) exponent[l] = T(n[l]);
  const Vec<T> two_s = s + s;
  return fma<T>(exponent, splat(C::ln2_hi), fma<T>(exponent, splat(C::ln2_lo), fma<T>(two_s * s2, q, two_s)));
}

// A layer's activation at a.
template <ActivationKind A, class T>
ELMAN_INLINE Vec<T> activation(Vec<T> a) {
  const Vec<T> zero{};
  switch (A) {
    case ActivationKind::tanh:
      return tanh<T>(a);
    case ActivationKind::relu:
      return a < zero ? zero : a;
    case ActivationKind::sigmoid:
      return sigmoid<T>(a);
    case ActivationKind::softplus:
      return softplus<T>(a);
    case ActivationKind::linear:
      break;
  }
  return a;
}

// The gradient at a, from dy at y = activation(a).
template <ActivationKind A, class T>
ELMAN_INLINE Vec<T> derivative(Vec<T> dy, Vec<T> y) {
  const Vec<T> one = splat(T(1)), zero{};
  switch (A) {
    case ActivationKind::tanh:
      return dy * (one - y * y);
    case ActivationKind::relu:
      return y > zero ? dy : zero;
    case ActivationKind::sigmoid:
      return dy * (y * (one - y));
    case ActivationKind::softplus:
      return dy * rise<T>(y);
    case ActivationKind::linear:
      break;
  }
  return dy;
}

template <ActivationKind A>
struct Activation {
  static constexpr ActivationKind kind = A;
};

// f(Activation<A>{}) for the activation of this kind; nothing for a linear layer.
template <class F>
ELMAN_INLINE void dispatch_activation(ActivationKind kind, F&& f) {
  switch (kind) {
    case ActivationKind::linear:
      return;
    case ActivationKind::tanh:
      return f(Activation<ActivationKind::tanh>{});
    case ActivationKind::relu:
      return f(Activation<ActivationKind::relu>{});
    case ActivationKind::sigmoid:
      return f(Activation<ActivationKind::sigmoid>{});
    case ActivationKind::softplus:
      return f(Activation<ActivationKind::softplus>{});
  }
}

// Scalars for the losses, in double whatever the network's type.

ELMAN_INLINE double exp_negative(double x) { return exp_negative<double>(splat(x))[0]; }

// log(x), x > 0 and normal: x = 2^n m, log m = 2 atanh(s), s = (m - 1)/(m + 1).
ELMAN_INLINE double log_positive(double x) {
  int64_t bits;
  memcpy(&bits, &x, sizeof bits);
  int64_t n = (bits >> 52) - 1023;
  bits = (bits & 0x000fffffffffffffLL) | 0x3ff0000000000000LL;
  double m;
  memcpy(&m, &bits, sizeof m);
  if (m > 1.4142135623730951) m *= 0.5, n += 1;
  const double s = (m - 1) / (m + 1), s2 = s * s;
  double q = 1.0 / 23;
  for (int k = 21; k >= 3; k -= 2) q = scalar_fma(q, s2, 1.0 / k);
  const double tail = 2 * s * s2 * q;
  const double dn = double(n);
  const double log = dn * ExpConstants<double>::ln2_hi + (2 * s + (tail + dn * ExpConstants<double>::ln2_lo));
  return log + (x - x);  // NaN stays NaN: the bits above would lose it
}

// log(1 + z) for z >= 0, with what 1 + z lost to rounding put back.
ELMAN_INLINE double log1p_positive(double z) {
  const double u = 1 + z;
  return log_positive(u) + (z - (u - 1)) / u;
}

}  // namespace elman::ELMAN_ISA
