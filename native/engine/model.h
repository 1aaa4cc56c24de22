// A network as the native core runs it: predictions, gradients and updates of whole batches. It takes pointers and
// strides; bindings/ has checked every array before.
#pragma once

#include "engine/isa.h"
#include "engine/kept.h"
#include "engine/link.h"
#include "engine/sums.h"
#include "engine/threads/team.h"
#include "engine/update.h"

namespace elman {

// What a forward pass leaves for the backward pass: one tape for each shard.
template <class T>
struct Tape {
  Tape() = default;
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  Cut cut;
  int64_t n = 0;
  std::vector<int64_t> steps;  // T of each axis
  std::vector<Block> blocks;
  std::vector<const Shard*> shards;
};

template <class T>
class Model;

// The memory of one call, kept for the next call. Calls that run at the same time have one each.
template <class T>
struct Workspace {
  explicit Workspace(const Model<T>& m)
      : sums(m.program(), m.states(), m.table()), targeted(m.targeted(), m.states(), m.table()) {}
  Cut cut;
  Block packed;
  Gradient<T> sums, targeted;  // targeted: of the program that computes its targets' outputs alone
  // Of predictions: the weights that `ready` was packed from, and each thread's tape.
  std::vector<T> theta;
  Block ready;
  std::vector<Block> tapes;
  std::vector<Block> scratch;  // of each thread on the way back through a tape
};

template <class T>
class Model {
 public:
  // size: number of parameters.
  Model(std::vector<Op> ops, std::vector<Input> inputs, std::vector<int64_t> states, int64_t size)
      : ops_(std::move(ops)),
        inputs_(std::move(inputs)),
        states_(std::move(states)),
        program_{},
        table_(chosen_table<T>()) {
    link(ops_, inputs_, program_);
    program_.ops = ops_.data();
    program_.n_ops = int32_t(ops_.size());
    program_.inputs = inputs_.data();
    program_.n_inputs = int32_t(inputs_.size());
    program_.n_states = int32_t(states_.size());
    tables_ = link_tables(ops_);
    program_.tables = tables_.data();
    program_.n_tables = int32_t(tables_.size());
    program_.size = program_.dense = size;
    for (const RowTable& table : tables_) program_.dense = std::min(program_.dense, table.offset);
    targeted_ops_ = ops_;
    targeted_ = program_;
    if (Op& end = targeted_ops_.back(); end.kind == LayerKind::adaptive_softmax) {
      end.targeted = targeted_.targeted = 1;
      end.out = targeted_.out = 1;
    }
    targeted_.ops = targeted_ops_.data();
  }
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  const Program& program() const { return program_; }
  // The same network, but that an adaptive softmax at its end computes the targets' outputs alone, which are all that
  // cross entropy needs.
  const Program& targeted() const { return targeted_; }
  const Table<T>& table() const { return table_; }
  const std::vector<int64_t>& states() const { return states_; }

  // T along an axis of time.
  int64_t width(const Data& data, int32_t axis) const {
    for (size_t i = 1; axis > 0 && i < inputs_.size(); i++) {
      if (inputs_[i].axis == axis) return data.others[i - 1].steps;
    }
    return data.x.steps;
  }

  // Returns the loss of the whole batch and fills gradient (P,), which may be null. Dropout, zoneout and noise draw as
  // in update `number`.
  double loss(const T* theta, const Data& data, const Objective& objective, int64_t number, T* gradient) const {
    return loss(theta, data, objective, number, Shards{nullptr, data.n, 0, data.n}, gradient);
  }

  // The same of some of the shards into which an update cuts its rows: what they add to its loss and its gradient.
  // Where they are a subtree of the tree along which shards are added, this is its sum.
  double loss(const T* theta, const Data& given, const Objective& objective, int64_t number, const Shards& shards,
              T* gradient) const {
    Flush flush;
    const StepTeam team;
    const Data data = team.with(objective.drawing(given, number), shards.n);
    const auto work = workspace();
    work->cut.assign(program_, data, shards.rows, shards.n, objective.shard_size);
    pack(theta, work->packed, {gradient != nullptr, false, moves(data), shards.n == 1});
    Gradient<T>& sums = sums_for(*work, objective);
    const auto scale = sums.scale(data, objective, work->cut);
    work->cut.keep(shards.first, std::min(shards.count, work->cut.count() - shards.first));
    const double value = sums.compute(theta, work->packed, data, objective, work->cut, scale, gradient != nullptr);
    if (gradient) sums.result().write(program_, gradient);
    return value;
  }

  // gradient += other, both (P,), as the sums of two subtrees are added.
  void add(T* gradient, const T* other) const {
    Flush flush;
    table_.add(gradient, other, program_.size);
  }

  // Makes one update, after `step` others, with a gradient (P,) from elsewhere, and returns whether it was made: where
  // loss and norm are finite. norm is set in any case.
  bool apply(T* theta, const T* gradient, double loss, const UpdateRule& rule, const Constraints<T>& constraints,
             T* const* slots, int n_slots, int64_t step, double rate, double* norm) const {
    Flush flush;
    GradientSum<T> sum(program_);
    sum.read(program_, gradient);
    const auto given = [&](int64_t, GradientSum<T>** to) {
      *to = &sum;
      return loss;
    };
    const Records one{nullptr, nullptr, &rate, 1, 0, nullptr, nullptr};
    return run_updates(program_, table_, rule, constraints, Weights<T>{theta, slots, n_slots}, step, one, given, &loss,
                       norm) == 1;
  }

  // Makes a block of updates of theta and slots, and returns how many were done (run_updates, update.h).
  int64_t update(T* theta, const Data& data, const Objective& objective, const UpdateRule& rule,
                 const Constraints<T>& constraints, T* const* slots, int n_slots, int64_t step, const Records& records,
                 double* losses, double* norms) const {
    Flush flush;
    const auto work = workspace();
    Gradient<T>& sums = sums_for(*work, objective);
    std::vector<int64_t> left;
    const StepTeam team;
    const auto value_and_gradient = [&](int64_t u, GradientSum<T>** gradient) {
      const int64_t* picked = records.rows + records.starts[u];
      const int64_t count = records.starts[u + 1] - records.starts[u];
      const Data drawn = team.with(objective.drawing(data, step + u), count);
      const Data now = records.window > 0 ? window(drawn, objective.loss, records, u, left) : drawn;
      work->cut.assign(program_, now, picked, count, objective.shard_size);
      pack(theta, work->packed, {true, false, moves(now), count == 1});
      const auto scale = sums.scale(now, objective, work->cut);
      const double value = sums.compute(theta, work->packed, now, objective, work->cut, scale, true);
      *gradient = &sums.result();
      return value;
    };
    const Weights<T> weights{theta, slots, n_slots};
    return run_updates(program_, table_, rule, constraints, weights, step, records, value_and_gradient, losses, norms);
  }

  // y and the final states are filled for every row; y is zero past a row's length already. Time goes by in segments,
  // the state carried from one to the next, so memory does not grow with it.
  void predict(const T* theta, const Data& data, int64_t shard_size, T* y, T* const* state) const {
    Flush flush;
    const auto work = workspace();
    Pool& pool = Pool::shared();
    work->cut.assign(program_, data, nullptr, data.n, shard_size);
    make_ready(theta, *work);
    work->tapes.resize(std::max(work->tapes.size(), size_t(pool.threads())));
    const StepTeam team;
    const Data shared = team.with(data, data.n);
    const int64_t shards = work->cut.count();
    const int64_t together = shards_together(work->ready.size(), shard_size, shards, pool.threads());
    const int64_t tasks = (shards + together - 1) / together;
    pool.run(tasks, int(work->tapes.size()), [&](int64_t i, int thread) {
      Flush each;
      const int64_t first = work->cut.begin(i * together), rows = work->cut.rows_of(i * together, together);
      predict_rows(theta, work->ready, shared, work->cut.rows.data() + first, work->cut.lengths_at(first), rows,
                   work->tapes[size_t(thread)], y, state);
    });
  }

  std::unique_ptr<Tape<T>> forward(const T* theta, const Data& data, int64_t shard_size, T* y, T* const* state) const {
    Flush flush;
    auto tape = std::make_unique<Tape<T>>();
    tape->cut.assign(program_, data, nullptr, data.n, shard_size);
    tape->n = data.n;
    for (int32_t axis = 0; axis < program_.n_axes; axis++) tape->steps.push_back(width(data, axis));
    const int64_t count = tape->cut.count();
    tape->blocks.resize(size_t(count));
    tape->shards.resize(size_t(count));
    const auto work = workspace();
    make_ready(theta, *work);
    const StepTeam team;
    const Data shared = team.with(data, data.n);
    Pool::shared().run(count, Pool::shared().threads(), [&](int64_t i, int) {
      Flush each;
      const int64_t at = tape->cut.begin(i), rows = tape->cut.rows_of(i);
      const Lengths lengths = tape->cut.lengths_at(at);
      void* memory = tape->blocks[size_t(i)].reserve(table_.tape_bytes(program_, lengths, rows, true));
      Shard* s = table_.lay_tape(program_, lengths, rows, true, memory);
      table_.forward(s, program_, theta, work->ready.get(), shared, tape->cut.rows.data() + at);
      table_.read_output(s, program_, y);
      table_.read_state(s, program_, false, state);
      tape->shards[size_t(i)] = s;
    });
    return tape;
  }

  void hidden(const Tape<T>& tape, int32_t op, T* h) const {
    for (const Shard* s : tape.shards) table_.read_source(s, program_, op, h);
  }

  // gradient (P,) is summed along the tree; dx has an array for each input, or null.
  void backward(const T* theta, const Tape<T>& tape, const Upstream& up, int64_t truncate, T* gradient, T* const* dx,
                T* const* dstate) const {
    Flush flush;
    const bool wanted = std::any_of(dx, dx + program_.n_inputs, [](const T* one) { return one != nullptr; });
    const auto work = workspace();
    pack(theta, work->packed, {true, wanted, true, tape.n == 1});
    const int64_t count = int64_t(tape.shards.size());
    std::vector<std::unique_ptr<GradientSum<T>>> parts(static_cast<size_t>(count));
    work->scratch.resize(std::max(work->scratch.size(), size_t(Pool::shared().threads())));
    Pool::shared().run(count, int(work->scratch.size()), [&](int64_t i, int thread) {
      Flush each;
      const Shard* s = tape.shards[size_t(i)];
      const int64_t rows = tape.cut.rows_of(i);
      auto part = std::make_unique<GradientSum<T>>(program_);
      part->open(program_, tape.cut.lengths_at(tape.cut.begin(i)), rows, false);
      void* memory = work->scratch[size_t(thread)].reserve(table_.scratch_bytes(s, program_, rows, wanted));
      table_.backward(s, program_, work->packed.get(), up, truncate,
                      table_.lay_scratch(s, program_, rows, wanted, memory), part->dense(), part->lists.data(), dx,
                      dstate);
      part->close(program_, table_);
      parts[size_t(i)] = std::move(part);
    });
    add_tree(parts, 0, count);
    parts[0]->write(program_, gradient);
  }

  // Predicts some rows, longest first.
  void predict_rows(const T* theta, const Block& packed, Data data, const int64_t* rows, Lengths lengths, int64_t n,
                    Block& tape, T* y, T* const* state) const {
    const auto advance = [&](Lengths now, int64_t t) {
      void* memory = tape.reserve(table_.tape_bytes(program_, now, n, false));
      Shard* s = table_.lay_tape(program_, now, n, false, memory);
      table_.forward(s, program_, theta, packed.get(), data, rows);
      table_.read_output(s, program_, program_.last ? y : y + t * program_.out);
      table_.read_state(s, program_, false, state);
    };
    if (program_.whole) return advance(lengths, 0);
    const int64_t steps = lengths.first[0], segment = segment_steps(table_, program_, n);
    std::vector<int64_t> window(static_cast<size_t>(n));
    for (int64_t t = 0; t < steps; t += segment) {
      n = longer_than(lengths.first, n, t);
      for (int64_t r = 0; r < n; r++) window[size_t(r)] = std::min(segment, lengths.first[r] - t);
      advance({window.data(), n}, t);
      data.x = later(program_, data, Loss{}, sizeof(T), segment).x;
      data.state = reinterpret_cast<const void* const*>(state);
    }
  }

  void pack(const T* theta, Block& packed, const Packing& packing) const {
    table_.pack(program_, theta, packed.reserve(table_.packed_bytes(program_, packing)), packing);
  }

 private:
  // Has the weights packed for the way forward, unless they are what they were in the last call: comparing is cheaper.
  void make_ready(const T* theta, Workspace<T>& work) const {
    const int64_t packed = program_.dense;  // tables are read where they are
    if (!work.theta.empty() && std::memcmp(work.theta.data(), theta, size_t(packed) * sizeof(T)) == 0) return;
    work.theta.assign(theta, theta + packed);
    pack(theta, work.ready, {false, false, true, false});
  }

  Gradient<T>& sums_for(Workspace<T>& work, const Objective& objective) const {
    const Loss& loss = objective.loss;
    const bool one = loss.kind == LossKind::cross_entropy && loss.label_smoothing == 0;
    return targeted_.targeted && one ? work.targeted : work.sums;
  }

  typename Kept<Workspace<T>>::Borrowed workspace() const {
    return workspaces_.borrow([this] { return new Workspace<T>(*this); });
  }

  // Whether any state has to be multiplied: a single step from a state of zero needs no product with it.
  bool moves(const Data& data) const {
    return data.x.steps > 1 || data.state || program_.whole ||
           std::any_of(ops_.begin(), ops_.end(), [](const Op& op) { return op.learned_state != 0; });
  }

  // The window of update u; `left` keeps its rows' lengths in it.
  Data window(const Data& data, const Loss& loss, const Records& records, int64_t u, std::vector<int64_t>& left) const {
    const int64_t t = records.window_starts[u];
    Data now = later(program_, data, loss, sizeof(T), t);
    now.first = 0;
    now.x.steps = std::min(records.window, data.x.steps - t);
    now.carry = records.carry;
    if (t > 0) now.state = records.carry;
    if (!data.x.lengths) return now;
    left.resize(size_t(data.n));
    for (int64_t i = records.starts[u]; i < records.starts[u + 1]; i++) {
      const int64_t row = records.rows[i];
      left[size_t(row)] = std::min(now.x.steps, data.x.lengths[row] - t);
    }
    now.x.lengths = left.data();
    return now;
  }

  void add_tree(std::vector<std::unique_ptr<GradientSum<T>>>& parts, int64_t lo, int64_t hi) const {
    if (hi - lo == 1) return;
    const int64_t mid = lo + tree_split(hi - lo);
    add_tree(parts, lo, mid);
    add_tree(parts, mid, hi);
    parts[size_t(lo)]->add(program_, *parts[size_t(mid)], table_);
  }

  std::vector<Op> ops_, targeted_ops_;
  std::vector<Input> inputs_;
  std::vector<int64_t> states_;
  std::vector<RowTable> tables_;
  Program program_, targeted_;
  const Table<T>& table_;
  mutable Kept<Workspace<T>> workspaces_;
};

}  // namespace elman
