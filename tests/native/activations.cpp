// sigmoid, tanh and softplus of one instruction set against libm one precision higher: every k-th of all 2^32 floats
// with the surroundings of the special ones, and random doubles.
//
//   activations [k = 1] [doubles = 1000000]
//
// Compile with -DELMAN_ISA=<name> and the flags CMakeLists.txt gives it. Exit code 1 where a result is off.
#include "math/activations.h"

#include <cfloat>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <limits>
#include <type_traits>

using namespace elman::ELMAN_ISA;

namespace {

enum class Function { sigmoid, tanh, softplus };

template <class T>
struct Witness;
template <>
struct Witness<float> {
  using Wide = double;
  using Bits = uint32_t;
  static constexpr double ulps = 5;
  static constexpr int digits = FLT_MANT_DIG, exponent = FLT_MIN_EXP;
};
template <>
struct Witness<double> {
  using Wide = long double;
  using Bits = uint64_t;
  static constexpr double ulps = 4;
  static constexpr int digits = DBL_MANT_DIG, exponent = DBL_MIN_EXP;
};

template <class Wide>
Wide exact(Function f, Wide x) {
  if (f == Function::tanh) return std::tanh(x);
  const Wide z = std::exp(-std::fabs(x));  // the negative tail keeps its relative precision
  if (f == Function::softplus) return std::fmax(x, Wide(0)) + std::log1p(z);
  return (x < 0 ? z : 1) / (1 + z);
}

template <class T>
struct Check {
  using W = Witness<T>;
  using Wide = typename W::Wide;
  using Bits = typename W::Bits;

  explicit Check(Function f) : function(f) {}

  // Collects a vector's worth, then compares lane by lane.
  void add(Bits bits) {
    memcpy(&x[n++], &bits, sizeof bits);
    if (n == kWidth<T>) flush();
  }

  void flush() {
    for (int i = n; i < kWidth<T>; i++) x[i] = 0;
    T got[kWidth<T>];
    store(got, function == Function::tanh      ? elman::ELMAN_ISA::tanh<T>(load(x))
               : function == Function::sigmoid ? sigmoid<T>(load(x))
                                               : softplus<T>(load(x)));
    for (int i = 0; i < n; i++) compare(x[i], got[i]);
    n = 0;
  }

  void compare(T at, T got) {
    count++;
    if (std::isnan(at)) return fail(std::isnan(got), at, got, "NaN is lost");
    const T low = function == Function::tanh ? -1 : 0;
    const T high = function == Function::softplus ? std::numeric_limits<T>::infinity() : T(1);
    if (!(got >= low && got <= high)) return fail(false, at, got, "out of range");
    if (at == 0 && function == Function::tanh)
      return fail(got == 0 && std::signbit(got) == std::signbit(at), at, got, "zero");
    if (at == 0 && function == Function::sigmoid) return fail(got == T(0.5), at, got, "zero");
    if (std::isinf(at)) return fail(got == (at > 0 ? high : low), at, got, "infinity");
    const Wide want = exact<Wide>(function, at), size = std::fabs(want);
    if (size < std::numeric_limits<T>::min())  // zero or anything between is right there
      return fail(std::fabs(got) <= std::numeric_limits<T>::min() && (got == 0 || (got < 0) == (want < 0)), at, got,
                  "below the normal numbers");
    const double ulps = double(std::fabs(got - want) / std::ldexp(Wide(1), std::ilogb(size) + 1 - W::digits));
    if (ulps > worst) worst = ulps, where = at;
    fail(ulps <= W::ulps, at, got, "too far");
  }

  void fail(bool right, T at, T got, const char* what) {
    if (right) return;
    if (failures++ < 5) printf("%s(%a = %.9g) = %a: %s\n", name(), double(at), double(at), double(got), what);
  }

  const char* name() const {
    return function == Function::tanh ? "tanh" : function == Function::sigmoid ? "sigmoid" : "softplus";
  }

  bool report() {
    if (n) flush();
    printf("%s %s %s: worst %.3f ulp at %a (%.9g), %lld values, %lld wrong\n", isa(), type(), name(), worst,
           double(where), double(where), count, failures);
    return failures == 0;
  }

  static const char* type() { return std::is_same<T, float>::value ? "float32" : "float64"; }
#define NAME_(x) #x
#define NAME(x) NAME_(x)
  static const char* isa() { return NAME(ELMAN_ISA); }

  Function function;
  T x[kWidth<T>];
  int n = 0;
  double worst = 0;
  T where = 0;
  long long count = 0, failures = 0;
};

// Where the formulas change: zero, the least normal number, overflow of exp, saturation, infinity, NaN.
template <class T>
void edges(Check<T>& check) {
  const T special[] = {0,
                       std::numeric_limits<T>::min(),
                       ExpConstants<T>::lowest,
                       ExpConstants<T>::tanh_limit / 2,
                       ExpConstants<T>::tanh_limit,
                       1,
                       T(0.34657359),
                       std::numeric_limits<T>::max(),
                       std::numeric_limits<T>::infinity(),
                       std::numeric_limits<T>::quiet_NaN()};
  using Bits = typename Witness<T>::Bits;
  const Bits sign = Bits(1) << (8 * sizeof(T) - 1);
  for (T s : special) {
    Bits bits;
    memcpy(&bits, &s, sizeof bits);
    for (Bits d = 0; d < 2000; d++) {
      for (Bits b : {Bits(bits + d), Bits(bits - d)}) check.add(b), check.add(b ^ sign);
    }
  }
}

bool floats(Function f, uint64_t step) {
  Check<float> check(f);
  edges(check);
  for (uint64_t bits = 0; bits < uint64_t(1) << 32; bits += step) check.add(uint32_t(bits));
  return check.report();
}

bool doubles(Function f, long long samples) {
  Check<double> check(f);
  edges(check);
  uint64_t s = 1;
  for (long long i = 0; i < samples; i++) {
    s = s * 6364136223846793005u + 1442695040888963407u;
    // half over the range where the functions bend, half over every exponent
    const double u = double(int64_t(s)) * 0x1p-63;
    double x = i & 1 ? 40 * u : std::ldexp(u < 0 ? -1 - std::fabs(u) : 1 + u, int((s >> 3) % 1100) - 1040);
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    check.add(bits);
  }
  return check.report();
}

}  // namespace

int main(int argc, char** argv) {
  const uint64_t step = argc > 1 ? strtoull(argv[1], nullptr, 10) : 1;
  const long long samples = argc > 2 ? atoll(argv[2]) : 1000000;
  if (step == 0) return fprintf(stderr, "k: expected at least 1\n"), 2;
  bool right = true;
  for (Function f : {Function::sigmoid, Function::tanh, Function::softplus}) {
    right &= floats(f, step);
    right &= doubles(f, samples);
  }
  return right ? 0 : 1;
}
