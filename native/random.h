// Counter-based draws (Philox 4x32-10): a number is a pure function of where it is used. reference/random.py has the
// definition; here are its words, lane by lane.
#pragma once

#include "activations.h"
#include "program.h"

namespace elman::ELMAN_ISA {

enum class Site : uint32_t { dropout, recurrent_dropout, zoneout_h, zoneout_c, noise };

// Where draws are used, and by whom.
struct Draw {
  Key key;
  uint32_t place;  // layer, direction and site
  int64_t row, step;
};

ELMAN_INLINE uint32_t place_of(int32_t layer, int32_t direction, Site site) {
  return uint32_t(16 * layer + 8 * direction) + uint32_t(site);
}

// bits (units and room for more) <- whole numbers in [0, 2^24).
constexpr int64_t kBits = 24;
ELMAN_INLINE int64_t room_for_bits(int64_t units) { return units + 4 * kWords; }

inline void draw_bits(const Draw& d, int64_t units, uint32_t* bits) {
  const int64_t quarter = (units + 3) / 4;
  const Words low = Words{} + 0xFFFFFFFFu;
  for (int64_t b = 0; b < quarter; b += kWords) {
    Words c0, c1 = Words{} + uint32_t(d.step), c2 = Words{} + uint32_t(d.row), c3 = Words{} + d.key.update;
    for (int l = 0; l < kWords; l++) c0[l] = uint32_t(b + l) + (d.place << 16);
    uint32_t k0 = uint32_t(d.key.seed), k1 = uint32_t(d.key.seed >> 32);
    for (int round = 0; round < 10; round++) {
      const Words p = product_of_words(c0, 0xD2511F53u), q = product_of_words(c2, 0xCD9E8D57u);
      c0 = (q >> 32) ^ c1 ^ k0;
      c2 = (p >> 32) ^ c3 ^ k1;
      c1 = q & low;
      c3 = p & low;
      k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
    }
    const int64_t count = quarter - b < kWords ? quarter - b : kWords;
    const Words words[4] = {c0, c1, c2, c3};
    for (int k = 0; k < 4; k++) {
      for (int64_t l = 0; l < count; l++) bits[k * quarter + b + l] = uint32_t(words[k][l] >> (32 - kBits));
    }
  }
}

// Draws below it happen with this probability.
ELMAN_INLINE uint32_t threshold(double probability) {
  const double scaled = probability * double(1 << kBits);
  const uint32_t whole = uint32_t(scaled);
  return double(whole) < scaled ? whole + 1 : whole;
}

// to[0:padded] <- `chosen` with this probability, else `other`; `other` past the units.
template <class T>
void draw_either(const Draw& d, double probability, T chosen, T other, int64_t units, int64_t padded, uint32_t* bits,
                 T* to) {
  const uint32_t bound = threshold(probability);
  draw_bits(d, units, bits);
  for (int64_t j = 0; j < units; j++) to[j] = bits[j] < bound ? chosen : other;
  for (int64_t j = units; j < padded; j++) to[j] = other;
}

// to[0:units] <- standard normal numbers, 0 past them; the inverse of the error function by Giles (2010).
template <class T>
void draw_normal(const Draw& d, T scale, int64_t units, int64_t padded, uint32_t* bits, T* to) {
  constexpr double centre[] = {2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087,
                               -0.00125372503, -0.00417768164, 0.246640727,    1.50140941};
  constexpr double tail[] = {-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773,
                             -0.0076224613,   0.00943887047,  1.00167406,    2.83297682};
  constexpr int64_t W = kWidth<T>;
  draw_bits(d, units, bits);
  for (int64_t j = units; j < padded; j++) bits[j] = 1 << (kBits - 1);
  for (int64_t j = 0; j < padded; j += W) {
    Vec<T> x;
    for (int l = 0; l < W; l++) {
      x[l] = T(int32_t(2 * bits[j + l]) + 1 - (1 << kBits)) * (T(1) / T(1 << kBits));
    }
    const Vec<T> one = splat(T(1)), w = -log_of<T>((one - x) * (one + x));
    Vec<T> root;
    for (int l = 0; l < W; l++) root[l] = square_root(w[l]);
    const Vec<T> near = w - splat(T(2.5)), far = root - splat(T(3));
    Vec<T> p = splat(T(centre[0])), q = splat(T(tail[0]));
    for (int i = 1; i < 9; i++) {
      p = fma<T>(p, near, splat(T(centre[i])));
      q = fma<T>(q, far, splat(T(tail[i])));
    }
    store(to + j, splat(scale * T(1.4142135623730951)) * (w < splat(T(5)) ? p : q) * x);
  }
  for (int64_t j = units; j < padded; j++) to[j] = T(0);
}

}  // namespace elman::ELMAN_ISA
