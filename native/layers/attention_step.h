// Attention one step at a time, of rows that share memories: each sentence's memory is packed once, and read by all the
// hypotheses that run for it, at every step. The products and sums are those of layers/attention.h, in their order.
#pragma once

#include "layers/attention.h"

namespace elman::ELMAN_ISA {

// One sentence's memory for one attention layer, as it lies in a block of the caller's.
template <class T>
struct PackedMemory {
  T* lanes;  // for the scores
  T* rows;   // for the context
};

template <class T>
struct AttentionStep {
  static PackedMemory<T> carve(Carver& m, const Op& op, int64_t steps) {
    return {m.take<T>(padded<T>(steps) * op.second), m.take<T>(padded<T>(op.second) * steps)};
  }

  static void pack(const Op& op, const OpWeights<T>&, const Rows<T>& memory, int64_t row, void* to) {
    const Steps& s = *memory.steps;
    Carver m{static_cast<char*>(to), 0};
    const PackedMemory<T> packed = carve(m, op, s.lengths[row]);
    const RowSteps<T> steps = steps_of_row<T>(memory.at, memory.ld, s, row);
    pack_rows_transposed(packed.lanes, steps, s.lengths[row], op.second);
    pack_rows_straight(packed.rows, steps, s.lengths[row], op.second);
  }

  // a.share (rows, lds) <- what each row reads of its sentence's memory; rows of a sentence lie together.
  static void forward(const ForwardPass<T>& f, const int64_t* sentence, const Memory* memory) {
    const Op& op = f.op;
    const OpTape<T>& o = f.o;
    const AttentionTape<T>& a = o.attention;
    const int64_t rows = o.steps->rows, width = op.second;
    const T* none = nullptr;
    product(Strided<T>{f.in[0].at, f.in[0].ld}, rows, plain(op.in), f.w.forward, width, a.key, a.ldk, none,
            Start::zero);
    for (int64_t r = 0, n; r < rows; r += n) {
      for (n = 1; r + n < rows && sentence[r + n] == sentence[r]; n++) {
      }
      const int64_t count = memory[sentence[r]].steps;
      Carver m{static_cast<char*>(memory[sentence[r]].packed), 0};
      const PackedMemory<T> packed = carve(m, op, count);
      T *share = a.share + r * a.lds, *to = o.out + r * o.ld;
      product(Strided<T>{a.key + r * a.ldk, a.ldk}, n, plain(width), packed.lanes, count, share, a.lds, none,
              Start::zero);
      for (int64_t k = 0; k < n; k++) softmax(share + k * a.lds, count);
      product(Strided<T>{share, a.lds}, n, plain(count), packed.rows, width, to, o.ld, none, Start::zero);
      for (int64_t k = 0; k < n; k++, to += o.ld) {
        memcpy(to + width, f.in[0].at + (r + k) * f.in[0].ld, size_t(op.in) * sizeof(T));
        for (int64_t j = op.out; j < o.ld; j++) to[j] = T(0);
      }
    }
  }
};

}  // namespace elman::ELMAN_ISA
