// Pieces of a block of memory.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace elman::ELMAN_ISA {

// Hands out consecutive aligned pieces of a block; where `base` is null, it only measures how much they take.
struct Carver {
  char* base;
  size_t used;
  template <class T>
  T* take(int64_t n) {
    T* p = base ? reinterpret_cast<T*>(base + used) : nullptr;
    used = (used + size_t(n) * sizeof(T) + 63) / 64 * 64;
    return p;
  }
};

}  // namespace elman::ELMAN_ISA
