// The engine's arguments beside data, named as in core/requests.py: what decides the value and the gradient of a batch,
// how a gradient changes theta, and which updates a block holds.
#pragma once

#include <cstdint>
#include <optional>

#include "program.h"

namespace elman {

struct Objective {
  Loss loss;
  double activity_penalty;  // times the mean of h^2 over all recurrent units and valid steps is added
  int64_t truncate;         // no gradient of a state passes from step truncate * j back to the one before; 0: all do
  int64_t recompute;        // > 0: the way forward keeps the states of every so many steps, and computes the rest again
  int64_t shard_size;       // rows whose gradients are summed together
  std::optional<uint64_t> seed;  // of what dropout, zoneout and noise draw; none: nothing is drawn

  // Returns the same data with the draws of update `number`.
  Data drawing(Data data, int64_t number) const {
    if (seed) data.draws = 1, data.key = {*seed, uint32_t(number)};
    return data;
  }
};

struct UpdateRule {
  Optimizer optimizer;
  double clip_norm, clip_value;  // 0: none
};

// Limits on how an update may change theta, as reference/updates/constraints.py defines them. Without segments there
// are none.
template <class T>
struct Constraints {
  int64_t segments;
  const int64_t* starts;   // (segments + 1,)
  const double* factors;   // (segments,)
  const uint8_t* decays;   // (segments,)
  const T *lower, *upper;  // (P,), or null
};

// Some neighbouring ones of the shards into which an update's rows are cut.
struct Shards {
  const int64_t* rows;  // (n,), all rows of the update; null: 0 to n - 1
  int64_t n, first, count;
};

// A block of updates.
struct Records {
  const int64_t* rows;    // the rows of all updates, one update after the other
  const int64_t* starts;  // (updates + 1,): update u takes rows[starts[u]] to rows[starts[u + 1]], the last not
  const double* rates;    // (updates,)
  int64_t updates;
  // Updates on consecutive windows of the rows' time, the state carried from one to the next; where `window` is 0, on
  // whole rows.
  int64_t window;                // steps of a window
  const int64_t* window_starts;  // (updates,): where each update's begins; 0 begins from the data's state again
  void* const* carry;            // each (n, size)
};

}  // namespace elman
