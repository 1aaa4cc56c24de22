// How large this machine's caches are, found once at start, or what ELMAN_CACHES says.
#pragma once

#include <cerrno>
#include <cstdlib>
#include <stdexcept>
#include <string>
#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#elif defined(__APPLE__)
#include <sys/sysctl.h>
#else
#include <fstream>
#endif

#include "kernels.h"

namespace elman {

// Fills in the levels that the machine tells of; a level that it doesn't stays 0.
inline void find_caches(int64_t (&level)[3]) {
#if defined(__x86_64__) || defined(__i386__)
  unsigned a, b, c, d;
  if (!__get_cpuid(0, &a, &b, &c, &d)) return;
  const bool amd = c == signature_AMD_ecx;
  for (unsigned i = 0; i < 16; i++) {  // a leaf for each cache, in one form on both makers' processors
    if (!__get_cpuid_count(amd ? 0x8000001d : 4, i, &a, &b, &c, &d)) return;
    const unsigned kind = a & 31, at = a >> 5 & 7;  // kind: 0 no more, 1 data, 2 instructions, 3 both
    if (kind == 0) return;
    if (kind != 2 && at >= 1 && at <= 3) {
      level[at - 1] = int64_t((b >> 22) + 1) * ((b >> 12 & 1023) + 1) * ((b & 4095) + 1) * (int64_t(c) + 1);
    }
  }
#elif defined(__APPLE__)
  const char* names[3] = {"hw.perflevel0.l1dcachesize", "hw.perflevel0.l2cachesize", "hw.l3cachesize"};
  for (int i = 0; i < 3; i++) {
    size_t size = sizeof level[i];
    if (sysctlbyname(names[i], &level[i], &size, nullptr, 0) != 0) level[i] = 0;
  }
#else
  for (int i = 0; i < 8; i++) {
    const std::string of = "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(i) + "/";
    int64_t at = 0, size = 0;
    std::string type;
    char unit = 0;
    if (!(std::ifstream(of + "level") >> at) || !(std::ifstream(of + "type") >> type)) return;
    if (!(std::ifstream(of + "size") >> size >> unit) || at < 1 || at > 3 || type == "Instruction") continue;
    level[at - 1] = unit == 'M' ? size << 20 : unit == 'K' ? size << 10 : size;
  }
#endif
}

// Reads "48K,1M,32M": the levels' sizes, in bytes or with K or M behind the number.
inline void read_caches(const char* text, int64_t (&level)[3]) {
  const auto fail = [text] {
    throw std::invalid_argument(
        std::string("ELMAN_CACHES: expected the sizes of L1, L2 and L3, rising, such as 48K,1M,32M, got ") + text);
  };
  const char* at = text;
  for (int i = 0; i < 3; i++) {
    if (*at < '0' || *at > '9') fail();
    char* end;
    errno = 0;
    const long long number = std::strtoll(at, &end, 10);
    const int shift = *end == 'K' ? 10 : *end == 'M' ? 20 : 0;
    if (errno != 0 || number < 1 || number > (int64_t(1) << 40 >> shift)) fail();
    level[i] = int64_t(number) << shift;
    if (i > 0 && level[i] < level[i - 1]) fail();
    at = end + (shift > 0);
    if (*at++ != (i < 2 ? ',' : '\0')) fail();
  }
}

// What one core may count on. Levels of which nothing is known are taken as small ones of today.
inline Caches caches_at_start() {
  int64_t level[3] = {};
  const char* wanted = std::getenv("ELMAN_CACHES");
  if (wanted && *wanted) {
    read_caches(wanted, level);
  } else {
    find_caches(level);
  }
  const int64_t usual[3] = {int64_t(32) << 10, int64_t(512) << 10, int64_t(8) << 20};
  for (int i = 0; i < 3; i++) {
    if (level[i] <= 0) level[i] = usual[i];
  }
  return {level[0], level[1], level[2]};
}

}  // namespace elman
