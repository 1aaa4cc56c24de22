"""What every test may count on."""

from __future__ import annotations

import signal

import pytest
from cases import both

from elman.core.requests import Engine
from elman.engines.select import compiled, reference

# A shell starts background jobs with Ctrl-C ignored, and all that they start ignores it too; tests of it need it back.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("compiled") and compiled() is None:
        pytest.skip("networks run on the reference engine here")


@pytest.fixture(params=["reference", "native"])
def run(request: pytest.FixtureRequest) -> Engine:
    """Each engine; the compiled one where it was built."""
    return reference() if request.param == "reference" else both()[1]
