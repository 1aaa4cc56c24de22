// The loop over a block of updates, for anything that gives a value and a gradient; reference/updates/update.py is the
// same loop.
#pragma once

#include <algorithm>
#include <cmath>

#include "engine/requests.h"
#include "kernels.h"

namespace elman {

// Theta and the arrays in which the optimiser remembers something of each entry. Both change in place.
template <class T>
struct Weights {
  T* theta;  // (P,)
  int64_t size;
  T* const* slots;  // each (P,)
  int n_slots;      // two at most
};

// Sets the gradient of what can't move to 0, so that it is no part of the norm either.
template <class T>
void hold(const Constraints<T>& c, T* gradient, int64_t size) {
  for (int64_t s = 0; s < c.segments; s++) {
    if (c.factors[s] == 0) std::fill(gradient + c.starts[s], gradient + c.starts[s + 1], T(0));
  }
  for (int64_t i = 0; c.lower && i < size; i++) {
    if (c.lower[i] == c.upper[i]) gradient[i] = T(0);
  }
}

// Takes the optimiser's step `number` (1, 2, ...), segment by segment, and then the bounds.
template <class T>
void optimise(const Table<T>& table, const Optimizer& optimizer, const Constraints<T>& c, const Weights<T>& w,
              const T* gradient, double rate, int64_t number) {
  if (c.segments == 0) return table.optimise(optimizer, w.theta, w.slots, gradient, w.size, rate, number);
  for (int64_t s = 0; s < c.segments; s++) {
    if (c.factors[s] == 0) continue;
    const int64_t at = c.starts[s], count = c.starts[s + 1] - at;
    Optimizer own = optimizer;
    if (!c.decays[s]) own.weight_decay = 0;
    T* parts[2] = {};
    for (int k = 0; k < w.n_slots; k++) parts[k] = w.slots[k] + at;
    table.optimise(own, w.theta + at, parts, gradient + at, count, rate * c.factors[s], number);
  }
  for (int64_t i = 0; c.lower && i < w.size; i++) {
    w.theta[i] = w.theta[i] < c.lower[i] ? c.lower[i] : w.theta[i] > c.upper[i] ? c.upper[i] : w.theta[i];
  }
}

// Makes the updates of a block, `step` updates having been made before, and returns how many were made: the first whose
// loss or norm is not finite is not applied, and ends the block. value_and_gradient(u, T** gradient) returns the loss
// of update u and sets where its gradient lies.
template <class T, class F>
int64_t run_updates(const Table<T>& table, const UpdateRule& rule, const Constraints<T>& constraints,
                    const Weights<T>& w, int64_t step, const Records& records, F value_and_gradient, double* losses,
                    double* norms) {
  for (int64_t u = 0; u < records.updates; u++) {
    T* gradient;
    losses[u] = value_and_gradient(u, &gradient);
    hold(constraints, gradient, w.size);
    if (rule.clip_value > 0) table.clip_value(gradient, w.size, rule.clip_value);
    norms[u] = std::sqrt(table.sum_squares(gradient, w.size));
    if (!std::isfinite(losses[u]) || !std::isfinite(norms[u])) return u;
    if (rule.clip_norm > 0 && norms[u] > rule.clip_norm) table.scale(gradient, w.size, rule.clip_norm / norms[u]);
    optimise(table, rule.optimizer, constraints, w, gradient, records.rates[u], step + u + 1);
  }
  return records.updates;
}

}  // namespace elman
