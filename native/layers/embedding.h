// A table of vectors: y = E[id], for an input of integers. An id outside of the table gives NaN. The row of the padding
// id, if there is one, gets no gradient. The gradient of a sparse table is a list of rows.
#pragma once

#include "layers/record.h"

namespace elman::ELMAN_ISA {

template <class T>
struct EmbeddingLayer : PlainLayer<T> {
  static void forward(const ForwardPass<T>& f) {
    const T* table = f.theta + f.op.direction[0].weight;
    const int64_t *ids = f.in[0].ids, width = f.op.out, ld = f.o.ld;
    for (int64_t m = 0; m < f.o.steps->total; m++) {
      T* to = f.o.out + m * ld;
      if (known(f.op, ids[m])) {
        memcpy(to, table + ids[m] * width, size_t(width) * sizeof(T));
      } else {
        fill_nan(to, width);
      }
      for (int64_t j = width; j < ld; j++) to[j] = T(0);
    }
  }

  static bool known(const Op& op, int64_t id) { return id >= 0 && id < op.hidden; }

  static void backward(const BackwardPass<T>& b) {
    const int64_t *ids = b.in[0].ids, width = b.op.out;
    for (const Share<T>& share : b.shares) {
      const Pick pick = share.of(b.op);
      for (int64_t k = 0; k < pick.count; k++) {
        const int64_t m = pick.index[k];
        if (!known(b.op, ids[m]) || ids[m] == b.op.padding) continue;
        const T* dy = b.dout + m * b.o.ld;
        if (b.op.sparse) {
          RowGradients<T>& list = share.tables[b.op.table];
          list.row[list.count] = ids[m];
          memcpy(list.values + list.count++ * width, dy, size_t(width) * sizeof(T));
          continue;
        }
        T* row = share.gradient + b.op.direction[0].weight + ids[m] * width;
        for (int64_t j = 0; j < width; j++) row[j] += dy[j];
      }
    }
  }
};

}  // namespace elman::ELMAN_ISA
