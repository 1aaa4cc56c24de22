// What exponential smoothing of many series is given, and where its results go.
#pragma once

#include <cstddef>
#include <cstdint>

namespace elman {

enum class SeasonKind : int32_t { none, additive, multiplicative };

struct SmoothingForm {
  bool relative;  // a multiplicative error
  SeasonKind season;
};

// n series. Results that are null are not wanted.
struct SmoothingSeries {
  const double* y;  // (n, steps), NaN where a value is missing
  int64_t n, steps;
  const int64_t* lengths;    // (n,): at most steps
  int64_t season;            // rows of a season, m; 0 without one
  const double* parameters;  // (n, 4): alpha, beta, gamma, phi
  const double* initial;     // (n, 2 + m): level, trend, seasons
  const double* floor;       // (n,): added to squares in the gradient

  double* terms;        // (n, 5): squares, the product of |mu| as mantissa and power of 2, the lowest mu, known rows
  double* dparameters;  // (n, 4)
  double* dinitial;     // (n, 2 + m)
  double* fitted;       // (n, steps), written within the lengths
  double* state;        // (n, 2 + m): after the last row, the season of the next row first
};

constexpr int64_t kSmoothingTerms = 5;

}  // namespace elman
