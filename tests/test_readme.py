"""The README does what it says: its Python runs, its commands exist, and links lead somewhere, in docs/ too."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def snippets(language: str) -> list[str]:
    return [text for name, text in FENCE.findall(README.read_text("utf-8")) if name == language]


def test_the_python_tour_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """The blocks run in order, in one namespace, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "__main__"}
    for number, text in enumerate(snippets("python"), 1):
        exec(compile(text, f"README.md, Python block {number}", "exec"), names)
    out = capsys.readouterr().out
    assert "MASE" in out
    assert "[-0.0002 -0.0005 -0.0007 -0.001 ]" in out


def test_readme_has_exactly_two_commands():
    section = re.search(r"^## Two commands\n(.*?)^## ", README.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert section
    (block,) = FENCE.findall(section[1])
    first, second = block[1].splitlines()
    assert first == "python3 -m venv .venv && .venv/bin/pip install '.[full]' && .venv/bin/elman forecast"
    assert second.endswith(".venv/bin/python -m pytest")


def test_every_command_on_the_page_exists(capsys: pytest.CaptureFixture[str]):
    pytest.importorskip("typer")
    from elman.cli import main

    words = {
        tuple(re.findall(r"[a-z]+", line)[1:2])
        for text in snippets("sh")
        for line in text.splitlines()
        if line.startswith("elman ")
    }
    assert words
    for command in words:
        assert main([*command, "--help"]) == 0, command
    capsys.readouterr()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text("utf-8")):
        if not target.startswith(("http", "mailto")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
