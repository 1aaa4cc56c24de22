// Calls prepared beforehand, for what people call once a step of their own loops: all that does not change is bound
// once, and what a user gave is checked where it is read. They are short and keep the GIL, so no other thread of Python
// comes between a call's checks and its end, and Ctrl-C, which Python answers afterwards, finds all done or nothing.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include <cmath>
#include <memory>
#include <optional>
#include <vector>

#include "bindings/log.h"
#include "bindings/requests.h"

namespace elman {
namespace {

using namespace nb::literals;

// The objects of Python that calls of any network need; never freed.
struct Names {
  nb::handle trainer = nb::str("trainer").release(), readers = nb::str("readers").release();
  nb::handle empty = nb::object(nb::module_::import_("numpy").attr("empty")).release();
};

// Each call returns None, and has changed nothing, where what it is given is no array that it takes as it is, holds
// what the network or the loss refuses, or would take long; and while another thread uses the weights.
template <class T>
class Prepared {
 public:
  // weights: those of the network, theta (P,) and who uses it (requests.Shared); low, high: bounds of real targets;
  // record: what the engine keeps of a way forward, behind the tape
  Prepared(std::shared_ptr<Model<T>> model, nb::object weights, nb::tuple record, nb::object objective, double low,
           double high, std::optional<UpdateRule> rule, nb::object constraints, std::vector<Array<T>> slots)
      : model_(std::move(model)),
        weights_(std::move(weights)),
        record_(std::move(record)),
        theta_(nb::cast<Array<T>>(weights_.attr("theta"))),
        objective_(std::move(objective)),
        constraints_(std::move(constraints)),
        slots_(std::move(slots)),
        dtype_(weights_.attr("theta").attr("dtype")),
        low_(low),
        high_(high),
        rule_(rule) {
    require(shaped(theta_, program().size), "theta: wrong size");
    require(program().n_inputs == 1, "model: expected x as its only input");
    require(slots_.size() <= 2, "slots: expected two at most");
    for (const auto& slot : slots_) {
      require(shaped(slot, program().size), "slots: wrong size");
      remembered_.push_back(slot.data());
    }
    if (!objective_.is_none()) {
      of_ = nb::cast<const ObjectiveOfLoss*>(objective_);
      require(!meaning(of_->objective.loss).ragged, "objective: expected a target at every step");
    }
    if (!constraints_.is_none()) {
      bounds_ = open_constraints<T>(nb::cast<const ConstraintArrays*>(constraints_), program().size);
    }
  }

  // x -> y, a new array.
  nb::object predict(nb::handle x_given) {
    const Buffer x(x_given, PyBUF_STRIDES | PyBUF_FORMAT);
    Data data{};
    bool single;
    if (!open_x(x, 1, data, single)) return nb::none();
    const nb::object y = outputs(data, single);
    const Buffer into(y, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE);
    if (into.axes() < 1 || training()) return nb::none();  // making y may have let another thread in
    std::vector<T*> final;
    finals_.resize(model_->states().size());
    for (size_t i = 0; i < finals_.size(); i++) {
      finals_[i].resize(size_t(data.n * model_->states()[i]));
      final.push_back(finals_[i].data());
    }
    model_->predict(theta_.data(), data, kShardSize, reinterpret_cast<T*>(into.data()), final.data());
    return y;
  }

  // x -> y, theta as it is now, the final states, the engine's record, and whether x is one sequence.
  nb::object forward(nb::handle x_given) {
    const Buffer x(x_given, PyBUF_STRIDES | PyBUF_FORMAT);
    Data data{};
    bool single;
    if (!open_x(x, 1, data, single)) return nb::none();
    const nb::object y = outputs(data, single), theta = empty(program().size);
    const Results final(*this, data.n);
    const Buffer into(y, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE), copy(theta, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE);
    if (into.axes() < 1 || copy.axes() < 1 || training()) return nb::none();
    std::memcpy(copy.data(), theta_.data(), size_t(program().size) * sizeof(T));
    auto tape = model_->forward(reinterpret_cast<const T*>(copy.data()), data, kShardSize,
                                reinterpret_cast<T*>(into.data()), final.at.data());
    const nb::object record = nb::make_tuple(std::move(tape)) + record_;
    return nb::make_tuple(y, theta, final.arrays, record, single);
  }

  // The gradient (P,), that of x and those of the initial states, of an x without lengths; all as one sequence's, where
  // it is `single`.
  nb::object backward(nb::handle theta_given, const nb::tuple& record, nb::handle dy_given, bool single) {
    const Program& p = program();
    const Tape<T>& tape = nb::cast<const Tape<T>&>(record[0]);
    const Buffer theta(theta_given, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT), dy(dy_given, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT);
    const int64_t n = tape.n, steps = tape.steps[0];
    const bool integers = p.inputs[0].kind == InputKind::integers;
    std::vector<int64_t> shape;
    if (!single) shape.push_back(n);
    if (!p.last) shape.push_back(steps);
    shape.push_back(p.out);
    if (!is_vector(theta) || dy.axes() != int(shape.size()) || is_long(n * steps, 3)) return nb::none();
    for (size_t a = 0; a < shape.size(); a++) {
      if (dy.size(int(a)) != shape[a]) return nb::none();
    }
    if (!dy.template all<T>([](T v) { return std::isfinite(v); })) return nb::none();
    const nb::object gradient = empty(p.size);
    nb::object dx = nb::none();
    if (!integers) dx = single ? empty(steps, p.inputs[0].size) : empty(n, steps, p.inputs[0].size);
    const Results dstate(*this, n);
    const Buffer sum(gradient, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE), to(dx, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE);
    T* const into = integers ? nullptr : reinterpret_cast<T*>(to.data());
    model_->backward(reinterpret_cast<const T*>(theta.data()), tape, Upstream{dy.data(), nullptr, nullptr}, 0,
                     reinterpret_cast<T*>(sum.data()), &into, dstate.at.data());
    return nb::make_tuple(gradient, dx, dstate.arrays);
  }

  // The loss, the gradient (P,) being written; dropout, zoneout and noise draw nothing.
  nb::object loss_and_grad(nb::handle x_given, nb::handle y_given, nb::handle gradient_given) {
    require(of_ != nullptr, "objective: expected one");
    const Buffer x(x_given, PyBUF_STRIDES | PyBUF_FORMAT), y(y_given, PyBUF_STRIDES | PyBUF_FORMAT);
    const Buffer gradient(gradient_given, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE | PyBUF_FORMAT);
    Data data{};
    if (training() || !open(x, y, data) || !is_vector(gradient)) return nb::none();
    T* into = reinterpret_cast<T*>(gradient.data());
    return nb::float_(model_->loss(theta_.data(), data, of_->objective, 0, into));
  }

  // The loss before an update of theta, which is recorded; None without an objective too.
  nb::object update(nb::handle x_given, nb::handle y_given, double rate, nb::handle done, nb::handle figures) {
    require(rule_.has_value(), "rule: expected one");
    const Buffer x(x_given, PyBUF_STRIDES | PyBUF_FORMAT), y(y_given, PyBUF_STRIDES | PyBUF_FORMAT);
    Log log(done, figures);
    Data data{};
    if (!of_ || training() || reading() || !log.has_room() || !open(x, y, data)) return nb::none();
    while (int64_t(rows_.size()) < data.n) rows_.push_back(int64_t(rows_.size()));
    const int64_t starts[] = {0, data.n};
    double loss, norm;
    const int64_t made =
        model_->update(theta_.data(), data, of_->objective, *rule_, bounds_, remembered_.data(),
                       int(remembered_.size()), log.count(), one(rows_.data(), starts, rate), &loss, &norm);
    if (made == 0) return nb::none();
    log.write(loss, norm, rate);
    return nb::float_(loss);
  }

  // The norm of a gradient (P,) from elsewhere, before clipping by norm; theta is updated, and `loss` recorded. With
  // `alone` the caller has the weights to itself, and the step may be long.
  nb::object step(nb::handle gradient_given, double rate, nb::handle done, nb::handle figures, double loss,
                  bool alone) {
    require(rule_.has_value(), "rule: expected one");
    const Program& p = program();
    const Buffer given(gradient_given, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT);
    Log log(done, figures);
    const bool is_long = p.size > kLong;
    if (!alone && (training() || reading() || is_long)) return nb::none();
    if (!log.has_room() || p.n_tables > 0 || !is_vector(given)) return nb::none();
    const T* from = reinterpret_cast<const T*>(given.data());
    const bool held = rule_->clip_value > 0 || bounds_.segments > 0;  // which would hide what is infinite from the norm
    if (held && !given.template all<T>([](T v) { return std::isfinite(v); })) return nb::none();
    double norm, value;
    if (!gradient_) gradient_ = std::make_unique<GradientSum<T>>(p);
    const auto copied = [&](int64_t, GradientSum<T>** gradient) {  // clipping changes it
      std::copy(from, from + p.size, gradient_->dense());
      *gradient = gradient_.get();
      return 0.0;
    };
    const Weights<T> weights{theta_.data(), remembered_.data(), int(remembered_.size())};
    const auto run = [&] {
      Flush flush;
      return run_updates(p, model_->table(), *rule_, bounds_, weights, log.count(), one(nullptr, nullptr, rate), copied,
                         &value, &norm);
    };
    const auto run_long = [&] {
      const WithoutGil release;
      return run();
    };
    const int64_t made = is_long ? run_long() : run();
    if (made == 0) return nb::none();
    log.write(loss, norm, rate);
    return nb::float_(norm);
  }

 private:
  static constexpr int64_t kShardSize = 16;           // of predictions, whose bits do not depend on it
  static constexpr int64_t kLong = int64_t(1) << 22;  // multiply-adds: some tenths of a millisecond

  const Program& program() const { return model_->program(); }
  static const Names& names() {
    static const Names* all = new Names;
    return *all;
  }

  // Whether a thread trains the network, and whether one computes with its weights.
  bool training() const { return !weights_.attr(names().trainer).is_none(); }
  bool reading() const { return nb::len(nb::object(weights_.attr(names().readers))) > 0; }

  template <class... Sizes>
  nb::object empty(Sizes... sizes) const {
    return names().empty(nb::make_tuple(sizes...), dtype_);
  }

  // For y, without B of one sequence.
  nb::object outputs(const Data& data, bool single) const {
    const int64_t out = program().out, steps = data.x.steps;
    if (program().last) return single ? empty(out) : empty(data.n, out);
    return single ? empty(steps, out) : empty(data.n, steps, out);
  }

  // A new array for each of the network's states.
  struct Results {
    Results(const Prepared& self, int64_t n) {
      for (const int64_t size : self.model_->states()) {
        arrays.append(self.empty(n, size));
        const Buffer array(arrays[arrays.size() - 1], PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE);
        at.push_back(reinterpret_cast<T*>(array.data()));
      }
    }
    nb::list arrays;
    std::vector<T*> at;
  };

  // Whether so many steps, each with so many products a parameter, are to be made without the GIL.
  bool is_long(int64_t steps, int64_t passes) const { return program().dense * passes > kLong / steps; }

  static Records one(const int64_t* rows, const int64_t* starts, const double& rate) {
    return {rows, starts, &rate, 1, 0, nullptr, nullptr};
  }

  bool is_vector(const Buffer& b) const {
    return b.axes() == 1 && b.size(0) == program().size && b.template holds<T>();
  }

  // x (B, T, D) or, of one sequence, (T, D); without D where the network reads whole numbers.
  bool open_x(const Buffer& x, int64_t passes, Data& data, bool& single) const {
    const Input& input = program().inputs[0];
    const bool integers = input.kind == InputKind::integers;
    const int full = integers ? 2 : 3;
    single = x.axes() == full - 1;
    if (!single && x.axes() != full) return false;
    const int time = single ? 0 : 1;
    data.n = single ? 1 : x.size(0);
    const int64_t steps = x.size(time);
    if (data.n < 1 || steps < 1 || (!integers && x.size(time + 1) != input.size)) return false;
    if (data.n > kLong || steps > kLong / data.n || is_long(data.n * steps, passes)) return false;
    const int64_t item = integers ? int64_t(sizeof(int64_t)) : int64_t(sizeof(T));
    data.x = {x.data(),
              single ? 0 : x.stride(0) / item,
              x.stride(time) / item,
              integers ? 0 : x.stride(time + 1) / item,
              steps,
              nullptr,
              {int32_t(sizeof(int64_t)), 1}};
    if (!integers) return x.template all<T>([](T v) { return std::isfinite(v); });
    return x.template all<int64_t>([&](int64_t id) { return id >= 0 && id < input.size; });
  }

  // x, and targets y (B, T, O): without B as x, T behind Last, O where it is 1 or the targets are classes.
  bool open(const Buffer& x, const Buffer& y, Data& data) const {
    bool single;
    if (!open_x(x, 3, data, single)) return false;
    const Program& p = program();
    const Loss& loss = of_->objective.loss;
    const bool classes = meaning(loss).classes;
    const int64_t width = classes ? 1 : p.out / outputs_per_target(loss);
    const int time = single ? 0 : 1, column = time + (p.last ? 0 : 1);  // where these axes are
    const bool narrow = y.axes() == column;
    if (narrow ? !classes && width != 1 : classes || y.axes() != column + 1) return false;
    if ((!single && y.size(0) != data.n) || (!p.last && y.size(time) != data.x.steps)) return false;
    if (!narrow && y.size(column) != width) return false;
    const int64_t item = classes ? int64_t(sizeof(int64_t)) : int64_t(sizeof(T));
    data.y = y.data();
    data.y_whole = {int32_t(sizeof(int64_t)), 1};
    data.y_row = single ? 0 : y.stride(0) / item;
    data.y_step = p.last ? 0 : y.stride(time) / item;
    data.y_col = narrow ? 0 : y.stride(column) / item;
    if (classes) return y.template all<int64_t>([&](int64_t c) { return c >= 0 && c < p.out; });
    return y.template all<T>([&](T v) { return std::isfinite(v) && v >= low_ && v <= high_; });
  }

  std::shared_ptr<Model<T>> model_;
  nb::object weights_;
  nb::tuple record_;
  Array<T> theta_;
  nb::object objective_, constraints_;  // kept alive
  std::vector<Array<T>> slots_;
  nb::object dtype_;
  double low_, high_;
  std::optional<UpdateRule> rule_;
  const ObjectiveOfLoss* of_ = nullptr;
  Constraints<T> bounds_{};
  std::vector<T*> remembered_;
  std::unique_ptr<GradientSum<T>> gradient_;  // of `step`
  std::vector<int64_t> rows_;
  std::vector<std::vector<T>> finals_;  // the final states of a prediction
};

template <class T>
void bind_prepared_of(nb::module_& m, const char* name) {
  using P = Prepared<T>;
  nb::class_<P>(m, name)
      .def(nb::init<std::shared_ptr<Model<T>>, nb::object, nb::tuple, nb::object, double, double,
                    std::optional<UpdateRule>, nb::object, std::vector<Array<T>>>(),
           nb::kw_only(), "model"_a, "weights"_a, "record"_a, "objective"_a.none(), "low"_a, "high"_a, "rule"_a.none(),
           "constraints"_a.none(), "slots"_a)
      .def("predict", &P::predict, "x"_a.none())
      .def("forward", &P::forward, "x"_a.none())
      .def("backward", &P::backward, "theta"_a, "record"_a, "dy"_a.none(), "single"_a)
      .def("loss_and_grad", &P::loss_and_grad, "x"_a.none(), "y"_a.none(), "gradient"_a)
      .def("update", &P::update, "x"_a.none(), "y"_a.none(), "rate"_a, "done"_a, "figures"_a)
      .def("step", &P::step, "gradient"_a.none(), "rate"_a, "done"_a, "figures"_a.none(), "loss"_a, "alone"_a);
}

}  // namespace

void bind_prepared(nb::module_& m) {
  bind_prepared_of<float>(m, "Prepared32");
  bind_prepared_of<double>(m, "Prepared64");
}

}  // namespace elman
