// A table of vectors: y = E[id], for the network's input of integers. An id outside of the table gives NaN.
#pragma once

#include "layers/record.h"

namespace elman::ELMAN_ISA {

template <class T>
struct EmbeddingLayer : PlainLayer<T> {
  static void forward(const ForwardPass<T>& f) {
    const T* table = f.theta + f.op.direction[0].weight;
    const int64_t width = f.op.out, ld = f.o.ld;
    for (int64_t m = 0; m < f.s.steps.total; m++) {
      T* to = f.o.out + m * ld;
      if (f.s.ids[m] < 0) {
        fill_nan(to, width);
      } else {
        memcpy(to, table + f.s.ids[m] * width, size_t(width) * sizeof(T));
      }
      for (int64_t j = width; j < ld; j++) to[j] = T(0);
    }
  }

  static void backward(const BackwardPass<T>& b) {
    const int64_t width = b.op.out;
    for (const Share<T>& share : b.shares) {
      const Pick pick = share.of(b.o.last);
      for (int64_t k = 0; k < pick.count; k++) {
        const int64_t m = pick.index[k];
        if (b.s.ids[m] < 0) continue;
        T* row = share.gradient + b.op.direction[0].weight + b.s.ids[m] * width;
        for (int64_t j = 0; j < width; j++) row[j] += b.dout[m * b.o.ld + j];
      }
    }
  }
};

}  // namespace elman::ELMAN_ISA
