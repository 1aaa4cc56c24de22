// A network run one step at a time on a snapshot of its weights. All that stays the same from step to step is laid out
// beforehand.
#pragma once

#include <mutex>
#include <numeric>

#include "engine/model.h"
#include "engine/sampler.h"

namespace elman {

template <class T>
class Stepper {
 public:
  Stepper(std::shared_ptr<const Model<T>> model, const T* theta, int64_t batch)
      : model_(std::move(model)),
        table_(model_->table()),
        theta_(theta, theta + program().size),
        batch_(batch),
        rows_(size_t(batch)),
        sampler_(model_->table()),
        output_(size_t(batch * model_->program().out)) {
    const Program& p = program();
    std::iota(rows_.begin(), rows_.end(), int64_t(0));
    model_->pack(theta_.data(), packed_, {false, false, true, false});
    const std::vector<int64_t> lengths(size_t(batch), 1);
    void* tape = tape_.reserve(table_.tape_bytes(p, {lengths.data(), batch}, batch, false));
    shard_ = table_.lay_tape(p, {lengths.data(), batch}, batch, false, tape);
    const int64_t width = integers() ? 1 : p.inputs[0].size;
    data_.n = batch;
    data_.x.steps = 1;
    data_.x.at = input_.reserve(size_t(batch * width) * (integers() ? sizeof(int64_t) : sizeof(T)));
    data_.x.row = width;
    data_.x.col = integers() ? 0 : 1;
    data_.x.whole = {int32_t(sizeof(int64_t)), 1};
    for (const int64_t size : model_->states()) {
      states_.emplace_back(size_t(batch * size));
      now_.push_back(states_.back().data());
    }
    given_.assign(now_.begin(), now_.end());
    data_.state = given_.data();
  }
  Stepper(const Stepper&) = delete;
  Stepper& operator=(const Stepper&) = delete;

  const Program& program() const { return model_->program(); }
  int64_t batch() const { return batch_; }
  bool integers() const { return program().inputs[0].kind == InputKind::integers; }
  int64_t input_size() const { return program().inputs[0].size; }  // features, or how many integers there are

  // About how many multiply-adds a step takes.
  int64_t work() const { return batch_ * program().size; }

  // The lock of all that follows, for steps that are made without the GIL.
  std::mutex& turn() { return turn_; }

  // (B, D), or int64 (B,): filled by the caller before `step`.
  void* input() { return input_.get(); }

  std::vector<std::vector<T>>& states() { return states_; }  // each (B, size), as they are now

  // From `input` to y (B, O); the states move on.
  void step(T* y) {
    Flush flush;
    const Program& p = program();
    const StepTeam team;
    const bool large = batch_ == 1 && team.threads > 1 && work() >= kLarge;
    data_.team = large && Clock::now() - last_ < kSoon ? &team : nullptr;
    table_.forward(shard_, p, theta_.data(), packed_.get(), data_, rows_.data());
    table_.read_output(shard_, p, y);
    table_.read_state(shard_, p, false, now_.data());
    if (large) last_ = Clock::now();
  }

  // Steps on what each step itself draws, of a network of integers whose outputs are one for each of them; from `input`
  // on. ids (B, count) <- what is drawn, for which the draws are numbered from `first`; logits (B, count, O), which may
  // be null, <- the outputs. Returns how many steps were made: fewer where an output is no number.
  int64_t sample(const Sampling& how, int64_t first, int64_t count, int64_t* ids, T* logits) {
    const int64_t outputs = program().out;
    int64_t* in = static_cast<int64_t*>(input());
    for (int64_t i = 0; i < count; i++) {
      step(output_.data());
      for (int64_t r = 0; r < batch_; r++) {
        const T* own = output_.data() + r * outputs;
        if (logits) std::copy(own, own + outputs, logits + (r * count + i) * outputs);
        const int64_t id = sampler_.pick(how, own, outputs, r, first + i);
        if (id < 0) return i;
        in[r] = ids[r * count + i] = id;
      }
    }
    return count;
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::microseconds kSoon{50};  // after a step the pool's threads look on for so long
  static constexpr int64_t kLarge = int64_t(1) << 17;    // multiply-adds; smaller steps are not cut at all

  std::shared_ptr<const Model<T>> model_;
  const Table<T>& table_;
  std::vector<T> theta_;
  int64_t batch_;
  std::vector<int64_t> rows_;
  Block packed_, tape_, input_;
  Shard* shard_;  // laid out in the tape
  Data data_{};
  std::vector<std::vector<T>> states_;
  std::vector<T*> now_;             // the states, for reading them from a tape,
  std::vector<const void*> given_;  // and for giving them to the next step
  Sampler<T> sampler_;
  std::vector<T> output_;
  std::mutex turn_;
  Clock::time_point last_;  // when the last large step ended
};

}  // namespace elman
