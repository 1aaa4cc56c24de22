// Gate-interleaved rows: the gates of W units (one vector each) lie together, [block 0: slot 0, slot 1, ...][block 1:
// ...]. Products with them, and the packing of weights that goes with it.
#pragma once

#include "math/gemm.h"

namespace elman::ELMAN_ISA {

// f(first, end) for `count` panels, at once or in parts of an even number of them, each on a thread of its own, where
// `work` multiply-adds are enough for that.
template <class F>
ELMAN_INLINE void in_parts(const Team* team, int64_t count, int64_t work, F f) {
  constexpr int64_t kEnough = 1 << 17;
  const int64_t parts = !team || work < kEnough ? 1 : count / 2 < team->threads ? count / 2 : team->threads;
  if (parts <= 1) return f(0, count);
  struct Job {
    const F& f;
    int64_t count, parts;
    int64_t begin(int64_t part) const { return part == parts ? count : count * part / parts / 2 * 2; }
  };
  const Job job{f, count, parts};
  const auto part = [](const void* of, int64_t i) {
    const Job& own = *static_cast<const Job*>(of);
    own.f(own.begin(i), own.begin(i + 1));
  };
  team->run(parts, part, &job);
}

// Which slots of a block a matrix of weights (gates * units, inner) fills: `first` to `first + count`, of `slots`; slot
// first + k holds gate[k].
struct Gates {
  int slots, first, count;
  int gate[4];
};
constexpr Gates kPlain{1, 0, 1, {0}};  // a plain matrix: one slot, one gate

// w <- for each block of W units a panel of `count` vectors: lanes are the block's units, one gate a vector. A single
// slot has panels of 4 blocks, as a plain matrix has.
template <class T>
void pack_gates(T* w, const T* src, int64_t units, int64_t inner, Gates g) {
  constexpr int64_t W = kWidth<T>;
  if (g.slots == 1) return pack_transposed(w, src, units, inner);
  for (int64_t j = 0; j < units; j += W, w += g.count * W * inner) {
    for (int k = 0; k < g.count; k++) {
      pack_lanes(w + k * W, g.count * W, strided(src, inner), g.gate[k] * units + j, units - j < W ? units - j : W,
                 inner);
    }
  }
}

// The gates of `units` units as the inner index of a product; lanes past the units are left out.
template <class T>
ELMAN_INLINE Inner inner_gates(int64_t units, Gates g) {
  constexpr int64_t W = kWidth<T>;
  const int64_t full = units / W, tail = units % W;
  if (g.count == g.slots) {
    return {1, full * W * g.slots, full * W * g.slots, 0, tail ? g.count : 0, tail, W};
  }
  return {full, W * g.count, W * g.slots, W * g.first, tail ? g.count : 0, tail, W};
}

// w <- the same matrix for products whose inner index is inner_gates: outputs are its columns.
template <class T>
void pack_gates_back(T* w, const T* src, int64_t units, int64_t columns, Gates g) {
  constexpr int64_t W = kWidth<T>, wide = kTileVectors * W;
  const int64_t all = padded<T>(columns);
  for (int64_t o = 0; o < all; o += wide) {
    const int64_t width = all - o < wide ? all - o : wide, have = columns - o < width ? columns - o : width;
    for (int64_t j = 0; j < units; j += W) {
      for (int k = 0; k < g.count; k++) {
        for (int64_t lane = 0; lane < W && j + lane < units; lane++, w += width) {
          memcpy(w, src + (g.gate[k] * units + j + lane) * columns + o, size_t(have) * sizeof(T));
          for (int64_t i = have; i < width; i++) w[i] = T(0);
        }
      }
    }
  }
}

// A (rows, lda) = bias + X W for all units' blocks: the input's part of the pre-activations.
template <class T>
void gates_product(const Left<T>& x, int64_t rows, int64_t inner, const T* w, int64_t units, Gates g, T* a, int64_t lda,
                   const T* bias, Start start) {
  constexpr int64_t W = kWidth<T>;
  if (g.slots == 1) return product(x, rows, plain(inner), w, units, a, lda, bias, start);
  Product<T> p{x, plain(inner), w, a + g.first * W, lda, bias, start};
  for (int64_t j = 0; j < units; j += W) {
    product_panel<false>(p, rows, g.count);
    p.w += g.count * W * inner, p.c += g.slots * W, p.bias += bias ? g.count * W : 0;
  }
}

// C (rows, outputs) = start + dA[:, gates] W: from the gradients of the gates to that of what their product read.
// inner: inner_gates.
template <class T>
void gates_back(const T* da, int64_t lda, int64_t rows, const Inner& inner, const T* w_back, int64_t outputs, T* c,
                int64_t ldc, Start start) {
  product<true>(strided(da, lda), rows, inner, w_back, outputs, c, ldc, (const T*)nullptr, start);
}

}  // namespace elman::ELMAN_ISA
