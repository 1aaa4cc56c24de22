// Exponential smoothing: the recurrence of a few series, one a lane, and back through time. The numbers are those of
// docs/math/smoothing.md and of engines/reference/smoothing.py, which have the equations.
#pragma once

#include "math/simd.h"
#include "smoothing/series.h"

namespace elman::ELMAN_ISA {

using Reals = Vec<double>;
constexpr int kSeriesLanes = kWidth<double>;

// What the way back needs of one row.
struct SmoothingStep {
  Reals base, trend, season, error;  // l + phi b;  b before;  s before;  e, or r with a multiplicative error
};

struct SmoothingRoom {
  Reals* y;  // (steps,)
  SmoothingStep* tape;
  Reals *season, *dseason;  // (m,)
};

inline size_t smoothing_bytes(int64_t steps, int64_t season) {
  return size_t(steps) * (sizeof(Reals) + sizeof(SmoothingStep)) + size_t(2 * season) * sizeof(Reals);
}

ELMAN_INLINE Reals chosen(IVec<double> which, Reals yes, Reals no) { return which ? yes : no; }

// x = m 2^k with m in [1, 2): x <- m, power <- power + k.
ELMAN_INLINE void split_power(Reals& x, IVec<double>& power) {
  IVec<double> bits;
  memcpy(&bits, &x, sizeof bits);
  power += ((bits >> 52) & 0x7ff) - 1023;
  bits = (bits & 0x000fffffffffffffLL) | 0x3ff0000000000000LL;
  memcpy(&x, &bits, sizeof x);
}

// The lanes of one group of series, from row `first` on; lanes without a series repeat the last one.
struct SeriesLanes {
  int64_t row[kSeriesLanes];
  int64_t count, steps;  // series; rows of the longest
  IVec<double> lengths;

  ELMAN_INLINE SeriesLanes(const SmoothingSeries& s, int64_t first) : count(s.n - first), steps(0) {
    if (count > kSeriesLanes) count = kSeriesLanes;
    for (int l = 0; l < kSeriesLanes; l++) {
      row[l] = first + (l < count ? l : count - 1);
      lengths[l] = s.lengths[row[l]];
      if (s.lengths[row[l]] > steps) steps = s.lengths[row[l]];
    }
  }
  // Column `column` of an array (n, width).
  ELMAN_INLINE Reals read(const double* from, int64_t width, int64_t column) const {
    Reals v;
    for (int l = 0; l < kSeriesLanes; l++) v[l] = from[row[l] * width + column];
    return v;
  }
  ELMAN_INLINE void write(double* to, int64_t width, int64_t column, Reals v) const {
    for (int64_t l = 0; l < count; l++) to[row[l] * width + column] = v[l];
  }
};

template <bool Relative, SeasonKind Season>
struct Smoother {
  static constexpr bool kProduct = Season == SeasonKind::multiplicative, kSeasonal = Season != SeasonKind::none;
  const SmoothingSeries& s;
  const SeriesLanes lanes;
  const SmoothingRoom room;
  const Reals alpha, beta, gamma, phi;
  Reals squares{}, known{};

  ELMAN_INLINE Smoother(const SmoothingSeries& series, int64_t first, const SmoothingRoom& r)
      : s(series),
        lanes(series, first),
        room(r),
        alpha(lanes.read(s.parameters, 4, 0)),
        beta(lanes.read(s.parameters, 4, 1)),
        gamma(lanes.read(s.parameters, 4, 2)),
        phi(lanes.read(s.parameters, 4, 3)) {
    for (int l = 0; l < kSeriesLanes; l++) {
      const double* from = s.y + lanes.row[l] * s.steps;
      for (int64_t t = 0; t < lanes.steps; t++) room.y[t][l] = t < lanes.lengths[l] ? from[t] : __builtin_nan("");
    }
  }

  void forward() {
    const int64_t m = s.season, width = 2 + m;
    const Reals zero{}, one = splat(1.0);
    Reals level = lanes.read(s.initial, width, 0), trend = lanes.read(s.initial, width, 1);
    for (int64_t j = 0; j < m; j++) room.season[j] = lanes.read(s.initial, width, 2 + j);
    Reals product = one, lowest = splat(__builtin_inf());
    IVec<double> power{};
    for (int64_t t = 0, place = 0; t < lanes.steps; t++) {
      const IVec<double> seen = room.y[t] == room.y[t], here = (IVec<double>{} + t) < lanes.lengths;
      const Reals before = kSeasonal ? room.season[place] : zero;
      const Reals base = fma<double>(phi, trend, level);
      const Reals mu = kProduct ? base * before : base + before;
      const Reals e = chosen(seen, room.y[t] - mu, zero);
      const Reals error = Relative ? chosen(seen, e / mu, zero) : e;
      const Reals u = kProduct ? base * error : e, v = kProduct ? before * error : e;
      room.tape[t] = {base, trend, before, error};
      level = chosen(here, fma<double>(alpha, u, base), level);
      trend = chosen(here, fma<double>(beta, u, phi * trend), trend);
      if (kSeasonal) {
        room.season[place] = chosen(here, fma<double>(gamma, v, before), before);
        if (++place == m) place = 0;
      }
      squares = fma<double>(error, error, squares);
      known = known + chosen(seen, one, zero);
      lowest = chosen(seen & (mu < lowest), mu, lowest);
      if (Relative) {
        product = product * chosen(seen, with_sign<double>(mu, one), one);
        split_power(product, power);
      }
      if (s.fitted) write_fitted(t, mu);
    }
    Reals powers;
    for (int l = 0; l < kSeriesLanes; l++) powers[l] = double(power[l]);
    const Reals terms[kSmoothingTerms] = {squares, product, powers, lowest, known};
    for (int64_t i = 0; i < kSmoothingTerms; i++) lanes.write(s.terms, kSmoothingTerms, i, terms[i]);
    if (s.state) write_state(level, trend);
  }

  void backward() {
    const int64_t m = s.season, width = 2 + m;
    const Reals zero{}, one = splat(1.0);
    const Reals weight = known / (squares + lanes.read(s.floor, 1, 0));
    Reals dalpha{}, dbeta{}, dgamma{}, dphi{}, dlevel{}, dtrend{};
    for (int64_t j = 0; j < m; j++) room.dseason[j] = zero;
    int64_t place = kSeasonal ? lanes.steps % m : 0;
    for (int64_t t = lanes.steps - 1; t >= 0; t--) {
      if (kSeasonal && place-- == 0) place = m - 1;
      const SmoothingStep& step = room.tape[t];
      const IVec<double> seen = room.y[t] == room.y[t];
      const Reals mu = kProduct ? step.base * step.season : step.base + step.season;
      const Reals du = fma<double>(alpha, dlevel, beta * dtrend);
      const Reals ds = kSeasonal ? room.dseason[place] : zero, dv = gamma * ds;
      const Reals e = Relative ? step.error * mu : step.error;
      const Reals u = kProduct ? step.base * step.error : e, v = kProduct ? step.season * step.error : e;
      dalpha = fma<double>(u, dlevel, dalpha);
      dbeta = fma<double>(u, dtrend, dbeta);
      dgamma = fma<double>(v, ds, dgamma);
      const Reals both = du + dv;
      Reals dmu = -fma<double>(weight, step.error, both);
      if (Relative) {
        const Reals inside = kProduct ? fma<double>(step.base, du, step.season * dv) : mu * both;
        const Reals derror = fma<double>(weight, step.error, inside);
        dmu = (one - derror * (one + step.error)) / mu;
        if (!kProduct) dmu = fma<double>(step.error, both, dmu);
      }
      dmu = chosen(seen, dmu, zero);
      Reals dbase = dlevel + dmu, dbefore = ds + dmu;
      if (kProduct) {
        dbase = fma<double>(dmu, step.season, fma<double>(step.error, du, dlevel));
        dbefore = fma<double>(dmu, step.base, fma<double>(step.error, dv, ds));
      }
      const Reals dfaded = dbase + dtrend;
      dphi = fma<double>(dfaded, step.trend, dphi);
      dlevel = dbase;
      dtrend = phi * dfaded;
      if (kSeasonal) room.dseason[place] = dbefore;
    }
    const Reals gradient[4] = {dalpha, dbeta, dgamma, dphi};
    for (int64_t i = 0; i < 4; i++) lanes.write(s.dparameters, 4, i, gradient[i]);
    lanes.write(s.dinitial, width, 0, dlevel);
    lanes.write(s.dinitial, width, 1, dtrend);
    for (int64_t j = 0; j < m; j++) lanes.write(s.dinitial, width, 2 + j, room.dseason[j]);
  }

 private:
  ELMAN_INLINE void write_fitted(int64_t t, Reals mu) const {
    for (int64_t l = 0; l < lanes.count; l++) {
      if (t < lanes.lengths[l]) s.fitted[lanes.row[l] * s.steps + t] = mu[l];
    }
  }
  ELMAN_INLINE void write_state(Reals level, Reals trend) const {
    const int64_t m = s.season, width = 2 + m;
    lanes.write(s.state, width, 0, level);
    lanes.write(s.state, width, 1, trend);
    for (int64_t l = 0; l < lanes.count; l++) {
      double* to = s.state + lanes.row[l] * width + 2;
      for (int64_t j = 0; j < m; j++) to[j] = room.season[(lanes.lengths[l] + j) % m][l];
    }
  }
};

template <bool Relative, SeasonKind Season>
ELMAN_INLINE void smooth_group(const SmoothingSeries& s, int64_t first, const SmoothingRoom& room) {
  Smoother<Relative, Season> smoother(s, first, room);
  smoother.forward();
  if (s.dparameters) smoother.backward();
}

// The series from row `first` on, as many as `smoothing_lanes`, in `smoothing_bytes` of memory.
inline void smooth(const SmoothingForm& form, const SmoothingSeries& s, int64_t first, void* memory) {
  Reals* const y = static_cast<Reals*>(memory);
  SmoothingStep* const tape = reinterpret_cast<SmoothingStep*>(y + s.steps);
  Reals* const season = reinterpret_cast<Reals*>(tape + s.steps);
  const SmoothingRoom room{y, tape, season, season + s.season};
  switch (form.season) {
    case SeasonKind::none:
      return form.relative ? smooth_group<true, SeasonKind::none>(s, first, room)
                           : smooth_group<false, SeasonKind::none>(s, first, room);
    case SeasonKind::additive:
      return form.relative ? smooth_group<true, SeasonKind::additive>(s, first, room)
                           : smooth_group<false, SeasonKind::additive>(s, first, room);
    case SeasonKind::multiplicative:
      return smooth_group<true, SeasonKind::multiplicative>(s, first, room);
  }
}

}  // namespace elman::ELMAN_ISA
