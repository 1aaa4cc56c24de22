// The blocks of memory that hold tapes, scratch, packed weights and gradients.
#pragma once

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

namespace elman {

// A block of memory that only grows. It is aligned to cache lines, or where it is large to huge pages, which save most
// address-translation misses between rows that lie far apart.
class Block {
 public:
  Block() = default;
  Block(Block&& other) noexcept
      : memory_(std::exchange(other.memory_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Block& operator=(Block&& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Block() { std::free(memory_); }

  void* reserve(size_t bytes) {
    if (bytes <= size_) return memory_;
    std::free(memory_);
    const size_t page = bytes >= kHuge ? kHuge : 64;
    size_ = (bytes + page - 1) / page * page;
    memory_ = std::aligned_alloc(page, size_);
    if (!memory_) {
      size_ = 0;
      throw std::bad_alloc();
    }
#ifdef MADV_HUGEPAGE
    if (page == kHuge) madvise(memory_, size_, MADV_HUGEPAGE);
#endif
#ifdef ELMAN_POISON
    std::memset(memory_, 0xff, size_);  // NaN, so that a test sees what is read before it is written
#endif
    return memory_;
  }
  void* get() const { return memory_; }
  size_t size() const { return size_; }

 private:
  static constexpr size_t kHuge = size_t(1) << 21;
  void* memory_ = nullptr;
  size_t size_ = 0;
};

}  // namespace elman
