// All weights of a network, packed for the products of one call: panels for the way forward and for the way back.
#pragma once

#include "layers/registry.h"

namespace elman::ELMAN_ISA {

template <class T>
OpWeights<T>* carve_weights(Carver& m, const Program& p, Packing packing) {
  OpWeights<T>* all = m.take<OpWeights<T>>(p.n_ops);
  OpWeights<T> measured;
  for (int32_t i = 0; i < p.n_ops; i++) {
    const Op& op = p.ops[i];
    OpWeights<T>& w = all ? all[i] : measured;
    w = {};
    Packing own = packing;
    own.dx = packing.dx || op.reads[0] > kInput;
    form_of<T>(op.kind).carve_weights(m, op, own, w);
  }
  return all;
}

template <class T>
size_t packed_bytes(const Program& p, const Packing& packing) {
  Carver m{nullptr, 0};
  carve_weights<T>(m, p, packing);
  return m.used;
}

template <class T>
void pack(const Program& p, const T* theta, void* packed, const Packing& packing) {
  Carver m{static_cast<char*>(packed), 0};
  OpWeights<T>* all = carve_weights<T>(m, p, packing);
  for (int32_t i = 0; i < p.n_ops; i++) {
    form_of<T>(p.ops[i].kind).pack(p.ops[i], theta, packing, all[i]);
  }
}

}  // namespace elman::ELMAN_ISA
