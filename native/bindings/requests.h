// The arguments that Python makes, named as in core/requests.py: arrays as they arrive, and once they are checked the
// pointers that the engine takes.
#pragma once

#include <optional>
#include <vector>

#include "bindings/bindings.h"
#include "engine/model.h"

namespace elman {

// How the whole numbers of an array lie. Throws std::invalid_argument for an array of anything else.
inline Whole whole_of(const Strided& a) {
  const nb::dlpack::dtype type = a.dtype();
  const bool is_signed = type.code == uint8_t(nb::dlpack::dtype_code::Int);
  require((is_signed || type.code == uint8_t(nb::dlpack::dtype_code::UInt)) && type.lanes == 1 &&
              (type.bits == 8 || type.bits == 16 || type.bits == 32 || type.bits == 64),
          "x, another input or y: expected whole numbers");
  return {int32_t(type.bits / 8), int32_t(is_signed)};
}

// One input besides x.
struct InputArrays {
  Strided values;
  std::optional<Array<const int64_t>> lengths;
};

struct BatchArrays {
  Strided x;
  std::vector<InputArrays> others;
  std::optional<Strided> y;
  std::optional<Array<const int64_t>> y_lengths;
  std::optional<Array<const int64_t>> lengths;
  std::optional<Strided> weight;
  std::optional<std::vector<Untyped>> state;
};

struct ConstraintArrays {
  Array<const int64_t> starts;
  Array<const double> factors;
  Array<const uint8_t> decays;
  std::optional<Untyped> lower, upper;
};

struct RecordArrays {
  Array<const int64_t> rows, starts;
  Array<const double> rates;
  int64_t window;
  Array<const int64_t> window_starts;
  nb::list carry;
};

// An objective, and the quantiles that its loss points to.
struct ObjectiveOfLoss {
  Objective objective;
  std::vector<double> quantiles;
};

// Data whose shapes are checked, and the memory that its pointers point to.
template <class T>
class Opened {
 public:
  Opened(const Model<T>& m, const BatchArrays& batch) {
    const Program& p = m.program();
    require(batch.x.ndim() >= 1, "x: wrong number of axes");
    data.n = int64_t(batch.x.shape(0));
    data.x = open_input(p.inputs[0], batch.x, batch.lengths);
    require(int64_t(batch.others.size()) == p.n_inputs - 1, "others: expected every input");
    for (size_t i = 0; i < batch.others.size(); i++) {
      const Input& input = p.inputs[i + 1];
      others_.push_back(open_input(input, batch.others[i].values, batch.others[i].lengths));
      if (input.like >= 0) require_same_steps(input.like == 0 ? data.x : others_[size_t(input.like - 1)], others_[i]);
    }
    data.others = others_.data();
    if (!batch.state) return;
    const std::vector<Untyped>& state = *batch.state;
    require(state.size() == m.states().size(), "state: expected one array for each state");
    for (size_t i = 0; i < state.size(); i++) {
      require(state[i].dtype() == nb::dtype<T>() && shaped(state[i], data.n * m.states()[i]),
              "state: expected (n, size) arrays");
      state_.push_back(state[i].data());
    }
    data.state = state_.data();
  }

  Opened(const Model<T>& m, const BatchArrays& batch, const Loss& loss) : Opened(m, batch) {
    open_targets(m.program(), batch, loss, m.width(data, m.program().axis));
  }

  Data data{};

 private:
  Values open_input(const Input& input, const Strided& a, const std::optional<Array<const int64_t>>& lengths) {
    const bool integers = input.kind == InputKind::integers, vector = input.kind == InputKind::vector;
    const size_t axes = input.kind == InputKind::sequence ? 3 : 2;
    require(a.ndim() == axes, "x or another input: wrong number of axes");
    const Whole whole = integers ? whole_of(a) : Whole{};
    require(integers || a.dtype() == nb::dtype<T>(), "x or another input: wrong type");
    require(integers || int64_t(a.shape(axes - 1)) == input.size, "x or another input: wrong number of features");
    Values values{a.data(), a.stride(0), vector ? 0 : a.stride(1), integers ? 0 : a.stride(axes - 1), 1,
                  nullptr,  whole};
    if (!vector) values.steps = int64_t(a.shape(1));
    require(int64_t(a.shape(0)) == data.n && data.n >= 1 && values.steps >= 1,
            "x or another input: empty, or too few rows");
    if (!lengths) return values;
    require(!vector && shaped(*lengths, data.n), "lengths: expected one for each row");
    for (int64_t i = 0; i < data.n; i++) {
      require(lengths->data()[i] >= 1 && lengths->data()[i] <= values.steps, "lengths: expected 1 to T");
    }
    values.lengths = lengths->data();
    return values;
  }

  void require_same_steps(const Values& a, const Values& b) const {
    const auto length = [](const Values& v, int64_t row) { return v.lengths ? v.lengths[row] : v.steps; };
    bool same = a.steps == b.steps;
    for (int64_t row = 0; same && row < data.n; row++) same = length(a, row) == length(b, row);
    require(same, "x or another input: expected the steps of the input whose it has");
  }

  // steps: T of the outputs.
  void open_targets(const Program& p, const BatchArrays& batch, const Loss& loss, int64_t steps) {
    const std::optional<Strided>&y = batch.y, &weight = batch.weight;
    if (meaning(loss).ragged) return open_ragged(p, batch, loss);
    const bool classes = meaning(loss).classes;
    const size_t axes = p.last ? 1 : 2;
    const auto fits = [&](const Strided& a) {
      return int64_t(a.shape(0)) == data.n && (p.last || int64_t(a.shape(1)) == steps);
    };
    require(y && y->ndim() == axes + (classes ? 0 : 1) && fits(*y), "y: wrong shape");
    if (classes) data.y_whole = whole_of(*y);
    require(classes || y->dtype() == nb::dtype<T>(), "y: wrong type");
    const int64_t each = outputs_per_target(loss);
    require(p.out % each == 0, "loss: expected outputs of whole targets");
    require(classes || int64_t(y->shape(axes)) == p.out / each, "y: wrong number of columns");
    data.y = y->data();
    data.y_row = y->stride(0);
    data.y_step = p.last ? 0 : y->stride(1);
    data.y_col = classes ? 0 : y->stride(axes);
    if (!weight) return;
    require(weight->dtype() == nb::dtype<T>() && weight->ndim() == axes && fits(*weight),
            "weight: wrong shape or type");
    data.weight = weight->data();
    data.weight_row = weight->stride(0);
    data.weight_step = p.last ? 0 : weight->stride(1);
  }

  // One target a row: whole numbers (n, U), of which so many count.
  void open_ragged(const Program& p, const BatchArrays& batch, const Loss& loss) {
    const std::optional<Strided>&y = batch.y, &weight = batch.weight;
    require(!p.last && y && y->ndim() == 2 && int64_t(y->shape(0)) == data.n && y->shape(1) >= 1, "y: wrong shape");
    require(loss.blank >= 0 && loss.blank < p.out, "blank: expected a class");
    data.y_whole = whole_of(*y);
    data.y = y->data();
    data.y_row = y->stride(0), data.y_step = y->stride(1);
    data.labels = int64_t(y->shape(1));
    require(batch.y_lengths && shaped(*batch.y_lengths, data.n), "y_lengths: expected one for each row");
    data.y_lengths = batch.y_lengths->data();
    for (int64_t i = 0; i < data.n; i++) {
      require(data.y_lengths[i] >= 0 && data.y_lengths[i] <= data.labels, "y_lengths: expected 0 to U");
    }
    if (!weight) return;
    require(weight->dtype() == nb::dtype<T>() && weight->ndim() == 1 && int64_t(weight->shape(0)) == data.n,
            "weight: wrong shape or type");
    data.weight = weight->data();
    data.weight_row = weight->stride(0);
  }

  std::vector<Values> others_;
  std::vector<const void*> state_;
};

// Pointers to arrays that are written, one for each state (n, size).
template <class T>
std::vector<T*> open_results(const Model<T>& m, int64_t n, const std::vector<Array<T>>& state) {
  require(state.size() == m.states().size(), "state: expected one array for each state");
  std::vector<T*> pointers;
  for (size_t i = 0; i < state.size(); i++) {
    require(shaped(state[i], n * m.states()[i]), "state: expected (n, size) arrays");
    pointers.push_back(state[i].data());
  }
  return pointers;
}

template <class T>
Constraints<T> open_constraints(const ConstraintArrays* c, int64_t size) {
  if (!c) return {};
  const int64_t segments = int64_t(c->factors.size());
  require(segments >= 1 && shaped(c->starts, segments + 1) && shaped(c->decays, segments),
          "constraints: expected starts, factors and decays of each segment");
  const int64_t* starts = c->starts.data();
  require(starts[0] == 0 && starts[segments] == size, "constraints: expected segments of all of theta");
  for (int64_t s = 0; s < segments; s++) {
    require(starts[s] < starts[s + 1], "constraints: expected starts that increase");
  }
  require(c->lower.has_value() == c->upper.has_value(), "constraints: expected both bounds or none");
  const auto bound = [&](const std::optional<Untyped>& b) -> const T* {
    if (!b) return nullptr;
    require(b->dtype() == nb::dtype<T>() && shaped(*b, size), "constraints: expected bounds like theta");
    return static_cast<const T*>(b->data());
  };
  return {segments, starts, c->factors.data(), c->decays.data(), bound(c->lower), bound(c->upper)};
}

// Checks a block of updates against the data and returns it; `carry` holds its pointers to the carried states.
template <class T>
Records open_records(const Model<T>& m, const RecordArrays& r, const Data& data, std::vector<void*>& carry) {
  const int64_t updates = int64_t(r.rates.size()), *starts = r.starts.data(), *rows = r.rows.data();
  require(shaped(r.starts, updates + 1), "starts: expected one more entry than updates");
  for (int64_t u = 0; u < updates; u++) {
    require(starts[u] >= 0 && starts[u] < starts[u + 1], "starts: expected to increase");
  }
  require(updates == 0 || starts[updates] <= int64_t(r.rows.size()), "starts: past the end of rows");
  for (size_t i = 0; i < r.rows.size(); i++) {
    require(rows[i] >= 0 && rows[i] < data.n, "rows: expected indices of the batch");
  }
  if (r.window > 0) {
    require(!data.y_lengths, "window: expected a target at every step");
    require(shaped(r.window_starts, updates), "window_starts: expected one entry for each update");
    require(!m.program().last && m.program().n_inputs == 1, "window: expected x alone, and outputs at every step");
    for (T* to : open_results(m, data.n, nb::cast<std::vector<Array<T>>>(r.carry))) carry.push_back(to);
    for (int64_t u = 0; u < updates; u++) {
      const int64_t t = r.window_starts.data()[u];
      require(t >= 0 && t < data.x.steps, "window_starts: expected steps of the batch");
      for (int64_t i = starts[u]; i < starts[u + 1]; i++) {
        require(!data.x.lengths || data.x.lengths[rows[i]] > t, "window_starts: a row has ended before");
      }
    }
  }
  return {rows, starts, r.rates.data(), updates, r.window, r.window_starts.data(), carry.data()};
}

}  // namespace elman
