// The threads of the pool for the steps of one row, each of which is cut at its panels: who computes a panel changes no
// bit of it.
#pragma once

#include <atomic>
#include <chrono>

#include "engine/threads/flush.h"
#include "engine/threads/pool.h"
#include "program.h"

namespace elman {

// A step ends when its last part does, so a thread that has to give its core to another program holds up all others,
// and calling one that sleeps costs a part of a step. What is lost so is bounded: a wait that is long for a part of a
// step is followed by steps without the others for thirty times as long, and some steps to which none of them came by a
// while.
class StepTeam : public Team {
 public:
  StepTeam() : Team{std::min(Pool::shared().threads(), kMost), run} {}

  // The data, with the team where they are a single row of several steps.
  Data with(Data data, int64_t rows) const {
    data.team = rows == 1 && data.x.steps > 1 && threads > 1 ? this : nullptr;
    return data;
  }

 private:
  static constexpr int kMost = 4;  // threads: a step is short, and each has to be met at its end
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::microseconds kLongWait{20};  // beyond the time of one's own parts
  static constexpr std::chrono::milliseconds kWhile{5};
  static constexpr int kTimes = 30, kSome = 8;

  static void run(int64_t parts, void (*f)(const void* job, int64_t part), const void* job) {
    static std::atomic<Clock::time_point> alone_until{Clock::time_point()};
    static std::atomic<int> missed{0};  // steps in a row to which nobody came
    const Clock::time_point begin = Clock::now();
    if (begin < alone_until.load(std::memory_order_relaxed)) {
      for (int64_t i = 0; i < parts; i++) f(job, i);
      return;
    }
    Clock::time_point own = begin;  // when this thread's last part ended
    int64_t made = 0;               // its parts
    Pool::shared().run(parts, int(parts), [&](int64_t i, int thread) {
      Flush each;
      f(job, i);
      if (thread == 0) own = Clock::now(), made++;
    });
    const Clock::time_point end = Clock::now();
    missed = made == parts ? missed + 1 : 0;
    if (missed >= kSome) alone_until = end + kWhile, missed = 0;
    const auto wait = end - own;
    if (wait > kLongWait + (own - begin)) alone_until = end + kTimes * wait;
  }
};

}  // namespace elman
