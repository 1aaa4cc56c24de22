// A shard: some rows taken through the whole network and back. What kernels.cpp exports.
#pragma once

#include "kernels.h"
#include "losses/registry.h"
#include "shard/packed.h"
#include "shard/tape.h"

namespace elman::ELMAN_ISA {

template <class T>
void forward(Shard* shard, const Program& p, const T* theta, const void* packed, const Data& data,
             const int64_t* rows) {
  ShardTape<T>& s = *reinterpret_cast<ShardTape<T>*>(shard);
  const OpWeights<T>* weights = static_cast<const OpWeights<T>*>(packed);
  gather_inputs(p, data, rows, s);
  s.rest = !data.state;
  s.draws = data.draws;

  for (int32_t i = 0; i < p.n_ops; i++) {
    const Op& op = p.ops[i];
    Rows<T> in[kMostSources];
    for (int32_t k = 0; k < op.n_reads; k++) in[k] = rows_of(s, op.reads[k]);
    const ForwardPass<T> f{op, i, weights[i], theta, data, s, in, s.ops[i]};
    form_of<T>(op.kind).forward(f);
  }
}

// The penalty on activity, `unit` h^2 for every unit and step of a layer: its value for each shard of `shard_rows`, and
// its derivative added to dout.
template <class T>
void penalise(const Op& op, const OpTape<T>& o, double unit, int64_t shard_rows, T* dout, double* losses) {
  each_row(*o.steps, false, [&](int64_t m, int64_t r, int64_t) {
    const T* h = o.out + m * o.ld;
    double sum = 0;
    for (int64_t j = 0; j < op.out; j++) sum += double(h[j]) * double(h[j]);
    losses[o.steps->row[r] / shard_rows] += unit * sum;
    for (int64_t j = 0; dout && j < op.out; j++) dout[m * o.ld + j] += T(2 * unit) * h[j];
  });
}

// Hands the gradient of a recurrent operation's initial states, where they came from elsewhere, to where that was, and
// keeps none of it.
template <class T>
void send_to_origins(const Op& op, const ShardTape<T>& s, const ShardScratch<T>& b, int32_t place) {
  const Steps& steps = *s.ops[place].steps;
  for (int32_t k = 0; op.kind == LayerKind::recurrent && k < op.directions; k++) {
    const DirectionTape<T>& d = s.ops[place].dir[k];
    for (int part = 0; part < (d.c0 ? 2 : 1); part++) {
      const Origin& origin = op.direction[k].origin[part];
      if (origin.kind == OriginKind::none) continue;
      T* from = part == 0 ? b.ops[place].dir[k].dh : b.ops[place].dir[k].dc;
      T* to;
      int64_t ld;
      if (origin.kind == OriginKind::state) {
        const DirectionScratch<T>& other = b.ops[origin.source].dir[origin.direction];
        to = origin.part == 0 ? other.dh : other.dc, ld = d.units;
      } else {
        to = origin.source <= kInput ? b.dx[kInput - origin.source] : b.dout[origin.source];
        ld = rows_of(s, origin.source).ld;
      }
      each_origin(origin, s, steps, [&](int64_t r, int64_t own, const T*) {
        for (int64_t j = 0; to && j < d.hidden; j++) to[own * ld + j] += from[r * d.units + j];
      });
      memset(from, 0, size_t(steps.rows * d.units) * sizeof(T));
    }
  }
}

// Through all layers, from the last one's dout; b.ops holds the gradient of the final states.
template <class T>
void walk_back(const Program& p, const OpWeights<T>* w, const ShardTape<T>& s, const ShardScratch<T>& b,
               const void* const* dhidden, int64_t truncate, Shares<T> shares, double activity = 0,
               double* losses = nullptr) {
  int32_t recurrent = 0;
  for (int32_t i = 0; i < p.n_ops; i++) recurrent += p.ops[i].kind == LayerKind::recurrent;
  const auto clear = [](T* rows, const Steps& steps, bool last, int64_t ld) {
    memset(rows, 0, size_t(output_rows(steps, last) * ld) * sizeof(T));
  };
  for (int32_t i = 0; i < p.n_inputs; i++) {
    if (b.dx[i]) clear(b.dx[i], *s.inputs[i].steps, s.inputs[i].last, s.inputs[i].ld);
  }
  for (int32_t i = 0; i < p.n_ops; i++) {
    if (p.ops[i].shared_output) clear(b.dout[i], *s.ops[i].steps, s.ops[i].last, s.ops[i].ld);
  }
  for (int32_t i = p.n_ops - 1; i >= 0; i--) {
    const Op& op = p.ops[i];
    const OpTape<T>& o = s.ops[i];
    if (op.kind == LayerKind::recurrent) {
      recurrent--;
      const T* extra = dhidden ? static_cast<const T*>(dhidden[recurrent]) : nullptr;
      if (extra) {
        const Steps& steps = *o.steps;
        each_row(steps, false, [&](int64_t m, int64_t r, int64_t t) {
          const T* from = extra + (steps.sequence[r] * steps.width + t) * op.out;
          for (int64_t j = 0; j < op.out; j++) b.dout[i][m * o.ld + j] += from[j];
        });
      }
      if (activity > 0) penalise(op, o, activity, b.shard_rows, b.dout[i], losses);
    }
    const auto into = [&](int32_t source) {
      if (source <= kInput) return Into<T>{b.dx[kInput - source], Start::add};
      return Into<T>{b.dout[source], p.ops[source].shared_output ? Start::add : Start::zero};
    };
    Rows<T> in[kMostSources];
    Into<T> din[kMostSources];
    for (int32_t k = 0; k < op.n_reads; k++) in[k] = rows_of(s, op.reads[k]), din[k] = into(op.reads[k]);
    const BackwardPass<T> pass{op, i, w[i], s, in, o, b.dout[i], b.ops[i], truncate, shares, din};
    form_of<T>(op.kind).backward(pass);
    if (s.rest) send_to_origins(op, s, b, i);
  }
}

// Below so many parameters all is set to zero: that costs less than to find out what need not be.
constexpr int64_t kMuch = 1 << 14;

// Sets a gradient to zero, but for what the way back sets (`Shares::begins`).
template <class T>
void clear(const Program& p, T* gradient) {
  int64_t at = 0;
  while (p.dense >= kMuch) {
    int64_t begin = p.dense, size = 0;  // of the next matrix that is set
    for (const Op* op = p.ops; op < p.ops + p.n_ops; op++) {
      for (int32_t k = 0; op->kind == LayerKind::recurrent && k < op->directions; k++) {
        const Direction& own = op->direction[k];
        const CellForm<T>& cell = form_of<T>(op->cell);
        const auto consider = [&](int64_t offset, int64_t gates, int64_t inner) {
          if (own.alone && offset >= at && offset < begin) begin = offset, size = gates * op->hidden * inner;
        };
        consider(own.weight, cell.input.count, op->in);
        consider(own.weight_hh, cell.hidden.count + (cell.second ? cell.hidden2.count : 0), op->hidden);
      }
    }
    if (size == 0) break;
    memset(gradient + at, 0, size_t(begin - at) * sizeof(T));
    at = begin + size;
  }
  memset(gradient + at, 0, size_t(p.dense - at) * sizeof(T));
}

// f(gradient buffer (rows, units), state slot, steps, direction) for every state of every layer.
template <class T, class F>
void each_state(const Program& p, const ShardTape<T>& s, const ShardScratch<T>& b, F f) {
  for (int32_t i = 0; i < p.n_ops; i++) {
    if (p.ops[i].kind != LayerKind::recurrent) continue;
    for (int32_t k = 0; k < p.ops[i].directions; k++) {
      const OpTape<T>& o = s.ops[i];
      f(b.ops[i].dir[k].dh, p.ops[i].direction[k].state, *o.steps, o.dir[k]);
      if (b.ops[i].dir[k].dc) f(b.ops[i].dir[k].dc, p.ops[i].direction[k].state + 1, *o.steps, o.dir[k]);
    }
  }
}

template <class T>
Shares<T> shares_with(const ShardScratch<T>& b, int64_t count, T* const* gradients, RowGradients<T>* const* rows,
                      int64_t step, bool dstate, bool rest, bool unset) {
  for (int64_t k = 0; k < count; k++) b.shares[k].gradient = gradients[k], b.shares[k].tables = rows[k];
  return {b.shares, count, block_steps(b.shard_rows), step, dstate, rest, unset};
}

// The parts of a loss of one target a row, for each shard of `shard_rows`, and its derivative by the outputs. `memory`
// is what `loss_bytes` says.
template <class T>
void loss_of_sequences(const OpTape<T>& o, int64_t outputs, const Data& data, const Loss& loss, double unit,
                       int64_t shard_rows, void* memory, T* dout, double* losses) {
  const Steps& steps = *o.steps;
  const T* weight = static_cast<const T*>(data.weight);
  Carver m{static_cast<char*>(memory), 0};
  const CtcRoom room = carve_ctc(m, steps.steps, outputs, data.labels);
  for (int64_t r = 0; r < steps.rows; r++) {
    const int64_t row = steps.sequence[r];
    const Track<T> track{o.out, dout, o.ld, steps.lengths[r], outputs, steps.offset, r};
    const Labels labels{data.y, data.y_whole, row * data.y_row, data.y_step, data.y_lengths[row]};
    const double scale = weight ? double(weight[row * data.weight_row]) * unit : unit;
    losses[steps.row[r] / shard_rows] += CTC::sequence(loss, track, labels, scale, room);
  }
}

// Parts of the loss and of its gradient, one for each shard among the rows.
template <class T>
void loss_backward(const Shard* shard, const Program& p, const void* packed, const Data& data, const Loss& loss,
                   double normaliser, int64_t truncate, int64_t shard_rows, Scratch* scratch, void* room,
                   const Segment* segment, double activity, T* const* gradients, RowGradients<T>* const* rows,
                   double* losses) {
  const ShardTape<T>& s = *opened<T>(shard);
  const OpTape<T>& o = s.ops[p.n_ops - 1];
  const Steps& steps = *o.steps;
  const int64_t shares = (steps.rows + shard_rows - 1) / shard_rows;
  const int64_t silent = o.last && segment ? segment->open : 0;  // rows that have not come to their last step
  const ShardScratch<T>* b = reinterpret_cast<ShardScratch<T>*>(scratch);
  T* dout = gradients ? b->dout[p.n_ops - 1] : nullptr;
  const double unit = normaliser > 0 ? 1 / normaliser : 0.0;
  const bool ragged = kLosses[int32_t(loss.kind)].ragged;
  each_row(steps, o.last, [&](int64_t k, int64_t r, int64_t t) {
    T* d = gradients ? dout + k * o.ld : nullptr;
    for (int64_t j = r < silent ? 0 : p.out; d && j < o.ld; j++) d[j] = T(0);
    if (r < silent || ragged) return;
    const int64_t row = steps.sequence[r], at = row * data.y_row + t * data.y_step;
    const Target<T> y = target_at<T>(loss, data, at);
    const T* weight = static_cast<const T*>(data.weight);
    const double scale = weight ? double(weight[row * data.weight_row + t * data.weight_step]) * unit : unit;
    double& sum = losses[shares == 1 ? 0 : steps.row[r] / shard_rows];
    if (p.targeted) {
      sum -= scale * double(o.out[k * o.ld]);
      if (d) d[0] = T(-scale);
      return;
    }
    sum += loss_row(loss, o.out + k * o.ld, p.out, y, scale, d);
  });
  if (ragged) loss_of_sequences(o, p.out, data, loss, unit, shard_rows, room, dout, losses);
  for (int32_t i = 0; activity > 0 && !gradients && i < p.n_ops; i++) {
    if (p.ops[i].kind == LayerKind::recurrent) penalise<T>(p.ops[i], s.ops[i], activity, shard_rows, nullptr, losses);
  }
  if (!gradients) return;
  void* const* dstate = segment ? segment->dstate : nullptr;
  for (int64_t k = 0; !segment && k < shares; k++) clear(p, gradients[k]);
  each_state(p, s, *b, [&](T* d, int32_t slot, const Steps& own, const DirectionTape<T>& tape) {
    memset(d, 0, size_t(own.rows * tape.units) * sizeof(T));
    for (int64_t r = 0; dstate && r < own.rows; r++) {
      memcpy(d + r * tape.units, static_cast<T*>(dstate[slot]) + r * tape.hidden, size_t(tape.hidden) * sizeof(T));
    }
  });
  walk_back(p, static_cast<const OpWeights<T>*>(packed), s, *b, nullptr, truncate,
            shares_with(*b, shares, gradients, rows, segment ? segment->first : 0, dstate != nullptr, s.rest,
                        !segment && p.dense >= kMuch),
            activity, losses);
  each_state(p, s, *b, [&](const T* d, int32_t slot, const Steps& own, const DirectionTape<T>& tape) {
    for (int64_t r = 0; dstate && r < own.rows; r++) {
      memcpy(static_cast<T*>(dstate[slot]) + r * tape.hidden, d + r * tape.units, size_t(tape.hidden) * sizeof(T));
    }
  });
}

template <class T>
void backward(const Shard* shard, const Program& p, const void* packed, const Upstream& up, int64_t truncate,
              Scratch* scratch, T* gradient, RowGradients<T>* rows, T* const* dx, T* const* dstate) {
  const ShardTape<T>& s = *opened<T>(shard);
  const OpTape<T>& o = s.ops[p.n_ops - 1];
  const ShardScratch<T>& b = *reinterpret_cast<ShardScratch<T>*>(scratch);
  T* dout = b.dout[p.n_ops - 1];
  const Steps& steps = *o.steps;
  clear(p, gradient);
  memset(dout, 0, size_t(output_rows(steps, o.last) * o.ld) * sizeof(T));
  if (up.dy) {
    each_row(steps, o.last, [&](int64_t k, int64_t r, int64_t t) {
      const T* from = static_cast<const T*>(up.dy) + (steps.sequence[r] * (o.last ? 1 : steps.width) + t) * p.out;
      memcpy(dout + k * o.ld, from, size_t(p.out) * sizeof(T));
    });
  }
  each_state(p, s, b, [&](T* d, int32_t slot, const Steps& own, const DirectionTape<T>& tape) {
    const T* from = up.dstate ? static_cast<const T*>(up.dstate[slot]) : nullptr;
    for (int64_t r = 0; r < own.rows; r++) {
      for (int64_t j = 0; j < tape.units; j++) {
        d[r * tape.units + j] = from && j < tape.hidden ? from[own.sequence[r] * tape.hidden + j] : T(0);
      }
    }
  });
  walk_back(p, static_cast<const OpWeights<T>*>(packed), s, b, up.dhidden, truncate,
            shares_with(b, 1, &gradient, &rows, 0, true, s.rest, p.dense >= kMuch));
  for (int32_t i = 0; i < p.n_inputs; i++) {
    if (!dx[i]) continue;
    Rows<T> own = s.inputs[i];
    own.at = b.dx[i];
    read_rows(own, p.inputs[i].size, dx[i]);
  }
  each_state(p, s, b, [&](T* d, int32_t slot, const Steps& own, const DirectionTape<T>& tape) {
    for (int64_t r = 0; r < own.rows; r++) {
      memcpy(dstate[slot] + own.sequence[r] * tape.hidden, d + r * tape.units, size_t(tape.hidden) * sizeof(T));
    }
  });
}

}  // namespace elman::ELMAN_ISA
