// Gated recurrent unit: r, z = sigmoid(.), h_t = (1 - z) n + z h_{t-1}. With the reset after the product (PyTorch) n =
// tanh(W_in x + b_n + r (W_hn h + b_hn)); with the reset before it (the 2014 paper) n = tanh(W_in x + b_n + W_hn (r
// h)). reference/gru.py has the derivation.
#pragma once

#include "cell.h"

namespace elman::ELMAN_ISA {

// Slots n_x, r, z, n_h: the input fills the first three, the state the last three.
template <class T>
struct GRUAfterCell {
  static constexpr int slots = 4, states = 1, extras = 1;
  static constexpr Product input{{3, {2, 0, 1}}, 0}, hidden{{3, {0, 1, 2}}, 1};
  static constexpr bool aux = false, second = false;

  static void forward(const Forward<T>& f) {
    constexpr int64_t W = kWidth<T>;
    const Vec<T> one = splat(T(1));
    for (int64_t r = 0; r < f.rows; r++) {
      for (int64_t j = 0; j < f.units; j += W) store(f.a + r * f.lda + 4 * j + 3 * W, load(f.w->extra + j));
    }
    gates_product<4, 3, 1>(Gathered<T>{f.h_prev}, f.rows, f.hidden, f.w->hh, f.units, f.a, f.lda, (const T*)nullptr,
                           Start::add);
    for (int64_t row = 0; row < f.rows; row++) {
      for (int64_t j = 0; j < f.units; j += W) {
        T* a = f.a + row * f.lda + 4 * j;
        const Vec<T> r = sigmoid<T>(load(a + W)), z = sigmoid<T>(load(a + 2 * W));
        const Vec<T> n = tanh<T>(fma<T>(r, load(a + 3 * W), load(a)));
        store(a, n), store(a + W, r), store(a + 2 * W, z);
        store(f.h + row * f.units + j, fma<T>(z, load(f.h_prev[row] + j), (one - z) * n));
      }
    }
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
    gates_back<4, 3, 1>(b.da, b.lda, b.rows, b.units, b.w->hh_back, b.hidden, b.dh, b.units, Start::add);
  }

  // d bias_hn (hidden,)
  static void extra_gradient(int64_t rows, int64_t, int64_t hidden, const T* da, int64_t lda, const T* const*, const T*,
                             T* gradient) {
    column_sum(da, lda, Interleaved{4 * kWidth<T>, 3 * kWidth<T>}, hidden, rows, gradient);
  }
};

// Slots r, z, n; the candidate's product reads r h, so it waits for the reset gate: a second product.
template <class T>
struct GRUBeforeCell {
  static constexpr int slots = 3, states = 1, extras = 0;
  static constexpr Product input{{3, {0, 1, 2}}, 0}, hidden{{2, {0, 1}}, 0}, hidden2{{1, {2}}, 2};
  static constexpr bool aux = true, second = true;

  static void forward(const Forward<T>& f) {
    constexpr int64_t W = kWidth<T>;
    const Vec<T> one = splat(T(1));
    gates_product<3, 2, 0>(Gathered<T>{f.h_prev}, f.rows, f.hidden, f.w->hh, f.units, f.a, f.lda, (const T*)nullptr,
                           Start::add);
    for (int64_t row = 0; row < f.rows; row++) {
      for (int64_t j = 0; j < f.units; j += W) {
        T* a = f.a + row * f.lda + 3 * j;
        const Vec<T> r = sigmoid<T>(load(a));
        store(a, r), store(a + W, sigmoid<T>(load(a + W)));
        store(f.aux + row * f.units + j, r * load(f.h_prev[row] + j));
      }
    }
    gates_product<3, 1, 2>(Strided<T>{f.aux, f.units}, f.rows, f.hidden, f.w->hh2, f.units, f.a, f.lda,
                           (const T*)nullptr, Start::add);
    for (int64_t row = 0; row < f.rows; row++) {
      for (int64_t j = 0; j < f.units; j += W) {
        T* a = f.a + row * f.lda + 3 * j;
        const Vec<T> z = load(a + W), n = tanh<T>(load(a + 2 * W));
        store(a + 2 * W, n);
        store(f.h + row * f.units + j, fma<T>(z, load(f.h_prev[row] + j), (one - z) * n));
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
    gates_back<3, 1, 2>(b.da, b.lda, b.rows, b.units, b.w->hh2_back, b.hidden, b.temp, b.units, Start::zero);
    for (int64_t row = 0; row < b.rows; row++) {
      for (int64_t j = 0; j < b.units; j += W) {
        const Vec<T> r = load(b.a + row * b.lda + 3 * j), drh = load(b.temp + row * b.units + j);
        store(b.da + row * b.lda + 3 * j, drh * load(b.h_prev[row] + j) * (r * (one - r)));
        store(b.dh + row * b.units + j, fma<T>(drh, r, load(b.dh + row * b.units + j)));
      }
    }
    gates_back<3, 2, 0>(b.da, b.lda, b.rows, b.units, b.w->hh_back, b.hidden, b.dh, b.units, Start::add);
  }
};

}  // namespace elman::ELMAN_ISA
