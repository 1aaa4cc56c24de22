// The loop over a block of updates, for anything that gives a value and a gradient; reference/updates/update.py is the
// same loop.
#pragma once

#include <algorithm>
#include <cmath>

#include "engine/requests.h"
#include "engine/rows.h"
#include "kernels.h"

namespace elman {

// Theta and the arrays in which the optimiser remembers something of each entry. Both change in place.
template <class T>
struct Weights {
  T* theta;         // (P,)
  T* const* slots;  // each (P,)
  int n_slots;      // two at most
};

// f(where it begins in theta, gradient, count) for all that has a gradient: theta before its tables, and single rows.
template <class T, class F>
void each_piece(const Program& p, GradientSum<T>& gradient, F f) {
  f(int64_t(0), gradient.dense(), p.dense);
  for (int32_t i = 0; i < p.n_tables; i++) {
    const RowTable& place = p.tables[i];
    RowSum<T>& rows = gradient.tables[size_t(i)];
    for (int64_t k = 0; k < rows.count(); k++) {
      f(place.offset + rows.row(k) * place.width, rows.values() + k * place.width, place.width);
    }
  }
}

// f(gradient, count) for the same, all rows of a table at once.
template <class T, class F>
void each_array(const Program& p, GradientSum<T>& gradient, F f) {
  f(gradient.dense(), p.dense);
  for (int32_t i = 0; i < p.n_tables; i++) {
    RowSum<T>& rows = gradient.tables[size_t(i)];
    f(rows.values(), rows.count() * p.tables[i].width);
  }
}

// f(segment, begin, end) for every segment's part of theta's entries from `at` on.
template <class T, class F>
void each_segment(const Constraints<T>& c, int64_t at, int64_t count, F f) {
  for (int64_t s = 0; s < c.segments; s++) {
    const int64_t begin = std::max(c.starts[s], at), end = std::min(c.starts[s + 1], at + count);
    if (begin < end) f(s, begin, end);
  }
}

// Has the weights of all rows with a gradient, and what the optimiser remembers of them, fetched from memory: in a
// large table each lies on a page of its own, and one after the other they would be waited for.
template <class T>
void fetch_rows(const Program& p, GradientSum<T>& gradient, const Weights<T>& w) {
  constexpr int64_t line = 64 / sizeof(T);
  for (int32_t i = 0; i < p.n_tables; i++) {
    const RowTable& place = p.tables[i];
    for (int64_t k = 0; k < gradient.tables[size_t(i)].count(); k++) {
      const int64_t at = place.offset + gradient.tables[size_t(i)].row(k) * place.width;
      for (int64_t j = 0; j < place.width; j += line) {
        __builtin_prefetch(w.theta + at + j, 1);
        for (int s = 0; s < w.n_slots; s++) __builtin_prefetch(w.slots[s] + at + j, 1);
      }
    }
  }
}

// Sets the gradient of what can't move to 0, so that it is no part of the norm either.
template <class T>
void hold(const Constraints<T>& c, int64_t at, T* gradient, int64_t count) {
  each_segment(c, at, count, [&](int64_t s, int64_t begin, int64_t end) {
    if (c.factors[s] == 0) std::fill(gradient + (begin - at), gradient + (end - at), T(0));
  });
  for (int64_t i = 0; c.lower && i < count; i++) {
    if (c.lower[at + i] == c.upper[at + i]) gradient[i] = T(0);
  }
}

// Takes the optimiser's step `number` (1, 2, ...) for theta's entries from `at` on, segment by segment, and then the
// bounds.
template <class T>
void optimise(const Table<T>& table, const Optimizer& optimizer, const Constraints<T>& c, const Weights<T>& w,
              int64_t at, const T* gradient, int64_t count, double rate, int64_t number) {
  const auto step = [&](const Optimizer& own, int64_t begin, int64_t end, double own_rate) {
    T* parts[2] = {};
    for (int k = 0; k < w.n_slots; k++) parts[k] = w.slots[k] + begin;
    table.optimise(own, w.theta + begin, parts, gradient + (begin - at), end - begin, own_rate, number);
  };
  if (c.segments == 0) return step(optimizer, at, at + count, rate);
  each_segment(c, at, count, [&](int64_t s, int64_t begin, int64_t end) {
    if (c.factors[s] == 0) return;
    Optimizer own = optimizer;
    if (!c.decays[s]) own.weight_decay = 0;
    step(own, begin, end, rate * c.factors[s]);
  });
  for (int64_t i = at; c.lower && i < at + count; i++) {
    w.theta[i] = w.theta[i] < c.lower[i] ? c.lower[i] : w.theta[i] > c.upper[i] ? c.upper[i] : w.theta[i];
  }
}

// Makes the updates of a block, `step` updates having been made before, and returns how many were made: the first whose
// loss or norm is not finite is not applied, and ends the block. value_and_gradient(u, GradientSum<T>** gradient)
// returns the loss of update u and sets where its gradient lies. Of the tables, rows alone whose gradient is not 0
// change.
template <class T, class F>
int64_t run_updates(const Program& p, const Table<T>& table, const UpdateRule& rule, const Constraints<T>& constraints,
                    const Weights<T>& w, int64_t step, const Records& records, F value_and_gradient, double* losses,
                    double* norms) {
  for (int64_t u = 0; u < records.updates; u++) {
    GradientSum<T>* gradient;
    losses[u] = value_and_gradient(u, &gradient);
    each_piece(p, *gradient, [&](int64_t at, T* g, int64_t n) { hold(constraints, at, g, n); });
    for (int32_t i = 0; i < p.n_tables; i++) gradient->tables[size_t(i)].drop_zeros(p.tables[i].width);
    double squares = 0;
    each_array(p, *gradient, [&](T* g, int64_t n) {
      if (rule.clip_value > 0) table.clip_value(g, n, rule.clip_value);
      squares += table.sum_squares(g, n);
    });
    norms[u] = std::sqrt(squares);
    if (!std::isfinite(losses[u]) || !std::isfinite(norms[u])) return u;
    if (rule.clip_norm > 0 && norms[u] > rule.clip_norm) {
      each_array(p, *gradient, [&](T* g, int64_t n) { table.scale(g, n, rule.clip_norm / norms[u]); });
    }
    fetch_rows(p, *gradient, w);
    each_piece(p, *gradient, [&](int64_t at, const T* g, int64_t n) {
      optimise(table, rule.optimizer, constraints, w, at, g, n, records.rates[u], step + u + 1);
    });
  }
  return records.updates;
}

}  // namespace elman
