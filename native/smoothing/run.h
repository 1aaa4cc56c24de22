// Exponential smoothing of many series, in groups of as many as a vector has lanes, spread over the threads.
#pragma once

#include <vector>

#include "engine/block.h"
#include "engine/isa.h"
#include "engine/threads/flush.h"
#include "engine/threads/pool.h"

namespace elman {

// A series' results do not depend on the others, so neither on the threads.
inline void smooth(const Kernels& kernels, const SmoothingForm& form, const SmoothingSeries& series) {
  constexpr int64_t kTask = 8;  // groups: one alone is done before a thread has woken up
  const int64_t groups = (series.n + kernels.smoothing.lanes - 1) / kernels.smoothing.lanes;
  const size_t bytes = kernels.smoothing.bytes(series.steps, series.season);
  std::vector<Block> rooms(size_t(Pool::shared().threads()));
  Pool::shared().run((groups + kTask - 1) / kTask, int(rooms.size()), [&](int64_t task, int thread) {
    const Flush flush;
    void* const room = rooms[size_t(thread)].reserve(bytes);
    for (int64_t group = task * kTask; group < groups && group < (task + 1) * kTask; group++) {
      kernels.smoothing.smooth(form, series, group * kernels.smoothing.lanes, room);
    }
  });
}

}  // namespace elman
