// The softmax of one row of numbers and its derivative, a vector at a time; and their logarithms.
#pragma once

#include "math/activations.h"

namespace elman::ELMAN_ISA {

// Returns the highest of a (count,), and fills a to whole vectors with -infinity.
template <class T>
T highest_of(T* a, int64_t count) {
  constexpr int64_t W = kWidth<T>;
  const int64_t all = padded<T>(count);
  for (int64_t s = count; s < all; s++) a[s] = T(-__builtin_inf());
  Vec<T> highest = load(a);
  for (int64_t s = W; s < all; s += W) {
    const Vec<T> v = load(a + s);
    highest = v > highest ? v : highest;
  }
  T most = highest[0];
  for (int64_t l = 1; l < W; l++) most = highest[l] > most ? highest[l] : most;
  return most;
}

// a (count,) <- softmax(a), with zeros behind it to whole vectors.
template <class T>
void softmax(T* a, int64_t count) {
  constexpr int64_t W = kWidth<T>;
  const int64_t all = padded<T>(count);
  const T most = highest_of(a, count);
  Vec<T> sum{};
  for (int64_t s = 0; s < all; s += W) {
    const Vec<T> e = exp_negative<T>(load(a + s) - splat(most));
    store(a + s, e);
    sum = sum + e;
  }
  const Vec<T> scale = splat(T(1) / sum_lanes<T>(sum));
  for (int64_t s = 0; s < all; s += W) store(a + s, load(a + s) * scale);
}

// da (count,), the gradient of a = softmax(score), becomes that of the scores.
template <class T>
void softmax_back(const T* a, T* da, int64_t count) {
  Vec<T> sum{};
  for (int64_t s = 0; s < count; s += kWidth<T>) sum = fma<T>(load(a + s), load(da + s), sum);
  const Vec<T> mean = splat(sum_lanes<T>(sum));
  for (int64_t s = 0; s < count; s += kWidth<T>) store(da + s, load(a + s) * (load(da + s) - mean));
}

// a (count,) <- log softmax(a), with zeros behind it to whole vectors.
template <class T>
void log_softmax(T* a, int64_t count) {
  constexpr int64_t W = kWidth<T>;
  const int64_t all = padded<T>(count);
  const T most = highest_of(a, count);
  Vec<T> sum{};
  for (int64_t s = 0; s < all; s += W) sum += exp_negative<T>(load(a + s) - splat(most));
  const T log = T(log_positive(double(sum_lanes<T>(sum))));
  for (int64_t s = 0; s < all; s += W) store(a + s, load(a + s) - splat(most) - splat(log));
  for (int64_t s = count; s < all; s++) a[s] = T(0);
}

// log_p (count,) <- log softmax(a), in double, with room to whole vectors.
template <class T>
void log_probabilities(const T* a, int64_t count, double* log_p) {
  for (int64_t s = 0; s < count; s++) log_p[s] = double(a[s]);
  log_softmax(log_p, count);
}

// log(e^a + e^b), where -infinity is the logarithm of 0.
inline double sum_of_logs(double a, double b) {
  const double most = a > b ? a : b, least = a > b ? b : a;
  return least == -__builtin_inf() ? most : most + log1p_positive(exp_negative(most - least));
}

// log_p (count,) <- the gradient by a of what has d (count,) by log softmax(a); d may be null: 0.
template <class T>
void log_softmax_back(T* log_p, int64_t count, const T* d, T total) {
  constexpr int64_t W = kWidth<T>;
  for (int64_t s = 0; s < padded<T>(count); s += W) {
    store(log_p + s, Vec<T>{} - splat(total) * exp_negative<T>(load(log_p + s)));
  }
  for (int64_t s = 0; d && s < count; s++) log_p[s] += d[s];
}

}  // namespace elman::ELMAN_ISA
