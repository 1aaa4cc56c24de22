// What Python hands to the native core: a network as a list of operations, data as strided arrays, a loss, an
// optimiser. Plain structs without functions: this header is compiled for every instruction set. bindings/ shows them
// to Python under the names that they have here.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace elman {

enum class InputKind : int32_t { sequence, integers, vector };
enum class LayerKind : int32_t {
  embedding,
  recurrent,
  dense,
  last,
  skip,
  dropout,
  attention,
  shift,
  pool,
  concat,
  adaptive_softmax
};
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
  norm_gru,
  sigmoid,
  softplus,
  leaky_sigmoid,
  leaky_softplus,
  norm_sigmoid,
  norm_softplus
};
enum class PoolKind : int32_t { mean, max, attention };
enum class ScoreKind : int32_t { general, dot, additive };
enum class ActivationKind : int32_t { linear, tanh, relu, sigmoid, softplus };
enum class LossKind : int32_t {
  half_sse,
  mse,
  mae,
  huber,
  cross_entropy,
  binary_cross_entropy,
  pinball,
  gaussian,
  student_t,
  ctc
};
enum class OptimizerKind : int32_t { sgd, rmsprop, adagrad, adam, adamw };

// What a source of an operation is called: the number of an operation, or of the network's input k: kInput - k.
constexpr int32_t kInput = -1;
constexpr int32_t kMostSources = 32;  // of an operation

// Where an initial state comes from unless the caller gives it: nowhere (it is learned, or zero), one vector a row, or
// the final state of a recurrent operation.
enum class OriginKind : int32_t { none, vector, state };
struct Origin {
  OriginKind kind;
  int32_t source;           // of the vector: an operation or an input; of the state: an operation
  int32_t direction, part;  // of the state: which direction's; 0 for h, 1 for c
};

// Where one direction of a layer has its parameters, as offsets into theta, and its states.
struct Direction {
  int64_t weight;  // W_ih (G*H, in) of a recurrent layer; the matrix of an embedding, a dense layer, a skip, attention;
                   // the vector (in,) of attention pooling
  int64_t weight_hh;   // W_hh (G*H, H); U (hidden, second) of additive attention
  int64_t bias;        // (G*H,), or (out,) of a dense layer, or (hidden,) of additive attention
  int64_t extra;       // v (hidden,) of additive attention; what else the cell has, one behind the other: b_hn (H,),
                       // peepholes (3, H), leak (H,), gains
  int64_t learned[2];  // the initial value (H,) of each state, where they are learned
  int32_t state;       // the index of its first state among the network's
  Origin origin[2];    // of each state
  int32_t alone;       // recurrent: whether no other operation has these matrices; see engine/link.h
};

constexpr int32_t kTails = 8;  // clusters of an adaptive softmax, at most

// One layer. A field that its kind doesn't have is 0.
struct Op {
  LayerKind kind;
  CellKind cell;                // recurrent
  ActivationKind activation;    // dense
  PoolKind pool;                // pool
  ScoreKind score;              // attention
  int32_t n_reads;              // how many sources it has: one, but skip and attention two, and concat at least two
  int32_t reads[kMostSources];  // operations before it in the list, or inputs
  int64_t in, out;              // features of what it reads first, and gives
  int64_t second;               // skip, attention: features of what it reads second
  int64_t hidden;      // recurrent: H, units of one direction; embedding: rows of its table; additive attention
  int64_t padding;     // embedding: the id whose row gets no gradient; -1: none
  int32_t directions;  // recurrent: 1 or 2; others: 1
  Direction direction[2];
  int32_t learned_state;  // recurrent: whether the initial states are parameters
  int32_t variational;    // dropout: whether all steps of a sequence share one mask
  double rate;            // the probability of dropout, or of recurrent dropout
  double zoneout[2];      // recurrent: the probability of keeping each state
  double noise;           // recurrent: standard deviation, at the pre-activations
  int32_t sparse;         // embedding: its table is one of the program's, whose gradients are lists of rows
  int32_t tails;          // adaptive softmax: its clusters,
  int64_t tail_first[kTails + 1], tail_width[kTails];  // the first class and the features of each; behind them, classes

  // What follows from the operations around it; see engine/model.h.
  int64_t widths[kMostSources];  // features of each source
  int32_t axis;                  // the axis of time of what it gives; 0 where it gives
  int32_t last;                  // one row a sequence
  int32_t shared_output;         // whether others than the next operation alone read it; its gradient is then added up
  int32_t table;                 // of a sparse embedding: its place among the program's tables
  int32_t targeted;              // adaptive softmax: whether it gives the log probability of the step's target alone
};

// A table of which an update reads few rows. It lies behind all other parameters.
struct RowTable {
  int64_t offset, width;  // of its first row in theta; numbers of a row
};

// What random draws depend on, beside the place where a draw is used.
struct Key {
  uint64_t seed;
  uint32_t update;
};

// One of the network's inputs; the first is x. Each sequence has an axis of time, of its own or that of one before it;
// x has the axis 0.
struct Input {
  InputKind kind;
  int64_t size;  // features of a sequence or a vector
  int32_t like;  // the number of the input before it whose steps and lengths it has, or -1: its own
  int32_t axis;  // 0 for a vector
};

struct Program {
  const Op* ops;
  const Input* inputs;
  const RowTable* tables;
  int32_t n_ops, n_inputs, n_axes, n_states, n_tables;
  int64_t size;        // number of parameters
  int64_t dense;       // of those before the tables
  int64_t out;         // features of the outputs, which
  int32_t axis, last;  // have this axis of time, or are one a sequence
  int32_t targeted;    // whether the outputs are the log probabilities of the targets, and the loss is minus these
  int32_t whole;       // whether all steps are needed at once: a part of the rows' time says nothing
};

// How ids or labels lie in the caller's array.
struct Whole {
  int32_t bytes;  // 1, 2, 4 or 8
  int32_t is_signed;
};

// What one input holds: strides are in elements.
struct Values {
  const void* at;  // (n, T, size); whole numbers (n, T); or (n, size), one vector a row
  int64_t row, step, col;
  int64_t steps;           // T
  const int64_t* lengths;  // (n,), of sequences; may be null: all T
  Whole whole;             // of whole numbers
};

// Of an operation that reads an embedding of few ids: the inputs' part of its sums, made once for every id, with the
// bias: (ids + 1, part_size), the first row of NaN for what is no id. For each direction; null where there is none.
struct InputParts {
  const void* at[2];
  int32_t input;  // the number of the input that has the ids
};

// Threads that take parts of a step between them. `run` returns once f(job, part) was called for every part.
struct Team {
  int64_t threads;
  void (*run)(int64_t parts, void (*f)(const void* job, int64_t part), const void* job);
};

// n sequences; strides are in elements.
struct Data {
  int64_t n;
  Values x;
  const Values* others;  // the inputs behind x
  const void* y;  // (n, T, O) or (n, O), of the outputs' T; whole numbers (n, T) or (n,) for cross entropy, (n, U) for
                  // a ragged loss; may be null
  int64_t y_row, y_step, y_col;
  Whole y_whole;             // of whole numbers
  const int64_t* y_lengths;  // (n,), of a ragged loss: 0 to U
  int64_t labels;            // of a ragged loss: U
  const void* weight;        // (n, T) or (n,); may be null: ones
  int64_t weight_row, weight_step;
  const void* const* state;  // aligned with the program's states, each (n, size) contiguous; may be null: zeros
  int32_t own_state;         // the states' rows are those of the shard, in its order
  int32_t draws;             // whether anything is drawn (training), with
  Key key;
  int64_t first;            // the step at which this piece of the rows' time begins
  void* const* carry;       // like state, written: the final states of the rows; may be null
  const InputParts* parts;  // in prediction, of each operation; may be null
  const Team* team;         // of a single row's prediction; may be null
};

struct Loss {
  LossKind kind;
  double delta;             // Huber
  double at_zero;           // Gaussian, Student's t: minus the log density at the location, where the scale is 1
  double df;                // Student's t
  double label_smoothing;   // cross entropy
  const double* quantiles;  // pinball
  int64_t n_quantiles;
  int64_t blank;            // CTC: the class that is no label;
  int32_t zero, per_label;  // whether what is impossible counts as 0; whether a row is divided by its labels
};

struct Optimizer {
  OptimizerKind kind;
  double momentum;      // SGD
  double decay;         // RMSprop
  double beta1, beta2;  // Adam, AdamW
  double eps;           // all but SGD
  double weight_decay;  // AdamW
};

}  // namespace elman
