// Each sequence's last valid step.
#pragma once

#include "shard/record.h"

namespace elman::ELMAN_ISA {

template <class T>
struct LastLayer : PlainLayer<T> {
  static void forward(const ForwardPass<T>& f) {
    const Steps& steps = *f.in[0].steps;
    for (int64_t r = 0; r < steps.rows; r++) {
      const T* from = f.in[0].at + last_of(steps, r) * f.in[0].ld;
      memcpy(f.o.out + r * f.o.ld, from, size_t(f.o.ld) * sizeof(T));
    }
  }

  static void backward(const BackwardPass<T>& b) {
    T* din = b.din[0].at;
    const bool fresh = b.din[0].start == Start::zero;
    const Steps& steps = *b.in[0].steps;
    const int64_t ld = b.in[0].ld;
    if (!din) return;
    if (fresh) memset(din, 0, size_t(steps.total * ld) * sizeof(T));
    for (int64_t r = 0; r < steps.rows; r++) {
      T* to = din + last_of(steps, r) * ld;
      const T* from = b.dout + r * b.o.ld;
      for (int64_t j = 0; j < b.o.ld; j++) to[j] = fresh ? from[j] : to[j] + from[j];
    }
  }
};

}  // namespace elman::ELMAN_ISA
