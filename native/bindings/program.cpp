// A network as a list of operations: program.h's enums and structs, under their own names.
#include "program.h"

#include <nanobind/stl/pair.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "bindings/bindings.h"

namespace elman {
namespace {

using namespace nb::literals;

void bind_enums(nb::module_& m) {
  nb::enum_<InputKind>(m, "InputKind")
      .value("sequence", InputKind::sequence)
      .value("integers", InputKind::integers)
      .value("vector", InputKind::vector);
  nb::enum_<OriginKind>(m, "OriginKind")
      .value("none", OriginKind::none)
      .value("vector", OriginKind::vector)
      .value("state", OriginKind::state);
  nb::enum_<LayerKind>(m, "LayerKind")
      .value("embedding", LayerKind::embedding)
      .value("recurrent", LayerKind::recurrent)
      .value("dense", LayerKind::dense)
      .value("last", LayerKind::last)
      .value("skip", LayerKind::skip)
      .value("dropout", LayerKind::dropout)
      .value("attention", LayerKind::attention)
      .value("shift", LayerKind::shift)
      .value("pool", LayerKind::pool)
      .value("concat", LayerKind::concat)
      .value("adaptive_softmax", LayerKind::adaptive_softmax);
  nb::enum_<PoolKind>(m, "PoolKind")
      .value("mean", PoolKind::mean)
      .value("max", PoolKind::max)
      .value("attention", PoolKind::attention);
  nb::enum_<ScoreKind>(m, "ScoreKind")
      .value("general", ScoreKind::general)
      .value("dot", ScoreKind::dot)
      .value("additive", ScoreKind::additive);
  nb::enum_<CellKind>(m, "CellKind")
      .value("tanh", CellKind::tanh)
      .value("relu", CellKind::relu)
      .value("lstm", CellKind::lstm)
      .value("lstm_peephole", CellKind::lstm_peephole)
      .value("gru_after", CellKind::gru_after)
      .value("gru_before", CellKind::gru_before)
      .value("leaky_tanh", CellKind::leaky_tanh)
      .value("leaky_relu", CellKind::leaky_relu)
      .value("norm_tanh", CellKind::norm_tanh)
      .value("norm_relu", CellKind::norm_relu)
      .value("norm_lstm", CellKind::norm_lstm)
      .value("norm_gru", CellKind::norm_gru)
      .value("sigmoid", CellKind::sigmoid)
      .value("softplus", CellKind::softplus)
      .value("leaky_sigmoid", CellKind::leaky_sigmoid)
      .value("leaky_softplus", CellKind::leaky_softplus)
      .value("norm_sigmoid", CellKind::norm_sigmoid)
      .value("norm_softplus", CellKind::norm_softplus);
  nb::enum_<ActivationKind>(m, "ActivationKind")
      .value("linear", ActivationKind::linear)
      .value("tanh", ActivationKind::tanh)
      .value("relu", ActivationKind::relu)
      .value("sigmoid", ActivationKind::sigmoid)
      .value("softplus", ActivationKind::softplus);
  nb::enum_<LossKind>(m, "LossKind")
      .value("half_sse", LossKind::half_sse)
      .value("mse", LossKind::mse)
      .value("mae", LossKind::mae)
      .value("huber", LossKind::huber)
      .value("cross_entropy", LossKind::cross_entropy)
      .value("binary_cross_entropy", LossKind::binary_cross_entropy)
      .value("pinball", LossKind::pinball)
      .value("gaussian", LossKind::gaussian)
      .value("student_t", LossKind::student_t);
  nb::enum_<OptimizerKind>(m, "OptimizerKind")
      .value("sgd", OptimizerKind::sgd)
      .value("rmsprop", OptimizerKind::rmsprop)
      .value("adagrad", OptimizerKind::adagrad)
      .value("adam", OptimizerKind::adam)
      .value("adamw", OptimizerKind::adamw);
}

using Pair = std::pair<int64_t, int64_t>;
using Reads = std::vector<int32_t>;
using Probabilities = std::pair<double, double>;
using Origins = std::pair<Origin, Origin>;

}  // namespace

void bind_program(nb::module_& m) {
  bind_enums(m);

  nb::class_<Input>(m, "Input")
      .def(
          "__init__",
          [](Input* input, InputKind kind, int64_t size, int32_t like) { new (input) Input{kind, size, like, 0}; },
          nb::kw_only(), "kind"_a, "size"_a, "like"_a = -1)
      .def_ro("kind", &Input::kind)
      .def_ro("size", &Input::size)
      .def_ro("like", &Input::like);

  nb::class_<Origin>(m, "Origin")
      .def(
          "__init__",
          [](Origin* o, OriginKind kind, int32_t source, int32_t direction, int32_t part) {
            new (o) Origin{kind, source, direction, part};
          },
          nb::kw_only(), "kind"_a = OriginKind::none, "source"_a = 0, "direction"_a = 0, "part"_a = 0)
      .def_ro("kind", &Origin::kind)
      .def_ro("source", &Origin::source)
      .def_ro("direction", &Origin::direction)
      .def_ro("part", &Origin::part);

  nb::class_<Direction>(m, "Direction")
      .def(
          "__init__",
          [](Direction* d, int64_t weight, int64_t weight_hh, int64_t bias, int64_t extra, Pair learned, int32_t state,
             Origins origin) {
            new (d) Direction{
                weight, weight_hh, bias, extra, {learned.first, learned.second}, state, {origin.first, origin.second}};
          },
          nb::kw_only(), "weight"_a = 0, "weight_hh"_a = 0, "bias"_a = 0, "extra"_a = 0, "learned"_a = Pair(0, 0),
          "state"_a = 0, "origin"_a = Origins())
      .def_ro("weight", &Direction::weight)
      .def_ro("weight_hh", &Direction::weight_hh)
      .def_ro("bias", &Direction::bias)
      .def_ro("extra", &Direction::extra)
      .def_prop_ro("learned", [](const Direction& d) { return Pair(d.learned[0], d.learned[1]); })
      .def_ro("state", &Direction::state)
      .def_prop_ro("origin", [](const Direction& d) { return Origins(d.origin[0], d.origin[1]); });

  nb::class_<Op>(m, "Op")
      .def(
          "__init__",
          [](Op* op, LayerKind kind, const Reads& reads, int64_t input_size, int64_t output_size, int64_t second_size,
             int64_t hidden_size, int64_t padding, CellKind cell, ActivationKind activation, PoolKind pool,
             ScoreKind score, const std::vector<Direction>& directions, bool learned_state, bool variational,
             double rate, Probabilities zoneout, double noise, bool sparse, const std::vector<int64_t>& tail_first,
             const std::vector<int64_t>& tail_width) {
            require(directions.size() == 1 || directions.size() == 2, "directions: expected one or two");
            require(reads.size() >= 1 && reads.size() <= size_t(kMostSources), "reads: expected 1 to 32 sources");
            new (op) Op{};
            op->kind = kind;
            op->cell = cell;
            op->activation = activation;
            op->pool = pool;
            op->score = score;
            op->n_reads = int32_t(reads.size());
            for (size_t k = 0; k < reads.size(); k++) op->reads[k] = reads[k];
            op->in = input_size;
            op->second = second_size;
            op->out = output_size;
            op->hidden = hidden_size;
            op->padding = padding;
            op->directions = int32_t(directions.size());
            for (size_t k = 0; k < directions.size(); k++) op->direction[k] = directions[k];
            op->learned_state = learned_state;
            op->variational = variational;
            op->rate = rate;
            op->zoneout[0] = zoneout.first;
            op->zoneout[1] = zoneout.second;
            op->noise = noise;
            op->sparse = sparse;
            require(tail_first.size() == tail_width.size() && tail_first.size() <= kTails,
                    "tail_first, tail_width: expected one for each cluster");
            op->tails = int32_t(tail_first.size());
            std::copy(tail_first.begin(), tail_first.end(), op->tail_first);
            std::copy(tail_width.begin(), tail_width.end(), op->tail_width);
            op->tail_first[op->tails] = output_size;
          },
          nb::kw_only(), "kind"_a, "reads"_a = Reads{kInput}, "input_size"_a, "output_size"_a, "second_size"_a = 0,
          "hidden_size"_a = 0, "padding"_a = -1, "cell"_a = CellKind::tanh, "activation"_a = ActivationKind::linear,
          "pool"_a = PoolKind::mean, "score"_a = ScoreKind::general, "directions"_a, "learned_state"_a = false,
          "variational"_a = false, "rate"_a = 0.0, "zoneout"_a = Probabilities(0, 0), "noise"_a = 0.0,
          "sparse"_a = false, "tail_first"_a = std::vector<int64_t>(), "tail_width"_a = std::vector<int64_t>())
      .def_ro("kind", &Op::kind)
      .def_prop_ro("reads", [](const Op& op) { return Reads(op.reads, op.reads + op.n_reads); })
      .def_ro("input_size", &Op::in)
      .def_ro("second_size", &Op::second)
      .def_ro("output_size", &Op::out)
      .def_ro("hidden_size", &Op::hidden)
      .def_ro("padding", &Op::padding)
      .def_ro("cell", &Op::cell)
      .def_ro("activation", &Op::activation)
      .def_ro("pool", &Op::pool)
      .def_ro("score", &Op::score)
      .def_prop_ro("directions",
                   [](const Op& op) { return std::vector<Direction>(op.direction, op.direction + op.directions); })
      .def_prop_ro("learned_state", [](const Op& op) { return op.learned_state != 0; })
      .def_prop_ro("variational", [](const Op& op) { return op.variational != 0; })
      .def_ro("rate", &Op::rate)
      .def_prop_ro("zoneout", [](const Op& op) { return Probabilities(op.zoneout[0], op.zoneout[1]); })
      .def_ro("noise", &Op::noise)
      .def_prop_ro("sparse", [](const Op& op) { return op.sparse != 0; })
      .def_prop_ro("tail_first",
                   [](const Op& op) { return std::vector<int64_t>(op.tail_first, op.tail_first + op.tails); })
      .def_prop_ro("tail_width",
                   [](const Op& op) { return std::vector<int64_t>(op.tail_width, op.tail_width + op.tails); });
}

}  // namespace elman
