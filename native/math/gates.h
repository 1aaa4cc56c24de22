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

// Whether a single row's way back takes a matrix (gates * units, units) as it lies in theta: where it exceeds the
// second-level cache, so that packing costs its way through memory twice and more chains gain nothing. Its rows and
// each gate's units are whole vectors then, in blocks of four or more.
template <class T>
ELMAN_INLINE bool row_by_row(Gates g, int64_t units) {
  return kWidth<T> >= 4 && units % kWidth<T> == 0 && g.count * units * units * int64_t(sizeof(T)) > caches.l2;
}

// c (columns,) = start + the sum over R rows of `factors` times them, `ld` apart: in order, for whole vectors.
template <int R, class T>
ELMAN_NOINLINE void add_rows_times(const T* factors, const T* rows, int64_t ld, int64_t columns, T* c, Start start) {
  constexpr int64_t W = kWidth<T>;
  Vec<T> s[R];
  ELMAN_UNROLL
  for (int r = 0; r < R; r++) s[r] = splat(factors[r]);
  for (int64_t j = 0; j < columns; j += W) {
    Vec<T> sum = start == Start::zero ? Vec<T>{} : load(c + j);
    ELMAN_UNROLL
    for (int r = 0; r < R; r++) sum = fma<T>(s[r], load(rows + r * ld + j), sum);
    store(c + j, sum);
  }
}

// gates_back of a single row, da, with the bits of it, by the matrix w (gates * units, units) as it lies in theta: each
// row of it is read once, and nothing need be packed.
template <class T>
void row_back(const T* da, Gates g, const T* w, int64_t units, T* c, Start start) {
  constexpr int64_t W = kWidth<T>, R = W < 8 ? W : 8;
  const int64_t last = units / W % kTileVectors, narrow = last <= 2 ? last : 0, wide = units - narrow * W;
  T split[kTileVectors * W];  // a panel so narrow has its sums in parts that take turns (accumulate_split)
  memset(split, 0, sizeof split);
  if (start == Start::add) memcpy(split, c + wide, size_t(narrow * W) * sizeof(T));
  for (int64_t j = 0; j < units; j += W) {
    for (int k = 0; k < g.count; k++) {
      const T* factors = da + j * g.slots + (g.first + k) * W;
      const T* rows = w + (g.gate[k] * units + j) * units;
      for (int64_t r = 0; r < W; r += R, factors += R, rows += R * units) {
        add_rows_times<R>(factors, rows, units, wide, c, start);
        start = Start::add;
        for (int64_t q = 0; narrow > 0 && q < R; q++) {
          T* part = split + q % (kTileVectors / narrow) * narrow * W;
          add_rows_times<1>(factors + q, rows + q * units + wide, units, narrow * W, part, Start::add);
        }
      }
    }
  }
  const auto part = [&split](int64_t v) { return load(split + v * W); };
  if (narrow == 1) store(c + wide, (part(0) + part(1)) + (part(2) + part(3)));
  if (narrow == 2) store(c + wide, part(0) + part(2)), store(c + wide + W, part(1) + part(3));
}

}  // namespace elman::ELMAN_ISA
