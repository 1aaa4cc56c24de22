// Exponential smoothing of many series: forecasts, likelihood and gradient.
#include <nanobind/stl/optional.h>

#include "bindings/bindings.h"
#include "smoothing/run.h"

namespace elman {
namespace {

using namespace nb::literals;

double* wanted(std::optional<Array<double>>& array, int64_t size, const char* what) {
  require(!array || shaped(*array, size), what);
  return array ? array->data() : nullptr;
}

void smooth_series(bool relative, SeasonKind season, Array<const double> y, Array<const int64_t> lengths,
                   Array<const double> parameters, Array<const double> initial, Array<const double> floor,
                   Array<double> terms, std::optional<Array<double>> dparameters, std::optional<Array<double>> dinitial,
                   std::optional<Array<double>> fitted, std::optional<Array<double>> state) {
  require(y.ndim() == 2 && initial.ndim() == 2 && initial.shape(1) >= 2, "y, initial: expected (n, T), (n, 2 + m)");
  const int64_t n = int64_t(y.shape(0)), steps = int64_t(y.shape(1)), m = int64_t(initial.shape(1)) - 2;
  require((season == SeasonKind::none) == (m == 0), "initial: expected as many seasons as the form has");
  require(relative || season != SeasonKind::multiplicative, "season: expected none or additive");
  require(int64_t(initial.shape(0)) == n && shaped(lengths, n) && shaped(parameters, 4 * n) && shaped(floor, n) &&
              shaped(terms, kSmoothingTerms * n),
          "lengths, parameters, initial, floor, terms: expected a row for each series");
  for (int64_t i = 0; i < n; i++) {
    require(lengths.data()[i] >= 0 && lengths.data()[i] <= steps, "lengths: expected 0 to T");
  }
  require(dparameters.has_value() == dinitial.has_value(), "dparameters, dinitial: expected both or none");
  const SmoothingSeries series{y.data(),
                               n,
                               steps,
                               lengths.data(),
                               m,
                               parameters.data(),
                               initial.data(),
                               floor.data(),
                               terms.data(),
                               wanted(dparameters, 4 * n, "dparameters: expected (n, 4)"),
                               wanted(dinitial, (2 + m) * n, "dinitial: expected (n, 2 + m)"),
                               wanted(fitted, n * steps, "fitted: expected (n, T)"),
                               wanted(state, (2 + m) * n, "state: expected (n, 2 + m)")};
  const WithoutGil release;
  smooth(chosen_kernels(), {relative, season}, series);
}

}  // namespace

void bind_smoothing(nb::module_& m) {
  nb::enum_<SeasonKind>(m, "SeasonKind")
      .value("none", SeasonKind::none)
      .value("additive", SeasonKind::additive)
      .value("multiplicative", SeasonKind::multiplicative);
  m.def("smooth", &smooth_series, nb::kw_only(), "relative"_a, "season"_a, "y"_a, "lengths"_a, "parameters"_a,
        "initial"_a, "floor"_a, "terms"_a, "dparameters"_a.none(), "dinitial"_a.none(), "fitted"_a.none(),
        "state"_a.none());
}

}  // namespace elman
