// Connectionist temporal classification of outputs that lie in an array: their loss, and the most probable labels.
#pragma once

#include <algorithm>
#include <vector>

#include "decoding/prefix_beam.h"
#include "engine/block.h"
#include "engine/threads/flush.h"
#include "engine/threads/pool.h"
#include "kernels.h"

namespace elman {

// The outputs of n sequences, contiguous.
template <class T>
struct Outputs {
  const T* at;  // (n, steps, classes)
  int64_t n, steps, classes;
  const int64_t* lengths;  // (n,), 1 to `steps`
  const T* row(int64_t i) const { return at + i * steps * classes; }
};

// values (n,) <- each row's loss; gradient (n, steps, classes), which may be null, <- its derivative within the
// lengths.
template <class T>
void ctc_loss(const Table<T>& table, const Loss& loss, const Outputs<T>& y, const int64_t* labels, int64_t most,
              const int64_t* counts, double* values, T* gradient) {
  std::vector<Block> rooms(size_t(Pool::shared().threads()));
  const size_t bytes = table.loss_bytes(loss, y.steps, y.classes, most);
  Pool::shared().run(y.n, int(rooms.size()), [&](int64_t i, int thread) {
    Flush flush;
    T* slope = gradient ? gradient + i * y.steps * y.classes : nullptr;
    table.sequence_losses(loss, y.row(i), slope, 1, y.steps, y.classes, y.lengths + i, labels + i * most, most,
                          counts + i, values + i, rooms[size_t(thread)].reserve(bytes));
  });
}

// For each row its `best` most probable labels among `beam` that are followed, the most probable first: labels
// (n, best, steps), how many these are (n, best), -1 where there are fewer, and the logarithm of their probability.
template <class T>
void ctc_beam(const Table<T>& table, const Outputs<T>& y, int64_t blank, int64_t beam, int64_t best, int64_t* labels,
              int64_t* counts, double* log_p) {
  Pool::shared().run(y.n, Pool::shared().threads(), [&](int64_t i, int) {
    Flush flush;
    PrefixBeam<T> search(table, y.classes, blank, beam);
    for (int64_t t = 0; t < y.lengths[i]; t++) search.step(y.row(i) + t * y.classes);
    for (int64_t k = 0; k < best; k++) {
      const int64_t at = i * best + k;
      counts[at] = search.read(k, labels + at * y.steps, log_p + at);
    }
  });
}

}  // namespace elman
