// Attention one step at a time, of rows that share memories: each sentence's memory is packed once, and read by all the
// hypotheses that run for it, at every step. The products and sums are those of layers/attention.h, in their order.
#pragma once

#include "layers/attention.h"

namespace elman::ELMAN_ISA {

// One sentence's memory for one attention layer, as it lies in a block of the caller's.
template <class T>
struct PackedMemory {
  T* lanes;  // for scores that are products
  T* keys;   // (steps, ldk), for additive ones
  T* rows;   // for the context
};

template <class T>
struct AttentionStep {
  using Layer = AttentionLayer<T>;

  static int64_t key_room(const Op& op) { return spaced<T>(padded<T>(Layer::keys(op))); }

  static PackedMemory<T> carve(Carver& m, const Op& op, int64_t steps) {
    const bool additive = op.score == ScoreKind::additive;
    T* lanes = additive ? nullptr : m.take<T>(padded<T>(steps) * op.second);
    T* keys = additive ? m.take<T>(steps * key_room(op)) : nullptr;
    return {lanes, keys, m.take<T>(padded<T>(op.second) * steps)};
  }

  // Packs one row of a memory's axis into `to`.
  static void pack(const Op& op, const OpWeights<T>& w, const Rows<T>& memory, int64_t row, void* to) {
    const Steps& s = *memory.steps;
    const int64_t count = s.lengths[row];
    const RowSteps<T> steps = steps_of_row(memory.at, memory.ld, s, row);
    Carver m{static_cast<char*>(to), 0};
    const PackedMemory<T> packed = carve(m, op, count);
    if (packed.lanes) pack_rows_transposed(packed.lanes, left(steps), count, op.second);
    if (packed.keys) {
      product(left(steps), count, plain(op.second), w.memory, op.hidden, packed.keys, key_room(op), (const T*)nullptr,
              Start::zero);
    }
    pack_rows_straight(packed.rows, left(steps), count, op.second);
  }

  // The output, and a.share (rows, lds), what each row reads of its sentence's memory; rows of a sentence lie together.
  static void forward(const ForwardPass<T>& f, const int64_t* sentence, const Memory* memory) {
    const Op& op = f.op;
    const OpTape<T>& o = f.o;
    const AttentionTape<T>& a = o.attention;
    const Rows<T>& query = f.in[0];
    const int64_t rows = o.steps->rows, width = op.second;
    const bool additive = op.score == ScoreKind::additive;
    const T* none = nullptr;
    if (a.key) {
      product(strided<T>(query.at, query.ld), rows, plain(op.in), f.w.forward, Layer::keys(op), a.key, a.ldk,
              additive ? f.w.bias : none, additive ? Start::bias : Start::zero);
    }
    for (int64_t r = 0, n; r < rows; r += n) {
      for (n = 1; r + n < rows && sentence[r + n] == sentence[r]; n++) {
      }
      const int64_t count = memory[sentence[r]].steps;
      Carver m{static_cast<char*>(memory[sentence[r]].packed), 0};
      const PackedMemory<T> packed = carve(m, op, count);
      const Left<T> key = a.key ? strided<T>(a.key + r * a.ldk, a.ldk) : strided<T>(query.at + r * query.ld, query.ld);
      T *share = a.share + r * a.lds, *to = o.out + r * o.ld;
      if (additive) {
        for (int64_t k = 0; k < n; k++) {
          for (int64_t i = 0; i < count; i++) {
            share[k * a.lds + i] = additive_score(key[k], packed.keys + i * key_room(op), f.w.v, op.hidden);
          }
        }
      } else {
        product(key, n, plain(width), packed.lanes, count, share, a.lds, none, Start::zero);
      }
      for (int64_t k = 0; k < n; k++) softmax(share + k * a.lds, count);
      product(strided<T>(share, a.lds), n, plain(count), packed.rows, width, to, o.ld, none, Start::zero);
      for (int64_t k = 0; k < n; k++, to += o.ld) {
        memcpy(to + width, query.at + (r + k) * query.ld, size_t(op.in) * sizeof(T));
        for (int64_t j = op.out; j < o.ld; j++) to[j] = T(0);
      }
    }
  }
};

}  // namespace elman::ELMAN_ISA
