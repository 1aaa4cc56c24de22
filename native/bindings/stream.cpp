// The bindings of one step at a time.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/vector.h>

#include <cmath>
#include <optional>
#include <vector>

#include "bindings/buffer.h"
#include "engine/stepper.h"

namespace elman {
namespace {

using namespace nb::literals;

// The right to use a stepper. Short steps keep the GIL, which then is the lock: giving it back and taking it again
// would cost a tenth of a small network's step. Long ones give it back, and wait for each other.
template <class T>
class Turn {
 public:
  explicit Turn(Stepper<T>& s) : lock_(s.turn(), std::defer_lock) {
    if (s.work() < kLong) return;
    release_.emplace();
    lock_.lock();
  }

 private:
  static constexpr int64_t kLong = int64_t(1) << 20;
  std::optional<WithoutGil> release_;
  std::unique_lock<std::mutex> lock_;
};

// Copies (rows, columns) of x to where the stepper reads them; false where one is refused.
template <class U, class Accept>
bool read(const Buffer& x, int64_t rows, int64_t columns, int64_t row, int64_t column, U* to, Accept accept) {
  bool good = true;
  for (int64_t r = 0; r < rows; r++) {
    for (int64_t k = 0; k < columns; k++) {
      const U value = *reinterpret_cast<const U*>(x.data() + r * row + k * column);
      good &= accept(value);
      *to++ = value;
    }
  }
  return good;
}

// One step from whatever Python gave: x (B, D) or int64 (B,), any strides, and a writable contiguous out (B, O); both
// without B where B is 1. False, and nothing has changed, for everything else, NaN and infinity included.
template <class T>
bool try_step(Stepper<T>& s, nb::handle x_given, nb::handle out_given, nb::handle array_type) {
  if (!PyObject_TypeCheck(out_given.ptr(), reinterpret_cast<PyTypeObject*>(array_type.ptr()))) return false;
  const Program& p = s.program();
  const int64_t batch = s.batch();
  const Buffer x(x_given, PyBUF_STRIDES | PyBUF_FORMAT);
  const Buffer out(out_given, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE | PyBUF_FORMAT);
  const bool integers = s.integers();
  const int full = integers ? 1 : 2, missing = full - x.axes();
  if (x.axes() < 0 || missing < 0 || missing > (batch == 1 ? 1 : 0) || out.axes() != 2 - missing) return false;
  if (!out.template holds<T>() || !(integers ? x.template holds<int64_t>() : x.template holds<T>())) return false;
  if (out.size(1 - missing) != p.out || (!missing && (out.size(0) != batch || x.size(0) != batch))) return false;
  if (!integers && x.size(1 - missing) != s.input_size()) return false;
  const int64_t row = missing ? 0 : x.stride(0), column = integers ? 0 : x.stride(1 - missing);
  const Turn<T> turn(s);
  const bool good = integers ? read(x, batch, 1, row, 0, static_cast<int64_t*>(s.input()),
                                    [&](int64_t id) { return id >= 0 && id < s.input_size(); })
                             : read(x, batch, s.input_size(), row, column, static_cast<T*>(s.input()),
                                    [](T v) { return std::isfinite(v); });
  if (good) s.step(reinterpret_cast<T*>(out.data()));
  return good;
}

// f(state's memory, array's memory, bytes) for each state.
template <class T, class A, class F>
void each_state(Stepper<T>& s, const std::vector<Array<A>>& arrays, F f) {
  require(arrays.size() == s.states().size(), "state: expected one array for each state");
  for (size_t i = 0; i < arrays.size(); i++) {
    require(shaped(arrays[i], int64_t(s.states()[i].size())), "state: expected (B, size) arrays");
  }
  const Turn<T> turn(s);
  for (size_t i = 0; i < arrays.size(); i++) {
    f(s.states()[i].data(), arrays[i].data(), s.states()[i].size() * sizeof(T));
  }
}

// Steps that feed back what they draw: see Stepper::sample.
template <class T>
int64_t sample(Stepper<T>& s, const Array<const int64_t>& x, double temperature, int64_t top_k, double top_p,
               uint64_t seed, int64_t first, Array<int64_t> ids, std::optional<Array<T>> logits) {
  const int64_t batch = s.batch(), outputs = s.program().out;
  require(s.integers() && outputs == s.input_size(), "model: expected an output for each integer that it reads");
  require(shaped(x, batch) && ids.ndim() == 2 && int64_t(ids.shape(0)) == batch, "x, ids: expected (B,), (B, count)");
  require(temperature >= 0 && top_k >= 1 && top_p > 0, "temperature, top_k, top_p: out of range");
  for (int64_t r = 0; r < batch; r++) require(x.data()[r] >= 0 && x.data()[r] < outputs, "x: expected known integers");
  const int64_t count = int64_t(ids.shape(1));
  require(!logits || shaped(*logits, batch * count * outputs), "logits: expected (B, count, O)");
  const Turn<T> turn(s);
  std::copy(x.data(), x.data() + batch, static_cast<int64_t*>(s.input()));
  const Sampling how{temperature, top_k, top_p, seed};
  return s.sample(how, first, count, ids.data(), logits ? logits->data() : nullptr);
}

template <class T>
void bind_stepper(nb::module_& m, const char* name) {
  using S = Stepper<T>;
  const nb::handle array_type = nb::object(nb::module_::import_("numpy").attr("ndarray")).release();  // never freed
  nb::class_<S>(m, name)
      .def(
          "__init__",
          [](S* s, std::shared_ptr<Model<T>> model, const Array<const T>& theta, int64_t batch) {
            require(shaped(theta, model->program().size), "theta: wrong size");
            require(batch >= 1, "batch: expected at least 1");
            require(model->program().n_inputs == 1, "model: expected x as its only input");
            new (s) S(std::move(model), theta.data(), batch);
          },
          "model"_a, "theta"_a, "batch"_a)
      .def(
          "try_step", [array_type](S& s, nb::handle x, nb::handle out) { return try_step(s, x, out, array_type); },
          "x"_a.none(), "out"_a.none())
      .def("sample", &sample<T>, nb::kw_only(), "x"_a, "temperature"_a, "top_k"_a, "top_p"_a, "seed"_a, "first"_a,
           "ids"_a, "logits"_a.none())
      .def(
          "read_state",
          [](S& s, const std::vector<Array<T>>& into) {
            each_state(s, into, [](T* state, T* array, size_t bytes) { std::memcpy(array, state, bytes); });
          },
          "into"_a)
      .def(
          "write_state",
          [](S& s, const std::vector<Array<const T>>& from) {
            each_state(s, from, [](T* state, const T* array, size_t bytes) { std::memcpy(state, array, bytes); });
          },
          "from_"_a);
}

}  // namespace

void bind_steppers(nb::module_& m) {
  bind_stepper<float>(m, "Stepper32");
  bind_stepper<double>(m, "Stepper64");
}

}  // namespace elman
