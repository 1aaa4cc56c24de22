// Memory that one call leaves for the next.
#pragma once

#include <atomic>
#include <exception>
#include <memory>

namespace elman {

// One W waits for the next call; calls that run at the same time have one each. No lock: a fork must not find one held.
template <class W>
class Kept {
 public:
  struct Return {
    Kept* home;
    void operator()(W* w) const {
      W* none = nullptr;
      const bool whole = std::uncaught_exceptions() == 0;  // what ran out of memory is half laid out
      if (!whole || !home->spare_.compare_exchange_strong(none, w)) delete w;
    }
  };
  using Borrowed = std::unique_ptr<W, Return>;

  ~Kept() { delete spare_.load(); }

  // `make` returns a new W where none waits.
  template <class Make>
  Borrowed borrow(Make make) {
    W* w = spare_.exchange(nullptr);
    return Borrowed(w ? w : make(), Return{this});
  }

 private:
  std::atomic<W*> spare_{nullptr};
};

}  // namespace elman
