// The highest of a row of numbers, and their log probabilities by its softmax.
#pragma once

#include "math/softmax.h"

namespace elman::ELMAN_ISA {

template <class T>
ELMAN_INLINE bool any(IVec<T> lanes) {
  uint64_t words[kWords], all = 0;
  memcpy(words, &lanes, sizeof words);
  ELMAN_UNROLL
  for (int i = 0; i < kWords; i++) all |= words[i];
  return all != 0;
}

// Whether none of a (n,) is NaN or infinite.
template <class T>
bool all_finite(const T* a, int64_t n) {
  Vec<T> zeros{};
  int64_t i = 0;
  for (; i + kWidth<T> <= n; i += kWidth<T>) zeros = zeros + (load(a + i) - load(a + i));
  T zero = sum_lanes<T>(zeros);
  for (; i < n; i++) zero += a[i] - a[i];
  return zero == 0;
}

// ids (k,) <- the places of the k highest of a (n,), the highest first, of equal ones the first; `without`, if it is
// not -1, is none of them; there are at least k others. log_p (k,) <- a's log softmax there. a has room to a whole
// vector, which is written. Returns false, and nothing else, where a number is NaN or infinite.
template <class T>
bool rank(T* a, int64_t n, int64_t k, int64_t without, int64_t* ids, double* log_p) {
  constexpr int64_t W = kWidth<T>, kTogether = 4;
  if (!all_finite(a, n)) return false;
  const T most = highest_of(a, n);
  const int64_t all = padded<T>(n);
  Vec<T> sums[2] = {};
  int64_t i = 0;
  for (; i + 2 * W <= all; i += 2 * W) {
    sums[0] = sums[0] + exp_negative<T>(load(a + i) - splat(most));
    sums[1] = sums[1] + exp_negative<T>(load(a + i + W) - splat(most));
  }
  if (i < all) sums[0] = sums[0] + exp_negative<T>(load(a + i) - splat(most));
  const double log = log_positive(double(sum_lanes<T>(sums[0] + sums[1])));

  int64_t found = 0;
  const auto offer = [&](int64_t at) {
    if (at == without || (found == k && !(a[at] > a[ids[k - 1]]))) return;
    int64_t place = found < k ? found++ : k - 1;
    for (; place > 0 && a[at] > a[ids[place - 1]]; place--) ids[place] = ids[place - 1];
    ids[place] = at;
  };
  i = 0;
  for (; i < n && found < k; i++) offer(i);
  for (; i + kTogether * W <= n; i += kTogether * W) {
    const Vec<T> bound = splat(a[ids[k - 1]]);
    IVec<T> above = load(a + i) > bound;
    ELMAN_UNROLL
    for (int64_t v = 1; v < kTogether; v++) above |= load(a + i + v * W) > bound;
    if (!any<T>(above)) continue;
    for (int64_t l = 0; l < kTogether * W; l++) offer(i + l);
  }
  for (; i < n; i++) offer(i);
  for (int64_t j = 0; j < k; j++) log_p[j] = (double(a[ids[j]]) - double(most)) - log;
  return true;
}

}  // namespace elman::ELMAN_ISA
