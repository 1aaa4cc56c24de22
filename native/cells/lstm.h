// Long short-term memory: i, f, o = sigmoid(.), g = tanh(.); c_t = f c_{t-1} + i g; h_t = o tanh(c_t). With peepholes i
// and f also see p_i c_{t-1}, p_f c_{t-1}, and o sees p_o c_t. reference/lstm.py has the derivation.
#pragma once

#include "cells/cell.h"

namespace elman::ELMAN_ISA {

template <class T, bool PEEPHOLES>
struct LSTMCell {
  static constexpr int states = 2, extras = PEEPHOLES ? 3 : 0, own = 0;
  static constexpr Gates input{4, 0, 4, {0, 1, 2, 3}}, hidden = input;
  static constexpr bool aux = false, gates = true, second = false, norm = false;

  ELMAN_INLINE static void activate(const Forward<T>& f, int64_t row, int64_t j, const Vec<T>* a) {
    constexpr int64_t W = kWidth<T>;
    const Vec<T> c_prev = load(f.c_prev[row] + j);
    Vec<T> ai = a[0], af = a[1], ao = a[3];
    if (PEEPHOLES) {
      ai = fma<T>(load(f.w->extra + j), c_prev, ai);
      af = fma<T>(load(f.w->extra + f.units + j), c_prev, af);
    }
    const Vec<T> i = sigmoid<T>(ai), forget = sigmoid<T>(af), g = tanh<T>(a[2]);
    const Vec<T> c = fma<T>(forget, c_prev, i * g);
    if (PEEPHOLES) ao = fma<T>(load(f.w->extra + 2 * f.units + j), c, ao);
    const Vec<T> o = sigmoid<T>(ao);
    store(f.c + row * f.ld + j, c);
    store(f.h + row * f.ld + j, o * tanh<T>(c));
    if (!f.keep) return;
    T* gates = f.a + row * f.lda + 4 * j;
    store(gates, i), store(gates + W, forget), store(gates + 2 * W, g), store(gates + 3 * W, o);
  }

  static void backward(const Backward<T>& b) {
    constexpr int64_t W = kWidth<T>;
    const Vec<T> one = splat(T(1));
    for (int64_t r = 0; r < b.rows; r++) {
      for (int64_t j = 0; j < b.units; j += W) {
        const T* a = b.a + r * b.lda + 4 * j;
        T* da = b.da + r * b.lda + 4 * j;
        const Vec<T> i = load(a), f = load(a + W), g = load(a + 2 * W), o = load(a + 3 * W);
        const Vec<T> tc = tanh<T>(load(b.c + r * b.ld + j)), c_prev = load(b.c_prev[r] + j);
        const Vec<T> dh = load(b.dout + r * b.ldd + j) + load(b.dh + r * b.units + j);
        const Vec<T> dao = dh * tc * (o * (one - o));
        Vec<T> dc = fma<T>(dh * o, one - tc * tc, load(b.dc + r * b.units + j));
        if (PEEPHOLES) dc = fma<T>(dao, load(b.w->extra + 2 * b.units + j), dc);
        const Vec<T> dai = dc * g * (i * (one - i)), daf = dc * c_prev * (f * (one - f));
        const Vec<T> dag = dc * i * (one - g * g);
        Vec<T> dc_prev = dc * f;
        if (PEEPHOLES) {
          dc_prev = fma<T>(dai, load(b.w->extra + j), dc_prev);
          dc_prev = fma<T>(daf, load(b.w->extra + b.units + j), dc_prev);
        }
        store(da, dai), store(da + W, daf), store(da + 2 * W, dag), store(da + 3 * W, dao);
        store(b.dc + r * b.units + j, dc_prev);
      }
    }
    if (b.carry) state_back(b, b.inner, b.w->hh_back, Start::zero);
  }

  // d peephole (3, hidden): i and f saw the cell before, o the cell after.
  static void extra_gradient(Pick pick, int64_t hidden, const T* da, int64_t lda, const T* const* c_prev, const T* c,
                             const T*, int64_t ld, T* gradient) {
    constexpr int64_t W = kWidth<T>;
    const int slot[3] = {0, 1, 3};
    for (int p = 0; p < extras; p++) {
      for (int64_t j = 0; j < hidden; j += W) {
        Vec<T> sum{};
        for (int64_t i = 0; i < pick.count; i++) {
          const int64_t m = pick.index[i];
          sum = fma<T>(load(da + (m - pick.first) * lda + 4 * j + slot[p] * W),
                       load(p < 2 ? c_prev[m] + j : c + m * ld + j), sum);
        }
        for (int64_t i = 0; i < W && j + i < hidden; i++) gradient[p * hidden + j + i] += sum[i];
      }
    }
  }
};

}  // namespace elman::ELMAN_ISA
