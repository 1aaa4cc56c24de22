// The bindings: strict about types and shapes, the GIL released while anything is computed.
// src/elman/engines/compiled.py is their only caller and gives arguments their names; messages here are for whoever
// changes that file.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include <optional>

#include "bindings/bindings.h"
#include "engine/model.h"
#include "engine/validate.h"

namespace elman {
namespace {

using namespace nb::literals;

// Data of checked shapes, and what its pointers lean on.
template <class T>
struct Opened {
  Data data{};
  std::vector<const void*> state;
};

template <class T>
void open_state(const Model<T>& m, const std::vector<Array<const T>>& state, Opened<T>& o) {
  if (state.empty()) return;
  require(state.size() == m.states().size(), "state: expected one array for each state");
  for (size_t i = 0; i < state.size(); i++) {
    require(shaped(state[i], o.data.n * m.states()[i]), "state: expected (n, size) arrays");
    o.state.push_back(state[i].data());
  }
  o.data.state = o.state.data();
}

template <class T>
void open_input(const Model<T>& m, const Strided& x, const std::optional<Array<const int64_t>>& lengths, Opened<T>& o) {
  const Program& p = m.program();
  Data& d = o.data;
  require(x.ndim() == (p.integer ? 2 : 3), "x: wrong number of axes");
  require(x.dtype() == (p.integer ? nb::dtype<int64_t>() : nb::dtype<T>()), "x: wrong type");
  require(p.integer || int64_t(x.shape(2)) == p.in, "x: wrong number of features");
  d.n = int64_t(x.shape(0));
  d.steps = int64_t(x.shape(1));
  require(d.n >= 1 && d.steps >= 1, "x: empty");
  d.x = x.data();
  d.x_row = x.stride(0);
  d.x_step = x.stride(1);
  d.x_col = p.integer ? 0 : x.stride(2);
  if (!lengths) return;
  require(shaped(*lengths, d.n), "lengths: expected one for each row");
  for (int64_t i = 0; i < d.n; i++) {
    require(lengths->data()[i] >= 1 && lengths->data()[i] <= d.steps, "lengths: expected 1 to T");
  }
  d.lengths = lengths->data();
}

template <class T>
void open_targets(const Model<T>& m, const Loss& loss, const std::optional<Strided>& y,
                  const std::optional<Strided>& weight, Opened<T>& o) {
  const Program& p = m.program();
  Data& d = o.data;
  const bool classes = loss.kind == LossKind::cross_entropy;
  const size_t axes = p.last ? 1 : 2;
  const auto fits = [&](const Strided& a) {
    return int64_t(a.shape(0)) == d.n && (p.last || int64_t(a.shape(1)) == d.steps);
  };
  require(y && y->ndim() == axes + (classes ? 0 : 1) && fits(*y), "y: wrong shape");
  require(y->dtype() == (classes ? nb::dtype<int64_t>() : nb::dtype<T>()), "y: wrong type");
  const int64_t each = loss.kind == LossKind::pinball ? loss.n_constants : is_density(loss) ? 2 : 1;
  require(p.out % each == 0, "loss: expected outputs of whole targets");
  require(classes || int64_t(y->shape(axes)) == p.out / each, "y: wrong number of columns");
  d.y = y->data();
  d.y_row = y->stride(0);
  d.y_step = p.last ? 0 : y->stride(1);
  d.y_col = classes ? 0 : y->stride(axes);
  if (!weight) return;
  require(weight->dtype() == nb::dtype<T>() && weight->ndim() == axes && fits(*weight), "weight: wrong shape or type");
  d.weight = weight->data();
  d.weight_row = weight->stride(0);
  d.weight_step = p.last ? 0 : weight->stride(1);
}

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
int64_t output_size(const Model<T>& m, const Data& d) {
  return d.n * (m.program().last ? 1 : d.steps) * m.program().out;
}

// (seed, update), or None: nothing is drawn.
using MaybeKey = std::optional<std::pair<uint64_t, uint64_t>>;

void open_key(const MaybeKey& key, Data& d) {
  if (!key) return;
  d.draws = 1;
  d.key = {key->first, uint32_t(key->second)};
}

// (starts, factors, decays, lower, upper), or None: theta moves freely.
template <class T>
using MaybeRules = std::optional<std::tuple<Array<const int64_t>, Array<const double>, Array<const uint8_t>,
                                            std::optional<Array<const T>>, std::optional<Array<const T>>>>;

template <class T>
Rules<T> open_rules(const MaybeRules<T>& given, int64_t size) {
  if (!given) return {};
  const auto& [starts, factors, decays, lower, upper] = *given;
  const int64_t segments = int64_t(factors.size());
  require(segments >= 1 && shaped(starts, segments + 1) && shaped(decays, segments),
          "rules: expected starts, factors and decays of each segment");
  require(starts.data()[0] == 0 && starts.data()[segments] == size, "rules: expected segments of all of theta");
  for (int64_t s = 0; s < segments; s++) {
    require(starts.data()[s] < starts.data()[s + 1], "rules: expected starts that increase");
  }
  require(lower.has_value() == upper.has_value(), "rules: expected both bounds or none");
  require(!lower || (shaped(*lower, size) && shaped(*upper, size)), "rules: expected bounds like theta");
  return {segments,
          starts.data(),
          factors.data(),
          decays.data(),
          lower ? lower->data() : nullptr,
          upper ? upper->data() : nullptr};
}

// What `predict` and `forward` are given, checked.
template <class T>
struct Forwards {
  Forwards(const Model<T>& model, const Array<const T>& theta, const Strided& x,
           const std::optional<Array<const int64_t>>& lengths, const std::vector<Array<const T>>& state,
           const Array<T>& y, const std::vector<Array<T>>& results) {
    require(shaped(theta, model.program().size), "theta: wrong size");
    open_input(model, x, lengths, opened);
    open_state(model, state, opened);
    require(shaped(y, output_size(model, opened.data)), "y: wrong shape");
    final = open_results(model, opened.data.n, results);
  }

  Opened<T> opened;
  std::vector<T*> final;
};

Loss make_loss(int kind, const std::vector<double>& constants, double activity) {
  require(kind >= 0 && kind <= int(LossKind::student_t), "loss: unknown kind");
  const LossKind named = LossKind(kind);
  const bool one = named == LossKind::huber || named == LossKind::pinball || named == LossKind::gaussian;
  require(constants.size() >= (named == LossKind::student_t ? 2 : one ? 1 : 0), "loss: expected its constants");
  return {named, constants.data(), int64_t(constants.size()), activity};
}

template <class T>
std::shared_ptr<Model<T>> make_model(const std::vector<std::pair<std::vector<int64_t>, std::vector<double>>>& rows,
                                     std::vector<int64_t> states, int64_t in, int64_t out, int64_t size, bool integer,
                                     bool last) {
  std::vector<Op> ops;
  for (const auto& row : rows) {
    require(row.first.size() == 22 && row.second.size() == 4, "ops: expected 22 and 4 numbers each");
    const std::vector<int64_t>& whole = row.first;
    Op op{};
    op.kind = Kind(whole[0]);
    op.variant = int32_t(whole[1]);
    op.in = whole[2];
    op.out = whole[3];
    op.hidden = whole[4];
    op.directions = int32_t(whole[5]);
    for (int k = 0; k < 2; k++) op.state[k] = int32_t(whole[size_t(6 + k)]);
    op.learned = int32_t(whole[8]);
    op.shared = int32_t(whole[9]);
    for (int k = 0; k < 12; k++) op.offset[k / 6][k % 6] = whole[size_t(10 + k)];
    op.rate = row.second[0];
    for (int k = 0; k < 2; k++) op.zoneout[k] = row.second[size_t(1 + k)];
    op.noise = row.second[3];
    ops.push_back(op);
  }
  const Program program{nullptr, 0, 0, in, out, size, integer, last};
  Validator(ops, states, program);
  return std::make_shared<Model<T>>(std::move(ops), std::move(states), program);
}

template <class T>
void bind(nb::module_& m, const char* model_name, const char* tape_name) {
  using M = Model<T>;
  using Lengths = std::optional<Array<const int64_t>>;
  using States = std::vector<Array<const T>>;

  nb::class_<Tape<T>>(m, tape_name);

  nb::class_<M>(m, model_name)
      .def(nb::new_(&make_model<T>), "ops"_a, "states"_a, "input_size"_a, "output_size"_a, "size"_a, "integer"_a,
           "last"_a)
      .def(
          "predict",
          [](const M& model, const Array<const T>& theta, const Strided& x, const Lengths& lengths, const States& state,
             int64_t shard_size, Array<T> y, const std::vector<Array<T>>& final) {
            const Forwards<T> f(model, theta, x, lengths, state, y, final);
            const WithoutGil release;
            model.predict(theta.data(), f.opened.data, shard_size, y.data(), f.final.data());
          },
          "theta"_a, "x"_a, "lengths"_a.none(), "state"_a, "shard_size"_a, "y"_a, "final"_a)
      .def(
          "forward",
          [](const M& model, const Array<const T>& theta, const Strided& x, const Lengths& lengths, const States& state,
             int64_t shard_size, Array<T> y, const std::vector<Array<T>>& final, const MaybeKey& key) {
            Forwards<T> f(model, theta, x, lengths, state, y, final);
            open_key(key, f.opened.data);
            const WithoutGil release;
            return model.forward(theta.data(), f.opened.data, shard_size, y.data(), f.final.data());
          },
          "theta"_a, "x"_a, "lengths"_a.none(), "state"_a, "shard_size"_a, "y"_a, "final"_a, "key"_a.none())
      .def(
          "hidden",
          [](const M& model, const Tape<T>& tape, int32_t op, Array<T> h) {
            const Program& p = model.program();
            require(op >= 0 && op < p.n_ops && p.ops[op].kind == Kind::recurrent, "op: expected a recurrent one");
            require(shaped(h, tape.n * tape.steps * p.ops[op].out), "h: expected (n, T, out)");
            model.hidden(tape, op, h.data());
          },
          "tape"_a, "op"_a, "h"_a)
      .def(
          "backward",
          [](const M& model, const Array<const T>& theta, const Tape<T>& tape, const std::optional<Array<const T>>& dy,
             const std::vector<std::optional<Array<const T>>>& dhidden, const States& dstate, int64_t truncate,
             Array<T> gradient, std::optional<Array<T>> dx, const std::vector<Array<T>>& dstate0) {
            const Program& p = model.program();
            require(shaped(theta, p.size) && shaped(gradient, p.size), "theta, gradient: wrong size");
            require(!dy || shaped(*dy, tape.n * (p.last ? 1 : tape.steps) * p.out), "dy: wrong shape");
            require(!dx || shaped(*dx, tape.n * tape.steps * p.in), "dx: wrong shape");
            std::vector<const void*> into_hidden, into_state;
            for (int32_t i = 0; i < p.n_ops; i++) {
              if (p.ops[i].kind != Kind::recurrent) continue;
              const size_t k = into_hidden.size();
              const bool given = k < dhidden.size() && dhidden[k];
              require(!given || shaped(*dhidden[k], tape.n * tape.steps * p.ops[i].out), "dhidden: wrong shape");
              into_hidden.push_back(given ? dhidden[k]->data() : nullptr);
            }
            require(dstate.empty() || dstate.size() == model.states().size(), "dstate: one for each state");
            for (size_t i = 0; i < dstate.size(); i++) {
              require(shaped(dstate[i], tape.n * model.states()[i]), "dstate: wrong shape");
              into_state.push_back(dstate[i].data());
            }
            const std::vector<T*> out = open_results(model, tape.n, dstate0);
            const Upstream up{dy ? dy->data() : nullptr, into_hidden.data(),
                              dstate.empty() ? nullptr : into_state.data()};
            const WithoutGil release;
            model.backward(theta.data(), tape, up, truncate, gradient.data(), dx ? dx->data() : nullptr, out.data());
          },
          "theta"_a, "tape"_a, "dy"_a.none(), "dhidden"_a, "dstate"_a, "truncate"_a, "gradient"_a, "dx"_a.none(),
          "dstate0"_a)
      .def(
          "loss",
          [](const M& model, const Array<const T>& theta, const Strided& x, const std::optional<Strided>& y,
             const Lengths& lengths, const std::optional<Strided>& weight, const States& state, int kind,
             const std::vector<double>& constants, double activity, int64_t truncate, int64_t recompute,
             int64_t shard_size, std::optional<Array<T>> gradient, const MaybeKey& key) {
            Opened<T> o;
            const Loss loss = make_loss(kind, constants, activity);
            require(shaped(theta, model.program().size), "theta: wrong size");
            require(!gradient || shaped(*gradient, model.program().size), "gradient: wrong size");
            open_input(model, x, lengths, o);
            open_targets(model, loss, y, weight, o);
            open_state(model, state, o);
            open_key(key, o.data);
            const WithoutGil release;
            return model.loss(theta.data(), o.data, loss, shard_size, truncate, recompute,
                              gradient ? gradient->data() : nullptr);
          },
          "theta"_a, "x"_a, "y"_a.none(), "lengths"_a.none(), "weight"_a.none(), "state"_a, "kind"_a, "constants"_a,
          "activity"_a, "truncate"_a, "recompute"_a, "shard_size"_a, "gradient"_a.none(), "key"_a.none())
      .def(
          "update",
          [](const M& model, Array<T> theta, const Strided& x, const std::optional<Strided>& y, const Lengths& lengths,
             const std::optional<Strided>& weight, const States& state, int kind, const std::vector<double>& constants,
             double activity, const std::vector<double>& optimizer, const std::vector<Array<T>>& slots, int64_t step,
             const Array<const int64_t>& rows, const Array<const int64_t>& starts, const Array<const double>& rates,
             double clip_norm, double clip_value, int64_t truncate, int64_t recompute, int64_t shard_size,
             const std::optional<uint64_t>& seed, const MaybeRules<T>& given_rules, int64_t window,
             const Array<const int64_t>& windows, const std::vector<Array<T>>& carry, Array<double> losses,
             Array<double> norms) {
            Opened<T> o;
            const Rules<T> rules = open_rules<T>(given_rules, model.program().size);
            const Loss loss = make_loss(kind, constants, activity);
            const int64_t size = model.program().size, updates = int64_t(rates.size());
            require(shaped(theta, size), "theta: wrong size");
            open_input(model, x, lengths, o);
            open_targets(model, loss, y, weight, o);
            open_state(model, state, o);
            require(optimizer.size() == 7,
                    "optimizer: expected kind, momentum, decay, beta1, beta2, eps, weight_decay");
            const Optim optim{OptimKind(int(optimizer[0])),
                              optimizer[1],
                              optimizer[2],
                              optimizer[3],
                              optimizer[4],
                              optimizer[5],
                              optimizer[6],
                              int32_t(slots.size())};
            require(slots.size() <= 2, "slots: expected two at most");
            std::vector<T*> remembered;
            for (const auto& slot : slots) {
              require(shaped(slot, size), "slots: wrong size");
              remembered.push_back(slot.data());
            }
            require(shaped(starts, updates + 1) && shaped(losses, updates) && shaped(norms, updates),
                    "starts, losses, norms: expected one entry for each update");
            for (int64_t u = 0; u < updates; u++) {
              require(starts.data()[u] >= 0 && starts.data()[u] < starts.data()[u + 1], "starts: expected to increase");
            }
            require(updates == 0 || starts.data()[updates] <= int64_t(rows.size()), "starts: past the end of rows");
            for (size_t i = 0; i < rows.size(); i++) {
              require(rows.data()[i] >= 0 && rows.data()[i] < o.data.n, "rows: expected indices of the batch");
            }
            std::vector<void*> carried;
            if (window > 0) {
              require(shaped(windows, updates), "windows: expected one entry for each update");
              require(!model.program().last, "window: expected outputs at every step");
              for (T* to : open_results(model, o.data.n, carry)) carried.push_back(to);
              for (int64_t u = 0; u < updates; u++) {
                const int64_t t = windows.data()[u];
                require(t >= 0 && t < o.data.steps, "windows: expected steps of the batch");
                for (int64_t i = starts.data()[u]; i < starts.data()[u + 1]; i++) {
                  require(!o.data.lengths || o.data.lengths[rows.data()[i]] > t, "windows: a row has ended before");
                }
              }
            }
            const WithoutGil release;
            return model.update(theta.data(), o.data, loss, optim, remembered.data(), step, rows.data(), starts.data(),
                                rates.data(), updates, Clip{clip_norm, clip_value}, truncate, recompute, shard_size,
                                seed ? &*seed : nullptr, rules, {window, windows.data(), carried.data()}, losses.data(),
                                norms.data());
          },
          "theta"_a, "x"_a, "y"_a.none(), "lengths"_a.none(), "weight"_a.none(), "state"_a, "kind"_a, "constants"_a,
          "activity"_a, "optimizer"_a, "slots"_a, "step"_a, "rows"_a, "starts"_a, "rates"_a, "clip_norm"_a,
          "clip_value"_a, "truncate"_a, "recompute"_a, "shard_size"_a, "seed"_a.none(), "rules"_a.none(), "window"_a,
          "windows"_a, "carry"_a, "losses"_a, "norms"_a);
}

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
  const WithoutGil release;
  for (int64_t i = 0; i < shape[0]; i++) {
    for (int64_t j = 0; j < shape[1]; j++) {
      const T* row = static_cast<const T*>(array.data()) + i * stride[0] + j * stride[1];
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
  bind<float>(m, "Model32", "Tape32");
  bind<double>(m, "Model64", "Tape64");
  bind_steppers(m);
  chosen_kernels();  // a wrong ELMAN_ISA is told at import
  m.def("isa", [] { return std::string(chosen_kernels().isa); }, "The instruction set in use.");
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
