// Compiled once for each instruction set (ELMAN_ISA), each time in its own namespace; only the table's name leaves this
// object.
#include "math/optim.h"
#include "math/ranking.h"
#include "math/sampling.h"
#include "shard/shard.h"
#include "shard/steps.h"
#include "smoothing/smooth.h"

namespace elman::ELMAN_ISA {

template <class T>
constexpr Table<T> table() {
  return {packed_bytes<T>,
          pack<T>,
          tape_bytes<T>,
          lay_tape<T>,
          scratch_bytes<T>,
          lay_scratch<T>,
          forward<T>,
          read_output<T>,
          read_state<T>,
          read_source<T>,
          sequence_bytes,
          loss_backward<T>,
          backward<T>,
          add<T>,
          sum_squares<T>,
          clip_value<T>,
          scale<T>,
          optimise<T>,
          spread<T>,
          uniform,
          sequence_losses<T>,
          log_probabilities<T>,
          sum_of_logs,
          step_bytes<T>,
          lay_step<T>,
          step<T>,
          step_output<T>,
          step_shares<T>,
          memory_bytes<T>,
          pack_memories<T>,
          part_size<T>,
          input_parts<T>,
          rank<T>};
}

#define ELMAN_STRING_(x) #x
#define ELMAN_STRING(x) ELMAN_STRING_(x)

extern const Kernels kernels;
const Kernels kernels = {
    ELMAN_STRING(ELMAN_ISA), &caches, table<float>(), table<double>(), {kSeriesLanes, smoothing_bytes, smooth}};

}  // namespace elman::ELMAN_ISA
