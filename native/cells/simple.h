// The Elman cell: s_t = act(W_ih x_t + W_hh h_{t-1} + b), h_t = s_t, or as a leaky integrator
// h_t = (1 - l) h_{t-1} + l s_t. reference/simple.py has the derivation.
#pragma once

#include "cells/cell.h"

namespace elman::ELMAN_ISA {

// The pre-activation a plus the step's private noise, which h holds beforehand where the layer has any.
template <class T>
ELMAN_INLINE Vec<T> with_noise(const Forward<T>& f, int64_t row, int64_t j, Vec<T> a) {
  return f.noisy ? a + load(f.h + row * f.ld + j) : a;
}

template <class T, ActivationKind A>
struct SimpleCell {
  static constexpr int states = 1, extras = 0, own = 0;
  static constexpr Gates input = kPlain, hidden = kPlain;
  static constexpr bool gates = false, second = false, norm = false;

  ELMAN_INLINE static void activate(const Forward<T>& f, int64_t row, int64_t j, const Vec<T>* a) {
    store(f.h + row * f.ld + j, activation<A, T>(with_noise(f, row, j, a[0])));
  }

  static void backward(const Backward<T>& b) {
    for (int64_t r = 0; r < b.rows; r++) {
      for (int64_t j = 0; j < b.units; j += kWidth<T>) {
        const Vec<T> dh = load(b.dout + r * b.ldd + j) + load(b.dh + r * b.units + j);
        store(b.da + r * b.lda + j, derivative<A, T>(dh, load(b.h + r * b.ld + j)));
      }
    }
    if (b.carry) state_back(b, Start::zero);
  }
};

// Keeps s in the tape as its gate; the way back leaves the summands of the leak's gradient.
template <class T, ActivationKind A>
struct LeakyCell {
  static constexpr int states = 1, extras = 1, own = 1;
  static constexpr Gates input = kPlain, hidden = kPlain;
  static constexpr bool gates = true, second = false, norm = false;
  static constexpr int leak = 0;  // the row of extra

  ELMAN_INLINE static void activate(const Forward<T>& f, int64_t row, int64_t j, const Vec<T>* a) {
    const Vec<T> s = activation<A, T>(with_noise(f, row, j, a[0])), h_prev = load(f.h_prev[row] + j);
    store(f.h + row * f.ld + j, fma<T>(f.extra(leak, j), s - h_prev, h_prev));
    if (f.keep) store(f.a + row * f.lda + j, s);
  }

  static void backward(const Backward<T>& b) {
    const Vec<T> one = splat(T(1));
    for (int64_t r = 0; r < b.rows; r++) {
      for (int64_t j = 0; j < b.units; j += kWidth<T>) {
        const Vec<T> dh = load(b.dout + r * b.ldd + j) + load(b.dh + r * b.units + j);
        const Vec<T> s = load(b.a + r * b.lda + j), l = b.extra(leak, j);
        store(b.da + r * b.lda + j, derivative<A, T>(dh * l, s));
        store(b.dh + r * b.units + j, dh * (one - l));
        store(b.sums.own[0] + r * b.ld + j, dh * (s - load(b.h_prev[r] + j)));
      }
    }
    if (b.carry) state_back(b, Start::add);
  }

  // d leak (hidden,)
  static void extra_gradient(const Summed<T>& s, T* gradient) {
    bias_gradient(s.sums.own[0], s.ld, kPlain, s.hidden, s.pick, gradient);
  }
};

}  // namespace elman::ELMAN_ISA
