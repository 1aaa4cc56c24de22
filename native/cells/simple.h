// The Elman cell: h_t = act(W_ih x_t + W_hh h_{t-1} + b), act tanh or relu. reference/simple.py has the derivation.
#pragma once

#include "cell.h"

namespace elman::ELMAN_ISA {

template <class T, bool RELU>
struct SimpleCell {
  static constexpr int states = 1, extras = 0;
  static constexpr Gates input{1, 0, 1, {0}}, hidden = input;
  static constexpr bool aux = false, second = false;

  ELMAN_INLINE static void activate(const Forward<T>& f, int64_t row, int64_t j, const Vec<T>* a) {
    const Vec<T> zero{};
    store(f.h + row * f.ld + j, RELU ? (a[0] < zero ? zero : a[0]) : tanh<T>(a[0]));
  }

  static void backward(const Backward<T>& b) {
    const Vec<T> one = splat(T(1)), zero{};
    for (int64_t r = 0; r < b.rows; r++) {
      for (int64_t j = 0; j < b.units; j += kWidth<T>) {
        const Vec<T> dh = load(b.dout + r * b.ldd + j) + load(b.dh + r * b.units + j);
        const Vec<T> h = load(b.h + r * b.ld + j);
        store(b.da + r * b.lda + j, RELU ? (h > zero ? dh : zero) : dh * (one - h * h));
      }
    }
    if (b.carry) gates_back(b.da, b.lda, b.rows, b.inner, b.w->hh_back, b.hidden, b.dh, b.units, Start::zero);
  }
};

}  // namespace elman::ELMAN_ISA
