// A shard: some rows taken through the whole network and back. What kernels.cpp exports.
#pragma once

#include "kernels.h"
#include "layers/layers.h"
#include "layers/losses.h"

namespace elman::ELMAN_ISA {

template <class T>
void forward(Shard* shard, const Program& p, const T* theta, const void* packed, const Data& data,
             const int64_t* rows) {
  ShardTape<T>& s = *reinterpret_cast<ShardTape<T>*>(shard);
  const OpWeights<T>* weights = static_cast<const OpWeights<T>*>(packed);
  memcpy(s.rows, rows, size_t(s.steps.rows) * sizeof(int64_t));
  gather_input(p, data, s);
  s.rest = !data.state;
  s.draws = data.draws;

  const T* in = s.x;
  int64_t ld = s.ldx;
  for (int32_t i = 0; i < p.n_ops; i++) {
    const Op& op = p.ops[i];
    OpTape<T>& o = s.ops[i];
    const int64_t count = output_rows(s.steps, o.last);
    switch (op.kind) {
      case LayerKind::embedding:
        for (int64_t k = 0; k < count; k++) {
          if (s.ids[k] < 0) {
            fill_nan(o.out + k * o.ld, op.out);
          } else {
            memcpy(o.out + k * o.ld, theta + op.direction[0].weight + s.ids[k] * op.out, size_t(op.out) * sizeof(T));
          }
          for (int64_t j = op.out; j < o.ld; j++) o.out[k * o.ld + j] = T(0);
        }
        break;
      case LayerKind::recurrent:
        recurrent_forward(op, weights[i], theta, data, s, in, ld, o, s.keep);
        break;
      case LayerKind::dense:
        dense_forward(op, weights[i], count, in, ld, o);
        break;
      case LayerKind::last:
        for (int64_t r = 0; r < count; r++) {
          memcpy(o.out + r * o.ld, in + last_row(s.steps, r) * ld, size_t(o.ld) * sizeof(T));
        }
        break;
      case LayerKind::dropout:
        dropout_forward(op, i, data, s, in, o);
        break;
      case LayerKind::skip:
        skip_forward(p, op, weights[i], s, in, o);
        break;
    }
    in = o.out;
    ld = o.ld;
  }
}

// The penalty on activity, `unit` h^2 for every unit and step of a layer: its value for each shard of `shard_rows`, and
// its derivative added to dout.
template <class T>
void penalise(const Op& op, const ShardTape<T>& s, const OpTape<T>& o, double unit, int64_t shard_rows, T* dout,
              double* losses) {
  each_row(s.steps, false, [&](int64_t m, int64_t r, int64_t) {
    const T* h = o.out + m * o.ld;
    double sum = 0;
    for (int64_t j = 0; j < op.out; j++) sum += double(h[j]) * double(h[j]);
    losses[r / shard_rows] += unit * sum;
    for (int64_t j = 0; dout && j < op.out; j++) dout[m * o.ld + j] += T(2 * unit) * h[j];
  });
}

// Through all layers, from the last one's dout; b.dir holds the gradient of the final states.
template <class T>
void walk_back(const Program& p, const OpWeights<T>* w, const ShardTape<T>& s, const ShardScratch<T>& b,
               const void* const* dhidden, int64_t steps, int64_t truncate, Shares<T> shares, double activity = 0,
               double* losses = nullptr) {
  int32_t recurrent = 0;
  for (int32_t i = 0; i < p.n_ops; i++) recurrent += p.ops[i].kind == LayerKind::recurrent;
  if (b.dx) memset(b.dx, 0, size_t(s.steps.total * s.ldx) * sizeof(T));
  for (int32_t i = p.n_ops - 1; i >= 0; i--) {
    const Op& op = p.ops[i];
    const OpTape<T>& o = s.ops[i];
    const int64_t rows = output_rows(s.steps, o.last);
    const T* in = i > 0 ? s.ops[i - 1].out : s.x;
    const int64_t ld = i > 0 ? s.ops[i - 1].ld : s.ldx;
    T *dout = b.dout[i % 2], *din = i > 0 ? b.dout[(i - 1) % 2] : b.dx;
    const Start start = i > 0 ? Start::zero : Start::add;  // skips add to dx too
    switch (op.kind) {
      case LayerKind::embedding:
        for (const Share<T>& share : shares) {
          const Pick pick = share.of(o.last);
          for (int64_t k = 0; k < pick.count; k++) {
            const int64_t m = pick.index[k];
            if (s.ids[m] < 0) continue;
            T* row = share.gradient + op.direction[0].weight + s.ids[m] * op.out;
            for (int64_t j = 0; j < op.out; j++) row[j] += dout[m * o.ld + j];
          }
        }
        break;
      case LayerKind::recurrent: {
        recurrent--;
        const T* extra = dhidden ? static_cast<const T*>(dhidden[recurrent]) : nullptr;
        if (extra) {
          each_row(s.steps, false, [&](int64_t m, int64_t r, int64_t t) {
            const T* from = extra + (s.rows[r] * steps + t) * op.out;
            for (int64_t j = 0; j < op.out; j++) dout[m * o.ld + j] += from[j];
          });
        }
        if (activity > 0) penalise(op, s, o, activity, b.shard_rows, dout, losses);
        recurrent_backward(op, w[i], s, in, ld, o, dout, b.dir[i], truncate, shares, din, start);
        break;
      }
      case LayerKind::dense:
        dense_backward(op, w[i], rows, in, ld, o, dout, shares, din, start);
        break;
      case LayerKind::last:
        memset(din, 0, size_t(s.steps.total * ld) * sizeof(T));
        for (int64_t r = 0; r < rows; r++) {
          memcpy(din + last_row(s.steps, r) * ld, dout + r * o.ld, size_t(o.ld) * sizeof(T));
        }
        break;
      case LayerKind::dropout:
        dropout_backward(op, s, o, dout, din, start);
        break;
      case LayerKind::skip:
        skip_backward(p, op, w[i], s, o, dout, shares, din, b.dx);
        break;
    }
  }
}

// f(gradient buffer (rows, units), state slot, direction) for every state of every layer.
template <class T, class F>
void each_state(const Program& p, const ShardTape<T>& s, const ShardScratch<T>& b, F f) {
  for (int32_t i = 0; i < p.n_ops; i++) {
    if (p.ops[i].kind != LayerKind::recurrent) continue;
    for (int32_t k = 0; k < p.ops[i].directions; k++) {
      f(b.dir[i][k].dh, p.ops[i].direction[k].state, s.ops[i].dir[k]);
      if (b.dir[i][k].dc) f(b.dir[i][k].dc, p.ops[i].direction[k].state + 1, s.ops[i].dir[k]);
    }
  }
}

template <class T>
Shares<T> shares_with(const ShardScratch<T>& b, int64_t count, T* const* gradients, int64_t step, bool dstate,
                      bool rest) {
  for (int64_t k = 0; k < count; k++) b.shares[k].gradient = gradients[k];
  return {b.shares, count, block_steps(b.shard_rows), step, dstate, rest};
}

// Parts of the loss and of its gradient, one for each shard among the rows.
template <class T>
void loss_backward(const Shard* shard, const Program& p, const void* packed, const Data& data, const Loss& loss,
                   double normaliser, int64_t truncate, int64_t shard_rows, Scratch* scratch, const Segment* segment,
                   double activity, T* const* gradients, double* losses) {
  const ShardTape<T>& s = *opened<T>(shard);
  const OpTape<T>& o = s.ops[p.n_ops - 1];
  const int64_t shares = (s.steps.rows + shard_rows - 1) / shard_rows;
  const int64_t silent = o.last && segment ? segment->open : 0;  // rows that have not come to their last step
  const ShardScratch<T>* b = reinterpret_cast<ShardScratch<T>*>(scratch);
  T* dout = gradients ? b->dout[(p.n_ops - 1) % 2] : nullptr;
  for (int64_t k = 0; k < shares; k++) losses[k] = 0;
  const double unit = normaliser > 0 ? 1 / normaliser : 0.0;
  each_row(s.steps, o.last, [&](int64_t k, int64_t r, int64_t t) {
    T* d = gradients ? dout + k * o.ld : nullptr;
    for (int64_t j = r < silent ? 0 : p.out; d && j < o.ld; j++) d[j] = T(0);
    if (r < silent) return;
    const int64_t row = s.rows[r], at = row * data.y_row + t * data.y_step;
    const bool classes = loss.kind == LossKind::cross_entropy;
    const T* y = classes ? nullptr : static_cast<const T*>(data.y) + at;
    const int64_t* label = classes ? static_cast<const int64_t*>(data.y) + at : nullptr;
    const T* weight = static_cast<const T*>(data.weight);
    const double scale = weight ? double(weight[row * data.weight_row + t * data.weight_step]) * unit : unit;
    losses[shares == 1 ? 0 : r / shard_rows] += loss_row(loss, o.out + k * o.ld, p.out, y, data.y_col, label, scale, d);
  });
  for (int32_t i = 0; activity > 0 && !gradients && i < p.n_ops; i++) {
    if (p.ops[i].kind == LayerKind::recurrent)
      penalise<T>(p.ops[i], s, s.ops[i], activity, shard_rows, nullptr, losses);
  }
  if (!gradients) return;
  void* const* dstate = segment ? segment->dstate : nullptr;
  each_state(p, s, *b, [&](T* d, int32_t slot, const DirectionTape<T>& tape) {
    memset(d, 0, size_t(s.steps.rows * tape.units) * sizeof(T));
    for (int64_t r = 0; dstate && r < s.steps.rows; r++) {
      memcpy(d + r * tape.units, static_cast<T*>(dstate[slot]) + r * tape.hidden, size_t(tape.hidden) * sizeof(T));
    }
  });
  walk_back(p, static_cast<const OpWeights<T>*>(packed), s, *b, nullptr, 0, truncate,
            shares_with(*b, shares, gradients, segment ? segment->first : 0, dstate != nullptr, s.rest), activity,
            losses);
  each_state(p, s, *b, [&](const T* d, int32_t slot, const DirectionTape<T>& tape) {
    for (int64_t r = 0; dstate && r < s.steps.rows; r++) {
      memcpy(static_cast<T*>(dstate[slot]) + r * tape.hidden, d + r * tape.units, size_t(tape.hidden) * sizeof(T));
    }
  });
}

template <class T>
void backward(const Shard* shard, const Program& p, const void* packed, const Upstream& up, int64_t steps,
              int64_t truncate, Scratch* scratch, T* gradient, T* dx, T* const* dstate) {
  const ShardTape<T>& s = *opened<T>(shard);
  const OpTape<T>& o = s.ops[p.n_ops - 1];
  const ShardScratch<T>& b = *reinterpret_cast<ShardScratch<T>*>(scratch);
  T* dout = b.dout[(p.n_ops - 1) % 2];
  memset(dout, 0, size_t(output_rows(s.steps, o.last) * o.ld) * sizeof(T));
  if (up.dy) {
    each_row(s.steps, o.last, [&](int64_t k, int64_t r, int64_t t) {
      const T* from = static_cast<const T*>(up.dy) + (s.rows[r] * (o.last ? 1 : steps) + t) * p.out;
      memcpy(dout + k * o.ld, from, size_t(p.out) * sizeof(T));
    });
  }
  each_state(p, s, b, [&](T* d, int32_t slot, const DirectionTape<T>& tape) {
    const T* from = up.dstate ? static_cast<const T*>(up.dstate[slot]) : nullptr;
    for (int64_t r = 0; r < s.steps.rows; r++) {
      for (int64_t j = 0; j < tape.units; j++) {
        d[r * tape.units + j] = from && j < tape.hidden ? from[s.rows[r] * tape.hidden + j] : T(0);
      }
    }
  });
  walk_back(p, static_cast<const OpWeights<T>*>(packed), s, b, up.dhidden, steps, truncate,
            shares_with(b, 1, &gradient, 0, true, s.rest));
  if (dx) read_rows(s, false, b.dx, s.ldx, p.in, dx, steps);
  each_state(p, s, b, [&](T* d, int32_t slot, const DirectionTape<T>& tape) {
    for (int64_t r = 0; r < s.steps.rows; r++) {
      memcpy(dstate[slot] + s.rows[r] * tape.hidden, d + r * tape.units, size_t(tape.hidden) * sizeof(T));
    }
  });
}

}  // namespace elman::ELMAN_ISA
