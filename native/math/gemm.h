// Small matrix products over packed panels: C[m, :] = start + sum_q X[m, q] W[q, :]. Lanes are outputs, splats are X.
// Every sum runs over its inner index in order, one fused multiply-add a term, so an output's bits depend neither on
// the tile that computed it nor on the rows beside it.
#pragma once

#include "math/blocking.h"

namespace elman::ELMAN_ISA {

// Rows of a left operand: at equal strides, those that an index names, or wherever pointers lead (the previous step's
// rows). One type for all of them, so that a product is compiled once.
template <class T>
struct Left {
  const T* base;
  int64_t stride;
  const int64_t* index;  // (rows,), or null: row m is the one at m
  const T* const* rows;  // (rows,), or null: what stands above
  ELMAN_INLINE const T* operator[](int64_t m) const { return rows ? rows[m] : base + (index ? index[m] : m) * stride; }
};
template <class T>
ELMAN_INLINE Left<T> strided(const T* base, int64_t stride) {
  return {base, stride, nullptr, nullptr};
}
template <class T>
ELMAN_INLINE Left<T> listed(const T* base, int64_t stride, const int64_t* index) {
  return {base, stride, index, nullptr};
}
template <class T>
ELMAN_INLINE Left<T> gathered(const T* const* rows) {
  return {nullptr, 0, nullptr, rows};
}

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

// One product, of which a tile computes NV vectors: of R rows, or of a single row and P full panels side by side.
template <class T>
struct Product {
  Left<T> x;
  Inner inner;
  const T* w;
  T* c;
  int64_t ldc;
  const T* bias;
  Start start;
};

template <int R, int P, int NV, bool SPLIT, class T>
ELMAN_NOINLINE void product_tile(const Product<T>& p, int64_t m) {
  constexpr int W = kWidth<T>, ALL = SPLIT ? 4 : NV, N = R * P, panel = P == 1 ? 0 : NV * W;
  const Inner& inner = p.inner;
  const int64_t ldc = P == 1 ? p.ldc : panel;
  T* c = p.c + m * p.ldc;
  Vec<T> acc[N][ALL];
  ELMAN_UNROLL
  for (int n = 0; n < N; n++) {
    ELMAN_UNROLL
    for (int v = 0; v < ALL; v++) {
      acc[n][v] = v >= NV                  ? Vec<T>{}
                  : p.start == Start::add  ? load(c + n * ldc + v * W)
                  : p.start == Start::bias ? load(p.bias + n * panel + v * W)
                                           : Vec<T>{};
    }
  }
  const T *rows[R], *w[P];
  ELMAN_UNROLL
  for (int r = 0; r < R; r++) rows[r] = p.x[m + r] + inner.offset;
  ELMAN_UNROLL
  for (int k = 0; k < P; k++) w[k] = p.w + k * panel * inner.size();
  int64_t runs = inner.count, later = inner.tail_count, length = inner.length, stride = inner.stride;
  for (;;) {
    for (; runs > 0; runs--) {
      if constexpr (SPLIT) {
        accumulate_split<NV>(acc, rows, length, w[0]);
      } else {
        accumulate<0, NV>(acc, rows, length, w);
      }
      ELMAN_UNROLL
      for (int k = 0; k < P; k++) w[k] += length * NV * W;
      ELMAN_UNROLL
      for (int r = 0; r < R; r++) rows[r] += stride;
    }
    if (later == 0) break;
    runs = later, later = 0, length = inner.tail_length, stride = inner.tail_stride;
  }
  ELMAN_UNROLL
  for (int n = 0; n < N; n++) {
    if constexpr (SPLIT && NV == 1) acc[n][0] = (acc[n][0] + acc[n][1]) + (acc[n][2] + acc[n][3]);
    ELMAN_UNROLL
    for (int v = 0; v < NV; v++) {
      if constexpr (SPLIT && NV == 2) acc[n][v] = acc[n][v] + acc[n][v + 2];
      store(c + n * ldc + v * W, acc[n][v]);
    }
  }
}

// One panel of NV vectors: C[0:rows] = start + X W. Of a long panel all rows meet some lines before the next ones, and
// their sums wait in C.
template <int NV, bool SPLIT, class T>
void product_panel(Product<T> p, int64_t rows) {
  constexpr int64_t width = NV * kWidth<T>;
  const auto tiles = [&] {
    each_tile(rows, [&](auto size, int64_t m) { product_tile<decltype(size)::value, 1, NV, SPLIT>(p, m); });
  };
  const Inner all = p.inner;
  const int64_t most = panel_lines(width * int64_t(sizeof(T)));
  const bool cut = SPLIT && NV <= 2;   // such sums have parts already
  const bool single = all.count == 1;  // a run that can be cut anywhere; else whole runs go together
  const int64_t runs = single ? all.length : all.count, lines = single ? 1 : all.length;
  if (cut || rows <= kTileRows || all.size() <= most || runs == 0) return tiles();
  const int64_t step = most > lines ? most / lines : 1;
  for (int64_t from = 0; from < runs; from += step) {
    const bool last = runs - from <= step;
    const int64_t n = last ? runs - from : step;
    p.inner.count = single ? 1 : n, p.inner.length = single ? n : lines;
    p.inner.stride = single ? all.stride - from : all.stride;  // the tail lies a stride behind the last run's begin
    p.inner.offset = all.offset + from * (single ? 1 : all.stride);
    p.inner.tail_count = last ? all.tail_count : 0;
    tiles();
    p.w += n * lines * width;
    p.start = Start::add;
  }
}

// SPLIT: a panel of one or two vectors may split its sums.
template <bool SPLIT, class T>
void product_panel(const Product<T>& p, int64_t rows, int64_t vectors) {
  switch (vectors) {
    case 4:
      return product_panel<4, false>(p, rows);
    case 3:
      return product_panel<3, false>(p, rows);
    case 2:
      return product_panel<2, SPLIT>(p, rows);
    default:
      return product_panel<1, SPLIT>(p, rows);
  }
}

// C[0:rows] = start + X W for a matrix of `outputs` columns (padded to whole vectors): panels of 4 vectors, and a
// narrower last one.
template <bool SPLIT = false, class T>
void product(const Left<T>& x, int64_t rows, const Inner& inner, const T* w, int64_t outputs, T* c, int64_t ldc,
             const T* bias, Start start) {
  constexpr int64_t W = kWidth<T>, together = kSideBySide * kTileVectors;
  Product<T> p{x, inner, w, c, ldc, bias, start};
  int64_t vectors;
  for (int64_t left = padded<T>(outputs) / W; left > 0; left -= vectors) {
    vectors = rows == 1 && left >= together ? together : left < kTileVectors ? left : kTileVectors;
    if (vectors == together) {
      product_tile<1, kSideBySide, kTileVectors, false>(p, 0);
    } else {
      product_panel<SPLIT>(p, rows, vectors);
    }
    p.w += vectors * W * inner.size();
    p.c += vectors * W;
    p.bias += bias ? vectors * W : 0;
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
template <class T>
void dots(const Left<T>& x, int64_t rows, int64_t inner, const T* w, int64_t outputs, T* c, int64_t ldc,
          const T* bias) {
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
template <class T>
void pack_lanes(T* to, int64_t step, const Left<T>& src, int64_t first, int64_t rows, int64_t inner) {
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
template <class T>
void pack_rows_transposed(T* w, const Left<T>& src, int64_t outputs, int64_t inner) {
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
  pack_rows_transposed(w, strided(src, inner), outputs, inner);
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
template <class T>
void pack_rows_straight(T* w, const Left<T>& src, int64_t inner, int64_t outputs) {
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
  pack_rows_straight(w, strided(src, outputs), inner, outputs);
}

}  // namespace elman::ELMAN_ISA
