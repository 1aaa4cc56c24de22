// What all bindings share: types of arrays, checks, and the release of the GIL. Messages are for whoever changes
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
using Untyped = nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>;

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

[[noreturn, gnu::noinline, gnu::cold]] inline void refuse(const char* what) { throw std::invalid_argument(what); }

inline void require(bool holds, const char* what) {
  if (!holds) refuse(what);
}

template <class A>
bool shaped(const A& a, int64_t size) {
  return int64_t(a.size()) == size;
}

// What each file of this folder binds.
void bind_program(nb::module_& m);    // the enums, Input, Origin, Direction and Op
void bind_requests(nb::module_& m);   // NamedInput, Batch, Key, Objective, UpdateRule, Constraints, Records
void bind_models(nb::module_& m);     // Model32, Model64 and their tapes
void bind_steppers(nb::module_& m);   // Stepper32, Stepper64
void bind_prepared(nb::module_& m);   // Prepared32, Prepared64
void bind_ctc(nb::module_& m);        // ctc_loss, ctc_beam
void bind_decoders(nb::module_& m);   // Decoder32, Decoder64
void bind_smoothing(nb::module_& m);  // SeasonKind, smooth

}  // namespace elman
