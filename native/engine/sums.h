// Sums of losses and gradients over shards. Any thread may compute a shard; the results are added along a fixed binary
// tree over the shard index, so the bits do not depend on the number of threads.
#pragma once

#include <memory>

#include "engine/cut.h"
#include "engine/requests.h"
#include "engine/rows.h"
#include "engine/threads/flush.h"
#include "engine/threads/pool.h"
#include "kernels.h"

namespace elman {

// Largest power of two below n (n >= 2): where the tree splits.
inline int64_t tree_split(int64_t n) {
  int64_t half = 1;
  while (2 * half < n) half *= 2;
  return half;
}

// Returns how many neighbouring shards go through time together: one where the packed weights, half of which a step
// reads, fit into the second-level cache; else as many as leave work for every thread, up to 64 rows, or 128 where each
// step fetches the weights from memory. Rows don't depend on each other, so the number changes no bit.
inline int64_t shards_together(size_t packed_bytes, int64_t shard_rows, int64_t shards, int threads) {
  const Caches& caches = *chosen_kernels().caches;
  const int64_t bytes = int64_t(packed_bytes);
  const int64_t rows = bytes <= 2 * caches.l2 ? shard_rows : bytes <= caches.l3 ? 64 : 128;
  int64_t together = 1;
  while (2 * together * shard_rows <= rows && 2 * together * threads <= shards) together *= 2;
  return together;
}

// Computes shards' losses and gradients and adds them up. Its memory is kept from call to call.
template <class T>
class Gradient {
 public:
  Gradient(const Program& p, const std::vector<int64_t>& states, const Table<T>& table)
      : p_(p), states_(states), table_(table) {}

  // What the terms of a loss are scaled by, which all rows of an update decide together.
  struct Scale {
    double normaliser, activity_unit;  // what the loss is divided by; what h^2 of one unit at one step counts
  };
  Scale scale(const Data& data, const Objective& objective, const Cut& cut) const {
    return {normaliser<T>(p_, data, objective.loss, cut), activity_unit(objective, cut)};
  }

  // Returns the loss of the cut's rows. With `want_gradient`, its gradient lies in result() until the next call.
  // `packed` holds theta, packed.
  double compute(const T* theta, const Block& packed, const Data& data, const Objective& objective, const Cut& cut,
                 const Scale& scale, bool want_gradient) {
    const int threads = Pool::shared().threads();
    if (size_t(threads) > crew_.size()) crew_.resize(size_t(threads));
    const Job job{theta, packed.get(), data, objective, cut, scale, want_gradient};
    const int64_t shards = cut.count();
    const int64_t together = shards_together(packed.size(), cut.size, shards, threads);
    int64_t block = together;  // aligned blocks of shards are subtrees, so a task may sum one alone
    while ((shards + block - 1) / block > kTasks) block *= 2;
    const int64_t tasks = (shards + block - 1) / block;
    sums_.resize(size_t(tasks));
    const auto work = [&](int64_t task, int thread) {
      Flush flush;
      Worker& w = crew_[size_t(thread)];
      const int64_t end = std::min(shards, (task + 1) * block);
      for (int64_t s = task * block; s < end; s += together) {
        add_shards(w, thread, job, s, std::min(together, end - s));
      }
      Sum sum = std::move(w.stack.back());
      w.stack.pop_back();
      while (!w.stack.empty()) join(w, sum);
      sums_[size_t(task)] = std::move(sum.part);
    };
    if (tasks == 1) {
      work(0, 0);
    } else {
      Pool::shared().run(tasks, int(crew_.size()), work);
    }
    if (want_gradient && tasks > 1) add_partials(tasks);
    const double total = tree_loss(0, tasks);
    if (want_gradient) {
      for (int64_t i = 1; i < tasks; i++) give_back(sums_[size_t(i)]);
      give_back(result_);
      result_ = std::move(sums_[0]);
    }
    return total;
  }

  GradientSum<T>& result() { return *result_.gradient; }

 private:
  static constexpr int64_t kTasks = 16;

  // The mean of h^2 is over all units and steps.
  double activity_unit(const Objective& objective, const Cut& cut) const {
    if (objective.activity_penalty == 0) return 0;
    double entries = 0;
    for (int32_t i = 0; i < p_.n_ops; i++) {
      if (p_.ops[i].kind != LayerKind::recurrent) continue;
      const auto begin = cut.lengths.begin() + p_.ops[i].axis * int64_t(cut.rows.size());
      entries += double(p_.ops[i].out) * double(std::accumulate(begin, begin + int64_t(cut.rows.size()), int64_t(0)));
    }
    return objective.activity_penalty / entries;
  }

  struct Job {
    const T* theta;
    const void* packed;
    const Data& data;
    const Objective& objective;
    const Cut& cut;
    const Scale& scale;
    bool want_gradient;
  };
  struct Part {
    double loss = 0;
    int owner = 0;  // the worker whose spare block this is
    std::unique_ptr<GradientSum<T>> gradient;
  };
  struct Sum {
    int level;
    Part part;
  };
  struct Worker {
    Block tape, scratch, between, room;
    Shard* shard = nullptr;  // laid out for rows of these lengths, cut into shards of `size`
    Scratch* back = nullptr;
    std::vector<int64_t> lengths;  // (axes, rows)
    int64_t size = 0;

    bool laid_for(Lengths wanted, int32_t axes, int64_t n, int64_t shard_rows, bool gradient) const {
      if (!shard || int64_t(lengths.size()) != axes * n || size != shard_rows) return false;
      for (int32_t axis = 0; axis < axes; axis++) {
        const int64_t* own = wanted.first + axis * wanted.apart;
        if (!std::equal(own, own + n, lengths.begin() + axis * n)) return false;
      }
      return (back != nullptr) == gradient;
    }
    std::vector<std::unique_ptr<GradientSum<T>>> spare;
    std::vector<Part> fresh;
    std::vector<T*> gradients;
    std::vector<RowGradients<T>*> rows;  // of each gradient, one list a table
    std::vector<double> losses;
    std::vector<Sum> stack;
  };

  // Takes neighbouring shards through the network together, and puts their sums on the stack, left to right, where
  // equal subtrees join.
  void add_shards(Worker& w, int thread, const Job& job, int64_t shard, int64_t count) {
    const int64_t at = job.cut.begin(shard), n = job.cut.rows_of(shard, count);
    const Lengths lengths = job.cut.lengths_at(at);
    w.fresh.resize(size_t(count));
    w.losses.assign(size_t(count), 0.0);
    w.gradients.clear();
    w.rows.clear();
    const bool ragged = meaning(job.objective.loss).ragged;  // which needs a row's outputs at all steps
    const int64_t recompute = p_.whole || ragged ? 0 : job.objective.recompute;
    const bool in_parts = job.want_gradient && recompute > 0 && recompute < lengths.first[0];
    for (int64_t k = 0; job.want_gradient && k < count; k++) {
      Part& part = w.fresh[size_t(k)];
      part.owner = thread;
      part.gradient = spare(w);
      part.gradient->open(p_, job.cut.lengths_at(job.cut.begin(shard + k)), job.cut.rows_of(shard + k), in_parts);
      w.gradients.push_back(part.gradient->dense());
      w.rows.push_back(part.gradient->lists.data());
    }
    const int64_t* rows = job.cut.rows.data() + at;
    if (in_parts) {
      in_segments(w, job, rows, lengths.first, n);
    } else if (!job.want_gradient && !p_.whole && !p_.last && p_.n_inputs == 1 && !ragged) {
      value_in_segments(w, job, rows, lengths.first, n);
    } else {
      forward(w, job, job.data, rows, lengths, n, job.want_gradient);
      if (job.data.carry) table_.read_state(w.shard, p_, false, reinterpret_cast<T* const*>(job.data.carry));
      table_.loss_backward(w.shard, p_, job.packed, job.data, job.objective.loss, job.scale.normaliser,
                           job.objective.truncate, job.cut.size, w.back, room_for_loss(w, job, lengths, n), nullptr,
                           job.scale.activity_unit, job.want_gradient ? w.gradients.data() : nullptr, w.rows.data(),
                           w.losses.data());
    }
    for (Part& part : w.fresh) {
      if (part.gradient) part.gradient->close(p_, table_);
    }
    for (int64_t k = 0; k < count; k++) {
      Sum sum{0, std::move(w.fresh[size_t(k)])};
      sum.part.loss = w.losses[size_t(k)];
      while (!w.stack.empty() && w.stack.back().level == sum.level) join(w, sum);
      w.stack.push_back(std::move(sum));
    }
  }

  void* room_for_loss(Worker& w, const Job& job, Lengths lengths, int64_t n) {
    const int64_t* own = lengths.first + p_.axis * lengths.apart;
    return w.room.reserve(
        table_.loss_bytes(job.objective.loss, *std::max_element(own, own + n), p_.out, job.data.labels));
  }

  void forward(Worker& w, const Job& job, const Data& data, const int64_t* rows, Lengths lengths, int64_t n,
               bool keep) {
    if (!w.laid_for(lengths, p_.n_axes, n, job.cut.size, keep)) lay(w, lengths, n, job.cut.size, keep);
    table_.forward(w.shard, p_, job.theta, job.packed, data, rows);
  }

  // Forward through all segments, then back through them, each forward once more; the losses and gradients of all are
  // added up.
  void in_segments(Worker& w, const Job& job, const int64_t* rows, const int64_t* lengths, int64_t n) {
    const int64_t size = job.objective.recompute, segments = (lengths[0] + size - 1) / size;
    int64_t width = 0;
    for (const int64_t s : states_) width += s;
    T* memory = static_cast<T*>(w.between.reserve(size_t((segments + 2) * n * width) * sizeof(T)));
    const auto states_at = [&](int64_t k) {  // before segment k; then the gradient on its way back, and the final ones
      std::vector<void*> states;
      T* at = memory + k * n * width;
      for (const int64_t s : states_) {
        states.push_back(at);
        at += n * s;
      }
      return states;
    };
    std::vector<int64_t> window(static_cast<size_t>(n));
    const auto enter = [&](int64_t k, bool keep) {  // the segment's data; its rows, the first of all, go forward
      const int64_t alive = longer_than(lengths, n, k * size);
      for (int64_t r = 0; r < alive; r++) window[size_t(r)] = std::min(size, lengths[r] - k * size);
      Data data = later(p_, job.data, job.objective.loss, sizeof(T), k * size);
      const std::vector<void*> state = states_at(k);
      if (k > 0) {
        data.state = state.data();
        data.own_state = 1;
      }
      forward(w, job, data, rows, {window.data(), alive}, alive, keep);
      data.state = nullptr;
      return data;
    };
    for (int64_t k = 0; k + 1 < segments; k++) {
      enter(k, false);
      table_.read_state(w.shard, p_, true, reinterpret_cast<T* const*>(states_at(k + 1).data()));
    }
    const std::vector<void*> dstate = states_at(segments);
    std::memset(memory + segments * n * width, 0, size_t(n * width) * sizeof(T));
    std::vector<double> losses(w.losses.size());
    for (int64_t k = segments - 1; k >= 0; k--) {
      const Data data = enter(k, true);
      if (k + 1 == segments && job.data.carry) {
        table_.read_state(w.shard, p_, true, reinterpret_cast<T* const*>(states_at(segments + 1).data()));
      }
      const Segment segment{k * size, longer_than(lengths, n, (k + 1) * size), dstate.data()};
      std::fill(losses.begin(), losses.end(), 0.0);
      table_.loss_backward(w.shard, p_, job.packed, data, job.objective.loss, job.scale.normaliser,
                           job.objective.truncate, job.cut.size, w.back, nullptr, &segment, job.scale.activity_unit,
                           w.gradients.data(), w.rows.data(), losses.data());
      const int64_t shards = (int64_t(w.lengths.size()) + job.cut.size - 1) / job.cut.size;  // one axis
      for (int64_t i = 0; i < shards; i++) w.losses[size_t(i)] += losses[size_t(i)];
    }
    for (int64_t r = 0; job.data.carry && r < n; r++) {  // not before: the first segment began from them
      const int64_t passed = (lengths[r] + size - 1) / size;
      const std::vector<void*> from = states_at(passed == segments ? segments + 1 : passed);
      for (size_t i = 0; i < states_.size(); i++) {
        const size_t bytes = size_t(states_[i]) * sizeof(T);
        std::memcpy(static_cast<char*>(job.data.carry[i]) + size_t(rows[r]) * bytes,
                    static_cast<char*>(from[i]) + size_t(r) * bytes, bytes);
      }
    }
  }

  // The loss alone: segment after segment, the state carried from one to the next. Terms are added in the same order as
  // at once.
  void value_in_segments(Worker& w, const Job& job, const int64_t* rows, const int64_t* lengths, int64_t n) {
    const int64_t size = segment_steps(table_, p_, n);
    int64_t width = 0;
    for (const int64_t s : states_) width += s;
    T* at = static_cast<T*>(w.between.reserve(size_t(n * width) * sizeof(T)));
    std::vector<T*> states;
    for (const int64_t s : states_) states.push_back(at), at += n * s;
    const std::vector<const void*> given(states.begin(), states.end());
    std::vector<int64_t> window(static_cast<size_t>(n));
    for (int64_t t = 0; t < lengths[0]; t += size) {
      const int64_t alive = longer_than(lengths, n, t);
      for (int64_t r = 0; r < alive; r++) window[size_t(r)] = std::min(size, lengths[r] - t);
      Data data = later(p_, job.data, job.objective.loss, sizeof(T), t);
      if (t > 0) data.state = given.data(), data.own_state = 1;
      forward(w, job, data, rows, {window.data(), alive}, alive, false);
      table_.read_state(w.shard, p_, true, states.data());
      table_.loss_backward(w.shard, p_, job.packed, data, job.objective.loss, job.scale.normaliser,
                           job.objective.truncate, job.cut.size, nullptr, nullptr, nullptr, job.scale.activity_unit,
                           nullptr, w.rows.data(), w.losses.data());
    }
  }

  void lay(Worker& w, Lengths lengths, int64_t n, int64_t shard_rows, bool gradient) {
    w.lengths.clear();
    for (int32_t axis = 0; axis < p_.n_axes; axis++) {
      const int64_t* own = lengths.first + axis * lengths.apart;
      w.lengths.insert(w.lengths.end(), own, own + n);
    }
    w.size = shard_rows;
    w.shard = table_.lay_tape(p_, lengths, n, gradient, w.tape.reserve(table_.tape_bytes(p_, lengths, n, gradient)));
    w.back = nullptr;
    if (!gradient) return;
    w.back = table_.lay_scratch(w.shard, p_, shard_rows, false,
                                w.scratch.reserve(table_.scratch_bytes(w.shard, p_, shard_rows, false)));
  }

  std::unique_ptr<GradientSum<T>> spare(Worker& w) {
    if (w.spare.empty()) return std::make_unique<GradientSum<T>>(p_);
    auto gradient = std::move(w.spare.back());
    w.spare.pop_back();
    return gradient;
  }

  void give_back(Part& part) {
    if (part.gradient) crew_[size_t(part.owner)].spare.push_back(std::move(part.gradient));
  }

  // sum = top of the stack + sum: the left subtree takes the right one in.
  void join(Worker& w, Sum& sum) {
    Sum left = std::move(w.stack.back());
    w.stack.pop_back();
    left.part.loss += sum.part.loss;
    left.level++;
    if (sum.part.gradient) {
      left.part.gradient->add(p_, *sum.part.gradient, table_);
      w.spare.push_back(std::move(sum.part.gradient));
    }
    sum = std::move(left);
  }

  double tree_loss(int64_t lo, int64_t hi) {
    if (hi - lo == 1) return sums_[size_t(lo)].loss;
    const int64_t mid = lo + tree_split(hi - lo);
    const double left = tree_loss(lo, mid);
    return left + tree_loss(mid, hi);
  }

  void add_partials(int64_t tasks) {
    const int64_t piece = 16384, pieces = (p_.dense + piece - 1) / piece;
    Pool::shared().run(pieces + (p_.n_tables > 0), int(crew_.size()), [&](int64_t i, int) {
      Flush flush;
      if (i == pieces) return add_rows(0, tasks);
      add_tree(0, tasks, i * piece, std::min(piece, p_.dense - i * piece));
    });
  }

  void add_rows(int64_t lo, int64_t hi) {
    if (hi - lo == 1) return;
    const int64_t mid = lo + tree_split(hi - lo);
    add_rows(lo, mid);
    add_rows(mid, hi);
    sums_[size_t(lo)].gradient->add_rows(p_, *sums_[size_t(mid)].gradient, table_);
  }

  void add_tree(int64_t lo, int64_t hi, int64_t at, int64_t n) {
    if (hi - lo == 1) return;
    const int64_t mid = lo + tree_split(hi - lo);
    add_tree(lo, mid, at, n);
    add_tree(mid, hi, at, n);
    table_.add(sums_[size_t(lo)].gradient->dense() + at, sums_[size_t(mid)].gradient->dense() + at, n);
  }

  const Program& p_;
  const std::vector<int64_t>& states_;  // the size of each
  const Table<T>& table_;
  std::vector<Worker> crew_;
  std::vector<Part> sums_;
  Part result_;
};

}  // namespace elman
