// Connectionist temporal classification without a network: the loss of outputs, and the search for their labels.
#include "decoding/ctc.h"

#include <nanobind/stl/optional.h>

#include "bindings/bindings.h"
#include "engine/model.h"

namespace elman {
namespace {

using namespace nb::literals;

template <class T>
Outputs<T> open_outputs(const Array<const T>& y, const Array<const int64_t>& lengths, int64_t blank) {
  require(y.ndim() == 3, "outputs: expected (n, T, O)");
  const Outputs<T> o{y.data(), int64_t(y.shape(0)), int64_t(y.shape(1)), int64_t(y.shape(2)), lengths.data()};
  require(o.n >= 1 && o.steps >= 1 && blank >= 0 && blank < o.classes, "outputs, blank: expected a class");
  require(shaped(lengths, o.n), "lengths: expected one for each row");
  for (int64_t i = 0; i < o.n; i++) {
    require(o.lengths[i] >= 1 && o.lengths[i] <= o.steps, "lengths: expected 1 to T");
  }
  return o;
}

template <class T>
void loss(Array<const T> outputs, Array<const int64_t> lengths, Array<const int64_t> labels,
          Array<const int64_t> counts, int64_t blank, bool zero, bool per_label, Array<double> values,
          std::optional<Array<T>> gradient) {
  const Outputs<T> y = open_outputs(outputs, lengths, blank);
  require(labels.ndim() == 2 && int64_t(labels.shape(0)) == y.n && shaped(counts, y.n) && shaped(values, y.n),
          "labels, counts, values: expected one for each row");
  const int64_t most = int64_t(labels.shape(1));
  for (int64_t i = 0; i < y.n; i++) {
    require(counts.data()[i] >= 0 && counts.data()[i] <= most, "counts: expected 0 to U");
  }
  require(!gradient || shaped(*gradient, y.n * y.steps * y.classes), "gradient: wrong shape");
  Loss how{};
  how.kind = LossKind::ctc, how.blank = blank, how.zero = zero, how.per_label = per_label;
  const WithoutGil release;
  ctc_loss(chosen_table<T>(), how, y, labels.data(), most, counts.data(), values.data(),
           gradient ? gradient->data() : nullptr);
}

template <class T>
void beam(Array<const T> outputs, Array<const int64_t> lengths, int64_t blank, int64_t size, Array<int64_t> labels,
          Array<int64_t> counts, Array<double> log_p) {
  const Outputs<T> y = open_outputs(outputs, lengths, blank);
  require(labels.ndim() == 3 && int64_t(labels.shape(0)) == y.n && int64_t(labels.shape(2)) == y.steps,
          "labels: expected (n, best, T)");
  const int64_t best = int64_t(labels.shape(1));
  require(size >= 1 && best >= 1 && best <= size, "size: expected at least as many as are wanted");
  require(shaped(counts, y.n * best) && shaped(log_p, y.n * best), "counts, log_p: expected (n, best)");
  const WithoutGil release;
  ctc_beam(chosen_table<T>(), y, blank, size, best, labels.data(), counts.data(), log_p.data());
}

template <class T>
void bind(nb::module_& m) {
  m.def("ctc_loss", &loss<T>, nb::kw_only(), "outputs"_a.noconvert(), "lengths"_a, "labels"_a, "counts"_a, "blank"_a,
        "zero"_a, "per_label"_a, "values"_a, "gradient"_a.none());
  m.def("ctc_beam", &beam<T>, nb::kw_only(), "outputs"_a.noconvert(), "lengths"_a, "blank"_a, "size"_a, "labels"_a,
        "counts"_a, "log_p"_a);
}

}  // namespace

void bind_ctc(nb::module_& m) {
  bind<float>(m);
  bind<double>(m);
}

}  // namespace elman
