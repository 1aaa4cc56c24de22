// The cells with layer normalisation: the two products are made for whole rows, normalised, and only then do the gates
// take them. reference/norm.py has the derivation. Each cell names the rows of `extra`; those of gain_ih and gain_hh
// are the first of a row for each gate.
#pragma once

#include "cells/gru.h"
#include "cells/lstm.h"
#include "cells/simple.h"

namespace elman::ELMAN_ISA {

constexpr double kNormEps = 1e-5;

// f(first element of a vector, its lanes that are units as 1, the others as 0) for a row of gates, block by block.
template <class T, class F>
ELMAN_INLINE void each_gate(int64_t units, int64_t hidden, int slots, F f) {
  constexpr int64_t W = kWidth<T>;
  const Vec<T> one = splat(T(1));
  for (int64_t j = 0; j < units; j += W) {
    Vec<T> real = one;
    for (int64_t lane = hidden - j; lane < W; lane++) real[lane] = T(0);
    for (int k = 0; k < slots; k++) f(j * slots + k * W, real);
  }
}

// Functions marked so handle rows whose sums overflow; they are kept out of line, so that other rows don't pay for
// them.
#define ELMAN_RARE __attribute__((noinline, cold))

// The sum of share times each number of a row.
template <class T>
ELMAN_RARE T mean_of_shares(const T* p, int64_t count, T share) {
  Vec<T> sum{};
  for (int64_t i = 0; i < count; i += kWidth<T>) sum = fma<T>(load(p + i), splat(share), sum);
  return sum_lanes<T>(sum);
}

// p <- p / deviation for a row whose squares overflow, as float's do from 1e19 on; returns 1 / deviation. The row is
// made smaller by a power of two first; beside such numbers kNormEps counts for nothing.
template <class T>
ELMAN_RARE T normalise_large(T* p, int64_t count, T share) {
  const T smaller = sizeof(T) == 4 ? T(0x1p-80) : T(0x1p-600);
  Vec<T> squares{};
  for (int64_t i = 0; i < count; i += kWidth<T>) {
    const Vec<T> small = load(p + i) * splat(smaller);
    squares = fma<T>(small, small, squares);
    store(p + i, small);
  }
  const T inverse = T(1) / square_root(sum_lanes<T>(squares) * share);
  for (int64_t i = 0; i < count; i += kWidth<T>) store(p + i, load(p + i) * splat(inverse));
  return inverse * smaller;
}

// Rows of slots * hidden numbers, zero in the padding: p <- (p - mean) * inverse, inverse <- 1 / deviation.
template <class T>
ELMAN_NOINLINE void normalise(T* p, int64_t ld, int64_t rows, int64_t units, int64_t hidden, int slots, T* inverse) {
  const T share = T(1) / T(slots * hidden);
  for (int64_t r = 0; r < rows; r++, p += ld) {
    Vec<T> sum{}, squares{};
    for (int64_t i = 0; i < units * slots; i += kWidth<T>) sum = sum + load(p + i);
    T middle = sum_lanes<T>(sum) * share;
    if (__builtin_expect(middle - middle != 0, 0)) middle = mean_of_shares(p, units * slots, share);
    const Vec<T> mean = splat(middle);
    each_gate<T>(units, hidden, slots, [&](int64_t i, Vec<T> real) {
      const Vec<T> centred = (load(p + i) - mean) * real;
      squares = fma<T>(centred, centred, squares);
      store(p + i, centred);
    });
    const T total = sum_lanes<T>(squares);
    if (__builtin_expect(total - total != 0, 0)) {  // infinite
      inverse[r] = normalise_large(p, units * slots, share);
      continue;
    }
    inverse[r] = T(1) / square_root(total * share + T(kNormEps));
    const Vec<T> factor = splat(inverse[r]);
    for (int64_t i = 0; i < units * slots; i += kWidth<T>) store(p + i, load(p + i) * factor);
  }
}

// d <- the gradient at the rows before it; d holds that at hat, zero in the padding.
template <class T>
ELMAN_NOINLINE void normalise_back(T* d, const T* hat, int64_t ld, int64_t rows, int64_t units, int64_t hidden,
                                   int slots, const T* inverse) {
  const T share = T(1) / T(slots * hidden);
  for (int64_t r = 0; r < rows; r++, d += ld, hat += ld) {
    Vec<T> sum{}, along{};
    for (int64_t i = 0; i < units * slots; i += kWidth<T>) {
      const Vec<T> slope = load(d + i);
      sum = sum + slope;
      along = fma<T>(slope, load(hat + i), along);
    }
    const Vec<T> mean = splat(sum_lanes<T>(sum) * share), part = splat(sum_lanes<T>(along) * share);
    const Vec<T> factor = splat(inverse[r]);
    each_gate<T>(units, hidden, slots, [&](int64_t i, Vec<T> real) {
      store(d + i, factor * real * (load(d + i) - mean - load(hat + i) * part));
    });
  }
}

// The part that all of these cells share. A cell adds `combine`, one row forward, and `part`, one row back.
template <class Cell, class T>
struct NormCell {
  static constexpr bool gates = true, second = false, norm = true;

  // Takes a step forward; scan.h has filled norm.x before.
  static void forward(const Forward<T>& f) {
    constexpr int slots = Cell::input.slots;
    if (f.rest) {
      for (int64_t r = 0; r < f.rows; r++) memset(f.norm.h + r * f.lda, 0, size_t(f.units * slots) * sizeof(T));
    } else {
      gates_product(gathered(f.read), f.rows, f.hidden, f.w->hh, f.units, Cell::hidden, f.norm.h, f.lda,
                    (const T*)nullptr, Start::zero);
    }
    normalise(f.norm.h, f.lda, f.rows, f.units, f.hidden, slots, f.norm.h_inverse);
    for (int64_t r = 0; r < f.rows; r++) Cell::combine(f, r);
  }

  static void backward(const Backward<T>& b) {
    constexpr int slots = Cell::input.slots;
    for (int64_t r = 0; r < b.rows; r++) Cell::part(b, r);
    normalise_back(b.da, b.norm.x, b.lda, b.rows, b.units, b.hidden, slots, b.norm.x_inverse);
    normalise_back(b.dah, b.norm.h, b.lda, b.rows, b.units, b.hidden, slots, b.norm.h_inverse);
    if (b.carry) state_back(b, Cell::passes ? Start::add : Start::zero);
  }

  // Gate k's pre-activation: x's part with the bias, and h's.
  ELMAN_INLINE static Vec<T> from_x(const Forward<T>& f, int64_t r, int64_t j, int k) {
    const int64_t i = j * Cell::input.slots + k * kWidth<T>;
    return fma<T>(load(f.norm.x + r * f.lda + i), f.extra(Cell::gain_ih + k, j), load(f.w->bias + i));
  }
  ELMAN_INLINE static Vec<T> from_h(const Forward<T>& f, int64_t r, int64_t j, int k) {
    return load(f.norm.h + r * f.lda + j * Cell::input.slots + k * kWidth<T>) * f.extra(Cell::gain_hh + k, j);
  }

  // Gate k's gradients at x's part and at h's: what the bias and the gains add up, and what goes on to the products.
  ELMAN_INLINE static void hand_back(const Backward<T>& b, int64_t r, int64_t j, int k, Vec<T> dx, Vec<T> dh) {
    const int64_t i = r * b.lda + j * Cell::input.slots + k * kWidth<T>;
    store(b.sums.bias + i, dx);
    store(b.sums.gain_ih + i, dx * load(b.norm.x + i));
    store(b.sums.gain_hh + i, dh * load(b.norm.h + i));
    store(b.da + i, dx * b.extra(Cell::gain_ih + k, j));
    store(b.dah + i, dh * b.extra(Cell::gain_hh + k, j));
  }

  // Adds the gradients of gains and of the cell's own rows.
  static void extra_gradient(const Summed<T>& s, T* extra) {
    bias_gradient(s.sums.gain_ih, s.lda, Cell::input, s.hidden, s.pick, extra + Cell::gain_ih * s.hidden);
    bias_gradient(s.sums.gain_hh, s.lda, Cell::input, s.hidden, s.pick, extra + Cell::gain_hh * s.hidden);
    for (int k = 0; k < Cell::own; k++) {
      bias_gradient(s.sums.own[k], s.ld, kPlain, s.hidden, s.pick, extra + (Cell::first_own + k) * s.hidden);
    }
  }
};

template <class T, ActivationKind A>
struct NormSimpleCell : NormCell<NormSimpleCell<T, A>, T> {
  static constexpr int states = 1, extras = 2, own = 0;
  static constexpr int gain_ih = 0, gain_hh = 1, first_own = 0;
  static constexpr Gates input = kPlain, hidden = kPlain;
  static constexpr bool passes = false;

  static void combine(const Forward<T>& f, int64_t r) {
    for (int64_t j = 0; j < f.units; j += kWidth<T>) {
      const Vec<T> a = NormSimpleCell::from_x(f, r, j, 0) + NormSimpleCell::from_h(f, r, j, 0);
      store(f.h + r * f.ld + j, activation<A, T>(with_noise(f, r, j, a)));
    }
  }

  static void part(const Backward<T>& b, int64_t r) {
    for (int64_t j = 0; j < b.units; j += kWidth<T>) {
      const Vec<T> dh = load(b.dout + r * b.ldd + j) + load(b.dh + r * b.units + j);
      const Vec<T> da = derivative<A, T>(dh, load(b.h + r * b.ld + j));
      NormSimpleCell::hand_back(b, r, j, 0, da, da);
    }
  }
};

template <class T>
struct NormGRUCell : NormCell<NormGRUCell<T>, T> {
  static constexpr int states = 1, extras = 7, own = 1;
  static constexpr int bias_hn = 0, gain_ih = 1, gain_hh = 4, first_own = bias_hn;
  static constexpr Gates input{3, 0, 3, {0, 1, 2}}, hidden = input;
  static constexpr bool passes = true;

  static void combine(const Forward<T>& f, int64_t row) {
    for (int64_t j = 0; j < f.units; j += kWidth<T>) {
      const Vec<T> r = sigmoid<T>(NormGRUCell::from_x(f, row, j, 0) + NormGRUCell::from_h(f, row, j, 0));
      const Vec<T> z = sigmoid<T>(NormGRUCell::from_x(f, row, j, 1) + NormGRUCell::from_h(f, row, j, 1));
      const Vec<T> q = NormGRUCell::from_h(f, row, j, 2) + f.extra(bias_hn, j);
      const Vec<T> n = tanh<T>(fma<T>(r, q, NormGRUCell::from_x(f, row, j, 2)));
      store(f.h + row * f.ld + j, fma<T>(z, load(f.h_prev[row] + j), (splat(T(1)) - z) * n));
      if (f.keep) GRUGates<T>{r, z, n}.to(f.a + row * f.lda + 3 * j);
    }
  }

  static void part(const Backward<T>& b, int64_t row) {
    constexpr int64_t W = kWidth<T>;
    const Vec<T> one = splat(T(1));
    for (int64_t j = 0; j < b.units; j += W) {
      const auto [r, z, n] = GRUGates<T>::from(b.a + row * b.lda + 3 * j);
      const Vec<T> hat = GRUGates<T>::from(b.norm.h + row * b.lda + 3 * j).n;
      const Vec<T> q = fma<T>(hat, b.extra(gain_hh + 2, j), b.extra(bias_hn, j));
      const Vec<T> dh = load(b.dout + row * b.ldd + j) + load(b.dh + row * b.units + j);
      const Vec<T> dan = dh * (one - z) * (one - n * n);
      const Vec<T> daz = dh * (load(b.h_prev[row] + j) - n) * (z * (one - z)), dar = dan * q * (r * (one - r));
      NormGRUCell::hand_back(b, row, j, 0, dar, dar);
      NormGRUCell::hand_back(b, row, j, 1, daz, daz);
      NormGRUCell::hand_back(b, row, j, 2, dan, dan * r);
      store(b.sums.own[0] + row * b.ld + j, dan * r);  // of bias_hn
      store(b.dh + row * b.units + j, dh * z);
    }
  }
};

template <class T>
struct NormLSTMCell : NormCell<NormLSTMCell<T>, T> {
  static constexpr int states = 2, extras = 10, own = 2;
  static constexpr int gain_ih = 0, gain_hh = 4, gain_c = 8, shift_c = 9, first_own = gain_c;
  static constexpr Gates input{4, 0, 4, {0, 1, 2, 3}}, hidden = input;
  static constexpr bool passes = false;

  static void combine(const Forward<T>& f, int64_t row) {
    constexpr int64_t W = kWidth<T>;
    T* gates = f.a + row * f.lda;
    T* hat = f.norm.c + row * f.ld;
    for (int64_t j = 0; j < f.units; j += W) {
      const auto sum = [&](int k) { return NormLSTMCell::from_x(f, row, j, k) + NormLSTMCell::from_h(f, row, j, k); };
      const LSTMGates<T> a{sum(0), sum(1), sum(2), sum(3)};
      const Vec<T> i = sigmoid<T>(a.i), forget = sigmoid<T>(a.f), g = tanh<T>(a.g);
      const Vec<T> c = fma<T>(forget, load(f.c_prev[row] + j), i * g);
      LSTMGates<T>{i, forget, g, sigmoid<T>(a.o)}.to(gates + 4 * j);
      store(f.c + row * f.ld + j, c), store(hat + j, c);
    }
    normalise(hat, f.ld, 1, f.units, f.hidden, 1, f.norm.c_inverse + row);
    for (int64_t j = 0; j < f.units; j += W) {
      const Vec<T> u = fma<T>(load(hat + j), f.extra(gain_c, j), f.extra(shift_c, j));
      store(f.h + row * f.ld + j, LSTMGates<T>::from(gates + 4 * j).o * tanh<T>(u));
    }
  }

  static void part(const Backward<T>& b, int64_t row) {
    constexpr int64_t W = kWidth<T>;
    const Vec<T> one = splat(T(1));
    const T *gates = b.a + row * b.lda, *hat = b.norm.c + row * b.ld;
    T *dgain = b.sums.own[0] + row * b.ld, *dshift = b.sums.own[1] + row * b.ld, *through = b.temp + row * b.units;
    for (int64_t j = 0; j < b.units; j += W) {
      const Vec<T> gain = b.extra(gain_c, j), c_hat = load(hat + j);
      const Vec<T> tc = tanh<T>(fma<T>(c_hat, gain, b.extra(shift_c, j)));
      const Vec<T> dh = load(b.dout + row * b.ldd + j) + load(b.dh + row * b.units + j);
      const Vec<T> o = LSTMGates<T>::from(gates + 4 * j).o, dao = dh * tc * (o * (one - o));
      const Vec<T> d = dh * o * (one - tc * tc);
      store(dshift + j, d), store(dgain + j, d * c_hat), store(through + j, d * gain);
      NormLSTMCell::hand_back(b, row, j, 3, dao, dao);
    }
    normalise_back(through, hat, b.units, 1, b.units, b.hidden, 1, b.norm.c_inverse + row);
    for (int64_t j = 0; j < b.units; j += W) {
      const auto [i, f, g, o] = LSTMGates<T>::from(gates + 4 * j);
      const Vec<T> dc = load(b.dc + row * b.units + j) + load(through + j);
      const Vec<T> dai = dc * g * (i * (one - i)), dag = dc * i * (one - g * g);
      const Vec<T> daf = dc * load(b.c_prev[row] + j) * (f * (one - f));
      NormLSTMCell::hand_back(b, row, j, 0, dai, dai);
      NormLSTMCell::hand_back(b, row, j, 1, daf, daf);
      NormLSTMCell::hand_back(b, row, j, 2, dag, dag);
      store(b.dc + row * b.units + j, dc * f);
    }
  }
};

}  // namespace elman::ELMAN_ISA
