// Which outcome of a network's outputs comes next: by temperature, among the most probable alone where that is asked.
#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "kernels.h"

namespace elman {

struct Sampling {
  double temperature;  // 0: always the most probable
  int64_t top_k;       // among so many of the most probable
  double top_p;        // among the fewest of these whose probabilities have this sum
  uint64_t seed;
};

template <class T>
class Sampler {
 public:
  explicit Sampler(const Table<T>& table) : table_(table) {}

  // Draws one of n by its logits: number `step` of this row. -1 where they are not all numbers.
  int64_t pick(const Sampling& how, const T* logits, int64_t n, int64_t row, int64_t step) {
    if (how.temperature == 0) {
      const int64_t top = std::max_element(logits, logits + n) - logits;
      const bool known = std::none_of(logits, logits + n, [](T v) { return std::isnan(v); });
      return known ? top : -1;
    }
    p_.resize(size_t(n) + 16);
    table_.spread(logits, n, how.temperature, p_.data());
    double sum = std::accumulate(p_.begin(), p_.begin() + n, 0.0);
    if (!(sum < double(n) + 1)) return -1;
    const double u = table_.uniform(Key{how.seed, 0}, row, step);
    if (how.top_k >= n && how.top_p >= 1) return drawn(u * sum, n, [](int64_t i) { return i; });
    sum = keep(how, n, sum);
    return drawn(u * sum, int64_t(kept_.size()), [this](int64_t i) { return kept_[size_t(i)]; });
  }

 private:
  // The first of `count` outcomes with which the sum passes the bound; the last possible one where rounding leaves
  // none.
  template <class Nth>
  int64_t drawn(double bound, int64_t count, Nth nth) const {
    double sum = 0;
    int64_t last = nth(0);
    for (int64_t i = 0; i < count; i++) {
      const int64_t id = nth(i);
      if (p_[size_t(id)] > 0) last = id;
      sum += p_[size_t(id)];
      if (sum > bound) return id;
    }
    return last;
  }

  // kept_ <- the outcomes that may be drawn, the most probable first, of equal ones the lower; returns their sum.
  double keep(const Sampling& how, int64_t n, double sum) {
    const auto after = [this](int64_t a, int64_t b) {  // a comes after b
      return p_[size_t(a)] < p_[size_t(b)] || (p_[size_t(a)] == p_[size_t(b)] && a > b);
    };
    kept_.clear();
    order_.resize(size_t(n));
    std::iota(order_.begin(), order_.end(), int64_t(0));
    std::make_heap(order_.begin(), order_.end(), after);
    const auto next = [&] {
      std::pop_heap(order_.begin(), order_.end(), after);
      kept_.push_back(order_.back());
      order_.pop_back();
      return p_[size_t(kept_.back())];
    };
    const int64_t most = std::min(how.top_k, n);
    double found = 0;
    if (most < n) {
      while (int64_t(kept_.size()) < most) found += next();
      if (how.top_p >= 1) return found;
      sum = found, found = 0;
      size_t count = 0;
      while (count < kept_.size() && found < how.top_p * sum) found += p_[size_t(kept_[count++])];
      kept_.resize(count);
      return found;
    }
    while (int64_t(kept_.size()) < n && found < how.top_p * sum) found += next();
    return found;
  }

  const Table<T>& table_;
  std::vector<double> p_;
  std::vector<int64_t> order_, kept_;
};

}  // namespace elman
