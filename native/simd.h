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

// Rows of the register tile: with 4 vectors a row, 24 of 32 registers accumulate, or 12 of 16.
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int kTileRows = 6;
#else
constexpr int kTileRows = 3;
#endif
constexpr int kTileVectors = 4;

template <class T>
ELMAN_INLINE int64_t padded(int64_t n) {
  return (n + kWidth<T> - 1) / kWidth<T> * kWidth<T>;
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

}  // namespace elman::ELMAN_ISA
