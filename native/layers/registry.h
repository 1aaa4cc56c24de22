// The registry of layers: one entry for each LayerKind.
#pragma once

#include "layers/adaptive_softmax.h"
#include "layers/attention.h"
#include "layers/concat.h"
#include "layers/dense.h"
#include "layers/dropout.h"
#include "layers/embedding.h"
#include "layers/last.h"
#include "layers/pool.h"
#include "layers/recurrent.h"
#include "layers/shift.h"
#include "layers/skip.h"

namespace elman::ELMAN_ISA {

// f(layer), a value of the layer's struct.
template <class T, class F>
ELMAN_INLINE void dispatch_layer(LayerKind kind, F&& f) {
  switch (kind) {
    case LayerKind::embedding:
      return f(EmbeddingLayer<T>{});
    case LayerKind::recurrent:
      return f(RecurrentLayer<T>{});
    case LayerKind::dense:
      return f(DenseLayer<T>{});
    case LayerKind::last:
      return f(LastLayer<T>{});
    case LayerKind::skip:
      return f(SkipLayer<T>{});
    case LayerKind::dropout:
      return f(DropoutLayer<T>{});
    case LayerKind::attention:
      return f(AttentionLayer<T>{});
    case LayerKind::shift:
      return f(ShiftLayer<T>{});
    case LayerKind::pool:
      return f(PoolLayer<T>{});
    case LayerKind::concat:
      return f(ConcatLayer<T>{});
    case LayerKind::adaptive_softmax:
      return f(AdaptiveSoftmaxLayer<T>{});
  }
}

}  // namespace elman::ELMAN_ISA
