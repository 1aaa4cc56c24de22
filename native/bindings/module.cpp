// The module: its instruction sets and threads, and all that the other files of this folder bind.
// src/elman/engines/compiled.py is nearly their only caller; messages here are for whoever changes that file.
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "bindings/bindings.h"
#include "engine/isa.h"
#include "engine/threads/pool.h"

namespace elman {
namespace {

using namespace nb::literals;

// Whether no number is NaN or infinite: their exponent is all ones.
template <class T, class Bits>
bool finite(const nb::ndarray<nb::ro, nb::device::cpu>& array, Bits exponent) {
  int64_t shape[3] = {1, 1, 1}, stride[3] = {0, 0, 0};
  const size_t axes = array.ndim();
  require(axes <= 3, "array: expected at most three axes");
  for (size_t i = 0; i < axes; i++) {
    shape[3 - axes + i] = int64_t(array.shape(i));
    stride[3 - axes + i] = array.stride(i);
  }
  for (int outer = 1; outer >= 0 && stride[2] == 1 && stride[outer] == shape[2]; outer--) {  // one row behind the other
    shape[2] *= shape[outer];
    shape[outer] = 1;
  }
  const WithoutGil release;
  for (int64_t i = 0; i < shape[0]; i++) {
    for (int64_t j = 0; j < shape[1]; j++) {
      const T* row = static_cast<const T*>(array.data()) + i * stride[0] + j * stride[1];
      // In double: a sum that is finite has finite terms only, and one of float32's that is not has one that is not.
      if (stride[2] == 1 && std::isfinite(chosen_table<T>().sum_squares(row, shape[2]))) continue;
      Bits found = 0;
      for (int64_t k = 0; k < shape[2]; k++) {
        Bits bits;
        std::memcpy(&bits, row + k * stride[2], sizeof bits);
        found |= Bits((bits & exponent) == exponent);
      }
      if (found) return false;
    }
  }
  return true;
}

}  // namespace
}  // namespace elman

NB_MODULE(_native, m) {
  using namespace elman;
  nb::set_leak_warnings(false);  // what daemon threads still hold when the interpreter ends is no leak
  bind_program(m);
  bind_requests(m);
  bind_models(m);
  bind_steppers(m);
  bind_prepared(m);
  bind_ctc(m);
  bind_decoders(m);
  bind_smoothing(m);
  chosen_kernels();  // a wrong ELMAN_ISA or ELMAN_CACHES is told at import
  m.def("isa", [] { return std::string(chosen_kernels().isa); }, "The instruction set in use.");
  m.def(
      "caches",
      [] {
        const Caches& caches = *chosen_kernels().caches;
        return nb::make_tuple(caches.l1, caches.l2, caches.l3);
      },
      "Bytes of the caches of the first, second and third level that the kernels count on.");
  m.def(
      "isas",
      [] {
        std::vector<std::string> names;
        for (const Kernels* k : usable_kernels()) names.emplace_back(k->isa);
        return names;
      },
      "The instruction sets of this build that this processor can run.");
  m.def(
      "is_finite",
      [](const nb::ndarray<nb::ro, nb::device::cpu>& array) {
        if (array.dtype() == nb::dtype<float>()) return finite<float, uint32_t>(array, 0x7f800000);
        require(array.dtype() == nb::dtype<double>(), "array: expected float32 or float64");
        return finite<double, uint64_t>(array, 0x7ff0000000000000);
      },
      "array"_a, "Whether no entry is NaN or infinite.");
  m.def("get_num_threads", [] { return Pool::shared().threads(); });
  m.def(
      "set_num_threads",
      [](int n) {
        require(n >= 1 && n <= 1024, "n: expected 1 to 1024");
        const WithoutGil release;
        Pool::shared().set_threads(n);
      },
      "n"_a);
}
