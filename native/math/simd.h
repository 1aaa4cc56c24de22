// Vectors of the instruction set this file is compiled for, in its own namespace: two objects compiled for different
// instruction sets must share no symbol, or the linker keeps one copy for both. For that reason no std template is used
// here.
#pragma once

#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#define ELMAN_INLINE inline __attribute__((always_inline))
#if defined(__clang__)
#define ELMAN_NOINLINE __attribute__((noinline))
#else
#define ELMAN_NOINLINE __attribute__((noinline, noclone))
#endif

// Before a loop over a tile's rows or vectors: only when it is unrolled whole do the accumulators live in registers.
#if defined(__clang__)
#define ELMAN_UNROLL _Pragma("unroll")
#else
#define ELMAN_UNROLL _Pragma("GCC unroll 16")
#endif

#if defined(__AVX512F__)
#define ELMAN_VECTOR_BYTES 64
#elif defined(__AVX2__)
#define ELMAN_VECTOR_BYTES 32
#else
#define ELMAN_VECTOR_BYTES 16
#endif

#if defined(__FMA__) || defined(__aarch64__)
#define ELMAN_HAS_FMA 1
#else
#define ELMAN_HAS_FMA 0
#endif

namespace elman::ELMAN_ISA {

template <class T>
struct Lanes;

template <>
struct Lanes<float> {
  typedef float V __attribute__((vector_size(ELMAN_VECTOR_BYTES)));
  typedef int32_t I __attribute__((vector_size(ELMAN_VECTOR_BYTES)));
  typedef int32_t Int;
};

template <>
struct Lanes<double> {
  typedef double V __attribute__((vector_size(ELMAN_VECTOR_BYTES)));
  typedef int64_t I __attribute__((vector_size(ELMAN_VECTOR_BYTES)));
  typedef int64_t Int;
};

template <class T>
using Vec = typename Lanes<T>::V;
template <class T>
using IVec = typename Lanes<T>::I;
template <class T>
constexpr int kWidth = ELMAN_VECTOR_BYTES / int(sizeof(T));

// Rows of the register tile: with 4 vectors a row, 24 of 32 registers accumulate, or 12 of 16; without a fused
// multiply-add each product needs a register of its own.
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int kTileRows = 6;
#else
constexpr int kTileRows = ELMAN_HAS_FMA ? 3 : 2;
#endif
constexpr int kTileVectors = 4;

// Panels of a single row that go side by side: the chains of one are too few to keep the multiply-adds busy.
constexpr int kSideBySide = 2;

template <class T>
ELMAN_INLINE int64_t padded(int64_t n) {
  return (n + kWidth<T> - 1) / kWidth<T> * kWidth<T>;
}

// The stride of rows of n elements: an odd number of cache lines where rows are long, or a column of rows would lie in
// a few sets of the cache.
template <class T>
ELMAN_INLINE int64_t spaced(int64_t n) {
  constexpr int64_t line = 64 / int64_t(sizeof(T));
  return n < 8 * line ? n : ((n + line - 1) / line | 1) * line;
}

template <class T>
ELMAN_INLINE Vec<T> load(const T* p) {
  Vec<T> v;
  memcpy(&v, p, sizeof v);
  return v;
}

template <class T>
ELMAN_INLINE void store(T* p, Vec<T> v) {
  memcpy(p, &v, sizeof v);
}

// The first `count` lanes, or all.
template <class T>
ELMAN_INLINE void store_part(T* p, int64_t count, Vec<T> v) {
  if (count >= kWidth<T>) return store(p, v);
  for (int64_t l = 0; l < count; l++) p[l] = v[l];
}

// The pointer itself, in one register: or GCC keeps a register for each of its constant offsets, and sums them up anew
// in every turn of a loop.
template <class T>
ELMAN_INLINE const T* pinned(const T* p) {
  asm("" : "+r"(p));
  return p;
}

// Never `Vec{} + a`: 0 + a is not a (-0.0), so the compiler would keep an addition for each broadcast.
ELMAN_INLINE Vec<float> splat(float a) {
#if defined(__AVX512F__)
  return _mm512_set1_ps(a);
#elif defined(__AVX2__)
  return _mm256_set1_ps(a);
#else
  return Vec<float>{a, a, a, a};
#endif
}
ELMAN_INLINE Vec<double> splat(double a) {
#if defined(__AVX512F__)
  return _mm512_set1_pd(a);
#elif defined(__AVX2__)
  return _mm256_set1_pd(a);
#else
  return Vec<double>{a, a};
#endif
}

ELMAN_INLINE float scalar_fma(float a, float b, float c) { return ELMAN_HAS_FMA ? __builtin_fmaf(a, b, c) : a * b + c; }
ELMAN_INLINE double scalar_fma(double a, double b, double c) {
  return ELMAN_HAS_FMA ? __builtin_fma(a, b, c) : a * b + c;
}

ELMAN_INLINE float square_root(float x) { return __builtin_sqrtf(x); }
ELMAN_INLINE double square_root(double x) { return __builtin_sqrt(x); }

// A whole number in the low half of each lane of 64 bits, and their products: compilers take a full 64-bit product
// otherwise, which is three times as slow or not there at all.
typedef uint64_t Words __attribute__((vector_size(ELMAN_VECTOR_BYTES)));
constexpr int kWords = ELMAN_VECTOR_BYTES / 8;
ELMAN_INLINE Words product_of_words(Words a, uint32_t b) {
#if defined(__AVX512F__)
  return (Words)_mm512_maskz_mul_epu32(0xff, (__m512i)a, _mm512_set1_epi64(b));  // GCC 12 warns without a mask
#elif defined(__AVX2__)
  return (Words)_mm256_mul_epu32((__m256i)a, _mm256_set1_epi64x(b));
#elif defined(__x86_64__)
  return (Words)_mm_mul_epu32((__m128i)a, _mm_set1_epi64x(b));
#elif defined(__aarch64__)
  return (Words)vmull_u32(vmovn_u64((uint64x2_t)a), vdup_n_u32(b));
#else
  return (a & 0xFFFFFFFFu) * b;
#endif
}

// a * b + c in one rounding where the machine has it; the only place where a product and a sum are fused. The
// intrinsics are spelt out because a loop over lanes becomes one instruction in most places, but sixteen scalar ones in
// a few.
template <class T>
ELMAN_INLINE Vec<T> fma(Vec<T> a, Vec<T> b, Vec<T> c);

#if defined(__AVX512F__)
template <>
ELMAN_INLINE Vec<float> fma<float>(Vec<float> a, Vec<float> b, Vec<float> c) {
  return _mm512_fmadd_ps(a, b, c);
}
template <>
ELMAN_INLINE Vec<double> fma<double>(Vec<double> a, Vec<double> b, Vec<double> c) {
  return _mm512_fmadd_pd(a, b, c);
}
#elif defined(__FMA__)
template <>
ELMAN_INLINE Vec<float> fma<float>(Vec<float> a, Vec<float> b, Vec<float> c) {
  return _mm256_fmadd_ps(a, b, c);
}
template <>
ELMAN_INLINE Vec<double> fma<double>(Vec<double> a, Vec<double> b, Vec<double> c) {
  return _mm256_fmadd_pd(a, b, c);
}
#elif defined(__aarch64__)
template <>
ELMAN_INLINE Vec<float> fma<float>(Vec<float> a, Vec<float> b, Vec<float> c) {
  return vfmaq_f32(c, a, b);
}
template <>
ELMAN_INLINE Vec<double> fma<double>(Vec<double> a, Vec<double> b, Vec<double> c) {
  return vfmaq_f64(c, a, b);
}
#else
template <class T>
ELMAN_INLINE Vec<T> fma(Vec<T> a, Vec<T> b, Vec<T> c) {
  return a * b + c;
}
#endif

// Which lanes of two vectors side by side change places when blocks of D lanes do.
template <class T, int D>
struct Swap {
  typename Lanes<T>::Int low[kWidth<T>] = {}, high[kWidth<T>] = {};
  constexpr Swap() {
    for (int l = 0; l < kWidth<T>; l++) {
      low[l] = l & D ? kWidth<T> + l - D : l;
      high[l] = l & D ? kWidth<T> + l : l + D;
    }
  }
};

// v[i][j] <-> v[j][i]: halves of blocks change places, then quarters, ...
template <class T, int D = kWidth<T> / 2>
ELMAN_INLINE void transpose(Vec<T> (&v)[kWidth<T>]) {
  constexpr int W = kWidth<T>;
#if defined(__clang__)
  T flat[W][W];
  memcpy(flat, v, sizeof flat);
  for (int i = 0; i < W; i++) {
    for (int j = 0; j < W; j++) v[i][j] = flat[j][i];
  }
#else
  constexpr Swap<T, D> swap;
  IVec<T> low, high;
  memcpy(&low, swap.low, sizeof low);
  memcpy(&high, swap.high, sizeof high);
  ELMAN_UNROLL
  for (int i = 0; i < W; i++) {
    if (i & D) continue;
    const Vec<T> a = v[i], b = v[i + D];
    v[i] = __builtin_shuffle(a, b, low);
    v[i + D] = __builtin_shuffle(a, b, high);
  }
  if constexpr (D > 1) transpose<T, D / 2>(v);
#endif
}

// The sum of all lanes, by halves.
template <class T>
ELMAN_INLINE T sum_lanes(Vec<T> v) {
  T lanes[kWidth<T>];
  store(lanes, v);
  ELMAN_UNROLL
  for (int d = kWidth<T> / 2; d >= 1; d /= 2) {
    for (int i = 0; i < d; i++) lanes[i] += lanes[i + d];
  }
  return lanes[0];
}

// Sums of vectors in double, whatever their type.
template <class T>
struct Doubles;
template <>
struct Doubles<double> {
  Vec<double> lanes;
  ELMAN_INLINE void add(Vec<double> v) { lanes = lanes + v; }
  ELMAN_INLINE double total() const { return sum_lanes<double>(lanes); }
};
template <>
struct Doubles<float> {
  typedef float Half __attribute__((vector_size(ELMAN_VECTOR_BYTES / 2)));
  Vec<double> low, high;
  ELMAN_INLINE void add(Vec<float> v) {
    Half halves[2];
    memcpy(halves, &v, sizeof v);
    low = low + __builtin_convertvector(halves[0], Vec<double>);
    high = high + __builtin_convertvector(halves[1], Vec<double>);
  }
  ELMAN_INLINE double total() const { return sum_lanes<double>(low + high); }
};

// |a| with the sign of s.
template <class T>
ELMAN_INLINE Vec<T> with_sign(Vec<T> a, Vec<T> s) {
  const IVec<T> sign = IVec<T>{} + (typename Lanes<T>::Int(1) << (8 * sizeof(T) - 1));
  IVec<T> x, y;
  memcpy(&x, &a, sizeof x);
  memcpy(&y, &s, sizeof y);
  x = (x & ~sign) | (y & sign);
  memcpy(&a, &x, sizeof a);
  return a;
}

// a / b for normal b; where division is slow, by a reciprocal and one step of Newton's method, within 2 ulp.
ELMAN_INLINE Vec<float> quotient(Vec<float> a, Vec<float> b) {
#if defined(__AVX512F__)
  const Vec<float> r = _mm512_maskz_rcp14_ps(0xffff, b);  // GCC 12 warns of the form without a mask
  return a * fma<float>(fma<float>(-b, r, splat(1.0f)), r, r);
#else
  return a / b;
#endif
}
ELMAN_INLINE Vec<double> quotient(Vec<double> a, Vec<double> b) { return a / b; }

}  // namespace elman::ELMAN_ISA
