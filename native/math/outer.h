// Sums of outer products, for gradients of weights: G[n, k] (+)= sum over m of A[m, n] X[m, k], in the order of m. m
// runs over the packed rows of one shard, G is row-major as theta is, and A's columns are gates. What begins with zero
// rather than with what lies in G has the bits of a sum that is added to a G of zeros.
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

// Picked rows of A and of X, side by side.
template <class T>
struct Pairs {
  int64_t count;
  const T *a[kOuterRows], *x[kOuterRows];

  Pairs(const T* from, int64_t lda, const Left<T>& rows, Pick pick) : count(pick.count) {
    for (int64_t i = 0; i < count; i++) {
      const int64_t m = pick.index[i];
      a[i] = from + (m - pick.first) * lda, x[i] = rows[m];
    }
  }
};

// to[r] (width,) (+)= row r of from (rows, ld).
template <class T>
ELMAN_NOINLINE void add_rows(T* const* to, int64_t rows, const T* from, int64_t ld, int64_t width, Start start) {
  for (int64_t r = 0; r < rows; r++, from += ld) {
    if (start == Start::zero) memset(to[r], 0, size_t(width) * sizeof(T));
    for (int64_t i = 0; i < width; i++) to[r][i] += from[i];
  }
}

// R neighbouring columns of A, from n on, whose rows of G begin at g[r], and NV vectors of columns of X, from k on.
template <int R, int NV, class T>
ELMAN_NOINLINE void outer_tile(const Pairs<T>& pairs, int64_t n, int64_t k, T* const (&g)[R], int64_t width,
                               Start start) {
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
  for (int64_t i = 0; i < pairs.count; i++) {
    const T *left = pinned(pairs.a[i] + n), *right = pinned(pairs.x[i] + k);
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
  if (width < NV * W) {
    T lanes[R * NV * W];
    ELMAN_UNROLL
    for (int r = 0; r < R; r++) {
      ELMAN_UNROLL
      for (int v = 0; v < NV; v++) store(lanes + (r * NV + v) * W, acc[r][v]);
    }
    return add_rows<T>(g, R, lanes, NV * W, width, start);
  }
  ELMAN_UNROLL
  for (int r = 0; r < R; r++) {
    ELMAN_UNROLL
    for (int v = 0; v < NV; v++) {
      const Vec<T> before = start == Start::zero ? Vec<T>{} : load(g[r] + v * W);
      store(g[r] + v * W, before + acc[r][v]);
    }
  }
}

// Lanes are columns of X. X's rows are readable to whole vectors.
template <class T>
void outer_wide(const T* a, int64_t lda, Gates gates, int64_t units, const Left<T>& x, Pick all, int64_t inner, T* g,
                Start start) {
  constexpr int64_t W = kWidth<T>, wide = kTileVectors * W;
  const int64_t blocks = outer_columns<T>(kOuterRows) / (gates.count * W);
  const int64_t most = (blocks > 1 ? blocks : 1) * W;  // units at a time
  for (int64_t from = 0; from < all.count; from += kOuterRows, start = Start::add) {
    const int64_t left = all.count - from;
    const Pairs<T> pairs(a, lda, x, {all.index + from, left < kOuterRows ? left : kOuterRows, all.first});
    for (int64_t first = 0; first < units; first += most) {
      const int64_t end = units - first < most ? units : first + most;
      for (int64_t k = 0; k < inner; k += wide) {
        const int64_t width = inner - k < wide ? inner - k : wide, vectors = padded<T>(width) / W;
        // The columns of A from `at` on: of unit j and its neighbours, in gates from number s on.
        const auto tiles = [&](int64_t at, int64_t columns, int64_t j, int s) {
          each_tile(columns, [&](auto size, int64_t n) {
            constexpr int R = decltype(size)::value;
            T* out[R];
            for (int r = 0; r < R; r++) {
              const int64_t slot = gates.slots == 1 ? 0 : (n + r) / W;
              out[r] = g + (gates.gate[s + slot] * units + j + n + r - slot * W) * inner + k;
            }
            switch (vectors) {
              case 4:
                return outer_tile<R, 4>(pairs, at + n, k, out, width, start);
              case 3:
                return outer_tile<R, 3>(pairs, at + n, k, out, width, start);
              case 2:
                return outer_tile<R, 2>(pairs, at + n, k, out, width, start);
              default:
                return outer_tile<R, 1>(pairs, at + n, k, out, width, start);
            }
          });
        };
        // A single slot at once; else a block's gates side by side, or what there is of each.
        const bool one = gates.slots == 1;
        for (int64_t j = first; j < end; j += one ? most : W) {
          const int64_t at = j * gates.slots + gates.first * W;
          const int64_t run = one ? end - j : units - j < W ? units - j : gates.count * W;
          for (int s = 0; s == 0 || (run < W && s < gates.count); s++) tiles(at + s * W, run, j, s);
        }
      }
    }
  }
}

// V vectors of gates side by side and R columns of X: lanes are columns of A. sums (R, V, W) is written.
template <int R, int V, class T>
ELMAN_NOINLINE void narrow_tile(const T* a, int64_t lda, const Left<T>& x, Pick pick, int64_t k, T* sums) {
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
    for (int v = 0; v < V; v++) store(sums + (r * V + v) * W, acc[r][v]);
  }
}

// Adds sums (columns of X, vectors of A, W) to G, whose column 0 is the first of these columns; the vectors are slots
// of the block of unit j, or as many blocks of a single slot.
template <class T>
ELMAN_NOINLINE void add_lanes(const T* sums, int64_t columns, int64_t vectors, const Gates& gates, int64_t units,
                              int64_t j, int64_t inner, T* g) {
  constexpr int64_t W = kWidth<T>;
  for (int64_t v = 0; v < vectors; v++) {
    const int64_t unit = gates.slots > 1 ? j : j + v * W, gate = gates.slots > 1 ? gates.gate[v] : gates.gate[0];
    T* out = g + (gate * units + unit) * inner;
    if (inner == 1 && unit + W <= units) {
      store(out, load(out) + load(sums + v * W));
      continue;
    }
    for (int64_t lane = 0; lane < W && unit + lane < units; lane++, out += inner) {
      for (int64_t k = 0; k < columns; k++) out[k] += sums[(k * vectors + v) * W + lane];
    }
  }
}

// f(Size<V>, first vector of A, unit) for groups of V vectors that cover the gates' columns: V slots of a block,
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
template <class T>
void outer_narrow(const T* a, int64_t lda, Gates gates, int64_t units, const Left<T>& x, Pick pick, int64_t inner,
                  T* g) {
  constexpr int64_t W = kWidth<T>;
  each_group<T>(gates, units, [&](auto vectors, int64_t at, int64_t j) {
    constexpr int V = decltype(vectors)::value;
    each_tile(inner, [&](auto size, int64_t k) {
      constexpr int R = decltype(size)::value;
      T sums[R * V * W];
      narrow_tile<R, V>(a + at, lda, x, pick, k, sums);
      add_lanes<T>(sums, R, V, gates, units, j, inner, g + k);
    });
  });
}

template <class T>
ELMAN_NOINLINE void weight_gradient(const T* a, int64_t lda, Gates gates, int64_t units, const Left<T>& x, Pick pick,
                                    int64_t inner, T* g, Start start = Start::add) {
  const bool narrow = inner < kWidth<T>;
  for (int k = 0; start == Start::zero && (narrow || pick.count == 0) && k < gates.count; k++) {
    memset(g + gates.gate[k] * units * inner, 0, size_t(units * inner) * sizeof(T));
  }
  if (narrow) {
    outer_narrow(a, lda, gates, units, x, pick, inner, g);
  } else {
    outer_wide(a, lda, gates, units, x, pick, inner, g, start);
  }
}

// g (gates * units,) += sum over m of A[m, :].
template <class T>
ELMAN_NOINLINE void bias_gradient(const T* a, int64_t lda, Gates gates, int64_t units, Pick pick, T* g) {
  constexpr int64_t W = kWidth<T>;
  each_group<T>(gates, units, [&](auto vectors, int64_t at, int64_t j) {
    constexpr int V = decltype(vectors)::value;
    Vec<T> acc[V] = {};
    for (int64_t i = 0; i < pick.count; i++) {
      const T* row = pinned(a + (pick.index[i] - pick.first) * lda + at);
      ELMAN_UNROLL
      for (int v = 0; v < V; v++) acc[v] = acc[v] + load(row + v * W);
    }
    T sums[V * W];
    ELMAN_UNROLL
    for (int v = 0; v < V; v++) store(sums + v * W, acc[v]);
    add_lanes<T>(sums, 1, V, gates, units, j, 1, g);
  });
}

}  // namespace elman::ELMAN_ISA
