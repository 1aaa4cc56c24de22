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
  }

  int64_t batch() const { return batch_; }
  const Model<T>& model() const { return *model_; }

  // data: one step of `batch` rows, with the state as its given state; the new state overwrites it.
  void step(const Data& data, T* y, T* const* state) {
    Flush flush;
    cut_.assign(data, nullptr, batch_, batch_);
    model_->run_shard(theta_.data(), packed_, data, cut_, 0, tape_, false, y, state);
  }

 private:
  std::shared_ptr<const Model<T>> model_;
  std::vector<T> theta_;
  int64_t batch_;
  Block packed_, tape_;
  Cut cut_;
};

}  // namespace elman
