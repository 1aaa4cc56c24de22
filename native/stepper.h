// One step at a time.
#pragma once

#include "model.h"

namespace elman {

// One step at a time on a snapshot of the weights, packed once; nothing is allocated after the first step.
template <class T>
class Stepper {
 public:
  Stepper(std::shared_ptr<const Model<T>> model, const T* theta, int64_t batch)
      : model_(std::move(model)), theta_(theta, theta + model_->program().size), batch_(batch) {
    model_->pack(theta_.data(), packed_, false);
    const std::vector<int64_t> once(size_t(batch), 1);
    rows_.resize(size_t(batch));
    std::iota(rows_.begin(), rows_.end(), int64_t(0));
    const Table<T>& table = model_->table();
    const Program& p = model_->program();
    shard_ =
        table.lay_tape(p, once.data(), batch, false, tape_.reserve(table.tape_bytes(p, once.data(), batch, false)));
  }

  int64_t batch() const { return batch_; }
  const Model<T>& model() const { return *model_; }

  // data: one step of `batch` rows, with the state as its given state; the new state overwrites it.
  void step(const Data& data, T* y, T* const* state) {
    Flush flush;
    const Table<T>& table = model_->table();
    table.forward(shard_, model_->program(), theta_.data(), packed_.get(), data, rows_.data());
    table.read_output(shard_, model_->program(), y, 1);
    table.read_state(shard_, model_->program(), state);
  }

 private:
  std::shared_ptr<const Model<T>> model_;
  std::vector<T> theta_;
  int64_t batch_;
  Block packed_, tape_;
  std::vector<int64_t> rows_;
  Shard* shard_;
};

}  // namespace elman
