// What the bindings share: arrays as they arrive, and strictness about them. Messages are for whoever changes
// src/elman/engines/compiled.py, their only caller.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <unistd.h>

#include <stdexcept>

namespace elman {

namespace nb = nanobind;

using Strided = nb::ndarray<nb::ro, nb::device::cpu>;
template <class T>
using Array = nb::ndarray<T, nb::c_contig, nb::device::cpu>;

// Gives the GIL back while it lives. Once the interpreter is ending, a daemon thread never gets it again: Python then
// ends the thread by unwinding its stack, which the destructors and handlers on it would turn into an abort. So that
// thread stays here, until the process is gone.
class WithoutGil {
 public:
  WithoutGil() : state_(PyEval_SaveThread()) {}
  ~WithoutGil() {
    try {
      PyEval_RestoreThread(state_);
    } catch (...) {
      for (;;) pause();
    }
  }
  WithoutGil(const WithoutGil&) = delete;
  WithoutGil& operator=(const WithoutGil&) = delete;

 private:
  PyThreadState* state_;
};

inline void require(bool holds, const char* what) {
  if (!holds) throw std::invalid_argument(what);
}

template <class T>
bool shaped(const Array<T>& a, int64_t size) {
  return int64_t(a.size()) == size;
}

// Stepper32 and Stepper64 (stream_module.cpp).
void bind_steppers(nb::module_& m);

}  // namespace elman
