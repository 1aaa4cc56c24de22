// Sums of outer products, for gradients of weights: G[n, k] += sum over m of A[m, n] X[m, k], in the order of m. m runs
// over the packed rows of one shard, G is row-major as theta is, and A's columns are gates.
#pragma once

#include "math/gates.h"

namespace elman::ELMAN_ISA {

// Which packed rows a sum takes; A begins with packed row `first`.
struct Pick {
  const int64_t* index;
  int64_t count, first;
};

// Rows taken at once; a sum begins anew with each. A small tile reads X so often that a panel of so many rows must lie
// in the first-level cache; a large one is content with the second.
constexpr int64_t kOuterRows = kTileRows >= 6 ? 256 : 128;

// Columns of A that all columns of X meet before the next ones do: rows of them stay in the second-level cache, and A
// comes from memory once.
constexpr int64_t kOuterColumns = 96;

// R neighbouring columns of A, whose rows of G begin at g[r], and NV vectors of columns of X, from k on.
template <int R, int NV, class T, class Rows>
ELMAN_INLINE void outer_tile(const T* a, int64_t lda, const Rows& x, Pick pick, int64_t k, T* const (&g)[R],
                             int64_t width) {
  constexpr int W = kWidth<T>;
  Vec<T> acc[R][NV];
  ELMAN_UNROLL
  for (int r = 0; r < R; r++) {
    ELMAN_UNROLL
    for (int v = 0; v < NV; v++) {
      acc[r][v] = Vec<T>{};
      __builtin_prefetch(g[r] + v * W, 1);  // may lie in memory: on its way while the sum is made
    }
  }
  for (int64_t i = 0; i < pick.count; i++) {
    const int64_t m = pick.index[i];
    const T* left = pinned(a + (m - pick.first) * lda);
    const T* right = pinned(x[m] + k);
    Vec<T> s[R];
    ELMAN_UNROLL
    for (int r = 0; r < R; r++) s[r] = splat(left[r]);
    ELMAN_UNROLL
    for (int v = 0; v < NV; v++) {
      const Vec<T> b = load(right + v * W);
      ELMAN_UNROLL
      for (int r = 0; r < R; r++) acc[r][v] = fma<T>(s[r], b, acc[r][v]);
    }
  }
  ELMAN_UNROLL
  for (int r = 0; r < R; r++) {
    T* out = g[r];
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

// Lanes are columns of X. X's rows are readable to whole vectors.
template <class T, class Rows>
void outer_wide(const T* a, int64_t lda, Gates gates, int64_t units, const Rows& x, Pick all, int64_t inner, T* g) {
  constexpr int64_t W = kWidth<T>, wide = kTileVectors * W;
  const int64_t most = kOuterColumns / gates.count / W * W;  // units at a time
  for (int64_t from = 0; from < all.count; from += kOuterRows) {
    const Pick pick{all.index + from, all.count - from < kOuterRows ? all.count - from : kOuterRows, all.first};
    for (int64_t first = 0; first < units; first += most) {
      const int64_t end = units - first < most ? units : first + most;
      for (int64_t k = 0; k < inner; k += wide) {
        const int64_t width = inner - k < wide ? inner - k : wide, vectors = padded<T>(width) / W;
        const auto tiles = [&](const T* left, int64_t columns, auto row_of) {
          each_tile(columns, [&](auto size, int64_t n) {
            constexpr int R = decltype(size)::value;
            T* out[R];
            for (int r = 0; r < R; r++) out[r] = g + row_of(n + r) * inner + k;
            switch (vectors) {
              case 4:
                return outer_tile<R, 4>(left + n, lda, x, pick, k, out, width);
              case 3:
                return outer_tile<R, 3>(left + n, lda, x, pick, k, out, width);
              case 2:
                return outer_tile<R, 2>(left + n, lda, x, pick, k, out, width);
              default:
                return outer_tile<R, 1>(left + n, lda, x, pick, k, out, width);
            }
          });
        };
        if (gates.slots == 1) {
          tiles(a + first, end - first, [&](int64_t n) { return gates.gate[0] * units + first + n; });
          continue;
        }
        for (int64_t j = first; j < end; j += W) {  // a block's gates side by side, or what there is of each
          const T* left = a + j * gates.slots + gates.first * W;
          const int64_t run = units - j < W ? units - j : gates.count * W;
          for (int s = 0; s == 0 || (run < W && s < gates.count); s++) {
            tiles(left + s * W, run, [&](int64_t n) { return gates.gate[s + n / W] * units + j + n % W; });
          }
        }
      }
    }
  }
}

// V vectors of gates side by side and R columns of X: lanes are columns of A.
template <int R, int V, class T, class Rows>
ELMAN_INLINE void narrow_tile(const T* a, int64_t lda, const Rows& x, Pick pick, int64_t k,
                              T (&lanes)[R][V][kWidth<T>]) {
  constexpr int W = kWidth<T>;
  Vec<T> acc[R][V];
  ELMAN_UNROLL
  for (int r = 0; r < R; r++) {
    ELMAN_UNROLL
    for (int v = 0; v < V; v++) acc[r][v] = Vec<T>{};
  }
  for (int64_t i = 0; i < pick.count; i++) {
    const int64_t m = pick.index[i];
    const T* left = pinned(a + (m - pick.first) * lda);
    const T* right = pinned(x[m] + k);
    Vec<T> s[R];
    ELMAN_UNROLL
    for (int r = 0; r < R; r++) s[r] = splat(right[r]);
    ELMAN_UNROLL
    for (int v = 0; v < V; v++) {
      const Vec<T> b = load(left + v * W);
      ELMAN_UNROLL
      for (int r = 0; r < R; r++) acc[r][v] = fma<T>(s[r], b, acc[r][v]);
    }
  }
  ELMAN_UNROLL
  for (int r = 0; r < R; r++) {
    ELMAN_UNROLL
    for (int v = 0; v < V; v++) store(lanes[r][v], acc[r][v]);
  }
}

// f(Size<V>, first vector of A, unit, slot) for groups of V vectors that cover the gates' columns: V slots of a block,
// or as many blocks of a single slot.
template <class T, class F>
ELMAN_INLINE void each_group(Gates gates, int64_t units, F f) {
  constexpr int64_t W = kWidth<T>;
  if (gates.slots > 1) {
    for (int64_t j = 0; j < units; j += W) {
      const int64_t at = j * gates.slots + gates.first * W;
      switch (gates.count) {
        case 4:
          f(Size<4>{}, at, j);
          break;
        case 3:
          f(Size<3>{}, at, j);
          break;
        case 2:
          f(Size<2>{}, at, j);
          break;
        default:
          f(Size<1>{}, at, j);
          break;
      }
    }
    return;
  }
  int64_t j = 0;
  for (; j + 4 * W <= padded<T>(units); j += 4 * W) f(Size<4>{}, j, j);
  for (; j < units; j += W) f(Size<1>{}, j, j);
}

// The same sum where X is narrower than a vector.
template <class T, class Rows>
void outer_narrow(const T* a, int64_t lda, Gates gates, int64_t units, const Rows& x, Pick pick, int64_t inner, T* g) {
  constexpr int64_t W = kWidth<T>;
  each_group<T>(gates, units, [&](auto vectors, int64_t at, int64_t j) {
    each_tile(inner, [&](auto size, int64_t k) {
      constexpr int R = decltype(size)::value, V = decltype(vectors)::value;
      T lanes[R][V][W];
      narrow_tile(a + at, lda, x, pick, k, lanes);
      for (int v = 0; v < V; v++) {
        const int64_t unit = gates.slots > 1 ? j : j + v * W, gate = gates.slots > 1 ? gates.gate[v] : gates.gate[0];
        for (int64_t lane = 0; lane < W && unit + lane < units; lane++) {
          T* out = g + (gate * units + unit + lane) * inner + k;
          for (int r = 0; r < R; r++) out[r] += lanes[r][v][lane];
        }
      }
    });
  });
}

template <class T, class Rows>
void weight_gradient(const T* a, int64_t lda, Gates gates, int64_t units, const Rows& x, Pick pick, int64_t inner,
                     T* g) {
  if (inner < kWidth<T>) {
    outer_narrow(a, lda, gates, units, x, pick, inner, g);
  } else {
    outer_wide(a, lda, gates, units, x, pick, inner, g);
  }
}

// g (gates * units,) += sum over m of A[m, :].
template <class T>
void bias_gradient(const T* a, int64_t lda, Gates gates, int64_t units, Pick pick, T* g) {
  static constexpr T one[1] = {T(1)};
  outer_narrow(a, lda, gates, units, Strided<T>{one, 0}, pick, 1, g);
}

}  // namespace elman::ELMAN_ISA
