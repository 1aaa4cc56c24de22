"""Files of estimators in the format of trees (`estimators/codec.py`), for test_files.py.

python tests/golden/make_trees.py    loads the estimators' files of 0.1.0 and writes trees/*.safetensors

They are written anew only before a release; from then on, whatever reads files later must read these, to the numbers in
files/expected.json.
"""

from __future__ import annotations

from pathlib import Path

import elman

HERE = Path(__file__).parent


def main() -> None:
    (HERE / "trees").mkdir(exist_ok=True)
    for path in sorted((HERE / "files").glob("*.safetensors")):
        if path.name.startswith(("forecaster", "detector")):
            elman.load(path).save(HERE / "trees" / path.name)


if __name__ == "__main__":
    main()
