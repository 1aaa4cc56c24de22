// The Elman cell: h_t = act(W_ih x_t + W_hh h_{t-1} + b), act tanh or relu. reference/simple.py has the derivation.
#pragma once

#include "cell.h"

namespace elman::ELMAN_ISA {

template <class T, bool RELU>
struct SimpleCell {
  static constexpr int slots = 1, states = 1, extras = 0;
  static constexpr Product input{{1, {0}}, 0}, hidden{{1, {0}}, 0};
  static constexpr bool aux = false, second = false;

  static void forward(const Forward<T>& f) {
    gates_product<1, 1, 0>(Gathered<T>{f.h_prev}, f.rows, f.hidden, f.w->hh, f.units, f.a, f.lda, (const T*)nullptr,
                           Start::add);
    for (int64_t r = 0; r < f.rows; r++) {
      for (int64_t j = 0; j < f.units; j += kWidth<T>) {
        const Vec<T> a = load(f.a + r * f.lda + j), zero{};
        store(f.h + r * f.units + j, RELU ? (a < zero ? zero : a) : tanh<T>(a));
      }
    }
  }

  static void backward(const Backward<T>& b) {
    const Vec<T> one = splat(T(1)), zero{};
    for (int64_t r = 0; r < b.rows; r++) {
      for (int64_t j = 0; j < b.units; j += kWidth<T>) {
        const Vec<T> dh = load(b.dout + r * b.ldd + j) + load(b.dh + r * b.units + j);
        const Vec<T> h = load(b.h + r * b.units + j);
        store(b.da + r * b.lda + j, RELU ? (h > zero ? dh : zero) : dh * (one - h * h));
      }
    }
    gates_back<1, 1, 0>(b.da, b.lda, b.rows, b.units, b.w->hh_back, b.hidden, b.dh, b.units, Start::zero);
  }
};

}  // namespace elman::ELMAN_ISA
