// Decoder32 and Decoder64: strict about types and shapes, the GIL released while anything is computed.
#include "decoding/decoder.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <memory>
#include <string>

#include "bindings/requests.h"

namespace elman {
namespace {

using namespace nb::literals;

// An array with memory of its own.
template <class V, size_t AXES>
nb::object made_array(const std::vector<V>& values, const size_t (&shape)[AXES]) {
  auto own = std::make_unique<V[]>(std::max<size_t>(1, values.size()));
  std::copy(values.begin(), values.end(), own.get());
  V* data = own.release();
  const nb::capsule owner(data, [](void* p) noexcept { delete[] static_cast<V*>(p); });
  return nb::cast(nb::ndarray<nb::numpy, V, nb::ndim<AXES>>(data, AXES, shape, owner));
}

// A hypothesis as core/requests.py's: ids, log probability, score, whether it ended, the shares of each attention
// layer.
template <class T>
nb::tuple told(const Hypothesis& h, const Decoded<T>& row) {
  nb::list shares;
  for (size_t k = 0; k < row.shares.size() && !h.rows.empty(); k++) {
    const size_t steps = size_t(row.steps[k]);
    std::vector<T> values;
    for (const int64_t at : h.rows) {
      const auto from = row.shares[k].begin() + at * int64_t(steps);
      values.insert(values.end(), from, from + int64_t(steps));
    }
    shares.append(made_array<T, 2>(values, {h.rows.size(), steps}));
  }
  return nb::make_tuple(made_array<int64_t, 1>(h.ids, {h.ids.size()}), h.log_p, h.score, h.ended, shares);
}

template <class T>
nb::list decode(const Decoder<T>& decoder, const Array<const T>& theta, const BatchArrays& batch, int64_t end,
                const Array<const int64_t>& max_steps, int64_t min_steps, int64_t beam_size, double length_penalty,
                int64_t hypotheses, bool attention, int64_t first_row) {
  const Model<T>& model = decoder.model();
  const Program& p = model.program();
  const Opened<T> opened(model, batch);
  const Data& data = opened.data;
  require(shaped(theta, p.size), "theta: wrong size");
  require(data.x.whole.bytes == 8 && data.x.steps == 1 && !data.x.lengths, "x: expected int64 (n, 1)");
  for (int64_t i = 0; i < data.n; i++) {
    const int64_t id = static_cast<const int64_t*>(data.x.at)[i * data.x.row];
    require(id >= 0 && id < p.inputs[0].size, "x: expected ids");
  }
  require(end >= 0 && end < p.out, "end: expected an id");
  require(shaped(max_steps, data.n), "max_steps: expected one for each row");
  for (int64_t i = 0; i < data.n; i++) require(max_steps.data()[i] >= 1, "max_steps: expected at least 1");
  require(min_steps >= 0 && (min_steps == 0 || p.out > 1),
          "min_steps: expected at least 0, and other ids than the end");
  require(hypotheses >= 1 && beam_size >= hypotheses && beam_size <= 1 << 16, "beam_size: expected the hypotheses");
  require(length_penalty >= 0, "length_penalty: expected at least 0");
  const Search search{end, min_steps, beam_size, hypotheses, length_penalty, attention, max_steps.data()};
  std::vector<Decoded<T>> found;
  {
    const WithoutGil release;
    found = decoder.decode(theta.data(), data, search);
  }
  nb::list rows;
  for (size_t i = 0; i < found.size(); i++) {
    if (found[i].not_finite) {
      throw std::invalid_argument("network: expected finite outputs, got NaN or infinity in row " +
                                  std::to_string(first_row + int64_t(i)) + " at step " +
                                  std::to_string(found[i].not_finite));
    }
    nb::list best;
    for (const Hypothesis& h : found[i].best) best.append(told(h, found[i]));
    rows.append(best);
  }
  return rows;
}

template <class T>
void bind_decoder(nb::module_& m, const char* name) {
  using D = Decoder<T>;
  nb::class_<D>(m, name)
      .def(
          "__init__", [](D* d, std::shared_ptr<Model<T>> model) { new (d) D(std::move(model)); }, "model"_a)
      .def("decode", &decode<T>, "theta"_a, "batch"_a, nb::kw_only(), "end"_a, "max_steps"_a, "min_steps"_a,
           "beam_size"_a, "length_penalty"_a, "hypotheses"_a, "attention"_a, "first_row"_a);
}

}  // namespace

void bind_decoders(nb::module_& m) {
  bind_decoder<float>(m, "Decoder32");
  bind_decoder<double>(m, "Decoder64");
}

}  // namespace elman
