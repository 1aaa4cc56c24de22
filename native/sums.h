// From a batch to shards and back to one sum: rows ordered by length, cut, computed by whoever is free, and added along
// a fixed binary tree over the shard index, so the bits do not depend on the number of threads.
#pragma once

#include <cmath>
#include <cstring>
#include <memory>
#include <new>
#include <numeric>
#include <vector>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "pool.h"
#include "program.h"

namespace elman {

// Denormal numbers are flushed to zero while this lives: they are up to thirty times slower, and vanishing gradients
// are full of them.
class Flush {
 public:
#if defined(__SSE2__)
  Flush() : saved_(_mm_getcsr()) { _mm_setcsr(saved_ | 0x8040); }
  ~Flush() { _mm_setcsr(saved_); }

 private:
  unsigned saved_;
#elif defined(__aarch64__)
  Flush() {
    asm volatile("mrs %0, fpcr" : "=r"(saved_));
    asm volatile("msr fpcr, %0" ::"r"(saved_ | (1ull << 24)));
  }
  ~Flush() { asm volatile("msr fpcr, %0" ::"r"(saved_)); }

 private:
  uint64_t saved_;
#endif
};

// A block of memory aligned to 64 bytes that only grows.
class Block {
 public:
  void* reserve(size_t bytes) {
    if (bytes > size_) {
      memory_.reset();
      memory_.reset(::operator new(bytes, std::align_val_t(64)));
      size_ = bytes;
    }
    return memory_.get();
  }
  void* get() const { return memory_.get(); }

 private:
  struct Free {
    void operator()(void* p) const { ::operator delete(p, std::align_val_t(64)); }
  };
  std::unique_ptr<void, Free> memory_;
  size_t size_ = 0;
};

// Row indices and their lengths, longest first (stable), cut into shards of `size` rows.
struct Cut {
  std::vector<int64_t> rows, lengths;
  int64_t size = 1;

  void assign(const Data& data, const int64_t* given, int64_t n, int64_t shard_size) {
    rows.resize(size_t(n));
    lengths.resize(size_t(n));
    size = shard_size;
    if (given) {
      std::copy(given, given + n, rows.begin());
    } else {
      std::iota(rows.begin(), rows.end(), int64_t(0));
    }
    if (data.lengths) {
      std::stable_sort(rows.begin(), rows.end(),
                       [&](int64_t a, int64_t b) { return data.lengths[a] > data.lengths[b]; });
    }
    for (size_t i = 0; i < rows.size(); i++) lengths[i] = data.lengths ? data.lengths[rows[i]] : data.steps;
  }
  int64_t count() const { return (int64_t(rows.size()) + size - 1) / size; }
  int64_t begin(int64_t shard) const { return shard * size; }
  int64_t rows_of(int64_t shard) const { return std::min(size, int64_t(rows.size()) - shard * size); }
};

// Sum of a loss's weights over the valid steps of some rows, times outputs: what the loss is divided by.
template <class T>
double normaliser(const Program& p, const Data& data, const Loss& loss, const Cut& cut) {
  if (loss.kind == LossKind::half_sse) return 1.0;
  double sum = 0;
  for (size_t i = 0; i < cut.rows.size(); i++) {
    const int64_t steps = p.last ? 1 : cut.lengths[i];
    if (!data.weight) {
      sum += double(steps);
      continue;
    }
    const T* w = static_cast<const T*>(data.weight) + cut.rows[i] * data.weight_row;
    for (int64_t t = 0; t < steps; t++) sum += double(w[t * data.weight_step]);
  }
  return loss.kind == LossKind::cross_entropy ? sum : sum * double(p.out);
}

// Largest power of two below n (n >= 2): where the tree splits.
inline int64_t tree_split(int64_t n) {
  int64_t half = 1;
  while (2 * half < n) half *= 2;
  return half;
}

// Sums of shards' losses and gradients. Workspaces are kept from call to call.
template <class T>
class Gradient {
 public:
  Gradient(const Program& p, const Table<T>& table) : p_(p), table_(table), crew_(size_t(Pool::shared().threads())) {}

  // The loss of the cut's rows; with `want_gradient` its gradient lies in result() until the next call. theta is packed
  // in `packed`.
  double compute(const T* theta, const void* packed, const Data& data, const Loss& loss, const Cut& cut,
                 int64_t truncate, bool want_gradient) {
    const double norm = normaliser<T>(p_, data, loss, cut);
    const int64_t shards = cut.count();
    int64_t block = 1;  // aligned blocks of shards are subtrees, so a task may sum one alone
    while ((shards + block - 1) / block > kTasks) block *= 2;
    const int64_t tasks = (shards + block - 1) / block;
    sums_.resize(size_t(tasks));
    const auto work = [&](int64_t task, int thread) {
      Flush flush;
      Worker& w = crew_[size_t(thread)];
      for (int64_t s = task * block; s < std::min(shards, (task + 1) * block); s++) {
        Sum sum{0, one(thread, theta, packed, data, loss, cut, s, norm, truncate, want_gradient)};
        while (!w.stack.empty() && w.stack.back().level == sum.level) join(w, sum);
        w.stack.push_back(std::move(sum));
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

  T* result() { return static_cast<T*>(result_.gradient->get()); }

 private:
  static constexpr int64_t kTasks = 16;
  struct Part {
    double loss = 0;
    int owner = 0;  // the worker whose spare block this is
    std::unique_ptr<Block> gradient;
  };
  struct Sum {
    int level;
    Part part;
  };
  struct Worker {
    Block tape, scratch;
    std::vector<std::unique_ptr<Block>> spare;
    std::vector<Sum> stack;
  };

  Part one(int thread, const T* theta, const void* packed, const Data& data, const Loss& loss, const Cut& cut,
           int64_t shard, double norm, int64_t truncate, bool want_gradient) {
    Worker& w = crew_[size_t(thread)];
    const int64_t at = cut.begin(shard), n = cut.rows_of(shard);
    const int64_t* lengths = cut.lengths.data() + at;
    void* tape = w.tape.reserve(table_.tape_bytes(p_, lengths, n));
    const Shard* s = table_.forward(p_, theta, packed, data, cut.rows.data() + at, n, lengths, tape);
    Part part;
    if (!want_gradient) {
      part.loss = table_.loss_backward(s, p_, packed, data, loss, norm, truncate, nullptr, nullptr);
      return part;
    }
    part.owner = thread;
    part.gradient = spare(w);
    T* g = static_cast<T*>(part.gradient->get());
    std::memset(g, 0, size_t(p_.size) * sizeof(T));
    void* scratch = w.scratch.reserve(table_.scratch_bytes(p_, lengths, n, false, tape));
    part.loss = table_.loss_backward(s, p_, packed, data, loss, norm, truncate, scratch, g);
    return part;
  }

  std::unique_ptr<Block> spare(Worker& w) {
    if (w.spare.empty()) {
      auto fresh = std::make_unique<Block>();
      fresh->reserve(size_t(p_.size) * sizeof(T));
      return fresh;
    }
    auto block = std::move(w.spare.back());
    w.spare.pop_back();
    return block;
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
      table_.add(static_cast<T*>(left.part.gradient->get()), static_cast<T*>(sum.part.gradient->get()), p_.size);
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
    const int64_t piece = 16384, pieces = (p_.size + piece - 1) / piece;
    Pool::shared().run(pieces, int(crew_.size()), [&](int64_t i, int) {
      Flush flush;
      add_tree(0, tasks, i * piece, std::min(piece, p_.size - i * piece));
    });
  }

  void add_tree(int64_t lo, int64_t hi, int64_t at, int64_t n) {
    if (hi - lo == 1) return;
    const int64_t mid = lo + tree_split(hi - lo);
    add_tree(lo, mid, at, n);
    add_tree(mid, hi, at, n);
    table_.add(static_cast<T*>(sums_[size_t(lo)].gradient->get()) + at,
               static_cast<T*>(sums_[size_t(mid)].gradient->get()) + at, n);
  }

  const Program& p_;
  const Table<T>& table_;
  std::vector<Worker> crew_;
  std::vector<Part> sums_;
  Part result_;
};

}  // namespace elman
