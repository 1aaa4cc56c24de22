// The loss of a sequence of labels whose places among the steps are not known (Graves et al. 2006), of one row at a
// time. docs/math/ctc.md states the equations, reference/losses/ctc.py computes them in logarithms.
//
// Probabilities of paths are far beyond the range of a double, and a state that is 10^300 times less likely than
// another may still be the one through which the target goes on. So each state is a number m 2^e whose exponent e is a
// double of its own: sums and products of these cost a few instructions each, where logarithms would cost an exp or a
// log, and nothing ever underflows. All is computed in double whatever the network's type.
#pragma once

#include "losses/loss.h"

namespace elman {
constexpr LossMeaning kCTC{false, true, 1, true, true};
}  // namespace elman

#ifdef ELMAN_ISA
#include "math/carver.h"

namespace elman::ELMAN_ISA {

// The outputs of one sequence, step after step, and where their gradient goes (null: it is not wanted).
template <class T>
struct Track {
  const T* p;
  T* d;
  int64_t ld, steps, outputs;
  const int64_t* offset;  // step t is row offset[t] + row of p and d; null: row t
  int64_t row;
  ELMAN_INLINE int64_t at(int64_t t) const { return (offset ? offset[t] + row : t) * ld; }
};

// A row's labels, as they are read from the caller's array.
struct Labels {
  const void* at;
  Whole whole;
  int64_t first, step, count;
  ELMAN_INLINE int64_t operator[](int64_t u) const { return whole_at(at, whole, first + u * step); }
};

// ---- numbers m 2^e, e a whole number

struct Scaled {
  Vec<double> m, e;
};

constexpr double kNowhere = -1e200;  // the exponent of 0
constexpr int64_t kCtcWidth = kWidth<double>;

// 2^d for whole d up to 1023; what would not be normal is as good as 0.
ELMAN_INLINE Vec<double> power_of_two(Vec<double> d) {
  const Vec<double> low = splat(-1022.0);
  const Vec<double> shifted = (d > low ? d : low) + splat(ExpConstants<double>::round);
  IVec<double> bits;
  memcpy(&bits, &shifted, sizeof bits);
  bits = (bits + ExpConstants<double>::bias) << ExpConstants<double>::shift;
  Vec<double> scale;
  memcpy(&scale, &bits, sizeof scale);
  return scale;
}

ELMAN_INLINE Vec<double> higher(Vec<double> a, Vec<double> b) { return a > b ? a : b; }

ELMAN_INLINE Scaled operator+(Scaled a, Scaled b) {
  const Vec<double> top = higher(a.e, b.e);
  return {fma<double>(a.m, power_of_two(a.e - top), b.m * power_of_two(b.e - top)), top};
}

ELMAN_INLINE Scaled sum(Scaled a, Scaled b, Scaled c) {
  const Vec<double> top = higher(higher(a.e, b.e), c.e);
  return {fma<double>(a.m, power_of_two(a.e - top),
                      fma<double>(b.m, power_of_two(b.e - top), c.m * power_of_two(c.e - top))),
          top};
}

ELMAN_INLINE Scaled operator*(Scaled a, Scaled b) { return {a.m * b.m, a.e + b.e}; }

// e^x for |x| up to 2^40, m in [0.7, 1.5).
ELMAN_INLINE Scaled exponential(Vec<double> x) {
  using C = ExpConstants<double>;
  Vec<double> unused, p;
  exp_parts<double>(x, unused, p);
  const Vec<double> shifted = fma<double>(x, splat(C::log2e), splat(C::round));
  return {p + splat(1.0), shifted - splat(C::round)};
}

// The same number with m in [1, 2), or 0: sums and products let m drift, by less than 2^3 a step.
ELMAN_INLINE Scaled brought_back(Scaled a) {
  IVec<double> bits;
  memcpy(&bits, &a.m, sizeof bits);
  IVec<double> exponent = (bits >> 52) | 0x4330000000000000LL;  // 2^52 + the exponent
  bits = (bits & 0x000fffffffffffffLL) | 0x3ff0000000000000LL;
  Vec<double> e, m;
  memcpy(&e, &exponent, sizeof e);
  memcpy(&m, &bits, sizeof m);
  return {a.m == Vec<double>{} ? a.m : m, a.e + (e - splat(4503599627370496.0 + 1023))};
}
constexpr int64_t kDrift = 32;  // steps between two of these

// ---- the states of a row at one step

// Of U labels there are U + 1 blanks and U labels, in arrays of their own: label u stands between blanks u and u + 1.
// Each array is whole vectors long, and has room for one more before and behind it, which are 0.
struct States {
  double *blank_m, *blank_e, *label_m, *label_e;

  ELMAN_INLINE Scaled blank(int64_t u) const { return {load(blank_m + u), load(blank_e + u)}; }
  ELMAN_INLINE Scaled label(int64_t u) const { return {load(label_m + u), load(label_e + u)}; }
  ELMAN_INLINE void set_blank(int64_t u, Scaled a) const { store(blank_m + u, a.m), store(blank_e + u, a.e); }
  ELMAN_INLINE void set_label(int64_t u, Scaled a) const { store(label_m + u, a.m), store(label_e + u, a.e); }
};

ELMAN_INLINE int64_t states_length(int64_t labels) { return padded<double>(labels + 1) + 2 * kCtcWidth; }

ELMAN_INLINE States states_at(double* memory, int64_t length) {
  double* first = memory + kCtcWidth;
  return {first, first + length, first + 2 * length, first + 3 * length};
}

// All 0, but blank u is 1.
ELMAN_INLINE void begin_at(const States& s, int64_t length, int64_t u) {
  for (int64_t i = -kCtcWidth; i < length - kCtcWidth; i++) {
    s.blank_m[i] = s.label_m[i] = 0, s.blank_e[i] = s.label_e[i] = kNowhere;
  }
  s.blank_m[u] = 1, s.blank_e[u] = 0;
}

// What the ways of a call's rows work on, one row after the other. Alphas are kept for a block of steps at a time, so
// many as stay in the cache; the way back computes those of earlier blocks again, from the last ones of each.
struct CtcRoom {
  int64_t length, classes, block;  // of one array of states; of the classes, to whole vectors; steps of a block
  double *m, *e, *total;  // (block, classes): e^(output - the highest) of each class, m 2^e; (block,): their sum
  double *own_m, *own_e;  // (block, length): the same of each label
  double* alpha;          // (block, 4 arrays)
  double* between;        // (blocks + 1, 4 arrays): alpha before each block
  double* beta[2];        // 4 arrays each
  double* skip;           // (length,): the exponent of 1 where a path may come to label u from label u - 1, else of 0
  double* share;          // (classes,): the share of each class in all paths, at one step
  int64_t* label;         // (U,)

  ELMAN_INLINE States states(double* first, int64_t i) const { return states_at(first + i * 4 * length, length); }
};

ELMAN_INLINE CtcRoom carve_ctc(Carver& m, int64_t steps, int64_t outputs, int64_t labels) {
  constexpr int64_t kBytes = 1 << 19, kLeast = 16;
  CtcRoom room{};
  room.length = states_length(labels), room.classes = padded<double>(outputs);
  const int64_t fitting = kBytes / (int64_t(sizeof(double)) * (6 * room.length + 2 * room.classes));
  room.block = fitting > steps ? steps : fitting > kLeast ? fitting : kLeast;
  room.m = m.take<double>(room.block * room.classes), room.e = m.take<double>(room.block * room.classes);
  room.total = m.take<double>(room.block);
  room.own_m = m.take<double>(room.block * room.length), room.own_e = m.take<double>(room.block * room.length);
  room.alpha = m.take<double>(room.block * 4 * room.length);
  room.between = m.take<double>((steps / room.block + 2) * 4 * room.length);
  room.beta[0] = m.take<double>(4 * room.length), room.beta[1] = m.take<double>(4 * room.length);
  room.skip = m.take<double>(room.length);
  room.share = m.take<double>(room.classes);
  room.label = m.take<int64_t>(labels);
  return room;
}

// The way of one row through its steps and back.
template <class T>
struct CtcWalk {
  const Track<T>& track;
  const CtcRoom& room;
  int64_t blank, count, all;  // all: states of each kind, to whole vectors
  double scale;

  // Returns the loss, and fills the gradient if it is wanted.
  double there_and_back() const {
    const int64_t last = (track.steps - 1) / room.block;
    begin_at(room.states(room.between, 0), room.length, 0);
    double log_sums = 0;
    for (int64_t k = 0; k <= last; k++) forward(k, &log_sums);
    // (4) p = alpha_T(the last blank) + alpha_T(the last label)
    const States end = room.states(room.between, last + 1);
    const auto one = [](double m, double e) { return Scaled{splat(m), splat(e)}; };
    const Scaled p =
        brought_back(one(end.blank_m[count], end.blank_e[count]) + one(end.label_m[count - 1], end.label_e[count - 1]));
    const double log_p = log_positive(p.m[0]) + p.e[0] * 0.69314718055994530942 - log_sums;
    if (!track.d) return -scale * log_p;
    begin_at(room.states(room.beta[0], 0), room.length, count);
    begin_at(room.states(room.beta[1], 0), room.length, count);
    for (int64_t k = last; k >= 0; k--) {
      if (k < last) forward(k, nullptr);
      backward(k, p);
    }
    return -scale * log_p;
  }

  int64_t first(int64_t k) const { return k * room.block; }
  int64_t behind(int64_t k) const { return first(k + 1) < track.steps ? first(k + 1) : track.steps; }

  // (3) Alphas of block k, from the one before it: blank u from itself and label u - 1; label u from itself, blank u,
  // and a label u - 1 unlike it. log_sums, if wanted, grows by the logarithm of what each step's outputs are divided
  // by.
  void forward(int64_t k, double* log_sums) const {
    States before = room.states(room.between, k);
    for (int64_t t = first(k), i = 0; t < behind(k); t++, i++) {
      emit(track.p + track.at(t), i);
      if (log_sums) *log_sums += log_positive(room.total[i]);
      const States now = room.states(room.alpha, i);
      const Scaled y{splat(room.m[i * room.classes + blank]), splat(room.e[i * room.classes + blank])};
      const double *own_m = room.own_m + i * room.length, *own_e = room.own_e + i * room.length;
      const bool back = t % kDrift == kDrift - 1;
      now.label_m[-1] = 0, now.label_e[-1] = kNowhere;
      for (int64_t u = 0; u < all; u += kCtcWidth) {
        Scaled last = before.label(u - 1);
        Scaled b = (before.blank(u) + last) * y;
        last.e = last.e + load(room.skip + u);
        Scaled l = sum(before.label(u), before.blank(u), last) * Scaled{load(own_m + u), load(own_e + u)};
        if (back) b = brought_back(b), l = brought_back(l);
        now.set_blank(u, b), now.set_label(u, l);
      }
      before = now;
    }
    memcpy(room.between + (k + 1) * 4 * room.length, before.blank_m - kCtcWidth,
           size_t(4 * room.length) * sizeof(double));
  }

  // (5), (6), (7) of block k. Beta is without the step's own output; room.beta[0] holds that of the step behind,
  // times that step's output.
  void backward(int64_t k, Scaled p) const {
    States next = room.states(room.beta[0], 0), now = room.states(room.beta[1], 0);
    const Vec<double> inverse = splat(1 / p.m[0]);
    for (int64_t t = behind(k) - 1; t >= first(k); t--) {
      const int64_t i = t - first(k);
      const States alpha = room.states(room.alpha, i);
      const double *m = room.m + i * room.classes, *e = room.e + i * room.classes;
      const double *own_m = room.own_m + i * room.length, *own_e = room.own_e + i * room.length;
      const bool back = t % kDrift == 0;
      for (int64_t c = 0; c < room.classes; c++) room.share[c] = 0;
      Vec<double> blanks{};
      for (int64_t u = 0; u < all; u += kCtcWidth) {
        Scaled after = next.label(u + 1);
        after.e = after.e + load(room.skip + u + 1);
        Scaled b = next.blank(u) + next.label(u);
        Scaled l = sum(next.label(u), next.blank(u + 1), after);
        const Scaled through_b = alpha.blank(u) * b, through_l = alpha.label(u) * l;
        blanks = blanks + through_b.m * inverse * power_of_two(through_b.e - p.e);
        const Vec<double> share = through_l.m * inverse * power_of_two(through_l.e - p.e);
        for (int64_t j = 0; j < kCtcWidth && u + j < count; j++) room.share[room.label[u + j]] += share[j];
        b = b * Scaled{splat(m[blank]), splat(e[blank])}, l = l * Scaled{load(own_m + u), load(own_e + u)};
        if (back) b = brought_back(b), l = brought_back(l);
        now.set_blank(u, b), now.set_label(u, l);
      }
      room.share[blank] += sum_lanes<double>(blanks);
      for (int64_t c = 0; c < room.classes; c += kCtcWidth) {
        const Vec<double> y = load(m + c) * splat(1 / room.total[i]) * power_of_two(load(e + c));
        store(room.share + c, splat(scale) * (y - load(room.share + c)));
      }
      T* d = track.d + track.at(t);
      for (int64_t c = 0; c < track.outputs; c++) d[c] = T(room.share[c]);
      const States used = next;
      next = now, now = used;
    }
    if ((behind(k) - first(k)) % 2) {  // `next` is the other one
      memcpy(room.beta[0], room.beta[1], size_t(4 * room.length) * sizeof(double));
    }
  }

  // e^(x - the highest) of every class and every label, at step i of the block, and their sum.
  void emit(const T* x, int64_t i) const {
    double *m = room.m + i * room.classes, *e = room.e + i * room.classes;
    constexpr double farthest = -1e12;  // outputs that are lower by more count as this
    double top = double(x[0]);
    for (int64_t c = 0; c < track.outputs; c++) {
      m[c] = double(x[c]);
      top = m[c] > top ? m[c] : top;
    }
    for (int64_t c = track.outputs; c < room.classes; c++) m[c] = -__builtin_inf();
    Vec<double> total{};
    for (int64_t c = 0; c < room.classes; c += kCtcWidth) {
      const Vec<double> below = load(m + c) - splat(top), low = splat(farthest);
      const Scaled y = exponential(below < low ? low : below);
      store(m + c, y.m), store(e + c, y.e);
      total = fma<double>(y.m, power_of_two(y.e), total);
    }
    room.total[i] = sum_lanes<double>(total);
    double *own_m = room.own_m + i * room.length, *own_e = room.own_e + i * room.length;
    for (int64_t u = 0; u < count; u++) own_m[u] = m[room.label[u]], own_e[u] = e[room.label[u]];
    for (int64_t u = count; u < all; u++) own_m[u] = 0, own_e[u] = kNowhere;
  }
};

struct CTC {
  // Memory for rows of at most so many steps and labels.
  static size_t bytes(int64_t steps, int64_t outputs, int64_t labels) {
    Carver m{nullptr, 0};
    carve_ctc(m, steps, outputs, labels);
    return m.used;
  }

  // The loss of one row, -log p(labels), times `scale`, and its gradient; room is of at least as many steps and labels.
  template <class T>
  ELMAN_NOINLINE static double sequence(const Loss& loss, const Track<T>& track, const Labels& labels, double scale,
                                        const CtcRoom& room) {
    const int64_t count = labels.count;
    int64_t needed = count;
    for (int64_t u = 0; u < count; u++) {
      room.label[u] = within(labels[u], track.outputs);
      if (room.label[u] < 0 || room.label[u] == loss.blank) return fill(track, __builtin_nan(""), __builtin_nan(""));
      needed += u > 0 && room.label[u] == room.label[u - 1];
    }
    if (loss.per_label && count > 1) scale /= double(count);
    if (needed > track.steps) {
      return loss.zero ? fill(track, 0.0, 0.0) : fill(track, scale * __builtin_inf(), __builtin_nan(""));
    }
    for (int64_t u = 0; u < room.length; u++) {
      room.skip[u] = u > 0 && u < count && room.label[u] != room.label[u - 1] ? 0 : kNowhere;
    }
    return CtcWalk<T>{track, room, loss.blank, count, padded<double>(count + 1), scale}.there_and_back();
  }

 private:
  // Every step's gradient is the same.
  template <class T>
  static double fill(const Track<T>& track, double value, double slope) {
    for (int64_t t = 0; track.d && t < track.steps; t++) {
      for (int64_t c = 0; c < track.outputs; c++) track.d[track.at(t) + c] = T(slope);
    }
    return value;
  }
};

}  // namespace elman::ELMAN_ISA
#endif
