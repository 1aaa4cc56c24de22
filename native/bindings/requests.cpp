// NamedInput, Batch, Key, Objective, UpdateRule, Constraints and Records: made by keyword, and checked when they are
// used.
#include "bindings/requests.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/vector.h>

namespace elman {

using namespace nb::literals;

void bind_requests(nb::module_& m) {
  using MaybeStrided = std::optional<Strided>;
  using MaybeUntyped = std::optional<Untyped>;

  using MaybeLengths = std::optional<Array<const int64_t>>;

  nb::class_<InputArrays>(m, "NamedInput")
      .def(
          "__init__",
          [](InputArrays* i, Strided values, MaybeLengths lengths) {
            new (i) InputArrays{std::move(values), std::move(lengths)};
          },
          nb::kw_only(), "values"_a, "lengths"_a.none() = nb::none());

  nb::class_<BatchArrays>(m, "Batch")
      .def(
          "__init__",
          [](BatchArrays* b, Strided x, std::vector<InputArrays> others, MaybeStrided y, MaybeLengths lengths,
             MaybeStrided weight, std::optional<std::vector<Untyped>> state) {
            new (b) BatchArrays{std::move(x),       std::move(others), std::move(y),
                                std::move(lengths), std::move(weight), std::move(state)};
          },
          nb::kw_only(), "x"_a, "others"_a = nb::list(), "y"_a.none() = nb::none(), "lengths"_a.none() = nb::none(),
          "weight"_a.none() = nb::none(), "state"_a.none() = nb::none());

  nb::class_<Key>(m, "Key").def(
      "__init__", [](Key* k, uint64_t seed, uint32_t update) { new (k) Key{seed, update}; }, "seed"_a, "update"_a);

  nb::class_<ObjectiveOfLoss>(m, "Objective")
      .def(
          "__init__",
          [](ObjectiveOfLoss* o, LossKind loss, double delta, double at_zero, double df, double label_smoothing,
             std::vector<double> quantiles, double activity_penalty, int64_t truncate, int64_t recompute,
             int64_t shard_size, std::optional<uint64_t> seed) {
            require(loss != LossKind::pinball || !quantiles.empty(), "quantiles: expected at least one");
            require(shard_size >= 1, "shard_size: expected at least 1");
            new (o) ObjectiveOfLoss{{}, std::move(quantiles)};
            const Loss own{
                loss, delta, at_zero, df, label_smoothing, o->quantiles.data(), int64_t(o->quantiles.size())};
            o->objective = {own, activity_penalty, truncate, recompute, shard_size, seed};
          },
          nb::kw_only(), "loss"_a, "delta"_a = 0.0, "at_zero"_a = 0.0, "df"_a = 0.0, "label_smoothing"_a = 0.0,
          "quantiles"_a = nb::make_tuple(), "activity_penalty"_a = 0.0, "truncate"_a = 0, "recompute"_a = 0,
          "shard_size"_a, "seed"_a.none() = nb::none());

  nb::class_<UpdateRule>(m, "UpdateRule")
      .def(
          "__init__",
          [](UpdateRule* r, OptimizerKind optimizer, double momentum, double decay, double beta1, double beta2,
             double eps, double weight_decay, double clip_norm, double clip_value) {
            new (r) UpdateRule{{optimizer, momentum, decay, beta1, beta2, eps, weight_decay}, clip_norm, clip_value};
          },
          nb::kw_only(), "optimizer"_a, "momentum"_a = 0.0, "decay"_a = 0.0, "beta1"_a = 0.0, "beta2"_a = 0.0,
          "eps"_a = 0.0, "weight_decay"_a = 0.0, "clip_norm"_a = 0.0, "clip_value"_a = 0.0);

  nb::class_<ConstraintArrays>(m, "Constraints")
      .def(
          "__init__",
          [](ConstraintArrays* c, Array<const int64_t> starts, Array<const double> factors, Array<const uint8_t> decays,
             MaybeUntyped lower, MaybeUntyped upper) {
            new (c) ConstraintArrays{std::move(starts), std::move(factors), std::move(decays), std::move(lower),
                                     std::move(upper)};
          },
          nb::kw_only(), "starts"_a, "factors"_a, "decays"_a, "lower"_a.none() = nb::none(),
          "upper"_a.none() = nb::none());

  nb::class_<RecordArrays>(m, "Records")
      .def(
          "__init__",
          [](RecordArrays* r, Array<const int64_t> rows, Array<const int64_t> starts, Array<const double> rates,
             int64_t window, std::optional<Array<const int64_t>> window_starts, nb::list carry) {
            new (r) RecordArrays{std::move(rows),
                                 std::move(starts),
                                 std::move(rates),
                                 window,
                                 window_starts ? std::move(*window_starts) : Array<const int64_t>(),
                                 std::move(carry)};
          },
          nb::kw_only(), "rows"_a, "starts"_a, "rates"_a, "window"_a = 0, "window_starts"_a.none() = nb::none(),
          "carry"_a = nb::list());
}

}  // namespace elman
