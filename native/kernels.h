// What the kernels of one instruction set offer to the engine: a table of functions for each type of numbers.
#pragma once

#include "program.h"
#include "smoothing/series.h"

namespace elman {

// Gradients that arrive from outside, contiguous, T that of each one's axis of time. Each may be null.
struct Upstream {
  const void* dy;              // (n, T, O) or (n, O)
  const void* const* dhidden;  // for each recurrent operation, (n, T, out), or null
  const void* const* dstate;   // aligned with the program's states, (n, size)
};

// Gradients of rows of a table, in the order in which they arise; a row may come several times.
template <class T>
struct RowGradients {
  int64_t count;
  int64_t* row;  // (count,)
  T* values;     // (count, width)
};

// A piece of the time of rows that go on before and after it.
struct Segment {
  int64_t first;        // the step at which it begins
  int64_t open;         // so many rows, the first, go on after it
  void* const* dstate;  // for each state (rows, size): in, the gradient after the segment; out, that before it
};

// The lengths of a shard's rows, (rows,) along each axis of time.
struct Lengths {
  const int64_t* first;  // of axis 0
  int64_t apart;         // from one axis to the next
};

// One sentence's memory for one attention operation, packed by `pack_memories`.
struct Memory {
  void* packed;
  int64_t steps;
};

// Rows at one step of decoding. `sentence` says which row of the arrays below is theirs.
template <class T>
struct StepRows {
  int64_t count;
  const int64_t* ids;             // (count,): what each reads as x
  const int64_t* parent;          // (count,): which row at the step before each continues
  const int64_t* sentence;        // (count,): rows of the same one lie together
  const T* const* state;          // of each of the network's states (n, size), or null: learned, or zero
  const T* const* vectors;        // of each of the program's inputs (n, size), or null for one that is a memory
  const Memory* const* memories;  // of each of the program's operations (n,), null but for attention
  const InputParts* parts;        // of each of the program's operations
};

// Rows under way, and what their way back works on: laid out in blocks of the caller's, opaque outside the kernels.
struct Shard;
struct Scratch;

// What weights are packed for.
struct Packing {
  bool backward;  // for the way back too
  bool dx;        // as far as the network's input
  bool moves;     // whether any state is multiplied
  bool one_row;   // of a single row, whose way back reads some matrices where they lie
};

// What one instruction set offers for one type. All memory is the caller's; sizes are in bytes, blocks aligned to 64.
template <class T>
struct Table {
  // theta must stay as it is while what is packed of it is in use.
  size_t (*packed_bytes)(const Program&, const Packing&);
  void (*pack)(const Program&, const T* theta, void* packed, const Packing&);

  // Rows of one shard or of several neighbouring ones, longest first along axis 0. A tape laid out for rows of these
  // lengths serves any such rows, again and again. It holds what the way back needs; without `keep`, only what the
  // outputs and states are read from.
  size_t (*tape_bytes)(const Program&, Lengths, int64_t rows, bool keep);
  Shard* (*lay_tape)(const Program&, Lengths, int64_t rows, bool keep, void* tape);
  size_t (*scratch_bytes)(const Shard*, const Program&, int64_t shard_rows, bool dx);
  Scratch* (*lay_scratch)(const Shard*, const Program&, int64_t shard_rows, bool dx, void* scratch);

  void (*forward)(Shard*, const Program&, const T* theta, const void* packed, const Data&, const int64_t* rows);
  void (*read_output)(const Shard*, const Program&, T* y);  // (n, T, O) or (n, O)
  // Each (n, size); own: only the shard's rows, in its order.
  void (*read_state)(const Shard*, const Program&, bool own, T* const* state);
  void (*read_source)(const Shard*, const Program&, int32_t source, T* to);  // (n, T, width) or (n, width)

  // Memory that a loss of one target a row needs, for rows of so many steps and labels at most; 0 for all others.
  size_t (*loss_bytes)(const Loss&, int64_t steps, int64_t outputs, int64_t labels);

  // Both set gradients; the first, with a segment, adds to them. It begins with the loss's own derivative, and adds its
  // value to `losses`, one for each shard of `shard_rows` among the rows; without scratch and gradients it only does
  // the latter. The second begins with what came from outside, and fills dstate, and the inputs' gradients where asked:
  // dx has one array or null for each. Gradients are of the parameters before the program's tables; what is of these is
  // put into `rows`, one list for each table (of each shard), which has room for all of the shard's steps.
  void (*loss_backward)(const Shard*, const Program&, const void* packed, const Data&, const Loss&, double normaliser,
                        int64_t truncate, int64_t shard_rows, Scratch*, void* room, const Segment*, double activity,
                        T* const* gradients, RowGradients<T>* const* rows, double* losses);
  void (*backward)(const Shard*, const Program&, const void* packed, const Upstream&, int64_t truncate, Scratch*,
                   T* gradient, RowGradients<T>* rows, T* const* dx, T* const* dstate);

  void (*add)(T* a, const T* b, int64_t n);
  double (*sum_squares)(const T* g, int64_t n);
  void (*clip_value)(T* g, int64_t n, double limit);
  void (*scale)(T* g, int64_t n, double factor);
  void (*optimise)(const Optimizer&, T* theta, T* const* slots, const T* g, int64_t n, double rate, int64_t step);

  void (*spread)(const T* logits, int64_t n, double temperature, double* p);
  double (*uniform)(Key, int64_t row, int64_t step);

  // values (n,) <- a loss of one target a row, labels (n, most), of each row of outputs y (n, steps, outputs); dy,
  // which may be null, <- their derivatives within the lengths. room is `loss_bytes` of memory.
  void (*sequence_losses)(const Loss&, const T* y, T* dy, int64_t n, int64_t steps, int64_t outputs,
                          const int64_t* lengths, const int64_t* labels, int64_t most, const int64_t* counts,
                          double* values, void* room);
  void (*log_softmax)(const T* logits, int64_t n, double* log_p);  // log_p has room to a whole vector
  double (*sum_of_logs)(double, double);                           // the logarithm of the sum of what these are logs of
  // Steps of decoding, of a program without inputs that have steps but x and memories. A tape serves any rows up to as
  // many as it is laid for, and memories up to `longest` steps; `ones` are as many lengths of 1.
  size_t (*step_bytes)(const Program&, Lengths ones, int64_t rows, int64_t longest);
  Shard* (*lay_step)(const Program&, Lengths ones, int64_t rows, int64_t longest, void* tape);
  void (*step)(Shard*, const Shard* before, const Program&, const T* theta, const void* packed, const StepRows<T>&);
  T* (*step_output)(const Shard*, const Program&, int64_t* ld);
  const T* (*step_shares)(const Shard*, int32_t op, int64_t* ld);
  size_t (*memory_bytes)(const Op&, int64_t steps);
  void (*pack_memories)(const Shard*, int32_t source, const Program& steps, int32_t op, const void* packed,
                        void* const* to);
  // What `InputParts` point to, of one direction of an operation that reads an embedding. Size 0: there can be none.
  int64_t (*part_size)(const Op&);
  void (*input_parts)(const Program&, int32_t op, int32_t direction, const T* theta, const void* packed, T* to);
  bool (*rank)(T* a, int64_t n, int64_t k, int64_t without, int64_t* ids, double* log_p);
};

// Exponential smoothing of as many series as there are lanes, from row `first` on, in `bytes` of the caller's memory.
struct SmoothingTable {
  int64_t lanes;
  size_t (*bytes)(int64_t steps, int64_t season);
  void (*smooth)(const SmoothingForm&, const SmoothingSeries&, int64_t first, void* room);
};

// Bytes of each level of cache that a core may count on. They decide in which order weights and rows are visited and
// how much goes through a network at a time, never a bit.
struct Caches {
  int64_t l1, l2, l3;
};

struct Kernels {
  const char* isa;
  Caches* caches;  // filled in before anything else is called
  Table<float> f32;
  Table<double> f64;
  SmoothingTable smoothing;
};

}  // namespace elman
