// Which kernels this build holds, and which of them are used: the best that the processor can run, or those that
// ELMAN_ISA names.
#pragma once

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/caches.h"

namespace elman {

#ifdef ELMAN_HAVE_baseline
namespace baseline {
extern const Kernels kernels;
}
#endif
#ifdef ELMAN_HAVE_avx2
namespace avx2 {
extern const Kernels kernels;
}
#endif
#ifdef ELMAN_HAVE_avx512
namespace avx512 {
extern const Kernels kernels;
}
#endif
#ifdef ELMAN_HAVE_neon
namespace neon {
extern const Kernels kernels;
}
#endif

// The kernels that this processor can run, the best last.
inline std::vector<const Kernels*> usable_kernels() {
  std::vector<const Kernels*> all;
#ifdef ELMAN_HAVE_baseline
  all.push_back(&baseline::kernels);
#endif
#ifdef ELMAN_HAVE_avx2
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) all.push_back(&avx2::kernels);
#endif
#ifdef ELMAN_HAVE_avx512
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma")) {
    all.push_back(&avx512::kernels);
  }
#endif
#ifdef ELMAN_HAVE_neon
  all.push_back(&neon::kernels);
#endif
  return all;
}

// The best of them, or those that ELMAN_ISA names.
inline const Kernels& named_kernels() {
  const std::vector<const Kernels*> all = usable_kernels();
  const char* wanted = std::getenv("ELMAN_ISA");
  if (!wanted || !*wanted) return *all.back();
  std::string names;
  for (const Kernels* k : all) {
    if (std::string(wanted) == k->isa) return *k;
    names += names.empty() ? k->isa : std::string(", ") + k->isa;
  }
  throw std::invalid_argument("ELMAN_ISA: expected one of " + names + ", got " + wanted);
}

// The kernels in use. The first call decides which, and tells them the sizes of the caches.
inline const Kernels& chosen_kernels() {
  static const Kernels& chosen = []() -> const Kernels& {
    const Kernels& kernels = named_kernels();
    *kernels.caches = caches_at_start();
    return kernels;
  }();
  return chosen;
}

template <class T>
const Table<T>& chosen_table();
template <>
inline const Table<float>& chosen_table<float>() {
  return chosen_kernels().f32;
}
template <>
inline const Table<double>& chosen_table<double>() {
  return chosen_kernels().f64;
}

}  // namespace elman
