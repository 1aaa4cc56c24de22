// Optimisers: one update of theta and of what the optimiser remembers; reference/updates/optim.py states the equations.
// And the sums and scalings of gradients that go with it.
#pragma once

#include "math/simd.h"
#include "program.h"

namespace elman::ELMAN_ISA {

// Plain loops: the compiler makes vectors of them.
template <class T>
void optimise(const Optimizer& o, T* __restrict theta, T* const* slots, const T* __restrict g, int64_t n, double rate,
              int64_t step) {
  const T lr = T(rate), eps = T(o.eps);
  switch (o.kind) {
    case OptimizerKind::sgd: {
      if (o.momentum == 0) {
        for (int64_t i = 0; i < n; i++) theta[i] -= lr * g[i];
        return;
      }
      T* __restrict velocity = slots[0];
      const T momentum = T(o.momentum);
      for (int64_t i = 0; i < n; i++) {
        velocity[i] = momentum * velocity[i] + g[i];
        theta[i] -= lr * velocity[i];
      }
      return;
    }
    case OptimizerKind::rmsprop: {
      T* __restrict square = slots[0];
      const T decay = T(o.decay), rest = T(1 - o.decay);
      for (int64_t i = 0; i < n; i++) {
        square[i] = decay * square[i] + rest * (g[i] * g[i]);
        theta[i] -= lr * g[i] / (square_root(square[i]) + eps);
      }
      return;
    }
    case OptimizerKind::adagrad: {
      T* __restrict square = slots[0];
      for (int64_t i = 0; i < n; i++) {
        square[i] += g[i] * g[i];
        theta[i] -= lr * g[i] / (square_root(square[i]) + eps);
      }
      return;
    }
    case OptimizerKind::adam:
    case OptimizerKind::adamw: {
      T* __restrict mean = slots[0], * __restrict square = slots[1];
      double power1 = 1, power2 = 1;  // beta^step by squaring: exact enough, and the same on every machine
      double b1 = o.beta1, b2 = o.beta2;
      for (int64_t k = step; k > 0; k >>= 1, b1 *= b1, b2 *= b2) {
        if (k & 1) power1 *= b1, power2 *= b2;
      }
      const T beta1 = T(o.beta1), rest1 = T(1 - o.beta1), beta2 = T(o.beta2), rest2 = T(1 - o.beta2);
      const T size = T(rate / (1 - power1)), correction = T(1 / __builtin_sqrt(1 - power2));
      const T shrink = o.kind == OptimizerKind::adamw ? T(1 - rate * o.weight_decay) : T(1);
      for (int64_t i = 0; i < n; i++) {
        mean[i] = beta1 * mean[i] + rest1 * g[i];
        square[i] = beta2 * square[i] + rest2 * (g[i] * g[i]);
        theta[i] = shrink * theta[i] - size * mean[i] / (square_root(square[i]) * correction + eps);
      }
      return;
    }
  }
}

template <class T>
void add(T* __restrict a, const T* __restrict b, int64_t n) {
  for (int64_t i = 0; i < n; i++) a[i] += b[i];
}

// In double, over partial sums in a fixed order: so many that their additions do not wait for one another.
template <class T>
double sum_squares(const T* g, int64_t n) {
  constexpr int parts = 16;
  double part[parts] = {};
  int64_t i = 0;
  for (; i + parts <= n; i += parts) {
    for (int k = 0; k < parts; k++) part[k] += double(g[i + k]) * double(g[i + k]);
  }
  for (; i < n; i++) part[i % parts] += double(g[i]) * double(g[i]);
  for (int half = parts / 2; half > 0; half /= 2) {
    for (int k = 0; k < half; k++) part[k] += part[k + half];
  }
  return part[0];
}

template <class T>
void clip_value(T* g, int64_t n, double limit) {
  const T high = T(limit), low = T(-limit);
  for (int64_t i = 0; i < n; i++) g[i] = g[i] > high ? high : g[i] < low ? low : g[i];
}

template <class T>
void scale(T* g, int64_t n, double factor) {
  const T f = T(factor);
  for (int64_t i = 0; i < n; i++) g[i] *= f;
}

}  // namespace elman::ELMAN_ISA
