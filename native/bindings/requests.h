// The arguments that Python makes, named as in core/requests.py: arrays as they arrive, and once they are checked the
// pointers that the engine takes.
#pragma once

#include <optional>
#include <vector>

#include "bindings/bindings.h"
#include "engine/model.h"

namespace elman {

struct BatchArrays {
  Strided x;
  std::optional<Strided> y;
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
    open_input(m.program(), batch);
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
    open_targets(m.program(), batch, loss);
  }

  Data data{};

 private:
  void open_input(const Program& p, const BatchArrays& batch) {
    const Strided& x = batch.x;
    require(x.ndim() == (p.integer ? 2 : 3), "x: wrong number of axes");
    require(x.dtype() == (p.integer ? nb::dtype<int64_t>() : nb::dtype<T>()), "x: wrong type");
    require(p.integer || int64_t(x.shape(2)) == p.in, "x: wrong number of features");
    data.n = int64_t(x.shape(0));
    data.steps = int64_t(x.shape(1));
    require(data.n >= 1 && data.steps >= 1, "x: empty");
    data.x = x.data();
    data.x_row = x.stride(0);
    data.x_step = x.stride(1);
    data.x_col = p.integer ? 0 : x.stride(2);
    if (!batch.lengths) return;
    const Array<const int64_t>& lengths = *batch.lengths;
    require(shaped(lengths, data.n), "lengths: expected one for each row");
    for (int64_t i = 0; i < data.n; i++) {
      require(lengths.data()[i] >= 1 && lengths.data()[i] <= data.steps, "lengths: expected 1 to T");
    }
    data.lengths = lengths.data();
  }

  void open_targets(const Program& p, const BatchArrays& batch, const Loss& loss) {
    const std::optional<Strided>&y = batch.y, &weight = batch.weight;
    const bool classes = meaning(loss).classes;
    const size_t axes = p.last ? 1 : 2;
    const auto fits = [&](const Strided& a) {
      return int64_t(a.shape(0)) == data.n && (p.last || int64_t(a.shape(1)) == data.steps);
    };
    require(y && y->ndim() == axes + (classes ? 0 : 1) && fits(*y), "y: wrong shape");
    require(y->dtype() == (classes ? nb::dtype<int64_t>() : nb::dtype<T>()), "y: wrong type");
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
    require(shaped(r.window_starts, updates), "window_starts: expected one entry for each update");
    require(!m.program().last, "window: expected outputs at every step");
    for (T* to : open_results(m, data.n, nb::cast<std::vector<Array<T>>>(r.carry))) carry.push_back(to);
    for (int64_t u = 0; u < updates; u++) {
      const int64_t t = r.window_starts.data()[u];
      require(t >= 0 && t < data.steps, "window_starts: expected steps of the batch");
      for (int64_t i = starts[u]; i < starts[u + 1]; i++) {
        require(!data.lengths || data.lengths[rows[i]] > t, "window_starts: a row has ended before");
      }
    }
  }
  return {rows, starts, r.rates.data(), updates, r.window, r.window_starts.data(), carry.data()};
}

}  // namespace elman
