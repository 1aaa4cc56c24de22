// What is remembered of updates.
#pragma once

#include "bindings/buffer.h"

namespace elman {

// Where an update is recorded: how many there are (1,), and their losses, norms and rates (3, room).
class Log {
 public:
  Log(nb::handle done, nb::handle figures)
      : done_(done, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE | PyBUF_FORMAT),
        figures_(figures, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE | PyBUF_FORMAT),
        kept_(!figures.is_none()) {}

  bool has_room() const {
    if (done_.axes() != 1 || done_.size(0) != 1 || !done_.holds<int64_t>()) return false;
    if (!kept_) return true;
    return figures_.axes() == 2 && figures_.size(0) == 3 && figures_.holds<double>() && count() < figures_.size(1);
  }
  int64_t count() const { return *reinterpret_cast<const int64_t*>(done_.data()); }
  void write(double loss, double norm, double rate) {
    const double all[] = {loss, norm, rate};
    for (int64_t k = 0; kept_ && k < 3; k++) {
      reinterpret_cast<double*>(figures_.data())[k * figures_.size(1) + count()] = all[k];
    }
    ++*reinterpret_cast<int64_t*>(done_.data());
  }

 private:
  Buffer done_, figures_;
  bool kept_;
};

}  // namespace elman
