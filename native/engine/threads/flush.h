// A guard that flushes denormal numbers to zero.
#pragma once

#include <cstdint>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace elman {

// Flushes denormal numbers to zero while it lives. They are up to thirty times slower, and vanishing gradients are full
// of them.
class Flush {
 public:
#if defined(__SSE2__)
  Flush() : saved_(_mm_getcsr()) { _mm_setcsr(saved_ | 0x8040); }
  ~Flush() { _mm_setcsr(saved_); }

 private:
  unsigned saved_;
#elif defined(__aarch64__)
  Flush() {
    asm volatile("mrs %0, fpcr" : "=r"(saved_));
    asm volatile("msr fpcr, %0" ::"r"(saved_ | (1ull << 24)));
  }
  ~Flush() { asm volatile("msr fpcr, %0" ::"r"(saved_)); }

 private:
  uint64_t saved_;
#endif
};

}  // namespace elman
