// A small pool of threads: started by the first call that can use it, joined before a fork, shared by all calls of the
// process. The pool decides only who computes; what is computed never depends on it.
#pragma once

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace elman {

// How many processors affinity and the cgroup's quota ("quota period" or "max period") leave to this process.
inline int available_cores(const char* quota_file = "/sys/fs/cgroup/cpu.max") {
  int count = std::max(1, int(std::thread::hardware_concurrency()));
#ifdef __linux__
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) count = std::max(1, CPU_COUNT(&set));
  if (FILE* file = std::fopen(quota_file, "r")) {
    double quota, period;
    if (std::fscanf(file, "%lf %lf", &quota, &period) == 2 && period > 0) {
      count = std::min(count, std::max(1, int(quota / period + 0.5)));
    }
    std::fclose(file);
  }
#else
  (void)quota_file;
#endif
  return count;
}

// ELMAN_NUM_THREADS, else OMP_NUM_THREADS, else one for each processor.
inline int default_threads() {
  for (const char* name : {"ELMAN_NUM_THREADS", "OMP_NUM_THREADS"}) {
    const char* text = std::getenv(name);
    if (text && std::atoi(text) > 0) return std::min(std::atoi(text), 1024);
  }
  return available_cores();
}

class Pool {
 public:
  using Task = std::function<void(int64_t, int)>;

  static Pool& shared() {
    static Pool* pool = new Pool;  // never destroyed: threads may outlive static destructors
    return *pool;
  }

  int threads() const { return wanted_; }
  void set_threads(int n) {
    std::lock_guard<std::mutex> busy(busy_);
    wanted_ = n;
    join();
  }

  // f(task, thread) for every task in [0, tasks), thread < limit. A call that finds the pool taken works alone. What a
  // task throws is thrown here once all have stopped; tasks not begun by then are left out.
  void run(int64_t tasks, int limit, const Task& f) {
    std::unique_lock<std::mutex> busy(busy_, std::defer_lock);
    const std::thread::id self = std::this_thread::get_id();
    int count = 1;
    if (tasks > 1 && owner_ != self && busy.try_lock()) {
      count = start(int(std::min<int64_t>(std::min<int>(wanted_, limit), tasks)));
      if (count <= 1) busy.unlock();  // others may have it meanwhile, and a fork need not wait
    }
    if (count <= 1) {
      for (int64_t i = 0; i < tasks; i++) f(i, 0);
      return;
    }
    owner_ = self;
    tasks_ = tasks;
    next_ = 0;
    running_ = count - 1;
    publish(&f, count - 1);
    work(f, tasks, 0);
    await(done_, [&] { return running_ == 0; });
    owner_ = std::thread::id();
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  }

 private:
  // Waking a thread that sleeps takes as long as some tasks do, so whoever waits looks on for a while before sleeping:
  // longer than the steps between two rounds of an update, too short to be seen in the use of a core.
  static constexpr std::chrono::microseconds kPatience{50};

  Pool() : wanted_(default_threads()) {
    pthread_atfork([] { shared().before_fork(); }, [] { shared().busy_.unlock(); }, [] { shared().busy_.unlock(); });
  }

  void before_fork() {
    busy_.lock();
    join();
  }

  // Makes `count` threads, the caller among them, ready; returns how many there are, fewer where the system refuses.
  int start(int count) {
    if (crew_.empty() && count > 1) patient_ = wanted_ <= available_cores();
    try {
      for (int i = int(crew_.size()) + 1; i < count; i++) {
        crew_.emplace_back([this, i, seen = round_.load()] { serve(i, seen); });
      }
    } catch (const std::system_error&) {
    }
    return std::min(count, int(crew_.size()) + 1);
  }

  void join() {
    publish(nullptr, int(crew_.size()));
    for (std::thread& t : crew_) t.join();
    crew_.clear();
  }

  // A round is one word, its number above the threads it admits: a thread that comes late and is not admitted reads
  // nothing else, and one that is admitted finds the job unchanged until it is done.
  void publish(const Task* job, int admitted) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      job_ = job;
      round_ = ((round_ >> 16) + 1) << 16 | uint64_t(admitted);
    }
    wake_.notify_all();
  }

  void serve(int index, uint64_t seen) {
    for (;;) {
      await(wake_, [&] { return round_ != seen; });
      seen = round_;
      if (index > int(seen & 0xffff)) continue;
      if (!job_) return;
      work(*job_, tasks_, index);
      if (running_.fetch_sub(1) == 1) {
        std::lock_guard<std::mutex> lock(mutex_);  // or the caller could look before and sleep after
        done_.notify_one();
      }
    }
  }

  template <class Ready>
  void await(std::condition_variable& sign, Ready ready) {
    if (patient_) {
      const auto end = std::chrono::steady_clock::now() + kPatience;
      do {
        for (int i = 0; i < 64; i++) {
          if (ready()) return;
          pause();
        }
        sched_yield();  // to the one awaited, where both have the same core
      } while (std::chrono::steady_clock::now() < end);
    }
    std::unique_lock<std::mutex> lock(mutex_);
    sign.wait(lock, ready);
  }

  static void pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  }

  void work(const Task& f, int64_t tasks, int thread) {
    try {
      for (int64_t i; (i = next_.fetch_add(1)) < tasks;) f(i, thread);
    } catch (...) {
      std::lock_guard<std::mutex> lock(mutex_);
      if (!error_) error_ = std::current_exception();
      next_ = tasks;
    }
  }

  std::mutex busy_, mutex_;  // who has the pool; what sleepers look at
  std::condition_variable wake_, done_;
  std::vector<std::thread> crew_;
  std::atomic<std::thread::id> owner_{std::thread::id()};
  std::atomic<int> wanted_, running_{0};
  std::atomic<int64_t> next_{0};
  std::atomic<uint64_t> round_{0};
  const Task* job_ = nullptr;
  int64_t tasks_ = 0;
  std::exception_ptr error_;
  bool patient_ = false;
};

}  // namespace elman
