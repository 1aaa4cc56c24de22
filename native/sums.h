// From a batch to shards and back to one sum: rows ordered by length, cut, computed by whoever is free, and added along
// a fixed binary tree over the shard index, so the bits do not depend on the number of threads.
#pragma once

#include <sys/mman.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <numeric>
#include <utility>
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

// A block of memory that only grows, aligned to cache lines; large ones to huge pages, which save most of the misses of
// rows far apart.
class Block {
 public:
  Block() = default;
  Block(Block&& other) noexcept
      : memory_(std::exchange(other.memory_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Block& operator=(Block&& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Block() { std::free(memory_); }

  void* reserve(size_t bytes) {
    if (bytes <= size_) return memory_;
    std::free(memory_);
    const size_t page = bytes >= kHuge ? kHuge : 64;
    size_ = (bytes + page - 1) / page * page;
    memory_ = std::aligned_alloc(page, size_);
    if (!memory_) {
      size_ = 0;
      throw std::bad_alloc();
    }
#ifdef MADV_HUGEPAGE
    if (page == kHuge) madvise(memory_, size_, MADV_HUGEPAGE);
#endif
#ifdef ELMAN_POISON
    std::memset(memory_, 0xff, size_);  // NaN, so that a test sees what is read before it is written
#endif
    return memory_;
  }
  void* get() const { return memory_; }
  size_t size() const { return size_; }

 private:
  static constexpr size_t kHuge = size_t(1) << 21;
  void* memory_ = nullptr;
  size_t size_ = 0;
};

// Row indices and their lengths, longest first (stable), cut into shards of `size` rows.
struct Cut {
  std::vector<int64_t> rows, lengths;
  int64_t size = 1;

  void assign(const Data& data, const int64_t* given, int64_t n, int64_t shard_size) {
    rows.resize(size_t(n));
    lengths.resize(size_t(n));
    size = std::min(shard_size, n);  // a shard alone is no larger than its rows
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
  // Rows of `shards` shards from `shard` on.
  int64_t rows_of(int64_t shard, int64_t shards = 1) const {
    return std::min(shards * size, int64_t(rows.size()) - shard * size);
  }
};

// Whether two outputs, a location and the logarithm of a scale, stand for one target.
inline bool is_density(const Loss& loss) { return loss.kind == LossKind::gaussian || loss.kind == LossKind::student_t; }

// Sum of a loss's weights over the valid steps of some rows, times its terms at each: what the loss is divided by.
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
  if (loss.kind == LossKind::cross_entropy) return sum;
  return sum * double(is_density(loss) ? p.out / 2 : p.out);
}

// How many of the rows, longest first, have more than `steps`.
inline int64_t longer_than(const int64_t* lengths, int64_t n, int64_t steps) {
  while (n > 0 && lengths[n - 1] <= steps) n--;
  return n;
}

// The same rows from step t on. `item` is the size of the network's type.
inline Data later(const Program& p, Data data, const Loss& loss, size_t item, int64_t t) {
  const auto move = [t](const void*& start, int64_t step, size_t size) {
    if (start) start = static_cast<const char*>(start) + t * step * int64_t(size);
  };
  data.first += t;
  move(data.x, data.x_step, p.integer ? sizeof(int64_t) : item);
  if (p.last) return data;
  move(data.y, data.y_step, loss.kind == LossKind::cross_entropy ? sizeof(int64_t) : item);
  move(data.weight, data.weight_step, item);
  return data;
}

// Largest power of two below n (n >= 2): where the tree splits.
inline int64_t tree_split(int64_t n) {
  int64_t half = 1;
  while (2 * half < n) half *= 2;
  return half;
}

// How many neighbouring shards go through time together: one where the packed weights stay in the cache, else as many
// as give every thread work, up to kSharedRows rows. Rows don't depend on each other, so this changes no bit.
inline int64_t shards_together(size_t packed_bytes, int64_t shard_rows, int64_t shards, int threads) {
  constexpr size_t kCachedWeights = size_t(1) << 21;
  constexpr int64_t kSharedRows = 64;
  int64_t together = 1;
  while (packed_bytes > kCachedWeights && 2 * together * shard_rows <= kSharedRows &&
         2 * together * threads <= shards) {
    together *= 2;
  }
  return together;
}

// Sums of shards' losses and gradients. Workspaces are kept from call to call.
template <class T>
class Gradient {
 public:
  Gradient(const Program& p, const std::vector<int64_t>& states, const Table<T>& table)
      : p_(p), states_(states), table_(table) {}

  // The loss of the cut's rows; with `want_gradient` its gradient lies in result() until the next call. theta is packed
  // in `packed`. recompute > 0: the way forward keeps the states between segments of so many steps, and each segment
  // is computed again on the way back.
  double compute(const T* theta, const Block& packed, const Data& data, const Loss& loss, const Cut& cut,
                 int64_t truncate, int64_t recompute, bool want_gradient) {
    const int threads = Pool::shared().threads();
    if (size_t(threads) > crew_.size()) crew_.resize(size_t(threads));
    const Job job{theta,         packed.get(),
                  data,          loss,
                  cut,           normaliser<T>(p_, data, loss, cut),
                  truncate,      recompute,
                  want_gradient, activity_unit(loss, cut)};
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

  T* result() { return static_cast<T*>(result_.gradient->get()); }

 private:
  static constexpr int64_t kTasks = 16;

  // What h^2 of one unit at one step counts: the mean is over all of them.
  double activity_unit(const Loss& loss, const Cut& cut) const {
    if (loss.activity == 0) return 0;
    int64_t width = 0, steps = 0;
    for (int32_t i = 0; i < p_.n_ops; i++) width += p_.ops[i].kind == Kind::recurrent ? p_.ops[i].out : 0;
    for (const int64_t length : cut.lengths) steps += length;
    return loss.activity / (double(width) * double(steps));
  }

  struct Job {
    const T* theta;
    const void* packed;
    const Data& data;
    const Loss& loss;
    const Cut& cut;
    double normaliser;
    int64_t truncate, recompute;
    bool want_gradient;
    double activity;
  };
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
    Block tape, scratch, between;
    Shard* shard = nullptr;  // laid out for rows of these lengths, cut into shards of `size`
    Scratch* back = nullptr;
    std::vector<int64_t> lengths;
    int64_t size = 0;

    bool laid_for(const int64_t* wanted, int64_t n, int64_t shard_rows, bool gradient) const {
      return shard && int64_t(lengths.size()) == n && size == shard_rows && (back != nullptr) == gradient &&
             std::equal(lengths.begin(), lengths.end(), wanted);
    }
    std::vector<std::unique_ptr<Block>> spare;
    std::vector<Part> fresh;
    std::vector<T*> gradients;
    std::vector<double> losses;
    std::vector<Sum> stack;
  };

  // Takes neighbouring shards through the network together, and puts their sums on the stack, left to right, where
  // equal subtrees join.
  void add_shards(Worker& w, int thread, const Job& job, int64_t shard, int64_t count) {
    const int64_t at = job.cut.begin(shard), n = job.cut.rows_of(shard, count);
    const int64_t* lengths = job.cut.lengths.data() + at;
    w.fresh.resize(size_t(count));
    w.losses.resize(size_t(count));
    w.gradients.clear();
    for (Part& part : w.fresh) {
      if (!job.want_gradient) break;
      part.owner = thread;
      part.gradient = spare(w);
      w.gradients.push_back(static_cast<T*>(part.gradient->get()));
      std::memset(part.gradient->get(), 0, size_t(p_.size) * sizeof(T));
    }
    const int64_t* rows = job.cut.rows.data() + at;
    if (job.want_gradient && job.recompute > 0 && job.recompute < lengths[0]) {
      in_segments(w, job, rows, lengths, n);
    } else {
      forward(w, job, job.data, rows, lengths, n, job.want_gradient);
      if (job.data.carry) table_.read_state(w.shard, p_, false, reinterpret_cast<T* const*>(job.data.carry));
      table_.loss_backward(w.shard, p_, job.packed, job.data, job.loss, job.normaliser, job.truncate, job.cut.size,
                           w.back, nullptr, job.activity, job.want_gradient ? w.gradients.data() : nullptr,
                           w.losses.data());
    }
    for (int64_t k = 0; k < count; k++) {
      Sum sum{0, std::move(w.fresh[size_t(k)])};
      sum.part.loss = w.losses[size_t(k)];
      while (!w.stack.empty() && w.stack.back().level == sum.level) join(w, sum);
      w.stack.push_back(std::move(sum));
    }
  }

  void forward(Worker& w, const Job& job, const Data& data, const int64_t* rows, const int64_t* lengths, int64_t n,
               bool keep) {
    if (!w.laid_for(lengths, n, job.cut.size, keep)) lay(w, lengths, n, job.cut.size, keep);
    table_.forward(w.shard, p_, job.theta, job.packed, data, rows);
  }

  // Forward through all segments, then back through them, each forward once more; the losses and gradients of all are
  // added up.
  void in_segments(Worker& w, const Job& job, const int64_t* rows, const int64_t* lengths, int64_t n) {
    const int64_t size = job.recompute, segments = (lengths[0] + size - 1) / size;
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
      Data data = later(p_, job.data, job.loss, sizeof(T), k * size);
      const std::vector<void*> state = states_at(k);
      if (k > 0) {
        data.state = state.data();
        data.own_state = 1;
      }
      forward(w, job, data, rows, window.data(), alive, keep);
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
    std::fill(w.losses.begin(), w.losses.end(), 0.0);
    for (int64_t k = segments - 1; k >= 0; k--) {
      const Data data = enter(k, true);
      if (k + 1 == segments && job.data.carry) {
        table_.read_state(w.shard, p_, true, reinterpret_cast<T* const*>(states_at(segments + 1).data()));
      }
      const Segment segment{k * size, longer_than(lengths, n, (k + 1) * size), dstate.data()};
      table_.loss_backward(w.shard, p_, job.packed, data, job.loss, job.normaliser, job.truncate, job.cut.size, w.back,
                           &segment, job.activity, w.gradients.data(), losses.data());
      const int64_t shards = (int64_t(w.lengths.size()) + job.cut.size - 1) / job.cut.size;
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

  void lay(Worker& w, const int64_t* lengths, int64_t n, int64_t shard_rows, bool gradient) {
    w.lengths.assign(lengths, lengths + n);
    w.size = shard_rows;
    w.shard = table_.lay_tape(p_, lengths, n, gradient, w.tape.reserve(table_.tape_bytes(p_, lengths, n, gradient)));
    w.back = nullptr;
    if (!gradient) return;
    w.back = table_.lay_scratch(w.shard, p_, shard_rows, false,
                                w.scratch.reserve(table_.scratch_bytes(w.shard, p_, shard_rows, false)));
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
  const std::vector<int64_t>& states_;  // the size of each
  const Table<T>& table_;
  std::vector<Worker> crew_;
  std::vector<Part> sums_;
  Part result_;
};

}  // namespace elman
