// The search for the best ids of one row: engines/reference/decoding/search.py has the definition. What computes the
// outputs is none of its business.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace elman {

struct Search {
  int64_t end, min_steps, beam, hypotheses;
  double length_penalty;
  bool attention;            // whether the rows of each hypothesis are wanted
  const int64_t* max_steps;  // (n,)

  double score(double log_p, int64_t n) const { return log_p / std::pow(double(5 + n) / 6, length_penalty); }
};

// The best continuations of one hypothesis: ids, the best first, and their log probabilities.
struct Ranked {
  const int64_t* ids;
  const double* log_p;
  int64_t count;
};

struct Hypothesis {
  std::vector<int64_t> ids;
  double log_p, score;
  bool ended;
  std::vector<int64_t> rows;  // the mark of the row that gave each of the ids, and the end
};

class Beam {
 public:
  Beam(const Search& search, int64_t most) : search_(search), most_(most), running_{{-1, 0.0}} {}

  int64_t running() const { return int64_t(running_.size()); }

  // Whether the end is out of the question at the present step.
  bool without_end() const { return step_ < search_.min_steps; }

  // Takes a step, by the ranked continuations of the running hypotheses, in their order; `row` is the mark of the first
  // one's row, the others' follow. Calls go_on(which of them, id) for each that runs on.
  template <class F>
  void advance(const Ranked* ranked, int64_t row, F go_on) {
    step_++;
    candidates_.clear();
    for (int64_t b = 0; b < running(); b++) {
      for (int64_t i = 0; i < ranked[b].count; i++) {
        candidates_.push_back({running_[size_t(b)].log_p + ranked[b].log_p[i], b, i});
      }
    }
    const size_t count = std::min(candidates_.size(), size_t(search_.beam));
    const auto better = [](const Candidate& a, const Candidate& b) {
      if (a.log_p != b.log_p) return a.log_p > b.log_p;
      return a.beam != b.beam ? a.beam < b.beam : a.place < b.place;
    };
    std::partial_sort(candidates_.begin(), candidates_.begin() + int64_t(count), candidates_.end(), better);
    before_.swap(running_);
    running_.clear();
    for (size_t i = 0; i < count; i++) {
      const Candidate& c = candidates_[i];
      const int64_t id = ranked[c.beam].ids[c.place], node = int64_t(nodes_.size());
      nodes_.push_back({before_[size_t(c.beam)].node, id, row + c.beam});
      if (id == search_.end) {
        keep({node, c.log_p, search_.score(c.log_p, step_)});
      } else {
        running_.push_back({node, c.log_p});
      }
    }
    const bool full = int64_t(kept_.size()) == search_.hypotheses;
    over_ = running_.empty() || step_ == most_ ||
            (full && kept_.back().score >= search_.score(running_.front().log_p, most_));
    if (over_) return;
    for (size_t i = 0; i < running_.size(); i++) {
      go_on(candidate_of(running_[i].node, row), nodes_[size_t(running_[i].node)].id);
    }
  }

  bool over() const { return over_; }

  // The best hypotheses, the best first; those that did not end behind those that did.
  std::vector<Hypothesis> best() const {
    std::vector<Hypothesis> found;
    for (const Ended& one : kept_) found.push_back(told(one.node, one.log_p, one.score, true));
    for (const Running& one : running_) {
      if (int64_t(found.size()) == search_.hypotheses) break;
      found.push_back(told(one.node, one.log_p, search_.score(one.log_p, step_), false));
    }
    return found;
  }

 private:
  struct Node {
    int64_t before, id, row;
  };
  struct Running {
    int64_t node;
    double log_p;
  };
  struct Candidate {
    double log_p;
    int64_t beam, place;
  };
  struct Ended {
    int64_t node;
    double log_p, score;
  };

  int64_t candidate_of(int64_t node, int64_t row) const { return nodes_[size_t(node)].row - row; }

  void keep(const Ended& one) {
    const auto worse = [](const Ended& a, const Ended& b) { return a.score > b.score; };
    kept_.insert(std::upper_bound(kept_.begin(), kept_.end(), one, worse), one);
    if (int64_t(kept_.size()) > search_.hypotheses) kept_.pop_back();
  }

  Hypothesis told(int64_t node, double log_p, double score, bool ended) const {
    Hypothesis h{{}, log_p, score, ended, {}};
    for (int64_t at = node; at >= 0; at = nodes_[size_t(at)].before) {
      if (!ended || at != node) h.ids.push_back(nodes_[size_t(at)].id);
      if (search_.attention) h.rows.push_back(nodes_[size_t(at)].row);
    }
    std::reverse(h.ids.begin(), h.ids.end());
    std::reverse(h.rows.begin(), h.rows.end());
    return h;
  }

  Search search_;
  int64_t most_, step_ = 0;
  bool over_ = false;
  std::vector<Node> nodes_;  // every id of every hypothesis, each with the place of the one before it
  std::vector<Running> running_, before_;
  std::vector<Candidate> candidates_;
  std::vector<Ended> kept_;
};

}  // namespace elman
