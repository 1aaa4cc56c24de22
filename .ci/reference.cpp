// What .ci/build_cost compares a build with: a fixed amount of work for the compiler, of the kind that the kernels are.
// It is never run. Leave it as it is, or the bound in .ci/build_cost means something else.
typedef long Int;

template <class T>
struct Lanes;
template <>
struct Lanes<float> {
  typedef float V __attribute__((vector_size(16)));
};
template <>
struct Lanes<double> {
  typedef double V __attribute__((vector_size(16)));
};

template <int R, int V, class T>
void tile(const T* a, Int lda, const T* b, Int ldb, T* c, Int ldc, Int count) {
  typedef typename Lanes<T>::V Vec;
  constexpr int W = 16 / int(sizeof(T));
  Vec sum[R][V] = {};
  for (Int i = 0; i < count; i++, a += lda, b += ldb) {
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) {
#pragma GCC unroll 8
      for (int v = 0; v < V; v++) sum[r][v] = sum[r][v] + a[r] * *reinterpret_cast<const Vec*>(b + v * W);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; r++) {
#pragma GCC unroll 8
    for (int v = 0; v < V; v++) {
      const Vec x = sum[r][v], y = x < Vec{} ? -x : x, z = y / (y + T(1));
      *reinterpret_cast<Vec*>(c + r * ldc + v * W) = x * (z * z * z + T(3) * z * z + T(2) * z + T(1)) / (y * y + T(5));
    }
  }
}

template <int R, class T>
void panel(const T* a, Int lda, const T* b, Int ldb, T* c, Int ldc, Int count, Int vectors) {
  switch (vectors) {
    case 1:
      return tile<R, 1>(a, lda, b, ldb, c, ldc, count);
    case 2:
      return tile<R, 2>(a, lda, b, ldb, c, ldc, count);
    case 3:
      return tile<R, 3>(a, lda, b, ldb, c, ldc, count);
    default:
      return tile<R, 4>(a, lda, b, ldb, c, ldc, count);
  }
}

template <class T>
void product(const T* a, Int lda, const T* b, Int ldb, T* c, Int ldc, Int count, Int rows, Int vectors) {
  for (; rows > 0; rows -= 6, a += 6, c += 6 * ldc) {
    switch (rows) {
      case 1:
        return panel<1>(a, lda, b, ldb, c, ldc, count, vectors);
      case 2:
        return panel<2>(a, lda, b, ldb, c, ldc, count, vectors);
      case 3:
        return panel<3>(a, lda, b, ldb, c, ldc, count, vectors);
      case 4:
        return panel<4>(a, lda, b, ldb, c, ldc, count, vectors);
      case 5:
        return panel<5>(a, lda, b, ldb, c, ldc, count, vectors);
      default:
        panel<6>(a, lda, b, ldb, c, ldc, count, vectors);
    }
  }
}

template void product<float>(const float*, Int, const float*, Int, float*, Int, Int, Int, Int);
template void product<double>(const double*, Int, const double*, Int, double*, Int, Int, Int, Int);
