// What this instruction set says about networks, for processors that no Python here runs on: reads cases from the
// standard input, as tests/test_isas.py lays them out, and writes each one's answers to the standard output.
#include <cstdio>

#include "engine/stepper.h"

using namespace elman;

namespace {

template <class T>
std::vector<T> take(int64_t count) {
  std::vector<T> values(static_cast<size_t>(count));
  if (std::fread(values.data(), sizeof(T), values.size(), stdin) != values.size()) {
    std::fprintf(stderr, "network: a case ends too early\n");
    std::exit(2);
  }
  return values;
}

template <class T>
void give(const std::vector<T>& values) {
  std::fwrite(values.data(), sizeof(T), values.size(), stdout);
}

// The numbers that every case begins with, in this order.
struct Header {
  int64_t bytes, ops, states, in, out, size, last, rows, steps, ragged, given, shard, truncate, recompute;
};

// As `numbers` of tests/test_isas.py gives them.
std::vector<Op> take_operations(int64_t count) {
  std::vector<Op> ops;
  while (count--) {
    const std::vector<int64_t> head = take<int64_t>(13);
    Op op{};
    op.kind = LayerKind(head[0]), op.cell = CellKind(head[1]), op.activation = ActivationKind(head[2]);
    op.in = head[3], op.out = head[4], op.hidden = head[5];
    op.learned_state = int32_t(head[6]), op.variational = int32_t(head[7]), op.directions = int32_t(head[8]);
    op.n_reads = int32_t(head[9]), op.reads[0] = int32_t(head[10]), op.reads[1] = int32_t(head[11]),
    op.second = head[12];
    for (int32_t k = 0; k < op.directions; k++) {
      const std::vector<int64_t> at = take<int64_t>(7);
      op.direction[k] = {at[0], at[1], at[2], at[3], {at[4], at[5]}, int32_t(at[6]), {}, 0};
    }
    const std::vector<double> real = take<double>(4);
    op.padding = -1, op.rate = real[0], op.zoneout[0] = real[1], op.zoneout[1] = real[2], op.noise = real[3];
    ops.push_back(op);
  }
  return ops;
}

// One array for each state.
template <class T>
class States {
 public:
  States(const std::vector<int64_t>& sizes, int64_t rows, bool read) {
    for (const int64_t size : sizes)
      arrays_.push_back(read ? take<T>(rows * size) : std::vector<T>(size_t(rows * size)));
    for (auto& a : arrays_) to_.push_back(a.data()), from_.push_back(a.data());
  }
  T* const* to() const { return to_.data(); }
  const void* const* from() const { return from_.data(); }
  const std::vector<T>& operator[](size_t i) const { return arrays_[i]; }
  void give_all() const {
    for (const auto& a : arrays_) give(a);
  }

 private:
  std::vector<std::vector<T>> arrays_;
  std::vector<T*> to_;
  std::vector<const void*> from_;
};

template <class T>
void answer(const Header& h) {
  std::vector<Op> ops = take_operations(h.ops);
  const bool one_way = std::all_of(ops.begin(), ops.end(), [](const Op& op) { return op.directions == 1; });
  const std::vector<int64_t> sizes = take<int64_t>(h.states);
  const std::vector<int64_t> lengths = take<int64_t>(h.ragged ? h.rows : 0);
  std::vector<T> theta = take<T>(h.size);
  const int64_t outputs = h.rows * (h.last ? 1 : h.steps) * h.out;
  const std::vector<T> x = take<T>(h.rows * h.steps * h.in), target = take<T>(outputs), dy = take<T>(outputs);
  const States<T> state(sizes, h.given ? h.rows : 0, h.given), dstate(sizes, h.rows, true);

  const std::vector<Input> inputs{{InputKind::sequence, h.in, -1, 0}};
  const auto model = std::make_shared<const Model<T>>(std::move(ops), inputs, sizes, h.size);
  Data data{};
  data.n = h.rows;
  data.x = {x.data(), h.steps * h.in, h.in, 1, h.steps, h.ragged ? lengths.data() : nullptr, {}};
  data.y = target.data();
  data.y_row = h.last ? h.out : h.steps * h.out;
  data.y_step = h.last ? 0 : h.out;
  data.y_col = 1;
  data.state = h.given ? state.from() : nullptr;

  std::vector<T> y(static_cast<size_t>(outputs)), gradient(theta.size()), dx(x.size());
  const States<T> final(sizes, h.rows, false), dstate0(sizes, h.rows, false);
  const auto tape = model->forward(theta.data(), data, h.shard, y.data(), final.to());
  give(y);
  final.give_all();
  T* const into[] = {dx.data()};
  model->backward(theta.data(), *tape, Upstream{dy.data(), nullptr, dstate.from()}, h.truncate, gradient.data(), into,
                  dstate0.to());
  give(gradient);
  give(dx);
  dstate0.give_all();

  std::fill(y.begin(), y.end(), T(0));
  model->predict(theta.data(), data, h.shard, y.data(), final.to());
  give(y);
  final.give_all();

  Loss mse{};
  mse.kind = LossKind::mse;
  const Objective objective{mse, 0, h.truncate, h.recompute, h.shard, {}};
  give(std::vector<double>{model->loss(theta.data(), data, objective, 0, gradient.data())});
  give(gradient);

  if (one_way && !h.ragged) {
    Stepper<T> stream(model, theta.data(), h.rows);
    for (size_t i = 0; h.given && i < sizes.size(); i++) stream.states()[i] = state[i];
    std::vector<T> out(size_t(h.rows * h.out));
    for (int64_t t = 0; t < h.steps; t++) {
      T* now = static_cast<T*>(stream.input());
      for (int64_t r = 0; r < h.rows; r++) std::copy_n(&x[size_t((r * h.steps + t) * h.in)], h.in, now + r * h.in);
      stream.step(out.data());
      give(out);
    }
  }

  // Three updates of Adam, the last on a part of the rows.
  const UpdateRule rule{{OptimizerKind::adam, 0, 0, 0.9, 0.999, 1e-3, 0}, 0.5, 0};
  std::vector<std::vector<T>> slots(2, std::vector<T>(theta.size()));
  T* const slot[2] = {slots[0].data(), slots[1].data()};
  std::vector<int64_t> rows;
  for (const int64_t count : {h.rows, h.rows, (h.rows + 1) / 2}) {
    for (int64_t r = 0; r < count; r++) rows.push_back(r);
  }
  const int64_t starts[] = {0, h.rows, 2 * h.rows, int64_t(rows.size())};
  const double rates[] = {0.01, 0.01, 0.02};
  std::vector<double> losses(3), norms(3);
  const Records records{rows.data(), starts, rates, 3, 0, nullptr, nullptr};
  model->update(theta.data(), data, objective, rule, {}, slot, 2, 0, records, losses.data(), norms.data());
  give(losses);
  give(norms);
  give(theta);
}

}  // namespace

int main() {
  Pool::shared().set_threads(3);
  int64_t numbers[sizeof(Header) / sizeof(int64_t)];
  while (std::fread(numbers, sizeof numbers, 1, stdin) == 1) {
    Header h;
    std::memcpy(&h, numbers, sizeof h);
    h.bytes == 4 ? answer<float>(h) : answer<double>(h);
  }
  std::fprintf(stderr, "%s", chosen_kernels().isa);
}
