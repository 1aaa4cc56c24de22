// What every cell is given: one step of some rows of a shard. Buffers are (rows, padded units), gates are interleaved
// by blocks of W units: A[row] = [block 0: slot 0, slot 1, ...][block 1: ...], each slot one vector.
//
// A cell is a struct with
//   slots, input, hidden    how many slots a block of A has, and which gates the two products fill, from which slot
//   states, extras          1 (h) or 2 (h and c); rows of its extra parameter (bias_hn, peephole), or 0
//   forward(Forward), backward(Backward)   one step and its derivative, side by side
#pragma once

#include "../activations.h"
#include "../gemm.h"

namespace elman::ELMAN_ISA {

// One product of a cell: it fills slots `first`, first + 1, ... with these gates.
struct Product {
  Slots slots;
  int first;
};

// One direction's weights, packed. A second hidden product exists only where a gate looks at something else than h.
template <class T>
struct CellWeights {
  T *ih, *bias, *hh, *hh2, *extra;  // bias: like A's blocks of the input product; extra: (extras, padded units)
  T *ih_back, *hh_back, *hh2_back;
};

template <class T>
struct Forward {
  int64_t rows, units;     // units: padded
  const T* const* h_prev;  // rows' previous states, wherever they lie
  const T* const* c_prev;
  T* a;  // in: the input's part of the pre-activations; out: the activated gates
  int64_t lda;
  T *h, *c, *aux;  // out, (rows, units); aux: tanh(c) for LSTM, r * h for GRU with reset before
  const CellWeights<T>* w;
  int64_t hidden;  // units without padding
};

template <class T>
struct Backward {
  int64_t rows, units;
  const T* const* h_prev;
  const T* const* c_prev;
  const T* a;  // activated gates
  int64_t lda;
  const T *h, *c, *aux;
  const T* dout;  // (rows, ldd): what arrives at h from above
  int64_t ldd;
  T* da;       // out: gradient at the pre-activations, laid out like a
  T *dh, *dc;  // carry, (rows, units): in from step t + 1, out to step t - 1
  T* temp;     // (rows, units)
  const CellWeights<T>* w;
  int64_t hidden;
};

// The product of `rows` rows with `NV` gates of every block. One slot: the columns are contiguous, so wide panels
// serve.
template <int SLOTS, int NV, int FIRST, class T, class Rows>
ELMAN_INLINE void gates_product(const Rows& x, int64_t rows, int64_t inner, const T* w, int64_t units, T* a,
                                int64_t lda, const T* bias, Start start) {
  constexpr int64_t W = kWidth<T>;
  if constexpr (SLOTS == 1) {
    product_dense(x, rows, {1, inner, 0, 0}, w, units, a, lda, bias, start);
  } else {
    product<NV>(x, rows, {1, inner, 0, 0}, w, units / W, a, lda, {SLOTS * W, FIRST * W}, bias, start);
  }
}

// C (rows, outputs) (+)= dA[:, slots] W: gradients of the gates back to what the product read.
template <int SLOTS, int NV, int FIRST, class T>
ELMAN_INLINE void gates_back(const T* da, int64_t lda, int64_t rows, int64_t units, const T* w_back, int64_t outputs,
                             T* c, int64_t ldc, Start start) {
  constexpr int64_t W = kWidth<T>;
  product_dense(Strided<T>{da, lda}, rows, {units / W, NV * W, SLOTS * W, FIRST * W}, w_back, outputs, c, ldc,
                (const T*)nullptr, start);
}

}  // namespace elman::ELMAN_ISA
