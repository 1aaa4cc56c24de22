// Counter-based draws (Philox 4x32-10): a number is a pure function of where it is used. reference/random.py has the
// definition; here are its words, lane by lane.
#pragma once

#include "math/activations.h"
#include "program.h"

namespace elman::ELMAN_ISA {

enum class Site : uint32_t { dropout, recurrent_dropout, zoneout_h, zoneout_c, noise, sample };

// Where draws are used, and by whom.
struct Draw {
  Key key;
  uint32_t place;  // layer, direction and site
  int64_t step;
  const int64_t* rows;  // which sequences draw
};

ELMAN_INLINE uint32_t place_of(int32_t layer, int32_t direction, Site site) {
  return uint32_t(16 * layer + 8 * direction) + uint32_t(site);
}

constexpr int kRounds = 10;
struct RoundKeys {
  uint64_t first[kRounds], second[kRounds];
  explicit RoundKeys(uint64_t seed) {
    for (int k = 0; k < kRounds; k++) {
      first[k] = uint32_t(seed) + k * 0x9E3779B9u;
      second[k] = uint32_t(seed >> 32) + k * 0xBB67AE85u;
    }
  }
};

constexpr int64_t kBits = 24, kChains = 4;
ELMAN_INLINE int64_t stride_of_bits(int64_t units) { return units + 4 * kWords; }
ELMAN_INLINE int64_t room_for_bits(int64_t units) { return kChains * stride_of_bits(units); }

// bits (count <= kChains, stride) <- whole numbers in [0, 2^24) for these rows. Several vectors of turns side by side,
// for each is one long chain of dependent instructions; from the last to the first, so that what one stores past the
// end of its quarter is overwritten by the next.
ELMAN_NOINLINE inline void draw_bits(const Draw& d, const RoundKeys& keys, const int64_t* rows, int64_t count,
                                     int64_t units, uint32_t* bits) {
  constexpr int G = kChains;
  const int64_t quarter = (units + 3) / 4, last = (quarter - 1) / kWords * kWords;
  int64_t row = count - 1, turn = last;
  for (bool more = true; more;) {
    Words c[4][G];
    uint32_t* to[G];
    for (int g = 0; g < G; g++) {
      to[g] = bits + row * stride_of_bits(units) + turn;
      Words turns;
      for (int l = 0; l < kWords; l++) turns[l] = uint32_t(turn + l) + (d.place << 16);
      c[0][g] = turns, c[1][g] = Words{} + uint32_t(d.step), c[2][g] = Words{} + uint32_t(rows[row]),
      c[3][g] = Words{} + d.key.update;
      more = row > 0 || turn > 0;
      if (turn > 0) {
        turn -= kWords;
      } else if (row > 0) {
        row--, turn = last;
      }
    }
    ELMAN_UNROLL
    for (int round = 0; round < kRounds; round++) {
      for (int g = 0; g < G; g++) {
        const Words p = product_of_words(c[0][g], 0xD2511F53u), q = product_of_words(c[2][g], 0xCD9E8D57u);
        c[0][g] = (q >> 32) ^ c[1][g] ^ keys.first[round];
        c[2][g] = (p >> 32) ^ c[3][g] ^ keys.second[round];
        c[1][g] = q;  // its low half counts
        c[3][g] = p;
      }
    }
    for (int g = 0; g < G; g++) {
      for (int k = 0; k < 4; k++) {
        for (int l = 0; l < kWords; l++) to[g][k * quarter + l] = uint32_t(c[k][g][l]) >> (32 - kBits);
      }
    }
  }
}

// use(r, bits of row r) for each row.
template <class Use>
void each_row_of_bits(const Draw& d, int64_t rows, int64_t units, uint32_t* bits, Use use) {
  const RoundKeys keys(d.key.seed);
  for (int64_t first = 0; first < rows; first += kChains) {
    const int64_t count = rows - first < kChains ? rows - first : kChains;
    draw_bits(d, keys, d.rows + first, count, units, bits);
    for (int64_t r = 0; r < count; r++) use(first + r, bits + r * stride_of_bits(units));
  }
}

// Draws below it happen with this probability.
ELMAN_INLINE uint32_t threshold(double probability) {
  const double scaled = probability * double(1 << kBits);
  const uint32_t whole = uint32_t(scaled);
  return double(whole) < scaled ? whole + 1 : whole;
}

// Each row of `to` (rows, ld) <- `chosen` with this probability, else `other`; `other` past the units.
template <class T>
ELMAN_NOINLINE void draw_either(const Draw& d, double probability, T chosen, T other, int64_t rows, int64_t units,
                                uint32_t* bits, int64_t ld, T* to) {
  const uint32_t bound = threshold(probability);
  each_row_of_bits(d, rows, units, bits, [&](int64_t r, const uint32_t* drawn) {
    T* own = to + r * ld;
    for (int64_t j = 0; j < units; j++) own[j] = drawn[j] < bound ? chosen : other;
    for (int64_t j = units; j < ld; j++) own[j] = other;
  });
}

// Coefficients of a^2k in sin(a) / a and cos(a).
template <int TERMS>
struct Series {
  double sine[TERMS] = {1}, cosine[TERMS] = {1};
  constexpr Series() {
    for (int k = 1; k < TERMS; k++) {
      cosine[k] = -cosine[k - 1] / (2 * k * (2 * k - 1));
      sine[k] = -sine[k - 1] / (2 * k * (2 * k + 1));
    }
  }
};

// sin(a) and cos(a) for |a| <= pi/2, by their series: absolute errors near one rounding of 1.
template <class T>
ELMAN_INLINE void sine_cosine(Vec<T> a, Vec<T>& sine, Vec<T>& cosine) {
  constexpr int terms = sizeof(T) == 4 ? 6 : 12;
  constexpr Series<terms> series;
  const Vec<T> square = a * a;
  sine = splat(T(series.sine[terms - 1])), cosine = splat(T(series.cosine[terms - 1]));
  for (int k = terms - 2; k >= 0; k--) {
    sine = fma<T>(sine, square, splat(T(series.sine[k])));
    cosine = fma<T>(cosine, square, splat(T(series.cosine[k])));
  }
  sine *= a;
}

// Each row of `to` (rows, ld) <- normal numbers with mean 0 and this deviation, 0 past the units, by Box and Muller
// (1958): a radius sqrt(-2 log u), u in (0, 1], and an angle 2a in (-pi, pi) give two.
template <class T>
ELMAN_NOINLINE void draw_normal(const Draw& d, T deviation, int64_t rows, int64_t units, uint32_t* bits, int64_t ld,
                                T* to) {
  constexpr int64_t W = kWidth<T>;
  constexpr T part = T(1) / T(1 << kBits);
  const int64_t half = 2 * ((units + 3) / 4);
  each_row_of_bits(d, rows, units, bits, [&](int64_t r, const uint32_t* drawn) {
    T* own = to + r * ld;
    for (int64_t j = 0; j < half; j += W) {
      Vec<T> u, a, radius, sine, cosine;
      for (int l = 0; l < W; l++) {
        u[l] = T(int32_t(drawn[j + l] + 1)) * part;
        a[l] = T(int32_t(2 * drawn[half + j + l] + 1 - (1 << kBits))) * (T(1.5707963267948966) * part);
      }
      const Vec<T> square = splat(T(-2) * deviation * deviation) * log_of<T>(u);
      for (int l = 0; l < W; l++) radius[l] = square_root(square[l]);
      sine_cosine<T>(a, sine, cosine);
      store_part(own + j, half - j, radius * fma<T>(splat(T(-2)) * sine, sine, splat(T(1))));
      store_part(own + half + j, units - half - j, (radius + radius) * (sine * cosine));
    }
    for (int64_t j = units; j < ld; j++) own[j] = T(0);
  });
}

}  // namespace elman::ELMAN_ISA
