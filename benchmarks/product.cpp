// One packed product, C (rows, outputs) = X (rows, inner) W, `repeats` times, for counting what it fetches: see
// cache_counts.py. L2 says for which second-level cache its panels are cut into parts.
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "math/gemm.h"

using namespace elman::ELMAN_ISA;

int main(int count, char** given) {
  if (count != 6) return std::fprintf(stderr, "expected ROWS INNER OUTPUTS L2 REPEATS\n"), 2;
  const int64_t rows = std::atoll(given[1]), inner = std::atoll(given[2]), outputs = std::atoll(given[3]);
  caches.l2 = std::atoll(given[4]);
  const int64_t ldx = spaced<float>(padded<float>(inner)), ldc = spaced<float>(padded<float>(outputs));
  const auto filled = [](int64_t size) {
    std::vector<float> values(static_cast<size_t>(size));
    for (size_t i = 0; i < values.size(); i++) values[i] = float(i % 7) * 0.1f;
    return values;
  };
  const std::vector<float> x = filled(rows * ldx), w = filled(inner * padded<float>(outputs));
  std::vector<float> c = filled(rows * ldc);
  for (int64_t i = 0; i < std::atoll(given[5]); i++) {
    product(strided(x.data(), ldx), rows, plain(inner), w.data(), outputs, c.data(), ldc, (const float*)nullptr,
            Start::zero);
  }
  std::printf("%g\n", double(c[0]));
}
