"""Tells whether a snippet of a film review is positive, with a recurrent network that learns from ratings.

    pip install 'elman[examples]' && pip download --no-binary :all: --no-deps vaderSentiment==3.3.2
    python examples/sentiment.py vaderSentiment-3.3.2.tar.gz

The archive (MIT) holds 10,605 snippets with mean ratings (Hutto and Gilbert 2014). The class is the mean's sign; 37
zeros are left out. A tenth is tested and a tenth validates, by the text's CRC-32. The network reads words and parts of
words, and learns from the ratings, on copies in which words are hidden. Baselines, tuned on the same validation: TF-IDF
with logistic regression on the signs, or ridge regression on the ratings. `--quick` trains for seconds.
"""

from __future__ import annotations

import random
import re
import sys
import tarfile
import time
import zlib
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline

from elman import SequenceRegressor

OUTER = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"  # an archive in the archive
INNER = "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt"
WORDS, BEGAN = {"token_pattern": r"\w+|[^\w\s]", "sublinear_tf": True}, time.perf_counter()
NETWORK = {"hidden_size": 32, "bidirectional": True, "pooling": "mean", "dropout": 0.6, "embedding_size": 32}
NETWORK |= {"min_count": 2, "epochs": 2, "batch_size": 64, "learning_rate": 0.003, "weight_decay": 0.01, "members": 5}


def read(path: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns texts and ratings, (n,) each."""
    with tarfile.open(path) as outer, tarfile.open(fileobj=outer.extractfile(OUTER)) as inner:
        lines = [line.decode().rstrip().split("\t") for line in inner.extractfile(INNER)]  # type: ignore[union-attr]
    return np.array([text for _, _, text in lines], object), np.array([float(rating) for _, rating, _ in lines])


def columns(texts: np.ndarray, hidden: float = 0.0, seed: int = 0) -> list[list[tuple[str, ...]]]:
    """Returns what the network reads of each word: all of it, its first 5 and 4 letters, its last 3; some hidden."""
    drawn, words = random.Random(seed), [re.findall(WORDS["token_pattern"], text.lower()) for text in texts]
    seen = [[word if drawn.random() >= hidden else "<hidden>" for word in text] for text in words]
    return [[(word, word[:5], word[:4], word[-3:]) for word in text] for text in seen]


def main(path: str, rows: int | None = None, copies: int = 6, **options: Any) -> None:
    texts, ratings = (each[:rows] for each in read(path))
    texts, ratings = texts[ratings != 0], ratings[ratings != 0]
    part, positive = np.array([zlib.crc32(text.encode()) % 10 for text in texts]), ratings > 0
    train, valid, test = part > 1, part == 1, part == 0
    print(
        f"{train.sum()} snippets train, {valid.sum()} validate, {test.sum()} test; {positive[test].mean():.1%} positive"
    )

    def right(predict: Any, rows: np.ndarray) -> float:
        return float(np.mean((predict(texts[rows]) > 0) == positive[rows]))

    logistic = [LogisticRegression(C=c, max_iter=1000) for c in (1, 3, 10, 30)]
    ridge = [Ridge(alpha=alpha) for alpha in (0.3, 1, 3, 10)]
    for name, target, models in (("logistic", np.where(positive, 1, -1), logistic), ("ridge", ratings, ridge)):
        tried = [make_pipeline(TfidfVectorizer(ngram_range=(1, k), **WORDS), clone(m)) for k in (1, 2) for m in models]
        best = max(tried, key=lambda each: right(each.fit(texts[train], target[train]).predict, valid))
        print(f"{name:8} validation {right(best.predict, valid):.1%}, test {right(best.predict, test):.1%}", flush=True)
    many = [x for k in range(copies) for x in columns(texts[train], 0.5, k)]
    model = SequenceRegressor(**NETWORK | options).fit(many, np.tile(ratings[train], copies))
    found = [right(lambda x: model.predict(columns(x)), rows) for rows in (valid, test)]
    size = f"{model.members} networks of {model.networks_[0].num_parameters:,} parameters, one final run"
    print(
        f"network  validation {found[0]:.1%}, test {found[1]:.1%}; {size}; {time.perf_counter() - BEGAN:.0f} s in all"
    )


if __name__ == "__main__":
    main(sys.argv[1], **({"rows": 400, "copies": 1, "members": 1} if "--quick" in sys.argv else {}))
