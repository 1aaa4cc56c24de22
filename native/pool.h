// A small pool of threads: started by the first call that can use it, joined before a fork, shared by all calls of the
// process. The pool decides only who computes; what is computed never depends on it.
#pragma once

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace elman {

// ELMAN_NUM_THREADS, else OMP_NUM_THREADS, else what affinity and the cgroup's quota leave.
inline int default_threads() {
  for (const char* name : {"ELMAN_NUM_THREADS", "OMP_NUM_THREADS"}) {
    const char* text = std::getenv(name);
    if (text && std::atoi(text) > 0) return std::min(std::atoi(text), 1024);
  }
  int count = std::max(1, int(std::thread::hardware_concurrency()));
#ifdef __linux__
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) count = std::max(1, CPU_COUNT(&set));
  if (FILE* file = std::fopen("/sys/fs/cgroup/cpu.max", "r")) {
    double quota, period;
    if (std::fscanf(file, "%lf %lf", &quota, &period) == 2 && period > 0) {
      count = std::min(count, std::max(1, int(quota / period + 0.5)));
    }
    std::fclose(file);
  }
#endif
  return count;
}

class Pool {
 public:
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

  // f(task, thread) for every task in [0, tasks), thread < limit. A call that finds the pool taken works alone.
  void run(int64_t tasks, int limit, const std::function<void(int64_t, int)>& f) {
    std::unique_lock<std::mutex> busy(busy_, std::try_to_lock);
    const int count = busy.owns_lock() ? int(std::min<int64_t>(std::min<int>(wanted_, limit), tasks)) : 1;
    if (count <= 1) {
      for (int64_t i = 0; i < tasks; i++) f(i, 0);
      return;
    }
    start();
    {
      std::lock_guard<std::mutex> lock(mutex_);
      job_ = &f;
      tasks_ = tasks;
      next_ = 0;
      running_ = count - 1;
      admitted_ = count - 1;
      round_++;
    }
    wake_.notify_all();
    work(f, tasks, 0);
    std::unique_lock<std::mutex> lock(mutex_);
    done_.wait(lock, [&] { return running_ == 0; });
    job_ = nullptr;
  }

 private:
  Pool() : wanted_(default_threads()) {
    pthread_atfork([] { shared().before_fork(); }, [] { shared().busy_.unlock(); }, [] { shared().busy_.unlock(); });
  }

  void before_fork() {
    busy_.lock();
    join();
  }

  void start() {
    for (int i = int(crew_.size()) + 1; i < wanted_; i++) {
      crew_.emplace_back([this, i, seen = round_]() mutable { serve(i, seen); });
    }
  }

  void join() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      closing_ = true;
    }
    wake_.notify_all();
    for (std::thread& t : crew_) t.join();
    crew_.clear();
    closing_ = false;
  }

  void serve(int index, uint64_t seen) {
    for (;;) {
      const std::function<void(int64_t, int)>* job;
      int64_t tasks;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        wake_.wait(lock, [&] { return closing_ || round_ != seen; });
        if (closing_) return;
        seen = round_;
        if (index > admitted_) continue;
        job = job_;
        tasks = tasks_;
      }
      work(*job, tasks, index);
      std::lock_guard<std::mutex> lock(mutex_);
      if (--running_ == 0) done_.notify_one();
    }
  }

  void work(const std::function<void(int64_t, int)>& f, int64_t tasks, int thread) {
    for (int64_t i; (i = next_.fetch_add(1)) < tasks;) f(i, thread);
  }

  std::mutex busy_, mutex_;
  std::condition_variable wake_, done_;
  std::vector<std::thread> crew_;
  std::atomic<int> wanted_;
  std::atomic<int64_t> next_{0};
  const std::function<void(int64_t, int)>* job_ = nullptr;
  int64_t tasks_ = 0;
  int running_ = 0, admitted_ = 0;
  uint64_t round_ = 0;
  bool closing_ = false;
};

}  // namespace elman
