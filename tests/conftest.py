"""What every test may count on."""

from __future__ import annotations

import signal

# A shell starts background jobs with Ctrl-C ignored, and all that they start ignores it too; tests of it need it back.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
