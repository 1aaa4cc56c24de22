// Arrays as the buffer protocol shows them, for calls that take a microsecond: 30 ns for an array where a cast to
// nb::ndarray takes 85.
#pragma once

#include <cmath>
#include <cstring>
#include <type_traits>

#include "bindings/bindings.h"

namespace elman {

// An object's memory as the buffer protocol shows it; closed where the object has none of that kind.
class Buffer {
 public:
  Buffer(nb::handle object, int flags) : open_(PyObject_GetBuffer(object.ptr(), &view_, flags) == 0) {
    if (!open_) PyErr_Clear();
    if (open_ && view_.ndim > 0 && !(view_.shape && view_.strides)) {  // NumPy's datetime64 has an axis without a shape
      PyBuffer_Release(&view_);
      open_ = false;
    }
  }
  ~Buffer() {
    if (open_) PyBuffer_Release(&view_);
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  int axes() const { return open_ ? view_.ndim : -1; }
  int64_t size(int axis) const { return view_.shape[axis]; }
  int64_t stride(int axis) const { return view_.strides[axis]; }  // in bytes
  char* data() const { return static_cast<char*>(view_.buf); }

  // Whether its elements are aligned T's in the machine's own byte order.
  template <class T>
  bool holds() const {
    constexpr bool whole = std::is_integral_v<T>;
    const char* f = view_.format;
    if (!open_ || !f || std::strlen(f) != 1 || view_.itemsize != sizeof(T)) return false;
    if (whole ? f[0] != 'l' && f[0] != 'q' : f[0] != (sizeof(T) == 4 ? 'f' : 'd')) return false;
    uintptr_t address = reinterpret_cast<uintptr_t>(view_.buf);
    for (int a = 0; a < view_.ndim; a++) address |= uintptr_t(view_.strides[a]);
    return address % alignof(T) == 0;
  }

  // Whether it holds T's and `accept` says yes to each. At most three axes.
  template <class T, class Accept>
  bool all(Accept accept) const {
    if (!holds<T>() || view_.ndim > 3) return false;
    int64_t shape[3] = {1, 1, 1}, step[3] = {0, 0, 0};
    for (int a = 0; a < view_.ndim; a++) {
      shape[3 - view_.ndim + a] = size(a);
      step[3 - view_.ndim + a] = stride(a);
    }
    bool good = true;
    for (int64_t i = 0; i < shape[0]; i++) {
      for (int64_t j = 0; j < shape[1]; j++) {
        const char* row = data() + i * step[0] + j * step[1];
        for (int64_t k = 0; k < shape[2]; k++) good &= accept(*reinterpret_cast<const T*>(row + k * step[2]));
      }
    }
    return good;
  }

 private:
  Py_buffer view_;
  bool open_;
};

}  // namespace elman
