// The search for the most probable labels of a row, step by step (Hannun et al. 2014): the probability of a prefix is
// the sum over all paths that give it, kept apart by whether they end at a blank. engines/reference/decoding/ctc.py
// states it in NumPy.
#pragma once

#include <algorithm>
#include <limits>
#include <vector>

#include "kernels.h"

namespace elman {

template <class T>
class PrefixBeam {
 public:
  PrefixBeam(const Table<T>& table, int64_t classes, int64_t blank, int64_t beam)
      : table_(table),
        classes_(classes),
        blank_(blank),
        size_(size_t(beam)),
        log_p_(size_t(classes) + kRoom),
        nodes_{{kNone, blank, kNone, kNone, kNone}},
        beam_{{0, 0.0, kZero, 0.0}} {}

  // One more step: its outputs (classes,).
  void step(const T* outputs) {
    table_.log_softmax(outputs, classes_, log_p_.data());
    stay();
    extend();
    const auto before = [](const Candidate& a, const Candidate& b) {
      return a.sum > b.sum || (a.sum == b.sum && a.order < b.order);
    };
    const size_t kept = std::min(size_, candidates_.size());
    std::partial_sort(candidates_.begin(), candidates_.begin() + int64_t(kept), candidates_.end(), before);
    next_.clear();
    for (size_t i = 0; i < kept; i++) {
      const Candidate& one = candidates_[i];
      if (one.label == blank_) {
        next_.push_back(stays_[size_t(one.from)]);
      } else {
        next_.push_back({child(beam_[size_t(one.from)].node, one.label), kZero, one.sum, one.sum});
      }
    }
    beam_.swap(next_);
  }

  // The labels of the k-th most probable prefix, and the logarithm of its probability. Returns how many they are, -1
  // where there is no such prefix.
  int64_t read(int64_t k, int64_t* labels, double* log_p) const {
    *log_p = kZero;
    if (size_t(k) >= beam_.size()) return -1;
    *log_p = beam_[size_t(k)].sum;
    int64_t count = 0;
    for (int64_t node = beam_[size_t(k)].node; node != 0; node = nodes_[size_t(node)].parent) {
      labels[count++] = nodes_[size_t(node)].label;
    }
    std::reverse(labels, labels + count);
    return count;
  }

 private:
  static constexpr int64_t kNone = -1, kRoom = 16;
  static constexpr double kZero = -std::numeric_limits<double>::infinity();

  struct Node {  // of the tree of all prefixes that were ever in the beam
    int64_t parent, label, child, sibling;
    int64_t place;  // in the beam, or kNone
  };
  struct Prefix {  // logarithms of the probability of its paths: those that end at a blank, the others, all
    int64_t node;
    double blank, label, sum;
  };
  struct Candidate {  // a prefix of the beam as it is (its label is the blank), or with one more label
    double sum;
    int64_t from, label, order;
  };

  // What goes from a prefix to the same prefix with one more label: equal labels need a blank between them.
  double leaving(const Prefix& p, int64_t label) const {
    return nodes_[size_t(p.node)].label == label ? p.blank : p.sum;
  }

  // The prefixes of the beam at the next step, from themselves and from one another.
  void stay() {
    stays_.assign(beam_.begin(), beam_.end());
    taken_.assign(beam_.size() * size_t(classes_), false);
    for (size_t i = 0; i < beam_.size(); i++) nodes_[size_t(beam_[i].node)].place = int64_t(i);
    candidates_.clear();
    for (size_t i = 0; i < beam_.size(); i++) {
      const Node& node = nodes_[size_t(beam_[i].node)];
      Prefix& now = stays_[i];
      now.blank = beam_[i].sum + log_p_[size_t(blank_)];
      now.label = beam_[i].node == 0 ? kZero : beam_[i].label + log_p_[size_t(node.label)];
      const int64_t from = node.parent == kNone ? kNone : nodes_[size_t(node.parent)].place;
      if (from != kNone) {
        const double more = leaving(beam_[size_t(from)], node.label) + log_p_[size_t(node.label)];
        now.label = table_.sum_of_logs(now.label, more);
        taken_[size_t(from * classes_ + node.label)] = true;
      }
      now.sum = table_.sum_of_logs(now.blank, now.label);
      candidates_.push_back({now.sum, int64_t(i), blank_, int64_t(i)});
    }
    for (const Prefix& p : beam_) nodes_[size_t(p.node)].place = kNone;
  }

  // Prefixes that are not in the beam, unless so many are as probable that none of them can be kept.
  void extend() {
    double least = kZero;
    if (candidates_.size() >= size_) {
      for (size_t i = 0; i < candidates_.size(); i++)
        least = i == 0 ? candidates_[i].sum : std::min(least, candidates_[i].sum);
    }
    for (size_t i = 0; i < beam_.size(); i++) {
      for (int64_t k = 0; k < classes_; k++) {
        if (k == blank_ || taken_[i * size_t(classes_) + size_t(k)]) continue;
        const double sum = leaving(beam_[i], k) + log_p_[size_t(k)];
        if (sum > least) candidates_.push_back({sum, int64_t(i), k, int64_t(candidates_.size())});
      }
    }
  }

  int64_t child(int64_t node, int64_t label) {
    int64_t found = nodes_[size_t(node)].child;
    while (found != kNone && nodes_[size_t(found)].label != label) found = nodes_[size_t(found)].sibling;
    if (found != kNone) return found;
    found = int64_t(nodes_.size());
    nodes_.push_back({node, label, kNone, nodes_[size_t(node)].child, kNone});
    nodes_[size_t(node)].child = found;
    return found;
  }

  const Table<T>& table_;
  int64_t classes_, blank_;
  size_t size_;
  std::vector<double> log_p_;
  std::vector<Node> nodes_;
  std::vector<Prefix> beam_, stays_, next_;
  std::vector<bool> taken_;  // (beam, classes): this prefix with this label is in the beam itself
  std::vector<Candidate> candidates_;
};

}  // namespace elman
