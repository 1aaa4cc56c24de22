// Small matrix products. Every sum runs over its inner index in order, one fused multiply-add a term, so an output's
// bits depend neither on the tile that computed it nor on the rows beside it.
//
//   product      C[m, :] (+)= sum_q X[m, q] W[q, :]       W packed in panels: lanes are outputs, splats are X
//   outer_sum    G[n, k]  += sum_m A[m, n] X[m, k]        gradients of weights: m runs over steps and rows
#pragma once

#include "simd.h"

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

// The inner index: `count` runs of `length` consecutive elements, `stride` apart, from `offset`.
struct Inner {
  int64_t count, length, stride, offset;
  ELMAN_INLINE int64_t size() const { return count * length; }
};

// Where panels' columns lie in C: panel p starts at column offset + p * stride.
struct Columns {
  int64_t stride, offset;
};

enum class Start { zero, bias, add };  // what a sum begins with: 0, the bias (packed like W's columns), or C itself

template <int R, int NV, class T, class Rows>
ELMAN_INLINE void product_tile(const Rows& x, int64_t m, Inner inner, const T* w, T* c, int64_t ldc, const T* bias,
                               Start start) {
  constexpr int W = kWidth<T>;
  Vec<T> acc[R][NV];
  const T* rows[R];
  ELMAN_UNROLL
  for (int r = 0; r < R; r++) {
    rows[r] = x[m + r] + inner.offset;
    ELMAN_UNROLL
    for (int v = 0; v < NV; v++) {
      acc[r][v] = start == Start::add    ? load(c + r * ldc + v * W)
                  : start == Start::bias ? load(bias + v * W)
                                         : Vec<T>{};
    }
  }
  for (int64_t run = 0; run < inner.count; run++) {
    const int64_t at = run * inner.stride;
    for (int64_t q = 0; q < inner.length; q++, w += NV * W) {
      Vec<T> b[NV];
      ELMAN_UNROLL
      for (int v = 0; v < NV; v++) b[v] = load(w + v * W);
      ELMAN_UNROLL
      for (int r = 0; r < R; r++) {
        const Vec<T> a = splat(rows[r][at + q]);
        ELMAN_UNROLL
        for (int v = 0; v < NV; v++) acc[r][v] = fma<T>(a, b[v], acc[r][v]);
      }
    }
  }
  ELMAN_UNROLL
  for (int r = 0; r < R; r++) {
    ELMAN_UNROLL
    for (int v = 0; v < NV; v++) store(c + r * ldc + v * W, acc[r][v]);
  }
}

template <int NV, class T, class Rows>
inline void product_panel(const Rows& x, int64_t rows, Inner inner, const T* w, T* c, int64_t ldc, const T* bias,
                          Start start) {
  int64_t m = 0;
  for (; m + kTileRows <= rows; m += kTileRows) {
    product_tile<kTileRows, NV>(x, m, inner, w, c + m * ldc, ldc, bias, start);
  }
  switch (rows - m) {
    case 5:
      product_tile < kTileRows<6 ? 1 : 5, NV>(x, m, inner, w, c + m * ldc, ldc, bias, start);
      break;
    case 4:
      product_tile < kTileRows<6 ? 1 : 4, NV>(x, m, inner, w, c + m * ldc, ldc, bias, start);
      break;
    case 3:
      product_tile < kTileRows<6 ? 1 : 3, NV>(x, m, inner, w, c + m * ldc, ldc, bias, start);
      break;
    case 2:
      product_tile<2, NV>(x, m, inner, w, c + m * ldc, ldc, bias, start);
      break;
    case 1:
      product_tile<1, NV>(x, m, inner, w, c + m * ldc, ldc, bias, start);
      break;
    default:
      break;
  }
}

// C[0:rows] (+)= X W for `panels` panels of NV vectors each.
template <int NV, class T, class Rows>
inline void product(const Rows& x, int64_t rows, Inner inner, const T* w, int64_t panels, T* c, int64_t ldc,
                    Columns columns, const T* bias, Start start) {
  constexpr int64_t width = NV * kWidth<T>;
  for (int64_t p = 0; p < panels; p++) {
    product_panel<NV>(x, rows, inner, w + p * width * inner.size(), c + columns.offset + p * columns.stride, ldc,
                      bias + p * width, start);
  }
}

// The same for a dense matrix of `outputs` columns (padded to whole vectors): panels of 4 vectors, and a narrower last
// one.
template <class T, class Rows>
inline void product_dense(const Rows& x, int64_t rows, Inner inner, const T* w, int64_t outputs, T* c, int64_t ldc,
                          const T* bias, Start start) {
  constexpr int64_t width = kTileVectors * kWidth<T>;
  const int64_t vectors = padded<T>(outputs) / kWidth<T>, panels = vectors / kTileVectors;
  product<kTileVectors>(x, rows, inner, w, panels, c, ldc, {width, 0}, bias, start);
  const T* rest = w + panels * width * inner.size();
  T* crest = c + panels * width;
  const T* brest = bias + panels * width;
  switch (vectors % kTileVectors) {
    case 3:
      product<3>(x, rows, inner, rest, 1, crest, ldc, {0, 0}, brest, start);
      break;
    case 2:
      product<2>(x, rows, inner, rest, 1, crest, ldc, {0, 0}, brest, start);
      break;
    case 1:
      product<1>(x, rows, inner, rest, 1, crest, ldc, {0, 0}, brest, start);
      break;
    default:
      break;
  }
}

// ---- packing: panels of 4 vectors of outputs (the last may be narrower); within a panel, the rows q one after the
// other

// w <- the transpose of src (outputs, inner), row-major, zeros in the padding.
template <class T>
inline void pack_transposed(T* w, const T* src, int64_t outputs, int64_t inner) {
  const int64_t all = padded<T>(outputs), wide = kTileVectors * kWidth<T>;
  for (int64_t o = 0; o < all; o += wide) {
    const int64_t width = all - o < wide ? all - o : wide, have = outputs - o < width ? outputs - o : width;
    for (int64_t q = 0; q < inner; q++, w += width) {
      for (int64_t i = 0; i < have; i++) w[i] = src[(o + i) * inner + q];
      for (int64_t i = have; i < width; i++) w[i] = T(0);
    }
  }
}

// w <- src (inner, outputs), row-major, zeros in the padding.
template <class T>
inline void pack_straight(T* w, const T* src, int64_t inner, int64_t outputs) {
  const int64_t all = padded<T>(outputs), wide = kTileVectors * kWidth<T>;
  for (int64_t o = 0; o < all; o += wide) {
    const int64_t width = all - o < wide ? all - o : wide, have = outputs - o < width ? outputs - o : width;
    for (int64_t q = 0; q < inner; q++, w += width) {
      memcpy(w, src + q * outputs + o, size_t(have) * sizeof(T));
      for (int64_t i = have; i < width; i++) w[i] = T(0);
    }
  }
}

// The rows of a gate-interleaved operand: inner index (block, slot, lane) is row gate[slot] * units + block * W + lane
// of a weight matrix (gates * units, columns); lanes past the units are zero.
struct Slots {
  int count;
  int gate[4];
};

// w <- for each block of W units a panel of `slots.count` vectors: lanes are the block's units, one gate a vector.
template <class T>
inline void pack_gates(T* w, const T* src, int64_t units, int64_t inner, Slots slots) {
  constexpr int64_t W = kWidth<T>;
  for (int64_t j = 0; j < units; j += W) {
    const int64_t have = units - j < W ? units - j : W;
    for (int64_t q = 0; q < inner; q++) {
      for (int s = 0; s < slots.count; s++, w += W) {
        const T* from = src + (slots.gate[s] * units + j) * inner + q;
        for (int64_t i = 0; i < have; i++) w[i] = from[i * inner];
        for (int64_t i = have; i < W; i++) w[i] = T(0);
      }
    }
  }
}

// w <- the same matrix the other way round, for products with gradients of the gates: the inner index runs over
// (block, slot, lane), outputs are the columns.
template <class T>
inline void pack_gates_back(T* w, const T* src, int64_t units, int64_t columns, Slots slots) {
  constexpr int64_t W = kWidth<T>, wide = kTileVectors * W;
  const int64_t all = padded<T>(columns);
  for (int64_t o = 0; o < all; o += wide) {
    const int64_t width = all - o < wide ? all - o : wide, have = columns - o < width ? columns - o : width;
    for (int64_t j = 0; j < units; j += W) {
      for (int s = 0; s < slots.count; s++) {
        for (int64_t lane = 0; lane < W; lane++, w += width) {
          const int64_t full = j + lane < units ? have : 0;
          if (full) memcpy(w, src + (slots.gate[s] * units + j + lane) * columns + o, size_t(full) * sizeof(T));
          for (int64_t i = full; i < width; i++) w[i] = T(0);
        }
      }
    }
  }
}

// ---- sums of outer products

// Which columns of A are wanted, and where each one's row of G lies: column of n, for n in [0, count).
// Gate-interleaved: unit j of slot s lies at column offset + (j / W) * block + s * W + j % W.
struct Interleaved {
  int64_t block, offset;
  template <int W>
  ELMAN_INLINE int64_t column(int64_t j) const {
    return offset + j / W * block + j % W;
  }
};

constexpr int64_t kOuterRows = 128;  // rows of A and X taken at once, so that both stay in the cache

template <int R, int NV, class T, class Rows>
ELMAN_INLINE void outer_tile(const T* const* acol, int64_t lda, const Rows& x, int64_t m0, int64_t m1, int64_t k, T* g,
                             int64_t ldg, int64_t width) {
  constexpr int W = kWidth<T>;
  Vec<T> acc[R][NV];
  ELMAN_UNROLL
  for (int r = 0; r < R; r++) {
    ELMAN_UNROLL
    for (int v = 0; v < NV; v++) acc[r][v] = Vec<T>{};
  }
  for (int64_t m = m0; m < m1; m++) {
    const T* row = x[m] + k;
    Vec<T> b[NV];
    ELMAN_UNROLL
    for (int v = 0; v < NV; v++) b[v] = load(row + v * W);
    ELMAN_UNROLL
    for (int r = 0; r < R; r++) {
      const Vec<T> a = splat(acol[r][m * lda]);
      ELMAN_UNROLL
      for (int v = 0; v < NV; v++) acc[r][v] = fma<T>(a, b[v], acc[r][v]);
    }
  }
  ELMAN_UNROLL
  for (int r = 0; r < R; r++) {
    T* out = g + r * ldg;
    if (width >= NV * W) {
      ELMAN_UNROLL
      for (int v = 0; v < NV; v++) store(out + v * W, load(out + v * W) + acc[r][v]);
    } else {
      T lanes[NV * W];
      ELMAN_UNROLL
      for (int v = 0; v < NV; v++) store(lanes + v * W, acc[r][v]);
      for (int64_t i = 0; i < width; i++) out[i] += lanes[i];
    }
  }
}

template <int NV, class T, class Rows>
inline void outer_columns(const T* a, int64_t lda, Interleaved place, int64_t count, const Rows& x, int64_t m0,
                          int64_t m1, int64_t k, T* g, int64_t ldg, int64_t width) {
  constexpr int R = kTileRows;
  for (int64_t n = 0; n < count; n += R) {
    const T* cols[R];
    const int64_t have = count - n < R ? count - n : R;
    for (int64_t r = 0; r < R; r++) cols[r] = a + place.column<kWidth<T>>(n + (r < have ? r : 0));
    T* out = g + n * ldg;
    if (have == R) {
      outer_tile<R, NV>(cols, lda, x, m0, m1, k, out, ldg, width);
    } else {
      for (int64_t r = 0; r < have; r++) outer_tile<1, NV>(cols + r, lda, x, m0, m1, k, out + r * ldg, ldg, width);
    }
  }
}

// G (count, inner) += sum over m of A[m, n] X[m, k]. X's rows are readable to whole vectors.
template <class T, class Rows>
inline void outer_sum(const T* a, int64_t lda, Interleaved place, int64_t count, const Rows& x, int64_t rows,
                      int64_t inner, T* g) {
  constexpr int64_t W = kWidth<T>, wide = kTileVectors * W;
  for (int64_t m0 = 0; m0 < rows; m0 += kOuterRows) {
    const int64_t m1 = rows - m0 < kOuterRows ? rows : m0 + kOuterRows;
    int64_t k = 0;
    for (; k + wide <= padded<T>(inner); k += wide) {
      outer_columns<kTileVectors>(a, lda, place, count, x, m0, m1, k, g + k, inner, inner - k);
    }
    for (; k < inner; k += W) outer_columns<1>(a, lda, place, count, x, m0, m1, k, g + k, inner, inner - k);
  }
}

// The same where X is narrower than a vector: lanes are columns of A instead, NV vectors at a time.
template <class T, class Rows>
inline void outer_sum_narrow(const T* a, int64_t lda, Interleaved place, int64_t count, const Rows& x, int64_t rows,
                             int64_t inner, T* g) {
  constexpr int W = kWidth<T>;
  for (int64_t k = 0; k < inner; k++) {
    for (int64_t n = 0; n < count; n += W) {
      const T* from = a + place.column<W>(n);
      Vec<T> acc{};
      for (int64_t m = 0; m < rows; m++) acc = fma<T>(splat(x[m][k]), load(from + m * lda), acc);
      for (int64_t lane = 0; lane < W && n + lane < count; lane++) g[(n + lane) * inner + k] += acc[lane];
    }
  }
}

// g (count,) += sum over m of A[m, n].
template <class T>
inline void column_sum(const T* a, int64_t lda, Interleaved place, int64_t count, int64_t rows, T* g) {
  constexpr int W = kWidth<T>;
  for (int64_t n = 0; n < count; n += W) {
    const T* from = a + place.column<W>(n);
    Vec<T> acc{};
    for (int64_t m = 0; m < rows; m++) acc = acc + load(from + m * lda);
    for (int64_t lane = 0; lane < W && n + lane < count; lane++) g[n + lane] += acc[lane];
  }
}

template <class T, class Rows>
inline void weight_gradient(const T* a, int64_t lda, Interleaved place, int64_t count, const Rows& x, int64_t rows,
                            int64_t inner, T* g) {
  if (inner < kWidth<T> / 2) {
    outer_sum_narrow(a, lda, place, count, x, rows, inner, g);
  } else {
    outer_sum(a, lda, place, count, x, rows, inner, g);
  }
}

}  // namespace elman::ELMAN_ISA
