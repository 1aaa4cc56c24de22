// A network as the native core runs it: whole batches and blocks of updates. Pointers and strides only; module.cpp has
// checked every array before.
#pragma once

#include "isa.h"
#include "sums.h"

namespace elman {

template <class T>
const Table<T>& chosen_table();
template <>
inline const Table<float>& chosen_table<float>() {
  return chosen_kernels().f32;
}
template <>
inline const Table<double>& chosen_table<double>() {
  return chosen_kernels().f64;
}

// What a forward pass leaves for the way back, shard by shard.
template <class T>
struct Tape {
  Tape() = default;
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  Cut cut;
  int64_t n = 0, steps = 0;
  std::vector<Block> blocks;
  std::vector<const Shard*> shards;
};

struct Clip {
  double norm, value;  // 0: none
};

template <class T>
class Model {
 public:
  Model(std::vector<Op> ops, std::vector<int64_t> states, Program program)
      : ops_(std::move(ops)), states_(std::move(states)), program_(program), table_(chosen_table<T>()) {
    program_.ops = ops_.data();
    program_.n_ops = int32_t(ops_.size());
    program_.n_states = int32_t(states_.size());
  }
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  const Program& program() const { return program_; }
  const std::vector<int64_t>& states() const { return states_; }

  // The loss of the whole batch; gradient (P,) may be null.
  double loss(const T* theta, const Data& data, const Loss& loss, int64_t shard_size, int64_t truncate,
              T* gradient) const {
    Flush flush;
    Cut cut;
    cut.assign(data, nullptr, data.n, shard_size);
    Gradient<T> sums(program_, table_);
    Block packed;
    pack(theta, packed, gradient != nullptr);
    const double value = sums.compute(theta, packed.get(), data, loss, cut, truncate, gradient != nullptr);
    if (gradient) std::memcpy(gradient, sums.result(), bytes());
    return value;
  }

  // A block of updates; returns how many were done: the first whose loss or norm is not finite is not applied, and ends
  // the block.
  int64_t update(T* theta, const Data& data, const Loss& loss, const Optim& optim, T* const* slots, int64_t step,
                 const int64_t* rows, const int64_t* starts, const double* rates, int64_t updates, Clip clip,
                 int64_t truncate, int64_t shard_size, double* losses, double* norms) const {
    Flush flush;
    Cut cut;
    Gradient<T> sums(program_, table_);
    Block packed;
    for (int64_t u = 0; u < updates; u++) {
      cut.assign(data, rows + starts[u], starts[u + 1] - starts[u], shard_size);
      pack(theta, packed, true);
      losses[u] = sums.compute(theta, packed.get(), data, loss, cut, truncate, true);
      T* gradient = sums.result();
      if (clip.value > 0) table_.clip_value(gradient, program_.size, clip.value);
      norms[u] = std::sqrt(table_.sum_squares(gradient, program_.size));
      if (!std::isfinite(losses[u]) || !std::isfinite(norms[u])) return u;
      if (clip.norm > 0 && norms[u] > clip.norm) table_.scale(gradient, program_.size, clip.norm / norms[u]);
      table_.optimise(optim, theta, slots, gradient, program_.size, rates[u], step + u + 1);
    }
    return updates;
  }

  // y and the final states are filled for every row; y is zero past a row's length already.
  void predict(const T* theta, const Data& data, int64_t shard_size, T* y, T* const* state) const {
    Flush flush;
    Cut cut;
    cut.assign(data, nullptr, data.n, shard_size);
    Block packed;
    pack(theta, packed, false);
    std::vector<Block> tapes(size_t(Pool::shared().threads()));
    Pool::shared().run(cut.count(), int(tapes.size()), [&](int64_t i, int thread) {
      Flush each;
      run_shard(theta, packed, data, cut, i, tapes[size_t(thread)], y, state);
    });
  }

  std::unique_ptr<Tape<T>> forward(const T* theta, const Data& data, int64_t shard_size, T* y, T* const* state) const {
    Flush flush;
    auto tape = std::make_unique<Tape<T>>();
    tape->cut.assign(data, nullptr, data.n, shard_size);
    tape->n = data.n;
    tape->steps = data.steps;
    const int64_t count = tape->cut.count();
    tape->blocks.resize(size_t(count));
    tape->shards.resize(size_t(count));
    Block packed;
    pack(theta, packed, false);
    Pool::shared().run(count, Pool::shared().threads(), [&](int64_t i, int) {
      Flush each;
      tape->shards[size_t(i)] = run_shard(theta, packed, data, tape->cut, i, tape->blocks[size_t(i)], y, state);
    });
    return tape;
  }

  void hidden(const Tape<T>& tape, int32_t op, T* h) const {
    for (const Shard* s : tape.shards) table_.read_hidden(s, program_, op, h, tape.steps);
  }

  // gradient (P,) is summed along the tree; dx may be null.
  void backward(const T* theta, const Tape<T>& tape, const Upstream& up, int64_t truncate, T* gradient, T* dx,
                T* const* dstate) const {
    Flush flush;
    Block packed;
    pack(theta, packed, true);
    const int64_t count = int64_t(tape.shards.size());
    std::vector<Block> parts(static_cast<size_t>(count));
    std::vector<Block> scratch(size_t(Pool::shared().threads())), sketches(scratch.size());
    Pool::shared().run(count, int(scratch.size()), [&](int64_t i, int thread) {
      Flush each;
      T* part = static_cast<T*>(parts[size_t(i)].reserve(bytes()));
      std::memset(part, 0, bytes());
      const int64_t* lengths = tape.cut.lengths.data() + tape.cut.begin(i);
      const int64_t rows = tape.cut.rows_of(i);
      void* sketch = sketches[size_t(thread)].reserve(table_.tape_bytes(program_, lengths, rows));
      const size_t size = table_.scratch_bytes(program_, lengths, rows, dx != nullptr, sketch);
      table_.backward(tape.shards[size_t(i)], program_, packed.get(), up, tape.steps, truncate,
                      scratch[size_t(thread)].reserve(size), part, dx, dstate);
    });
    add_tree(parts, 0, count);
    std::memcpy(gradient, parts[0].get(), bytes());
  }

  void pack(const T* theta, Block& packed, bool backward) const {
    table_.pack(program_, theta, packed.reserve(table_.packed_bytes(program_, backward)), backward);
  }

  const Shard* run_shard(const T* theta, const Block& packed, const Data& data, const Cut& cut, int64_t i, Block& tape,
                         T* y, T* const* state) const {
    const int64_t at = cut.begin(i), rows = cut.rows_of(i);
    const int64_t* lengths = cut.lengths.data() + at;
    void* memory = tape.reserve(table_.tape_bytes(program_, lengths, rows));
    const Shard* s = table_.forward(program_, theta, packed.get(), data, cut.rows.data() + at, rows, lengths, memory);
    table_.read_output(s, program_, y, data.steps);
    table_.read_state(s, program_, state);
    return s;
  }

 private:
  size_t bytes() const { return size_t(program_.size) * sizeof(T); }

  void add_tree(std::vector<Block>& parts, int64_t lo, int64_t hi) const {
    if (hi - lo == 1) return;
    const int64_t mid = lo + tree_split(hi - lo);
    add_tree(parts, lo, mid);
    add_tree(parts, mid, hi);
    table_.add(static_cast<T*>(parts[size_t(lo)].get()), static_cast<T*>(parts[size_t(mid)].get()), program_.size);
  }

  std::vector<Op> ops_;
  std::vector<int64_t> states_;
  Program program_;
  const Table<T>& table_;
};

}  // namespace elman
