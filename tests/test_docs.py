"""The Python blocks of the mathematics pages run, and their assertions hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGES = sorted((Path(__file__).parents[1] / "docs" / "math").glob("*.md"))


def blocks(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.M | re.S)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_checks_of_a_page_hold(page: Path) -> None:
    found = blocks(page)
    assert found or page.stem == "README"
    for block in found:
        assert "assert" in block
        exec(compile(block, str(page), "exec"), {})
