// A network as the native core runs it: whole batches and blocks of updates. Pointers and strides only; module.cpp has
// checked every array before.
#pragma once

#include "engine/isa.h"
#include "engine/sums.h"

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

// How an update may change theta: reference/constraints.py says what these are. No segments: freely.
template <class T>
struct Rules {
  int64_t segments;
  const int64_t* starts;   // (segments + 1,)
  const double* factors;   // (segments,)
  const uint8_t* decays;   // (segments,)
  const T *lower, *upper;  // (P,), or null
};

template <class T>
class Model;

// The memory of one call, kept for the next: calls from several threads at once each have their own.
template <class T>
struct Workspace {
  explicit Workspace(const Model<T>& m) : sums(m.program(), m.states(), m.table()) {}
  Cut cut;
  Block packed;
  Gradient<T> sums;
  // Of predictions: the weights that `ready` was packed from, and each thread's tape.
  std::vector<T> theta;
  Block ready;
  std::vector<Block> tapes;
};

// One workspace waits for the next call. No lock: a fork must not find one held.
template <class T>
class Workspaces {
 public:
  struct Return {
    Workspaces* home;
    void operator()(Workspace<T>* w) const {
      Workspace<T>* none = nullptr;
      const bool whole = std::uncaught_exceptions() == 0;  // what ran out of memory is half laid out
      if (!whole || !home->spare_.compare_exchange_strong(none, w)) delete w;
    }
  };
  using Borrowed = std::unique_ptr<Workspace<T>, Return>;

  ~Workspaces() { delete spare_.load(); }

  Borrowed borrow(const Model<T>& m) {
    Workspace<T>* w = spare_.exchange(nullptr);
    return Borrowed(w ? w : new Workspace<T>(m), Return{this});
  }

 private:
  std::atomic<Workspace<T>*> spare_{nullptr};
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
  const Table<T>& table() const { return table_; }
  const std::vector<int64_t>& states() const { return states_; }

  // The loss of the whole batch; gradient (P,) may be null.
  double loss(const T* theta, const Data& data, const Loss& loss, int64_t shard_size, int64_t truncate,
              int64_t recompute, T* gradient) const {
    Flush flush;
    const auto work = workspaces_.borrow(*this);
    work->cut.assign(data, nullptr, data.n, shard_size);
    pack(theta, work->packed, gradient != nullptr, false, moves(data));
    const double value =
        work->sums.compute(theta, work->packed, data, loss, work->cut, truncate, recompute, gradient != nullptr);
    if (gradient) std::memcpy(gradient, work->sums.result(), bytes());
    return value;
  }

  // Updates on consecutive windows of the rows' time, the state carried from one to the next. No steps: on the whole.
  struct Windows {
    int64_t steps;          // of a window
    const int64_t* starts;  // (updates,): where each update's begins; 0 begins from data.state again
    void* const* carry;     // each (n, size)
  };

  // A block of updates; returns how many were done: the first whose loss or norm is not finite is not applied, and ends
  // the block.
  int64_t update(T* theta, const Data& data, const Loss& loss, const Optim& optim, T* const* slots, int64_t step,
                 const int64_t* rows, const int64_t* starts, const double* rates, int64_t updates, Clip clip,
                 int64_t truncate, int64_t recompute, int64_t shard_size, const uint64_t* seed, const Rules<T>& rules,
                 const Windows& windows, double* losses, double* norms) const {
    Flush flush;
    const auto work = workspaces_.borrow(*this);
    std::vector<int64_t> left;
    for (int64_t u = 0; u < updates; u++) {
      const int64_t* picked = rows + starts[u];
      const int64_t count = starts[u + 1] - starts[u];
      Data now = windows.steps > 0 ? window(data, loss, windows, windows.starts[u], picked, count, left) : data;
      if (seed) now.draws = 1, now.key = {*seed, uint32_t(step + u)};
      work->cut.assign(now, picked, count, shard_size);
      pack(theta, work->packed, true, false, moves(now));
      losses[u] = work->sums.compute(theta, work->packed, now, loss, work->cut, truncate, recompute, true);
      T* gradient = work->sums.result();
      hold(rules, gradient);
      if (clip.value > 0) table_.clip_value(gradient, program_.size, clip.value);
      norms[u] = std::sqrt(table_.sum_squares(gradient, program_.size));
      if (!std::isfinite(losses[u]) || !std::isfinite(norms[u])) return u;
      if (clip.norm > 0 && norms[u] > clip.norm) table_.scale(gradient, program_.size, clip.norm / norms[u]);
      optimise(rules, optim, theta, slots, gradient, rates[u], step + u + 1);
    }
    return updates;
  }

  // y and the final states are filled for every row; y is zero past a row's length already. Time goes by in segments,
  // the state carried from one to the next, so memory does not grow with it.
  void predict(const T* theta, const Data& data, int64_t shard_size, T* y, T* const* state) const {
    Flush flush;
    const auto work = workspaces_.borrow(*this);
    Pool& pool = Pool::shared();
    work->cut.assign(data, nullptr, data.n, shard_size);
    if (work->theta.empty() || std::memcmp(work->theta.data(), theta, bytes()) != 0) {  // cheaper than packing
      work->theta.assign(theta, theta + program_.size);
      pack(theta, work->ready, false);
    }
    work->tapes.resize(std::max(work->tapes.size(), size_t(pool.threads())));
    const int64_t shards = work->cut.count();
    const int64_t together = shards_together(work->ready.size(), shard_size, shards, pool.threads());
    const int64_t tasks = (shards + together - 1) / together;
    pool.run(tasks, int(work->tapes.size()), [&](int64_t i, int thread) {
      Flush each;
      const int64_t first = work->cut.begin(i * together), rows = work->cut.rows_of(i * together, together);
      predict_rows(theta, work->ready, data, work->cut.rows.data() + first, work->cut.lengths.data() + first, rows,
                   work->tapes[size_t(thread)], y, state);
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
      const int64_t at = tape->cut.begin(i), rows = tape->cut.rows_of(i);
      const int64_t* lengths = tape->cut.lengths.data() + at;
      void* memory = tape->blocks[size_t(i)].reserve(table_.tape_bytes(program_, lengths, rows, true));
      Shard* s = table_.lay_tape(program_, lengths, rows, true, memory);
      table_.forward(s, program_, theta, packed.get(), data, tape->cut.rows.data() + at);
      table_.read_output(s, program_, y, data.steps);
      table_.read_state(s, program_, false, state);
      tape->shards[size_t(i)] = s;
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
    pack(theta, packed, true, dx != nullptr);
    const int64_t count = int64_t(tape.shards.size());
    std::vector<Block> parts(static_cast<size_t>(count));
    std::vector<Block> scratch(size_t(Pool::shared().threads()));
    Pool::shared().run(count, int(scratch.size()), [&](int64_t i, int thread) {
      Flush each;
      T* part = static_cast<T*>(parts[size_t(i)].reserve(bytes()));
      std::memset(part, 0, bytes());
      const Shard* s = tape.shards[size_t(i)];
      const int64_t rows = tape.cut.rows_of(i);
      void* memory = scratch[size_t(thread)].reserve(table_.scratch_bytes(s, program_, rows, dx != nullptr));
      table_.backward(s, program_, packed.get(), up, tape.steps, truncate,
                      table_.lay_scratch(s, program_, rows, dx != nullptr, memory), part, dx, dstate);
    });
    add_tree(parts, 0, count);
    std::memcpy(gradient, parts[0].get(), bytes());
  }

  // Longest first. A network of two directions takes all steps at once.
  void predict_rows(const T* theta, const Block& packed, Data data, const int64_t* rows, const int64_t* lengths,
                    int64_t n, Block& tape, T* y, T* const* state) const {
    constexpr size_t kSegmentBytes = size_t(1) << 21;
    const int64_t steps = lengths[0], total = data.steps;
    int64_t segment = steps;
    if (!both_directions()) {
      const std::vector<int64_t> once(size_t(n), 1);
      segment = std::max<int64_t>(16, int64_t(kSegmentBytes / table_.tape_bytes(program_, once.data(), n, false)));
    }
    std::vector<int64_t> window(lengths, lengths + n);
    for (int64_t t = 0; t < steps; t += segment) {
      n = longer_than(lengths, n, t);
      for (int64_t r = 0; r < n; r++) window[size_t(r)] = std::min(segment, lengths[r] - t);
      void* memory = tape.reserve(table_.tape_bytes(program_, window.data(), n, false));
      Shard* s = table_.lay_tape(program_, window.data(), n, false, memory);
      table_.forward(s, program_, theta, packed.get(), data, rows);
      table_.read_output(s, program_, program_.last ? y : y + t * program_.out, total);
      table_.read_state(s, program_, false, state);
      data.x = later(program_, data, Loss{}, sizeof(T), segment).x;
      data.state = reinterpret_cast<const void* const*>(state);
    }
  }

  void pack(const T* theta, Block& packed, bool backward, bool dx = false, bool moves = true) const {
    table_.pack(program_, theta, packed.reserve(table_.packed_bytes(program_, backward, dx)), backward, dx, moves);
  }

 private:
  // A single step from a state of zero multiplies no state.
  bool moves(const Data& data) const {
    return data.steps > 1 || data.state ||
           std::any_of(ops_.begin(), ops_.end(), [](const Op& op) { return op.learned != 0; });
  }

  // The window that begins at step t of the picked rows; `left` keeps their lengths in it.
  Data window(const Data& data, const Loss& loss, const Windows& windows, int64_t t, const int64_t* picked,
              int64_t count, std::vector<int64_t>& left) const {
    Data now = later(program_, data, loss, sizeof(T), t);
    now.first = 0;
    now.steps = std::min(windows.steps, data.steps - t);
    now.carry = windows.carry;
    if (t > 0) now.state = windows.carry;
    if (!data.lengths) return now;
    left.resize(size_t(data.n));
    for (int64_t i = 0; i < count; i++) {
      left[size_t(picked[i])] = std::min(now.steps, data.lengths[picked[i]] - t);
    }
    now.lengths = left.data();
    return now;
  }

  // What can't move has no gradient, so that it is no part of the norm either.
  void hold(const Rules<T>& rules, T* gradient) const {
    for (int64_t s = 0; s < rules.segments; s++) {
      if (rules.factors[s] == 0) std::fill(gradient + rules.starts[s], gradient + rules.starts[s + 1], T(0));
    }
    for (int64_t i = 0; rules.lower && i < program_.size; i++) {
      if (rules.lower[i] == rules.upper[i]) gradient[i] = T(0);
    }
  }

  void optimise(const Rules<T>& rules, const Optim& optim, T* theta, T* const* slots, const T* gradient, double rate,
                int64_t number) const {
    if (rules.segments == 0) return table_.optimise(optim, theta, slots, gradient, program_.size, rate, number);
    for (int64_t s = 0; s < rules.segments; s++) {
      if (rules.factors[s] == 0) continue;
      const int64_t at = rules.starts[s], count = rules.starts[s + 1] - at;
      Optim own = optim;
      if (!rules.decays[s]) own.weight_decay = 0;
      T* parts[2] = {};  // an optimiser has two slots at most
      for (int k = 0; k < own.slots; k++) parts[k] = slots[k] + at;
      table_.optimise(own, theta + at, parts, gradient + at, count, rate * rules.factors[s], number);
    }
    for (int64_t i = 0; rules.lower && i < program_.size; i++) {
      theta[i] = theta[i] < rules.lower[i] ? rules.lower[i] : theta[i] > rules.upper[i] ? rules.upper[i] : theta[i];
    }
  }
  size_t bytes() const { return size_t(program_.size) * sizeof(T); }
  bool both_directions() const {
    return std::any_of(ops_.begin(), ops_.end(), [](const Op& op) { return op.directions == 2; });
  }

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
  mutable Workspaces<T> workspaces_;
};

}  // namespace elman
