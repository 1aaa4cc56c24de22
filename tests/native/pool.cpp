// The pool under strain: rounds of every size from several threads at once, nested rounds, a changing number of
// threads, tasks that throw, forks between rounds, and the quota files. Meant for g++ -fsanitize=thread; says "pool:
// all well".
#include "engine/threads/pool.h"

#include <sys/wait.h>

#include <cstring>
#include <new>
#include <string>

using elman::Pool;

static void expect(bool held, const char* what) {
  if (held) return;
  std::fprintf(stderr, "pool: %s\n", what);
  std::exit(1);
}

// Every task is done exactly once, by a thread below the limit; the caller sees plain, unguarded writes.
static void count_once(int64_t tasks, int limit) {
  std::vector<int> done(size_t(tasks), 0);
  std::atomic<bool> allowed{true};
  Pool::shared().run(tasks, limit, [&](int64_t i, int thread) {
    done[size_t(i)]++;
    if (thread < 0 || thread >= limit) allowed = false;
  });
  expect(allowed, "a thread beyond the limit");
  for (int n : done) expect(n == 1, "a task not done exactly once");
}

static void nest() {
  std::atomic<int> done{0};
  Pool::shared().run(5, 8, [&](int64_t, int) { Pool::shared().run(7, 8, [&](int64_t, int) { done++; }); });
  expect(done == 35, "nested rounds not done whole");
}

static void fail(int64_t tasks, bool by_caller) {
  const std::thread::id self = std::this_thread::get_id();
  std::atomic<bool> thrown{false};
  bool caught = false;
  try {
    Pool::shared().run(tasks, 8, [&](int64_t, int) {
      if ((std::this_thread::get_id() == self) == by_caller) {
        thrown = true;
        throw std::bad_alloc();
      }
    });
  } catch (const std::bad_alloc&) {
    caught = true;
  }
  expect(caught == thrown, "what a task threw was lost");
}

static void fork_and_count() {
  const pid_t child = fork();
  expect(child >= 0, "no fork");
  if (child == 0) {
    count_once(50, 4);
    _exit(0);
  }
  count_once(50, 4);
  int status = -1;
  expect(waitpid(child, &status, 0) == child && status == 0, "a child whose pool does not work");
}

static void read_quota(const char* text, int most) {
  const std::string name = "/tmp/pool_quota_" + std::to_string(getpid());
  FILE* file = std::fopen(name.c_str(), "w");
  expect(file && std::fputs(text, file) >= 0 && std::fclose(file) == 0, "no place for a quota file");
  const int found = elman::available_cores(name.c_str()), free = elman::available_cores("/does/not/exist");
  std::remove(name.c_str());
  expect(found == std::min(free, most), text);
}

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 3000;
  Pool& pool = Pool::shared();
  read_quota("max 100000\n", 1024);
  read_quota("100000 100000\n", 1);
  read_quota("10000 100000\n", 1);
  read_quota("150000 100000\n", 2);

  for (int threads : {1, 2, 4}) {  // alone: patient where there are as many cores, asleep between rounds where not
    pool.set_threads(threads);
    for (int k = 0; k < rounds; k++) count_once(k % 23, 1 + k % 5);
  }

  std::vector<std::thread> users;
  for (int who = 0; who < 3; who++) {
    users.emplace_back([=] {
      for (int k = 0; k < rounds; k++) {
        count_once((k * 7 + who) % 40, 1 + k % 4);
        if (k % 10 == 0) nest();
        if (k % 10 == 5) fail(1 + k % 20, k % 20 == 5);
      }
    });
  }
  users.emplace_back([&] {
    for (int k = 0; k < rounds / 10; k++) {
      pool.set_threads(1 + k % 4);
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
  });
  for (std::thread& t : users) t.join();

  pool.set_threads(3);
  // the thread sanitizer takes a second for each fork
  const bool forks = argc <= 2 || std::strcmp(argv[2], "nofork") != 0;
  for (int k = 0; forks && k < 20; k++) fork_and_count();
  std::puts("pool: all well");
}
