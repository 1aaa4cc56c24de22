// A network in two: what does not depend on x, which decoding computes once, and what goes step by step along it.
#pragma once

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "engine/link.h"

namespace elman {

// What depends on x reads the rest as inputs of its own: a vector a row, or a memory of an attention operation.
class Split {
 public:
  // Throws std::invalid_argument where an operation that depends on x reads more of it than one step at a time.
  Split(const Program& whole) {
    fixed = steps = whole;
    fixed_inputs_.assign(whole.inputs, whole.inputs + whole.n_inputs);
    step_inputs_.push_back(whole.inputs[0]);
    sources.push_back(kInput);
    origins.resize(size_t(whole.n_states));
    for (int32_t i = 0; i < whole.n_ops; i++) {
      const Op& op = whole.ops[i];
      const bool moving = depends(op);
      if (op.kind == LayerKind::dropout && i + 1 < whole.n_ops) {  // gives what it reads
        place_.push_back({moving, moving ? step_source(op.reads[0]) : fixed_source(op.reads[0])});
        continue;
      }
      place_.push_back({moving, int32_t(moving ? step_ops_.size() : fixed_ops_.size())});
      if (moving) {
        add_step(op);
      } else {
        add_fixed(op);
      }
    }
    const Place end = place_.back();
    need(end.moving && whole.inputs[0].kind == InputKind::integers && whole.out <= whole.inputs[0].size &&
             !whole.last && whole.axis == 0,
         "decode: expected whole numbers as x, and outputs at its steps, one for each");
    finish(fixed_ops_, fixed_inputs_, fixed);
    finish(step_ops_, step_inputs_, steps);
  }
  Split(const Split&) = delete;
  Split& operator=(const Split&) = delete;

  Program fixed, steps;
  std::vector<int32_t> sources;  // of each input of `steps`: what `fixed` calls it
  std::vector<Origin> origins;   // of each state: where `fixed` has its beginning, of a state of `steps`

 private:
  struct Place {
    bool moving;
    int32_t index;  // what its part of the network calls it
  };

  static void need(bool holds, const char* what) {
    if (!holds) throw std::invalid_argument(what);
  }

  bool moves(int32_t source) const { return source == kInput || (source > kInput && place_[size_t(source)].moving); }

  bool depends(const Op& op) const {
    bool any = std::any_of(op.reads, op.reads + op.n_reads, [this](int32_t source) { return moves(source); });
    each_origin_of(op, [&](const Origin& from) { any = any || moves(from.source); });
    return any;
  }

  template <class O, class F>
  static void each_origin_of(O& op, F f) {
    for (int32_t k = 0; k < op.directions; k++) {
      for (auto& origin : op.direction[k].origin) {
        if (origin.kind != OriginKind::none) f(origin);
      }
    }
  }

  // What `fixed` calls a source that does not move.
  int32_t fixed_source(int32_t source) const { return source > kInput ? place_[size_t(source)].index : source; }

  // What `steps` calls a source that moves.
  int32_t step_source(int32_t source) const { return source > kInput ? place_[size_t(source)].index : source; }

  void add_fixed(Op op) {
    for (int32_t k = 0; k < op.n_reads; k++) op.reads[k] = fixed_source(op.reads[k]);
    each_origin_of(op, [this](Origin& from) { from.source = fixed_source(from.source); });
    fixed_ops_.push_back(op);
  }

  void add_step(Op op) {
    const bool attention = op.kind == LayerKind::attention;
    need(op.directions == 1 && !op.last && op.axis == 0 && op.kind != LayerKind::shift &&
             (!attention || (moves(op.reads[0]) && !moves(op.reads[1]))),
         "decode: expected operations that read x one step at a time");
    for (int32_t k = 0; k < op.n_reads; k++) {
      int32_t& source = op.reads[k];
      source = moves(source) ? step_source(source) : input(fixed_source(source), op.widths[k], attention);
    }
    for (int part = 0; part < 2; part++) {
      Origin& from = op.direction[0].origin[part];
      if (from.kind == OriginKind::none) continue;
      need(!moves(from.source), "decode: expected initial states that do not depend on x");
      from.source = fixed_source(from.source);
      origins[size_t(op.direction[0].state + part)] = from;
      from = {};
    }
    step_ops_.push_back(op);
  }

  // The input of `steps` that is this source of `fixed`.
  int32_t input(int32_t source, int64_t size, bool memory) {
    const auto known = std::find(sources.begin() + 1, sources.end(), source);
    const int32_t k = int32_t(known - sources.begin());
    if (known == sources.end()) {
      step_inputs_.push_back({memory ? InputKind::sequence : InputKind::vector, size, -1, 0});
      sources.push_back(source);
    }
    return kInput - k;
  }

  static void finish(std::vector<Op>& ops, std::vector<Input>& inputs, Program& p) {
    link(ops, inputs, p);
    p.ops = ops.data(), p.n_ops = int32_t(ops.size());
    p.inputs = inputs.data(), p.n_inputs = int32_t(inputs.size());
  }

  std::vector<Op> fixed_ops_, step_ops_;
  std::vector<Input> fixed_inputs_, step_inputs_;
  std::vector<Place> place_;  // of each operation of the whole network
};

}  // namespace elman
