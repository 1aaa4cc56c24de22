"""The Python blocks of the mathematics pages and of the pages in PROSE run, and their assertions hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
PROSE = (
    "anomalies",
    "checkpoints",
    "constraints",
    "ctc",
    "custom",
    "decoding",
    "dynamics",
    "large_data",
    "long_sequences",
    "many_models",
    "loops",
    "memory",
    "music",
    "reading",
    "sequences",
    "speech",
    "text",
    "tokens",
    "training",
    "training_from_files",
    "translation",
)
NEEDS = {"large_data": "pyarrow"}  # page -> what its code imports beside what the tests need
PAGES = [*sorted((DOCS / "math").glob("*.md")), *(DOCS / f"{name}.md" for name in PROSE)]


def blocks(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.M | re.S)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_checks_of_a_page_hold(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if page.stem in NEEDS:
        pytest.importorskip(NEEDS[page.stem])
    monkeypatch.chdir(tmp_path)
    found = blocks(page)
    assert found or page.stem == "README"
    for block in found:
        assert "assert" in block
        exec(compile(block, str(page), "exec"), {})
