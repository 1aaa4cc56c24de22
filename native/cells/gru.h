// Gated recurrent unit: r, z = sigmoid(.), h_t = (1 - z) n + z h_{t-1}. With the reset after the product (PyTorch) n =
// tanh(W_in x + b_n + r (W_hn h + b_hn)); with the reset before it (the 2014 paper) n = tanh(W_in x + b_n + W_hn (r
// h)). reference/gru.py has the derivation.
#pragma once

#include "cells/cell.h"

namespace elman::ELMAN_ISA {

// Slots n_x, r, z, n_h: the input fills the first three, the state the last three; n_h begins with b_hn.
template <class T>
struct GRUAfterCell {
  static constexpr int states = 1, extras = 1, own = 0;
  static constexpr Gates input{4, 0, 3, {2, 0, 1}}, hidden{4, 1, 3, {0, 1, 2}};
  static constexpr bool aux = false, gates = true, second = false, norm = false;

  ELMAN_INLINE static void activate(const Forward<T>& f, int64_t row, int64_t j, const Vec<T>* a) {
    constexpr int64_t W = kWidth<T>;
    const Vec<T> r = sigmoid<T>(a[1]), z = sigmoid<T>(a[2]), n = tanh<T>(fma<T>(r, a[3], a[0]));
    store(f.h + row * f.ld + j, fma<T>(z, load(f.h_prev[row] + j), (splat(T(1)) - z) * n));
    if (!f.keep) return;
    T* gates = f.a + row * f.lda + 4 * j;
    store(gates, n), store(gates + W, r), store(gates + 2 * W, z), store(gates + 3 * W, a[3]);
  }

  static void backward(const Backward<T>& b) {
    constexpr int64_t W = kWidth<T>;
    const Vec<T> one = splat(T(1));
    for (int64_t row = 0; row < b.rows; row++) {
      for (int64_t j = 0; j < b.units; j += W) {
        const T* a = b.a + row * b.lda + 4 * j;
        T* da = b.da + row * b.lda + 4 * j;
        const Vec<T> n = load(a), r = load(a + W), z = load(a + 2 * W), nh = load(a + 3 * W);
        const Vec<T> dh = load(b.dout + row * b.ldd + j) + load(b.dh + row * b.units + j);
        const Vec<T> dan = dh * (one - z) * (one - n * n);
        const Vec<T> daz = dh * (load(b.h_prev[row] + j) - n) * (z * (one - z));
        store(da, dan), store(da + W, dan * nh * (r * (one - r))), store(da + 2 * W, daz), store(da + 3 * W, dan * r);
        store(b.dh + row * b.units + j, dh * z);
      }
    }
    if (b.carry) state_back(b, b.inner, b.w->hh_back, Start::add);
  }

  // d bias_hn (hidden,)
  static void extra_gradient(Pick pick, int64_t hidden, const T* da, int64_t lda, const T* const*, const T*, const T*,
                             int64_t, T* gradient) {
    bias_gradient(da, lda, Gates{4, 3, 1, {0}}, hidden, pick, gradient);
  }
};

// Slots r, z, n; the candidate's product reads r h, so it waits for the reset gate: a second product.
template <class T>
struct GRUBeforeCell {
  static constexpr int states = 1, extras = 0, own = 0;
  static constexpr Gates input{3, 0, 3, {0, 1, 2}}, hidden{3, 0, 2, {0, 1}}, hidden2{3, 2, 1, {2}};
  static constexpr bool aux = true, gates = true, second = true, norm = false;

  ELMAN_INLINE static void activate(const Forward<T>& f, int64_t row, int64_t j, const Vec<T>* a) {
    constexpr int64_t W = kWidth<T>;
    const Vec<T> r = sigmoid<T>(a[0]);
    T* gates = f.a + row * f.lda + 3 * j;
    store(gates, r), store(gates + W, sigmoid<T>(a[1])), store(gates + 2 * W, a[2]);
    store(f.aux + row * f.ld + j, r * load(f.read[row] + j));
  }

  static void finish(const Forward<T>& f) {
    constexpr int64_t W = kWidth<T>;
    gates_product<1>(Strided<T>{f.aux, f.ld}, f.rows, f.hidden, f.w->hh2, f.units, hidden2, f.a, f.lda,
                     (const T*)nullptr, Start::add);
    for (int64_t row = 0; row < f.rows; row++) {
      for (int64_t j = 0; j < f.units; j += W) {
        T* a = f.a + row * f.lda + 3 * j;
        const Vec<T> z = load(a + W), n = tanh<T>(load(a + 2 * W));
        store(a + 2 * W, n);
        store(f.h + row * f.ld + j, fma<T>(z, load(f.h_prev[row] + j), (splat(T(1)) - z) * n));
      }
    }
  }

  static void backward(const Backward<T>& b) {
    constexpr int64_t W = kWidth<T>;
    const Vec<T> one = splat(T(1));
    for (int64_t row = 0; row < b.rows; row++) {
      for (int64_t j = 0; j < b.units; j += W) {
        const T* a = b.a + row * b.lda + 3 * j;
        T* da = b.da + row * b.lda + 3 * j;
        const Vec<T> z = load(a + W), n = load(a + 2 * W);
        const Vec<T> dh = load(b.dout + row * b.ldd + j) + load(b.dh + row * b.units + j);
        store(da + W, dh * (load(b.h_prev[row] + j) - n) * (z * (one - z)));
        store(da + 2 * W, dh * (one - z) * (one - n * n));
        store(b.dh + row * b.units + j, dh * z);
      }
    }
    gates_back(b.da, b.lda, b.rows, b.inner2, b.w->hh2_back, b.hidden, b.temp, b.units, Start::zero);
    for (int64_t row = 0; row < b.rows; row++) {
      for (int64_t j = 0; j < b.units; j += W) {
        const Vec<T> r = load(b.a + row * b.lda + 3 * j), drh = load(b.temp + row * b.units + j);
        const Vec<T> mask = b.mask ? load(b.mask + row * b.units + j) : one;
        store(b.da + row * b.lda + 3 * j, drh * load(b.read[row] + j) * (r * (one - r)));
        store(b.dh + row * b.units + j, fma<T>(drh * mask, r, load(b.dh + row * b.units + j)));
      }
    }
    if (b.carry) state_back(b, b.inner, b.w->hh_back, Start::add);
  }
};

}  // namespace elman::ELMAN_ISA
