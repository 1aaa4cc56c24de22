// Long short-term memory: i, f, o = sigmoid(.), g = tanh(.); c_t = f c_{t-1} + i g; h_t = o tanh(c_t). With peepholes i
// and f also see p_i c_{t-1}, p_f c_{t-1}, and o sees p_o c_t. reference/lstm.py has the derivation.
#pragma once

#include "cells/cell.h"

namespace elman::ELMAN_ISA {

// The gates of W units of one row, or their pre-activations, as they lie in a tape: (4, W).
template <class T>
struct LSTMGates {
  Vec<T> i, f, g, o;

  ELMAN_INLINE static LSTMGates from(const T* a) {
    constexpr int64_t W = kWidth<T>;
    return {load(a), load(a + W), load(a + 2 * W), load(a + 3 * W)};
  }
  ELMAN_INLINE void to(T* a) const {
    constexpr int64_t W = kWidth<T>;
    store(a, i), store(a + W, f), store(a + 2 * W, g), store(a + 3 * W, o);
  }
};

template <class T, bool PEEPHOLES>
struct LSTMCell {
  static constexpr int states = 2, extras = PEEPHOLES ? 3 : 0, own = 0;
  static constexpr Gates input{4, 0, 4, {0, 1, 2, 3}}, hidden = input;
  static constexpr bool gates = true, second = false, norm = false;
  static constexpr int peephole_i = 0, peephole_f = 1, peephole_o = 2;  // the rows of extra

  ELMAN_INLINE static void activate(const Forward<T>& f, int64_t row, int64_t j, const Vec<T>* sums) {
    const Vec<T> c_prev = load(f.c_prev[row] + j);
    LSTMGates<T> a{sums[0], sums[1], sums[2], sums[3]};
    if (PEEPHOLES) {
      a.i = fma<T>(f.extra(peephole_i, j), c_prev, a.i);
      a.f = fma<T>(f.extra(peephole_f, j), c_prev, a.f);
    }
    const Vec<T> i = sigmoid<T>(a.i), forget = sigmoid<T>(a.f), g = tanh<T>(a.g);
    const Vec<T> c = fma<T>(forget, c_prev, i * g);
    if (PEEPHOLES) a.o = fma<T>(f.extra(peephole_o, j), c, a.o);
    const Vec<T> o = sigmoid<T>(a.o);
    store(f.c + row * f.ld + j, c);
    store(f.h + row * f.ld + j, o * tanh<T>(c));
    if (f.keep) LSTMGates<T>{i, forget, g, o}.to(f.a + row * f.lda + 4 * j);
  }

  static void backward(const Backward<T>& b) {
    constexpr int64_t W = kWidth<T>;
    const Vec<T> one = splat(T(1));
    for (int64_t r = 0; r < b.rows; r++) {
      for (int64_t j = 0; j < b.units; j += W) {
        const auto [i, f, g, o] = LSTMGates<T>::from(b.a + r * b.lda + 4 * j);
        const Vec<T> tc = tanh<T>(load(b.c + r * b.ld + j)), c_prev = load(b.c_prev[r] + j);
        const Vec<T> dh = load(b.dout + r * b.ldd + j) + load(b.dh + r * b.units + j);
        const Vec<T> dao = dh * tc * (o * (one - o));
        Vec<T> dc = fma<T>(dh * o, one - tc * tc, load(b.dc + r * b.units + j));
        if (PEEPHOLES) dc = fma<T>(dao, b.extra(peephole_o, j), dc);
        const Vec<T> dai = dc * g * (i * (one - i)), daf = dc * c_prev * (f * (one - f));
        const Vec<T> dag = dc * i * (one - g * g);
        Vec<T> dc_prev = dc * f;
        if (PEEPHOLES) {
          dc_prev = fma<T>(dai, b.extra(peephole_i, j), dc_prev);
          dc_prev = fma<T>(daf, b.extra(peephole_f, j), dc_prev);
        }
        LSTMGates<T>{dai, daf, dag, dao}.to(b.da + r * b.lda + 4 * j);
        store(b.dc + r * b.units + j, dc_prev);
      }
    }
    if (b.carry) state_back(b, Start::zero);
  }

  // d peephole (3, H): i and f saw the cell before, o the cell after.
  static void extra_gradient(const Summed<T>& s, T* gradient) {
    for (int64_t j = 0; j < s.hidden; j += kWidth<T>) {
      Vec<T> sum[3] = {};
      for (int64_t k = 0; k < s.pick.count; k++) {
        const int64_t m = s.pick.index[k];
        const LSTMGates<T> da = LSTMGates<T>::from(s.da + (m - s.pick.first) * s.lda + 4 * j);
        const Vec<T> c_prev = load(s.c_prev[m] + j);
        sum[peephole_i] = fma<T>(da.i, c_prev, sum[peephole_i]);
        sum[peephole_f] = fma<T>(da.f, c_prev, sum[peephole_f]);
        sum[peephole_o] = fma<T>(da.o, load(s.c + m * s.ld + j), sum[peephole_o]);
      }
      for (int p = 0; p < extras; p++) {
        for (int64_t i = 0; i < kWidth<T> && j + i < s.hidden; i++) gradient[p * s.hidden + j + i] += sum[p][i];
      }
    }
  }
};

}  // namespace elman::ELMAN_ISA
