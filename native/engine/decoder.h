// Decoding: what does not depend on x is computed once for every row of the data, then the rest step by step for all
// rows that still run, several hypotheses of each. Rows are shared out among threads; what is found for one depends on
// no other.
#pragma once

#include <numeric>

#include "engine/beam.h"
#include "engine/model.h"
#include "engine/prepared.h"
#include "engine/split.h"

namespace elman {

// What was found for one row.
template <class T>
struct Decoded {
  std::vector<Hypothesis> best;
  int64_t not_finite = 0;  // the step, counted from 1, whose outputs were no numbers; 0: none
  // Of each attention operation, where they are wanted, the shares of every row that was computed, (rows, steps).
  std::vector<std::vector<T>> shares;
  std::vector<int64_t> steps;
};

// The memory of one call, kept for the next.
template <class T>
struct DecodingRoom {
  // What one thread works on.
  struct Worker {
    Block tape, steps[2], memories;
    Cut cut;
  };
  Prepared<T> weights;
  std::vector<Worker> workers;
};

template <class T>
class Decoder {
 public:
  explicit Decoder(std::shared_ptr<const Model<T>> model)
      : model_(std::move(model)), table_(model_->table()), split_(model_->program()), preparation_(*model_, split_) {
    for (int32_t i = 0; i < split_.steps.n_ops; i++) {
      if (split_.steps.ops[i].kind == LayerKind::attention) attention_.push_back(i);
    }
  }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  const Model<T>& model() const { return *model_; }

  // data.x are the first ids (n, 1).
  std::vector<Decoded<T>> decode(const T* theta, const Data& data, const Search& search) const {
    Flush flush;
    const auto room = rooms_.borrow([] { return new DecodingRoom<T>; });
    preparation_.refresh(theta, room->weights);
    Pool& pool = Pool::shared();
    room->workers.resize(std::max(room->workers.size(), size_t(pool.threads())));
    std::vector<Decoded<T>> found(size_t(data.n));
    Call call(*this, theta, data, search, *room, found);
    const int64_t most = std::max<int64_t>(1, kRows / search.beam), threads = pool.threads();
    const int64_t rounds = (data.n + most * threads - 1) / (most * threads), tasks = std::min(data.n, rounds * threads);
    pool.run(tasks, int(room->workers.size()), [&](int64_t i, int thread) {
      Flush each;
      std::vector<int64_t> rows;
      for (int64_t row = i; row < data.n; row += tasks) rows.push_back(row);  // the long ones often lie together
      typename DecodingRoom<T>::Worker& worker = room->workers[size_t(thread)];
      compute_fixed(call, worker, rows);
      run(call, worker, rows);
    });
    return found;
  }

 private:
  static constexpr int64_t kRows = 128;      // that go step by step together, at most
  static constexpr int64_t kFixedRows = 16;  // that go through the fixed part together

  // What all threads share. Of arrays (n, size) each writes the rows that are its own.
  struct Call {
    Call(const Decoder& d, const T* theta, const Data& data, const Search& search, const DecodingRoom<T>& room,
         std::vector<Decoded<T>>& found)
        : theta(theta), data(data), search(search), room(room), found(found) {
      this->data.parts = room.weights.fixed_parts.data();
      const Program &steps = d.split_.steps, &fixed = d.split_.fixed;
      const auto array = [this](int64_t size) {
        arrays.emplace_back(size_t(this->data.n * size));
        return arrays.back().data();
      };
      for (int32_t k = 0; k < steps.n_inputs; k++) {
        vectors.push_back(steps.inputs[k].kind == InputKind::vector ? array(steps.inputs[k].size) : nullptr);
      }
      memories.resize(size_t(steps.n_ops));
      for (const int32_t op : d.attention_) memories[size_t(op)].resize(size_t(data.n));
      for (const std::vector<Memory>& one : memories) memories_at.push_back(one.empty() ? nullptr : one.data());
      final.resize(size_t(fixed.n_states));
      for (size_t i = 0; i < final.size(); i++) final[i] = array(d.model_->states()[i]);
      for (size_t i = 0; i < final.size(); i++) {
        const Origin& from = d.split_.origins[i];
        initial.push_back(nullptr);
        if (data.state) {
          initial[i] = static_cast<const T*>(data.state[i]);
        } else if (from.kind == OriginKind::state) {
          const Direction& at = fixed.ops[from.source].direction[from.direction];
          initial[i] = final[size_t(at.state + from.part)];
        } else if (from.kind == OriginKind::vector) {
          initial[i] = final[i];  // a state of the other part, whose place is free
        }
      }
    }

    const T* theta;
    Data data;
    const Search& search;
    const DecodingRoom<T>& room;
    std::vector<Decoded<T>>& found;
    std::vector<std::vector<T>> arrays;
    std::vector<T*> vectors, final;             // final: states of the fixed part
    std::vector<const T*> initial;              // of each state, or null
    std::vector<std::vector<Memory>> memories;  // of each operation of the steps, (n,) for attention
    std::vector<const Memory*> memories_at;
  };

  // Rows at one step.
  struct Running {
    std::vector<int64_t> ids, parent, sentence;
    void clear() { ids.clear(), parent.clear(), sentence.clear(); }
    void add(int64_t id, int64_t from, int64_t row) {
      ids.push_back(id), parent.push_back(from), sentence.push_back(row);
    }
  };

  int32_t axis_of(int32_t source) const {
    const Program& p = split_.fixed;
    return source > kInput ? p.ops[source].axis : p.inputs[kInput - source].axis;
  }

  int32_t memory_of(int32_t op) const { return split_.sources[size_t(kInput - split_.steps.ops[op].reads[1])]; }

  // Fills vectors, initial states and memories of some rows.
  void compute_fixed(Call& c, typename DecodingRoom<T>::Worker& w, const std::vector<int64_t>& rows) const {
    const Program& fixed = split_.fixed;
    const int64_t n = int64_t(rows.size());
    w.cut.assign(fixed, c.data, rows.data(), n, kFixedRows);
    size_t bytes = 0;
    for (const int32_t op : attention_) {
      const int64_t* lengths = w.cut.lengths.data() + axis_of(memory_of(op)) * n;
      for (int64_t i = 0; i < n; i++) {
        c.memories[size_t(op)][size_t(rows[size_t(i)])] = {nullptr, lengths[i]};
        bytes += table_.memory_bytes(split_.steps.ops[op], lengths[i]);
      }
    }
    char* next = static_cast<char*>(w.memories.reserve(bytes));
    std::vector<void*> to;
    for (int64_t block = 0; block < w.cut.count(); block++) {
      const int64_t first = w.cut.begin(block), count = w.cut.rows_of(block);
      const int64_t* own = w.cut.rows.data() + first;
      const Lengths lengths = w.cut.lengths_at(first);
      void* memory = w.tape.reserve(table_.tape_bytes(fixed, lengths, count, false));
      Shard* s = table_.lay_tape(fixed, lengths, count, false, memory);
      table_.forward(s, fixed, c.theta, c.room.weights.fixed.get(), c.data, own);
      for (size_t k = 1; k < c.vectors.size(); k++) {
        if (c.vectors[k]) table_.read_source(s, fixed, split_.sources[k], c.vectors[k]);
      }
      table_.read_state(s, fixed, false, c.final.data());
      for (size_t i = 0; i < split_.origins.size(); i++) {
        const Origin& from = split_.origins[i];
        if (from.kind == OriginKind::vector) table_.read_source(s, fixed, from.source, c.final[i]);
      }
      for (const int32_t op : attention_) {
        to.clear();
        for (int64_t i = 0; i < count; i++) {
          Memory& one = c.memories[size_t(op)][size_t(own[i])];
          one.packed = next;
          to.push_back(next);
          next += table_.memory_bytes(split_.steps.ops[op], one.steps);
        }
        table_.pack_memories(s, memory_of(op), split_.steps, op, c.room.weights.steps.get(), to.data());
      }
    }
  }

  // Goes step by step with some rows until none runs.
  void run(Call& c, typename DecodingRoom<T>::Worker& w, const std::vector<int64_t>& rows) const {
    const Program& p = split_.steps;
    const int64_t capacity = int64_t(rows.size()) * c.search.beam;
    int64_t longest = 1;
    std::vector<Beam> beams;
    std::vector<size_t> active(rows.size()), still;
    std::iota(active.begin(), active.end(), size_t(0));
    Running now, next;
    for (size_t i = 0; i < rows.size(); i++) {
      const int64_t row = rows[i];
      beams.emplace_back(c.search, c.search.max_steps[row]);
      now.add(whole_at(c.data.x, row), 0, row);
      Decoded<T>& own = c.found[size_t(row)];
      for (const int32_t op : attention_) {
        own.steps.push_back(c.memories[size_t(op)][size_t(row)].steps);
        longest = std::max(longest, own.steps.back());
      }
      own.shares.resize(attention_.size());
    }
    const std::vector<int64_t> ones(size_t(capacity), 1);
    const Lengths lengths{ones.data(), 0};
    Shard* tapes[2];
    for (int k = 0; k < 2; k++) {
      void* memory = w.steps[k].reserve(table_.step_bytes(p, lengths, capacity, longest));
      tapes[k] = table_.lay_step(p, lengths, capacity, longest, memory);
    }
    Ranking ranking(p.out, c.search);
    for (int64_t t = 1; !active.empty(); t++) {
      Shard* tape = tapes[t % 2];
      const StepRows<T> running{
          int64_t(now.ids.size()), now.ids.data(),   now.parent.data(),    now.sentence.data(),
          c.initial.data(),        c.vectors.data(), c.memories_at.data(), c.room.weights.step_parts.data()};
      table_.step(tape, t == 1 ? nullptr : tapes[(t - 1) % 2], p, c.theta, c.room.weights.steps.get(), running);
      next.clear(), still.clear();
      int64_t r = 0;
      for (const size_t i : active) {
        Beam& beam = beams[i];
        Decoded<T>& own = c.found[size_t(rows[i])];
        const int64_t first = r, count = beam.running();
        r += count;
        if (!ranking.rank(table_, tape, p, first, count, beam.without_end())) {
          own.not_finite = t;
          continue;
        }
        const int64_t mark = c.search.attention ? note_shares(tape, first, count, own) : 0;
        beam.advance(ranking.ranked.data(), mark,
                     [&](int64_t which, int64_t id) { next.add(id, first + which, rows[i]); });
        if (beam.over()) {
          own.best = beam.best();
        } else {
          still.push_back(i);
        }
      }
      std::swap(now, next);
      active.swap(still);
    }
  }

  // The best continuations of each of a row's hypotheses.
  struct Ranking {
    Ranking(int64_t outputs, const Search& search)
        : outputs(outputs),
          search(search),
          ids(size_t(search.beam * search.beam)),
          log_p(size_t(search.beam * search.beam)),
          ranked(size_t(search.beam)) {}

    bool rank(const Table<T>& table, const Shard* tape, const Program& p, int64_t first, int64_t count,
              bool without_end) {
      int64_t ld;
      T* out = table.step_output(tape, p, &ld) + first * ld;
      const int64_t k = std::min(search.beam, without_end ? outputs - 1 : outputs);
      for (int64_t b = 0; b < count; b++) {
        int64_t* own = ids.data() + b * search.beam;
        double* own_p = log_p.data() + b * search.beam;
        if (!table.rank(out + b * ld, outputs, k, without_end ? search.end : -1, own, own_p)) return false;
        ranked[size_t(b)] = {own, own_p, k};
      }
      return true;
    }

    int64_t outputs;
    const Search& search;
    std::vector<int64_t> ids;
    std::vector<double> log_p;
    std::vector<Ranked> ranked;
  };

  // Keeps the shares of some rows, and returns the mark of the first.
  int64_t note_shares(const Shard* tape, int64_t first, int64_t count, Decoded<T>& own) const {
    if (attention_.empty()) return 0;
    const int64_t mark = int64_t(own.shares[0].size()) / own.steps[0];
    for (size_t k = 0; k < attention_.size(); k++) {
      int64_t ld;
      const T* share = table_.step_shares(tape, attention_[k], &ld) + first * ld;
      for (int64_t r = 0; r < count; r++, share += ld) {
        own.shares[k].insert(own.shares[k].end(), share, share + own.steps[k]);
      }
    }
    return mark;
  }

  // The first id of a row; x was checked before, and what it may hold now is the kernels' care.
  static int64_t whole_at(const Values& x, int64_t row) { return static_cast<const int64_t*>(x.at)[row * x.row]; }

  std::shared_ptr<const Model<T>> model_;
  const Table<T>& table_;
  Split split_;
  Preparation<T> preparation_;
  std::vector<int32_t> attention_;  // the operations of the steps that are attention
  mutable Kept<DecodingRoom<T>> rooms_;
};

}  // namespace elman
