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

// A layer's struct as a value: what walks over the layers is compiled once, not once for each of them.
template <class T>
struct LayerForm {
  void (*carve_weights)(Carver&, const Op&, const Packing&, OpWeights<T>&);
  void (*pack)(const Op&, const T* theta, const Packing&, OpWeights<T>&);
  void (*carve_tape)(Carver&, const Op&, int32_t place, const Steps& read, bool keep, OpTape<T>&);
  void (*carve_scratch)(Carver&, const Op&, const OpTape<T>&, int64_t block, OpScratch<T>&);
  void (*forward)(const ForwardPass<T>&);
  void (*backward)(const BackwardPass<T>&);
};

template <class Layer, class T>
constexpr LayerForm<T> kLayerForm{Layer::carve_weights, Layer::pack,    Layer::carve_tape,
                                  Layer::carve_scratch, Layer::forward, Layer::backward};

template <class T>
const LayerForm<T>& form_of(LayerKind kind) {
  switch (kind) {
    case LayerKind::embedding:
      return kLayerForm<EmbeddingLayer<T>, T>;
    case LayerKind::recurrent:
      return kLayerForm<RecurrentLayer<T>, T>;
    case LayerKind::dense:
      return kLayerForm<DenseLayer<T>, T>;
    case LayerKind::last:
      return kLayerForm<LastLayer<T>, T>;
    case LayerKind::skip:
      return kLayerForm<SkipLayer<T>, T>;
    case LayerKind::dropout:
      return kLayerForm<DropoutLayer<T>, T>;
    case LayerKind::attention:
      return kLayerForm<AttentionLayer<T>, T>;
    case LayerKind::shift:
      return kLayerForm<ShiftLayer<T>, T>;
    case LayerKind::pool:
      return kLayerForm<PoolLayer<T>, T>;
    case LayerKind::concat:
      return kLayerForm<ConcatLayer<T>, T>;
    case LayerKind::adaptive_softmax:
      return kLayerForm<AdaptiveSoftmaxLayer<T>, T>;
  }
  __builtin_unreachable();
}

}  // namespace elman::ELMAN_ISA
