// Gated recurrent unit: r, z = sigmoid(.), h_t = (1 - z) n + z h_{t-1}. With the reset after the product (PyTorch) n =
// tanh(W_in x + b_n + r (W_hn h + b_hn)); with the reset before it (the 2014 paper) n = tanh(W_in x + b_n + W_hn (r
// h)). reference/gru.py has the derivation.
#pragma once

#include "cells/cell.h"

namespace elman::ELMAN_ISA {

// The gates of W units of one row, or their pre-activations, as they lie in a tape: (3, W).
template <class T>
struct GRUGates {
  Vec<T> r, z, n;

  ELMAN_INLINE static GRUGates from(const T* a) {
    constexpr int64_t W = kWidth<T>;
    return {load(a), load(a + W), load(a + 2 * W)};
  }
  ELMAN_INLINE void to(T* a) const {
    constexpr int64_t W = kWidth<T>;
    store(a, r), store(a + W, z), store(a + 2 * W, n);
  }
};

// The same with the reset after the product, (4, W): the candidate's two products, n from x and n_h from h, lie apart.
template <class T>
struct GRUAfterGates {
  Vec<T> n, r, z, n_h;

  ELMAN_INLINE static GRUAfterGates from(const T* a) {
    constexpr int64_t W = kWidth<T>;
    return {load(a), load(a + W), load(a + 2 * W), load(a + 3 * W)};
  }
  ELMAN_INLINE void to(T* a) const {
    constexpr int64_t W = kWidth<T>;
    store(a, n), store(a + W, r), store(a + 2 * W, z), store(a + 3 * W, n_h);
  }
};

// The input's product fills n, r and z, the state's fills r, z and n_h; n_h begins with b_hn, the one row of extra.
template <class T>
struct GRUAfterCell {
  static constexpr int states = 1, extras = 1, own = 0;
  static constexpr Gates input{4, 0, 3, {2, 0, 1}}, hidden{4, 1, 3, {0, 1, 2}};
  static constexpr bool gates = true, second = false, norm = false;

  ELMAN_INLINE static void activate(const Forward<T>& f, int64_t row, int64_t j, const Vec<T>* sums) {
    const GRUAfterGates<T> a{sums[0], sums[1], sums[2], sums[3]};
    const Vec<T> r = sigmoid<T>(a.r), z = sigmoid<T>(a.z), n = tanh<T>(fma<T>(r, a.n_h, a.n));
    store(f.h + row * f.ld + j, fma<T>(z, load(f.h_prev[row] + j), (splat(T(1)) - z) * n));
    if (!f.keep) return;
    GRUAfterGates<T>{n, r, z, a.n_h}.to(f.a + row * f.lda + 4 * j);
  }

  static void backward(const Backward<T>& b) {
    constexpr int64_t W = kWidth<T>;
    const Vec<T> one = splat(T(1));
    for (int64_t row = 0; row < b.rows; row++) {
      for (int64_t j = 0; j < b.units; j += W) {
        const auto [n, r, z, n_h] = GRUAfterGates<T>::from(b.a + row * b.lda + 4 * j);
        const Vec<T> dh = load(b.dout + row * b.ldd + j) + load(b.dh + row * b.units + j);
        const Vec<T> dan = dh * (one - z) * (one - n * n);
        const Vec<T> daz = dh * (load(b.h_prev[row] + j) - n) * (z * (one - z));
        GRUAfterGates<T>{dan, dan * n_h * (r * (one - r)), daz, dan * r}.to(b.da + row * b.lda + 4 * j);
        store(b.dh + row * b.units + j, dh * z);
      }
    }
    if (b.carry) state_back(b, Start::add);
  }

  // d bias_hn (hidden,)
  static void extra_gradient(const Summed<T>& s, T* gradient) {
    bias_gradient(s.da, s.lda, Gates{4, 3, 1, {0}}, s.hidden, s.pick, gradient);  // of n_h alone
  }
};

// The candidate's product reads r h, so it waits for the reset gate: a second product.
template <class T>
struct GRUBeforeCell {
  static constexpr int states = 1, extras = 0, own = 0;
  static constexpr Gates input{3, 0, 3, {0, 1, 2}}, hidden{3, 0, 2, {0, 1}}, hidden2{3, 2, 1, {2}};
  static constexpr bool gates = true, second = true, norm = false;

  // Leaves the candidate before its tanh, and without the second product's part.
  ELMAN_INLINE static void activate(const Forward<T>& f, int64_t row, int64_t j, const Vec<T>* sums) {
    const GRUGates<T> a{sums[0], sums[1], sums[2]};
    const Vec<T> r = sigmoid<T>(a.r);
    GRUGates<T>{r, sigmoid<T>(a.z), a.n}.to(f.a + row * f.lda + 3 * j);
    store(f.reset_h + row * f.ld + j, r * load(f.read[row] + j));
  }

  static void forward(const Forward<T>& f) {
    constexpr int64_t W = kWidth<T>;
    cell_forward(f);
    gates_product(strided<T>(f.reset_h, f.ld), f.rows, f.hidden, f.w->hh2, f.units, hidden2, f.a, f.lda,
                  (const T*)nullptr, Start::add);
    for (int64_t row = 0; row < f.rows; row++) {
      for (int64_t j = 0; j < f.units; j += W) {
        T* to = f.a + row * f.lda + 3 * j;
        GRUGates<T> a = GRUGates<T>::from(to);
        a.n = tanh<T>(a.n);
        a.to(to);
        store(f.h + row * f.ld + j, fma<T>(a.z, load(f.h_prev[row] + j), (splat(T(1)) - a.z) * a.n));
      }
    }
  }

  static void backward(const Backward<T>& b) {
    constexpr int64_t W = kWidth<T>;
    const Vec<T> one = splat(T(1));
    for (int64_t row = 0; row < b.rows; row++) {
      for (int64_t j = 0; j < b.units; j += W) {
        const auto [r, z, n] = GRUGates<T>::from(b.a + row * b.lda + 3 * j);
        const Vec<T> dh = load(b.dout + row * b.ldd + j) + load(b.dh + row * b.units + j);
        const Vec<T> daz = dh * (load(b.h_prev[row] + j) - n) * (z * (one - z)), dan = dh * (one - z) * (one - n * n);
        GRUGates<T>{Vec<T>{}, daz, dan}.to(b.da + row * b.lda + 3 * j);  // the reset gate's comes below
        store(b.dh + row * b.units + j, dh * z);
      }
    }
    gates_back(b.da, b.lda, b.rows, b.inner2, b.w->hh2_back, b.hidden, b.temp, b.units, Start::zero);
    for (int64_t row = 0; row < b.rows; row++) {
      for (int64_t j = 0; j < b.units; j += W) {
        const Vec<T> r = GRUGates<T>::from(b.a + row * b.lda + 3 * j).r, drh = load(b.temp + row * b.units + j);
        const Vec<T> mask = b.mask ? load(b.mask + row * b.units + j) : one;
        store(b.da + row * b.lda + 3 * j, drh * load(b.read[row] + j) * (r * (one - r)));
        store(b.dh + row * b.units + j, fma<T>(drh * mask, r, load(b.dh + row * b.units + j)));
      }
    }
    if (b.carry) state_back(b, Start::add);
  }
};

}  // namespace elman::ELMAN_ISA
