// Small matrix products over packed panels: C[m, :] = start + sum_q X[m, q] W[q, :]. Lanes are outputs, splats are X.
// Every sum runs over its inner index in order, one fused multiply-add a term, so an output's bits depend neither on
// the tile that computed it nor on the rows beside it.
#pragma once

#include "math/simd.h"

namespace elman::ELMAN_ISA {

// Rows of a left operand: at equal strides, or wherever pointers lead (the previous step's rows).
template <class T>
struct Strided {
  const T* base;
  int64_t stride;
  ELMAN_INLINE const T* operator[](int64_t m) const { return base + m * stride; }
};
template <class T>
struct Gathered {
  const T* const* rows;
  ELMAN_INLINE const T* operator[](int64_t m) const { return rows[m]; }
};

// The inner index: `count` runs of `length` consecutive elements, `stride` apart; then, for gates whose last block of
// units is not full, `tail_count` shorter runs.
struct Inner {
  int64_t count, length, stride, offset, tail_count, tail_length, tail_stride;
  ELMAN_INLINE int64_t size() const { return count * length + tail_count * tail_length; }
};
ELMAN_INLINE Inner plain(int64_t length) { return {1, length, 0, 0, 0, 0, 0}; }

enum class Start { zero, bias, add };  // what a sum begins with: 0, the bias (packed like W's columns), or C itself

template <int N>
struct Size {
  static constexpr int value = N;
};

// f(Size<R>, first row) for tiles that share `rows` rows as evenly as they can.
template <class F>
ELMAN_INLINE void each_tile(int64_t rows, F f) {
  uint32_t left = (uint32_t(rows) + kTileRows - 1) / kTileRows;
  for (int64_t m = 0; m < rows; left--) {
    const uint32_t r = left == 1 ? uint32_t(rows - m) : (uint32_t(rows - m) + left - 1) / left;
    switch (r) {
      case 1:
        f(Size<1>{}, m);
        break;
      case 2:
        f(Size<2>{}, m);
        break;
      case 3:
        if constexpr (kTileRows >= 3) f(Size<3>{}, m);
        break;
      case 4:
        if constexpr (kTileRows >= 4) f(Size<4>{}, m);
        break;
      case 5:
        if constexpr (kTileRows >= 5) f(Size<5>{}, m);
        break;
      default:
        if constexpr (kTileRows >= 6) f(Size<6>{}, m);
        break;
    }
    m += r;
  }
}

// acc[r][FIRST + v] += sum_q x[r][q] w[q][v], of R rows and a panel w[0] of NV vectors; or acc[p][FIRST + v] of a
// single row and P panels side by side.
template <int FIRST, int NV, int N, int ALL, int R, int P, class T>
ELMAN_INLINE void accumulate(Vec<T> (&acc)[N][ALL], const T* const (&x)[R], int64_t length, const T* const (&w)[P]) {
  static_assert(N == R * P && (R == 1 || P == 1));
  constexpr int W = kWidth<T>;
  const T* lines[P];
  ELMAN_UNROLL
  for (int p = 0; p < P; p++) lines[p] = w[p];
  for (int64_t q = 0; q < length; q++) {
    Vec<T> a[R];
    ELMAN_UNROLL
    for (int r = 0; r < R; r++) a[r] = splat(x[r][q]);
    ELMAN_UNROLL
    for (int p = 0; p < P; p++) {
      ELMAN_UNROLL
      for (int v = 0; v < NV; v++) {
        const Vec<T> b = load(lines[p] + v * W);
        ELMAN_UNROLL
        for (int r = 0; r < R; r++) acc[p + r][FIRST + v] = fma<T>(a[r], b, acc[p + r][FIRST + v]);
      }
      lines[p] += NV * W;
    }
  }
}

// The same for one or two vectors, in 4 or 2 sums that take turns: a single sum would wait for each addition. Only for
// sums whose number of chains is a matter of the network alone: gradients of inputs.
template <int NV, int R, class T>
ELMAN_INLINE void accumulate_split(Vec<T> (&acc)[R][4], const T* const (&x)[R], int64_t length, const T* w) {
  constexpr int W = kWidth<T>, sums = 4 / NV;
  int64_t q = 0;
  for (; q + sums <= length; q += sums, w += 4 * W) {
    ELMAN_UNROLL
    for (int k = 0; k < 4; k++) {
      const Vec<T> b = load(w + k * W);
      ELMAN_UNROLL
      for (int r = 0; r < R; r++) acc[r][k] = fma<T>(splat(x[r][q + k / NV]), b, acc[r][k]);
    }
  }
  for (; q < length; q++, w += NV * W) {
    ELMAN_UNROLL
    for (int v = 0; v < NV; v++) {
      const Vec<T> b = load(w + v * W);
      ELMAN_UNROLL
      for (int r = 0; r < R; r++) acc[r][v] = fma<T>(splat(x[r][q]), b, acc[r][v]);
    }
  }
}

// f(row pointers at a run's first element, its length, its weights) for every run of the inner index.
template <int R, class T, class Rows, class F>
ELMAN_INLINE void each_run(const Rows& x, int64_t m, const Inner& inner, const T* w, int64_t width, F f) {
  const T* rows[R];
  ELMAN_UNROLL
  for (int r = 0; r < R; r++) rows[r] = x[m + r] + inner.offset;
  for (int64_t run = 0; run < inner.count; run++) {
    f(rows, inner.length, w);
    w += inner.length * width;
    ELMAN_UNROLL
    for (int r = 0; r < R; r++) rows[r] += inner.stride;
  }
  for (int64_t run = 0; run < inner.tail_count; run++) {
    f(rows, inner.tail_length, w);
    w += inner.tail_length * width;
    ELMAN_UNROLL
    for (int r = 0; r < R; r++) rows[r] += inner.tail_stride;
  }
}

template <int R, int NV, bool SPLIT, class T, class Rows>
ELMAN_INLINE void product_tile(const Rows& x, int64_t m, const Inner& inner, const T* w, T* c, int64_t ldc,
                               const T* bias, Start start) {
  constexpr int W = kWidth<T>, ALL = SPLIT ? 4 : NV;
  Vec<T> acc[R][ALL];
  ELMAN_UNROLL
  for (int r = 0; r < R; r++) {
    ELMAN_UNROLL
    for (int v = 0; v < ALL; v++) {
      acc[r][v] = v >= NV                ? Vec<T>{}
                  : start == Start::add  ? load(c + r * ldc + v * W)
                  : start == Start::bias ? load(bias + v * W)
                                         : Vec<T>{};
    }
  }
  each_run<R>(x, m, inner, w, NV * W, [&](const T* const(&rows)[R], int64_t length, const T* from) {
    if constexpr (SPLIT) {
      accumulate_split<NV>(acc, rows, length, from);
    } else {
      accumulate<0, NV>(acc, rows, length, {from});
    }
  });
  ELMAN_UNROLL
  for (int r = 0; r < R; r++) {
    if constexpr (SPLIT && NV == 1) acc[r][0] = (acc[r][0] + acc[r][1]) + (acc[r][2] + acc[r][3]);
    ELMAN_UNROLL
    for (int v = 0; v < NV; v++) {
      if constexpr (SPLIT && NV == 2) acc[r][v] = acc[r][v] + acc[r][v + 2];
      store(c + r * ldc + v * W, acc[r][v]);
    }
  }
}

// One panel of NV vectors: C[0:rows] = start + X W.
template <int NV, bool SPLIT, class T, class Rows>
void product_panel(const Rows& x, int64_t rows, const Inner& inner, const T* w, T* c, int64_t ldc, const T* bias,
                   Start start) {
  each_tile(rows, [&](auto size, int64_t m) {
    product_tile<decltype(size)::value, NV, SPLIT>(x, m, inner, w, c + m * ldc, ldc, bias, start);
  });
}

// One row, and full panels side by side.
template <class T, class Rows>
void product_row(const Rows& x, const Inner& inner, const T* w, T* c, const T* bias, Start start) {
  constexpr int64_t W = kWidth<T>, NV = kTileVectors;
  Vec<T> acc[kSideBySide][NV];
  const T* panels[kSideBySide];
  ELMAN_UNROLL
  for (int p = 0; p < kSideBySide; p++) {
    panels[p] = w + p * NV * W * inner.size();
    ELMAN_UNROLL
    for (int v = 0; v < NV; v++) {
      acc[p][v] = start == Start::add    ? load(c + (p * NV + v) * W)
                  : start == Start::bias ? load(bias + (p * NV + v) * W)
                                         : Vec<T>{};
    }
  }
  each_run<1>(x, 0, inner, w, NV * W, [&](const T* const(&rows)[1], int64_t length, const T*) {
    accumulate<0, NV>(acc, rows, length, panels);
    ELMAN_UNROLL
    for (int p = 0; p < kSideBySide; p++) panels[p] += length * NV * W;
  });
  ELMAN_UNROLL
  for (int p = 0; p < kSideBySide; p++) {
    ELMAN_UNROLL
    for (int v = 0; v < NV; v++) store(c + (p * NV + v) * W, acc[p][v]);
  }
}

// C[0:rows] = start + X W for a matrix of `outputs` columns (padded to whole vectors): panels of 4 vectors, and a
// narrower last one. SPLIT: a panel of one or two vectors may split its sums.
template <bool SPLIT = false, class T, class Rows>
void product(const Rows& x, int64_t rows, const Inner& inner, const T* w, int64_t outputs, T* c, int64_t ldc,
             const T* bias, Start start) {
  constexpr int64_t W = kWidth<T>, together = kSideBySide * kTileVectors;
  int64_t vectors;
  for (int64_t left = padded<T>(outputs) / W; left > 0; left -= vectors) {
    vectors = rows == 1 && left >= together ? together : left < kTileVectors ? left : kTileVectors;
    switch (vectors) {
      case together:
        product_row(x, inner, w, c, bias, start);
        break;
      case 4:
        product_panel<4, false>(x, rows, inner, w, c, ldc, bias, start);
        break;
      case 3:
        product_panel<3, false>(x, rows, inner, w, c, ldc, bias, start);
        break;
      case 2:
        product_panel<2, SPLIT>(x, rows, inner, w, c, ldc, bias, start);
        break;
      default:
        product_panel<1, SPLIT>(x, rows, inner, w, c, ldc, bias, start);
        break;
    }
    w += vectors * W * inner.size();
    c += vectors * W;
    bias += bias ? vectors * W : 0;
  }
}

// ---- few outputs

// A matrix with this few outputs and a vector of inputs or more is taken row by row: lanes are inputs.
constexpr int64_t kDotOutputs = 2;
template <class T>
ELMAN_INLINE bool few_outputs(int64_t outputs, int64_t inner) {
  return outputs <= kDotOutputs && inner >= kWidth<T>;
}

// C[m, o] = bias[o] + the sum over X[m, :] W[o, :], whose rows are padded with zeros to whole vectors.
template <class T, class Rows>
void dots(const Rows& x, int64_t rows, int64_t inner, const T* w, int64_t outputs, T* c, int64_t ldc, const T* bias) {
  constexpr int64_t W = kWidth<T>;
  const int64_t all = padded<T>(inner);
  for (int64_t m = 0; m < rows; m++) {
    store(c + m * ldc, Vec<T>{});
    for (int64_t o = 0; o < outputs; o++) {
      Vec<T> sum{};
      for (int64_t k = 0; k < all; k += W) sum = fma<T>(load(x[m] + k), load(w + o * all + k), sum);
      c[m * ldc + o] = bias[o] + sum_lanes<T>(sum);
    }
  }
}

// ---- packing: panels of 4 vectors of outputs (the last may be narrower); within a panel, the rows q one after the
// other

// to[q * step + i] = src[first + i][q] for `rows` <= W rows of `inner` elements; zeros for the lanes past them.
template <class T, class Rows>
void pack_lanes(T* to, int64_t step, const Rows& src, int64_t first, int64_t rows, int64_t inner) {
  constexpr int64_t W = kWidth<T>;
  int64_t q = 0;
  for (; rows == W && q + W <= inner; q += W) {
    Vec<T> block[W];
    for (int i = 0; i < W; i++) block[i] = load(src[first + i] + q);
    transpose<T>(block);
    for (int i = 0; i < W; i++) store(to + (q + i) * step, block[i]);
  }
  for (; q < inner; q++) {
    if (rows < W) store(to + q * step, Vec<T>{});
    for (int64_t i = 0; i < rows; i++) to[q * step + i] = src[first + i][q];
  }
}

// w <- the transpose of the rows src (outputs, inner), zeros in the padding.
template <class T, class Rows>
void pack_rows_transposed(T* w, const Rows& src, int64_t outputs, int64_t inner) {
  constexpr int64_t W = kWidth<T>, wide = kTileVectors * W;
  const int64_t all = padded<T>(outputs);
  for (int64_t o = 0; o < all; o += wide) {
    const int64_t width = all - o < wide ? all - o : wide;
    for (int64_t v = 0; v < width; v += W) {
      const int64_t left = outputs - o - v;
      pack_lanes(w + v, width, src, o + v, left < W ? left : W, inner);
    }
    w += width * inner;
  }
}

// The same for a matrix, row-major as theta is.
template <class T>
void pack_transposed(T* w, const T* src, int64_t outputs, int64_t inner) {
  pack_rows_transposed(w, Strided<T>{src, inner}, outputs, inner);
}

// w <- the rows of src (outputs, inner), each padded with zeros to whole vectors.
template <class T>
void pack_rows(T* w, const T* src, int64_t outputs, int64_t inner) {
  for (int64_t o = 0; o < outputs; o++, w += padded<T>(inner)) {
    memcpy(w, src + o * inner, size_t(inner) * sizeof(T));
    for (int64_t k = inner; k < padded<T>(inner); k++) w[k] = T(0);
  }
}

// w <- the rows src (inner, outputs), zeros in the padding.
template <class T, class Rows>
void pack_rows_straight(T* w, const Rows& src, int64_t inner, int64_t outputs) {
  const int64_t all = padded<T>(outputs), wide = kTileVectors * kWidth<T>;
  for (int64_t o = 0; o < all; o += wide) {
    const int64_t width = all - o < wide ? all - o : wide, have = outputs - o < width ? outputs - o : width;
    for (int64_t q = 0; q < inner; q++, w += width) {
      memcpy(w, src[q] + o, size_t(have) * sizeof(T));
      for (int64_t i = have; i < width; i++) w[i] = T(0);
    }
  }
}

// The same for a matrix, row-major as theta is.
template <class T>
void pack_straight(T* w, const T* src, int64_t inner, int64_t outputs) {
  pack_rows_straight(w, Strided<T>{src, outputs}, inner, outputs);
}

}  // namespace elman::ELMAN_ISA
