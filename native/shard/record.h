// What the layers of a shard share: their packed weights, what their way forward leaves, and what their way back works
// on.
#pragma once

#include "kernels.h"
#include "layers/scan.h"
#include "math/ids.h"

namespace elman::ELMAN_ISA {

// One cluster of an adaptive softmax.
template <class T>
struct TailWeights {
  T *in, *out, *in_back, *out_back;
};

template <class T>
struct OpWeights {
  CellWeights<T> cell[2];    // recurrent
  T *forward, *bias, *back;  // dense, skip and attention; of the additive one besides
  T *memory, *memory_back, *v;
  TailWeights<T> tail[kTails];  // adaptive softmax
};

// What one row's memory needs on its way through attention, one row after the other: it packed for both products, and
// room for one result a step of the query, (steps, ldc).
template <class T>
struct AttentionRoom {
  T *lanes, *rows, *made;
};

// The tape of attention: the key (total, ldk) of every query, W q or W q + b; of the additive one the keys U m (memory,
// ldk) of every memory step; the shares (total, lds) of each memory step in a query, row after row of the axis, each
// with its steps.
template <class T>
struct AttentionTape {
  T *key, *memory_key, *share;
  int64_t ldk, ldc, lds;
  int64_t memory, longest;  // steps of the memory's rows, of all and of the longest
  AttentionRoom<T> room;
};

// What one block of rows needs on its way through a cluster of an adaptive softmax; `list` is of all rows of it.
template <class T>
struct AdaptiveRoom {
  T *wide, *narrow;  // (block, ldw), (block, ldn)
  int64_t* list;
  int64_t ldw, ldn;
};

// The tape of an adaptive softmax: the log probabilities of its head (rows, ldh), and each row's target, -1 for no
// class.
template <class T>
struct AdaptiveTape {
  T* head;
  int64_t ldh;
  int64_t* label;
  AdaptiveRoom<T> room;
};

// The tape of pooling: of attention what each packed row counts (total,), and room for each row's highest score and
// sum; of the maximum the step that has it, for each feature (rows, ld).
template <class T>
struct PoolTape {
  T *share, *most, *sum;
  typename Lanes<T>::Int* step;
  int64_t total;  // how many scores there is room for
};

// Every operation's output: (rows, ld), rows one for each step of each sequence along its axis of time (`last` false),
// or one for each of the shard's rows.
template <class T>
struct OpTape {
  T* out;
  int64_t ld;
  bool last;
  const Steps* steps;  // of its axis
  DirectionTape<T> dir[2];
  T* mask;         // of dropout: (rows, ld) as out's, or one row a sequence where all steps share it
  uint32_t* bits;  // room for one row's draws
  int64_t* met;    // of a skip, where it gives one row a sequence: the rows (rows,) of a sequence that it reads
  AttentionTape<T> attention;
  AdaptiveTape<T> adaptive;
  PoolTape<T> pool;
};

// Rows of numbers: an input or an operation's output, or the gradient of either. Rows are one for each step of each
// sequence (`last` false), or one for each of the shard's rows.
template <class T>
struct Rows {
  T* at;
  int64_t ld;
  bool last;
  const Steps* steps;
  int64_t* ids;  // of an input of integers, which has no numbers; -1 for what can be none
};

template <class T>
struct ShardTape {
  Steps* axes;      // of time
  Rows<T>* inputs;  // gathered
  OpTape<T>* ops;
  bool keep;   // gates, for the way back
  bool rest;   // no state was given
  bool draws;  // what dropout, zoneout and noise drew is part of it
};

// The rows of a source: an operation's output, or an input.
template <class T>
ELMAN_INLINE Rows<T> rows_of(const ShardTape<T>& s, int32_t source) {
  if (source <= kInput) return s.inputs[kInput - source];
  const OpTape<T>& o = s.ops[source];
  return {o.out, o.ld, o.last, o.steps, nullptr};
}

template <class T>
ELMAN_INLINE const ShardTape<T>* opened(const Shard* s) {
  return reinterpret_cast<const ShardTape<T>*>(s);
}

ELMAN_INLINE int64_t output_rows(const Steps& s, bool last) { return last ? s.rows : s.total; }

// The packed row of the last valid step of the axis' row r; of the shard's row r.
ELMAN_INLINE int64_t last_row(const Steps& s, int64_t r) { return s.offset[s.lengths[r] - 1] + r; }
ELMAN_INLINE int64_t last_of(const Steps& s, int64_t r) { return last_row(s, s.place[r]); }

// f(packed row, row r of the axis, step t) for every row of an output.
template <class F>
ELMAN_INLINE void each_row(const Steps& s, bool last, F f) {
  for (int64_t t = 0; t < (last ? 1 : s.steps); t++) {  // f is there once
    const int64_t first = last ? 0 : s.offset[t], rows = last ? s.rows : s.count[t];
    for (int64_t r = 0; r < rows; r++) f(first + r, r, t);
  }
}

// ---- the way back

// One shard's part of the rows that go through the network together: its packed rows and its rows along each axis of
// time, its gradient.
template <class T>
struct Share {
  Pick *steps, *rows;  // (axes,)
  T* gradient;
  RowGradients<T>* tables;  // one for each of the program's tables
  ELMAN_INLINE Pick of(const Op& op) const { return op.last ? rows[0] : steps[op.axis]; }
};

// What the shards share: their rows go back through time in blocks of so many steps, each followed by its sums of outer
// products, which still find it in the cache. A function of the network and the batch alone, for it is part of the
// bits.
template <class T>
struct Shares {
  const Share<T>* first;
  int64_t count, block, step;  // step: at which these rows begin, in their whole time
  bool dstate;                 // whether the gradient of the initial state is wanted
  bool rest;                   // whether that state was zero, unasked
  bool unset;                  // whether the gradients' large matrices hold nothing yet (`clear`)
  ELMAN_INLINE const Share<T>* begin() const { return first; }
  ELMAN_INLINE const Share<T>* end() const { return first + count; }
  // Whether the first sums of W_ih and W_hh are set rather than added.
  ELMAN_INLINE bool begins(const Direction& at) const { return unset && at.alone; }
};

constexpr int64_t kBlockRows = 256;
ELMAN_INLINE int64_t block_steps(int64_t shard_rows) { return shard_rows < kBlockRows ? kBlockRows / shard_rows : 1; }

// The picked rows in [begin, end), for an A that begins with `base`. Picked rows are in order.
ELMAN_NOINLINE inline Pick between(Pick all, int64_t base, int64_t begin, int64_t end) {
  const auto before = [&](int64_t bound) {
    int64_t low = 0, high = all.count;
    while (low < high) {
      const int64_t middle = (low + high) / 2;
      if (all.index[middle] < bound) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  };
  const int64_t from = before(begin);
  return {all.index + from, before(end) - from, base};
}

template <class T>
struct AttentionScratch {
  AttentionRoom<T> room;
  T *dkey, *dmemory_key, *dv;  // (total, ldk), (memory, ldk), (rows, ldk)
  T *dscore, *dmemory;         // of one row: (steps, lds), (its memory's steps, M)
  int64_t* steps;              // 0, 1, 2, ...
};

template <class T>
struct AdaptiveScratch {
  AdaptiveRoom<T> room;
  T *dnarrow, *dx;  // (block, ldn), (block, ldx)
  int64_t ldx;
  int64_t* rows;  // 0, 1, 2, ...
};

// Of attention pooling: the gradients of the scores (total,), and each row's mean of them (rows,).
template <class T>
struct PoolScratch {
  T *score, *mean;
};

// What an operation's way back works on.
template <class T>
struct OpScratch {
  DirectionScratch<T> dir[2];
  AttentionScratch<T> attention;
  AdaptiveScratch<T> adaptive;
  PoolScratch<T> pool;
};

template <class T>
struct ShardScratch {
  T** dout;           // gradient of each operation's output; see Op::shared_output
  OpScratch<T>* ops;  // for each operation
  T** dx;             // of each input, like its numbers; null for integers, and where nobody asks
  Share<T>* shares;
  int64_t* picked;  // what the shares pick from
  int64_t shard_rows;
};

// ---- what a layer is given

template <class T>
struct ForwardPass {
  const Op& op;
  int32_t place;  // of the operation in its program
  const OpWeights<T>& w;
  const T* theta;
  const Data& data;
  const ShardTape<T>& s;
  const Rows<T>* in;  // what the operation reads
  OpTape<T>& o;
};

// The gradient of what an operation reads: null where nobody wants it.
template <class T>
struct Into {
  T* at;
  Start start;  // zero: it is written; add: it is added to
};

template <class T>
struct BackwardPass {
  const Op& op;
  int32_t place;
  const OpWeights<T>& w;
  const ShardTape<T>& s;
  const Rows<T>* in;
  const OpTape<T>& o;
  T* dout;
  const OpScratch<T>& own;
  int64_t truncate;
  Shares<T> shares;
  const Into<T>* din;  // of each source
};

// What a layer's operation has unless its header says otherwise: no weights to pack, and its output as its tape.
template <class T>
struct PlainLayer {
  // Memory for packed weights. backward: for the way back too; dx: the gradient of what it reads is wanted.
  static void carve_weights(Carver&, const Op&, const Packing&, OpWeights<T>&) {}
  // moves: whether any state but a first one of zero meets its weights; what is never read is not packed.
  static void pack(const Op&, const T* /*theta*/, const Packing&, OpWeights<T>&) {}
  // o.steps lies ready; read: the axis of the last of what is read.
  static void carve_tape(Carver& m, const Op&, int32_t /*place*/, const Steps& /*read*/, bool /*keep*/, OpTape<T>& o) {
    o.out = m.take<T>(output_rows(*o.steps, o.last) * o.ld);
  }
  static void carve_scratch(Carver&, const Op&, const OpTape<T>&, int64_t /*block*/, OpScratch<T>&) {}
};

}  // namespace elman::ELMAN_ISA
