// What Python hands to the native core: a network as a list of operations, data as strided arrays, a loss, an
// optimiser. Plain structs without functions: this header is compiled for every instruction set.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace elman {

enum class Kind : int32_t { embedding, recurrent, dense, last, skip, dropout };
enum class CellKind : int32_t {
  tanh,
  relu,
  lstm,
  lstm_peephole,
  gru_after,
  gru_before,
  leaky_tanh,
  leaky_relu,
  norm_tanh,
  norm_relu,
  norm_lstm,
  norm_gru
};
enum class ActKind : int32_t { linear, tanh, relu, sigmoid };
enum class LossKind : int32_t {
  half_sse,
  mse,
  mae,
  huber,
  cross_entropy,
  binary_cross_entropy,
  pinball,
  gaussian,
  student_t
};
enum class OptimKind : int32_t { sgd, rmsprop, adagrad, adam, adamw };

// One layer. Offsets are into theta, one row for each direction: W_ih, W_hh, bias, extra (bias_hn, peephole or leak)
// and the learned initial states for recurrent layers; weight, bias for dense; weight alone for embedding and skip.
struct Op {
  Kind kind;
  int32_t variant;          // CellKind or ActKind
  int64_t in, out, hidden;  // hidden: units of a recurrent layer, rows of an embedding's table
  int32_t directions;
  int32_t state[2];  // index of each direction's first state slot
  int32_t learned;   // whether the initial state is a parameter
  int32_t shared;    // dropout: whether all steps share one mask
  int64_t offset[2][6];
  double rate;        // dropout, or recurrent dropout: the probability
  double zoneout[2];  // of each state
  double noise;       // standard deviation, at the pre-activations
};

// What an update draws is a function of these, and of the place where it is used.
struct Key {
  uint64_t seed;
  uint32_t update;
};

struct Program {
  const Op* ops;
  int32_t n_ops, n_states;
  int64_t in, out, size;  // size: number of parameters
  int32_t integer, last;  // input of integers; one output a sequence
};

// n sequences; strides are in elements.
struct Data {
  int64_t n, steps;
  const void* x;  // (n, T, D), or int64 (n, T)
  int64_t x_row, x_step, x_col;
  const void* y;  // (n, T, O) or (n, O); int64 (n, T) or (n,) for cross entropy; may be null
  int64_t y_row, y_step, y_col;
  const int64_t* lengths;  // may be null: all T
  const void* weight;      // (n, T) or (n,); may be null: ones
  int64_t weight_row, weight_step;
  const void* const* state;  // aligned with the program's states, each (n, size) contiguous; may be null: zeros
  int32_t own_state;         // the states' rows are those of the shard, in its order
  int32_t draws;             // whether anything is drawn (training), with
  Key key;
  int64_t first;       // the step at which this piece of the rows' time begins
  void* const* carry;  // like state, written: the final states of the rows; may be null
};

struct Loss {
  LossKind kind;
  const double* constants;  // Huber: delta; pinball: its quantiles; Gaussian: at_zero; Student's t: at_zero, df
  int64_t n_constants;
  double activity;  // times the mean of h^2 over all recurrent layers' units and valid steps is added
};

struct Optim {
  OptimKind kind;
  double momentum;           // SGD
  double decay;              // RMSprop
  double beta1, beta2, eps;  // Adam, AdamW (eps: RMSprop, Adagrad too)
  double weight_decay;       // AdamW
  int32_t slots;             // how many arrays it remembers
};

// Gradients that arrive from outside, for the rows of one shard; strides are those of contiguous arrays. Each may be
// null.
struct Upstream {
  const void* dy;              // (n, T, O) or (n, O)
  const void* const* dhidden;  // for each recurrent operation, (n, T, out), or null
  const void* const* dstate;   // aligned with the program's states, (n, size)
};

// A piece of the time of rows that go on before and after it.
struct Segment {
  int64_t first;        // the step at which it begins
  int64_t open;         // so many rows, the first, go on after it
  void* const* dstate;  // for each state (rows, size): in, the gradient after the segment; out, that before it
};

// Rows under way, and what their way back works on: laid out in blocks of the caller's, opaque outside the kernels.
struct Shard;
struct Scratch;

// What one instruction set offers for one type. All memory is the caller's; sizes are in bytes, blocks aligned to 64.
template <class T>
struct Table {
  // backward: for the way back too; dx: as far as the network's input.
  size_t (*packed_bytes)(const Program&, bool backward, bool dx);
  void (*pack)(const Program&, const T* theta, void* packed, bool backward, bool dx, bool moves);

  // Rows of one shard or of several neighbouring ones, longest first. A tape laid out for rows of these lengths serves
  // any such rows, again and again. It holds what the way back needs; without `keep`, only what the outputs and states
  // are read from.
  size_t (*tape_bytes)(const Program&, const int64_t* lengths, int64_t rows, bool keep);
  Shard* (*lay_tape)(const Program&, const int64_t* lengths, int64_t rows, bool keep, void* tape);
  size_t (*scratch_bytes)(const Shard*, const Program&, int64_t shard_rows, bool dx);
  Scratch* (*lay_scratch)(const Shard*, const Program&, int64_t shard_rows, bool dx, void* scratch);

  void (*forward)(Shard*, const Program&, const T* theta, const void* packed, const Data&, const int64_t* rows);
  void (*read_output)(const Shard*, const Program&, T* y, int64_t steps);  // y: (n, T, O) or (n, O)
  // Each (n, size); own: only the shard's rows, in its order.
  void (*read_state)(const Shard*, const Program&, bool own, T* const* state);
  void (*read_hidden)(const Shard*, const Program&, int32_t op, T* h, int64_t steps);  // (n, T, out)

  // Both add to gradients. The first begins with the loss's own derivative, and writes its value: one for each shard of
  // `shard_rows` among the rows; without scratch and gradients it only does the latter. The second begins with what
  // came from outside, and fills dx and dstate where asked.
  void (*loss_backward)(const Shard*, const Program&, const void* packed, const Data&, const Loss&, double normaliser,
                        int64_t truncate, int64_t shard_rows, Scratch*, const Segment*, double activity,
                        T* const* gradients, double* losses);
  void (*backward)(const Shard*, const Program&, const void* packed, const Upstream&, int64_t steps, int64_t truncate,
                   Scratch*, T* gradient, T* dx, T* const* dstate);

  void (*add)(T* a, const T* b, int64_t n);
  double (*sum_squares)(const T* g, int64_t n);
  void (*clip_value)(T* g, int64_t n, double limit);
  void (*scale)(T* g, int64_t n, double factor);
  void (*optimise)(const Optim&, T* theta, T* const* slots, const T* g, int64_t n, double rate, int64_t step);
};

struct Kernels {
  const char* isa;
  Table<float> f32;
  Table<double> f64;
};

}  // namespace elman
