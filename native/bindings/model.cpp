// Model32 and Model64: strict about types and shapes, the GIL released while anything is computed.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include "bindings/requests.h"
#include "engine/validate.h"

namespace elman {
namespace {

using namespace nb::literals;

template <class T>
std::shared_ptr<Model<T>> make_model(std::vector<Op> operations, std::vector<Input> inputs, std::vector<int64_t> states,
                                     int64_t size) {
  Validator(operations, inputs, states, size);
  return std::make_shared<Model<T>>(std::move(operations), std::move(inputs), std::move(states), size);
}

// What `predict` and `forward` are given, checked.
template <class T>
struct Forwards {
  Forwards(const Model<T>& model, const Array<const T>& theta, const BatchArrays& batch, int64_t shard_size,
           const Array<T>& y, const std::vector<Array<T>>& results)
      : data(model, batch) {
    const Program& p = model.program();
    const Data& d = data.data;
    require(shaped(theta, p.size), "theta: wrong size");
    require(shard_size >= 1, "shard_size: expected at least 1");
    require(shaped(y, d.n * (p.last ? 1 : model.width(d, p.axis)) * p.out), "y: wrong shape");
    final = open_results(model, d.n, results);
  }

  Opened<T> data;
  std::vector<T*> final;
};

template <class T>
void predict(const Model<T>& model, const Array<const T>& theta, const BatchArrays& batch, int64_t shard_size,
             Array<T> y, const std::vector<Array<T>>& final) {
  const Forwards<T> f(model, theta, batch, shard_size, y, final);
  const WithoutGil release;
  model.predict(theta.data(), f.data.data, shard_size, y.data(), f.final.data());
}

template <class T>
std::unique_ptr<Tape<T>> forward(const Model<T>& model, const Array<const T>& theta, const BatchArrays& batch,
                                 int64_t shard_size, Array<T> y, const std::vector<Array<T>>& final,
                                 const std::optional<Key>& key) {
  const Forwards<T> f(model, theta, batch, shard_size, y, final);
  Data data = f.data.data;
  if (key) data.draws = 1, data.key = *key;
  const WithoutGil release;
  return model.forward(theta.data(), data, shard_size, y.data(), f.final.data());
}

template <class T>
void hidden(const Model<T>& model, const Tape<T>& tape, int32_t op, Array<T> h) {
  const Program& p = model.program();
  require(op >= 0 && op < p.n_ops && p.ops[op].kind == LayerKind::recurrent, "op: expected a recurrent one");
  require(shaped(h, tape.n * tape.steps[size_t(p.ops[op].axis)] * p.ops[op].out), "h: expected (n, T, out)");
  model.hidden(tape, op, h.data());
}

template <class T>
void backward(const Model<T>& model, const Array<const T>& theta, const Tape<T>& tape,
              const std::optional<Array<const T>>& dy, const std::vector<std::optional<Array<const T>>>& dhidden,
              const std::vector<Array<const T>>& dstate, int64_t truncate, Array<T> gradient,
              const std::vector<std::optional<Array<T>>>& dx, const std::vector<Array<T>>& dstate0) {
  const Program& p = model.program();
  require(shaped(theta, p.size) && shaped(gradient, p.size), "theta, gradient: wrong size");
  require(!dy || shaped(*dy, tape.n * (p.last ? 1 : tape.steps[size_t(p.axis)]) * p.out), "dy: wrong shape");
  std::vector<T*> into_inputs;
  require(int64_t(dx.size()) == p.n_inputs, "dx: one for each input");
  for (int32_t i = 0; i < p.n_inputs; i++) {
    const Input& input = p.inputs[i];
    const int64_t steps = input.kind == InputKind::vector ? 1 : tape.steps[size_t(input.axis)];
    const auto& one = dx[size_t(i)];
    require(!one || (input.kind != InputKind::integers && shaped(*one, tape.n * steps * input.size)),
            "dx: wrong shape");
    into_inputs.push_back(one ? one->data() : nullptr);
  }
  std::vector<const void*> into_hidden, into_state;
  for (int32_t i = 0; i < p.n_ops; i++) {
    if (p.ops[i].kind != LayerKind::recurrent) continue;
    const size_t k = into_hidden.size();
    const bool given = k < dhidden.size() && dhidden[k];
    require(!given || shaped(*dhidden[k], tape.n * tape.steps[size_t(p.ops[i].axis)] * p.ops[i].out),
            "dhidden: wrong shape");
    into_hidden.push_back(given ? dhidden[k]->data() : nullptr);
  }
  require(dstate.empty() || dstate.size() == model.states().size(), "dstate: one for each state");
  for (size_t i = 0; i < dstate.size(); i++) {
    require(shaped(dstate[i], tape.n * model.states()[i]), "dstate: wrong shape");
    into_state.push_back(dstate[i].data());
  }
  const std::vector<T*> out = open_results(model, tape.n, dstate0);
  const Upstream up{dy ? dy->data() : nullptr, into_hidden.data(), dstate.empty() ? nullptr : into_state.data()};
  const WithoutGil release;
  model.backward(theta.data(), tape, up, truncate, gradient.data(), into_inputs.data(), out.data());
}

template <class T>
double loss(const Model<T>& model, const Array<const T>& theta, const BatchArrays& batch, const ObjectiveOfLoss& of,
            int64_t number, std::optional<Array<T>> gradient) {
  const Objective& objective = of.objective;
  require(shaped(theta, model.program().size), "theta: wrong size");
  require(!gradient || shaped(*gradient, model.program().size), "gradient: wrong size");
  const Opened<T> o(model, batch, objective.loss);
  const WithoutGil release;
  return model.loss(theta.data(), o.data, objective, number, gradient ? gradient->data() : nullptr);
}

template <class T>
double part(const Model<T>& model, const Array<const T>& theta, const BatchArrays& batch, const ObjectiveOfLoss& of,
            int64_t number, const Array<const int64_t>& rows, int64_t first, int64_t count, Array<T> gradient) {
  require(shaped(theta, model.program().size) && shaped(gradient, model.program().size), "theta, gradient: wrong size");
  const Opened<T> o(model, batch, of.objective.loss);
  const int64_t n = int64_t(rows.size());
  require(rows.ndim() == 1 && n >= 1, "rows: expected at least one");
  for (int64_t i = 0; i < n; i++) {
    require(rows.data()[i] >= 0 && rows.data()[i] < o.data.n, "rows: expected indices of the batch");
  }
  const int64_t size = std::min(of.objective.shard_size, n), shards = (n + size - 1) / size;
  require(first >= 0 && count >= 1 && count <= shards - first, "first, count: expected shards of the rows");
  const WithoutGil release;
  return model.loss(theta.data(), o.data, of.objective, number, Shards{rows.data(), n, first, count}, gradient.data());
}

template <class T>
void add(const Model<T>& model, Array<T> gradient, const Array<const T>& other) {
  const int64_t size = model.program().size;
  require(shaped(gradient, size) && shaped(other, size), "gradient, other: wrong size");
  const WithoutGil release;
  model.add(gradient.data(), other.data());
}

// Pointers to what an optimiser remembers of each entry.
template <class T>
std::vector<T*> open_slots(const std::vector<Array<T>>& slots, int64_t size) {
  require(slots.size() <= 2, "slots: expected two at most");
  std::vector<T*> remembered;
  for (const auto& slot : slots) {
    require(shaped(slot, size), "slots: wrong size");
    remembered.push_back(slot.data());
  }
  return remembered;
}

// Returns the gradient's norm, and whether the update was made.
template <class T>
std::pair<double, bool> apply(const Model<T>& model, Array<T> theta, const Array<const T>& gradient, double loss,
                              const UpdateRule& rule, const ConstraintArrays* given, const std::vector<Array<T>>& slots,
                              int64_t step, double rate) {
  const int64_t size = model.program().size;
  require(shaped(theta, size) && shaped(gradient, size), "theta, gradient: wrong size");
  const Constraints<T> constraints = open_constraints<T>(given, size);
  const std::vector<T*> remembered = open_slots(slots, size);
  double norm = 0;
  const WithoutGil release;
  const bool made = model.apply(theta.data(), gradient.data(), loss, rule, constraints, remembered.data(),
                                int(remembered.size()), step, rate, &norm);
  return {norm, made};
}

template <class T>
int64_t update(const Model<T>& model, Array<T> theta, const BatchArrays& batch, const ObjectiveOfLoss& of,
               const UpdateRule& rule, const ConstraintArrays* given, const std::vector<Array<T>>& slots, int64_t step,
               const RecordArrays& block, Array<double> losses, Array<double> norms) {
  const int64_t size = model.program().size;
  require(shaped(theta, size), "theta: wrong size");
  const Opened<T> o(model, batch, of.objective.loss);
  const Constraints<T> constraints = open_constraints<T>(given, size);
  const std::vector<T*> remembered = open_slots(slots, size);
  std::vector<void*> carry;
  const Records records = open_records(model, block, o.data, carry);
  require(shaped(losses, records.updates) && shaped(norms, records.updates), "losses, norms: one for each update");
  const WithoutGil release;
  return model.update(theta.data(), o.data, of.objective, rule, constraints, remembered.data(), int(remembered.size()),
                      step, records, losses.data(), norms.data());
}

template <class T>
void bind_model(nb::module_& m, const char* model_name, const char* tape_name) {
  nb::class_<Tape<T>>(m, tape_name).def_ro("rows", &Tape<T>::n).def_prop_ro("steps", [](const Tape<T>& tape) {
    return tape.steps[0];
  });
  nb::class_<Model<T>>(m, model_name)
      .def(nb::new_(&make_model<T>), nb::kw_only(), "operations"_a, "inputs"_a, "states"_a, "size"_a)
      .def("predict", &predict<T>, "theta"_a, "batch"_a, "shard_size"_a, "y"_a, "final"_a)
      .def("forward", &forward<T>, "theta"_a, "batch"_a, "shard_size"_a, "y"_a, "final"_a, "key"_a.none())
      .def("hidden", &hidden<T>, "tape"_a, "op"_a, "h"_a)
      .def("backward", &backward<T>, "theta"_a, "tape"_a, "dy"_a.none(), "dhidden"_a, "dstate"_a, "truncate"_a,
           "gradient"_a, "dx"_a, "dstate0"_a)
      .def("loss", &loss<T>, "theta"_a, "batch"_a, "objective"_a, "number"_a, "gradient"_a.none())
      .def("part", &part<T>, "theta"_a, "batch"_a, "objective"_a, "number"_a, "rows"_a, "first"_a, "count"_a,
           "gradient"_a)
      .def("add", &add<T>, "gradient"_a, "other"_a)
      .def("apply", &apply<T>, "theta"_a, "gradient"_a, "loss"_a, "rule"_a, "constraints"_a.none(), "slots"_a, "step"_a,
           "rate"_a)
      .def("update", &update<T>, "theta"_a, "batch"_a, "objective"_a, "rule"_a, "constraints"_a.none(), "slots"_a,
           "step"_a, "records"_a, "losses"_a, "norms"_a);
}

}  // namespace

void bind_models(nb::module_& m) {
  bind_model<float>(m, "Model32", "Tape32");
  bind_model<double>(m, "Model64", "Tape64");
}

}  // namespace elman
