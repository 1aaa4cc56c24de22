"""What the figures were measured on; no names of hosts, people or folders."""

from __future__ import annotations

import datetime
import os
import platform
from pathlib import Path

__all__ = ["describe", "usable_cores"]


def describe() -> dict[str, str]:
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.split(":", 1)[1].strip() for line in info.read_text("utf-8").splitlines() if "model name" in line]
        model = names[0] if names else model
    return {
        "date": datetime.date.today().isoformat(),
        "processor": model,
        "cores": str(os.cpu_count()),
        "caches": ", ".join(_caches()) or "unknown",
        "system": f"{platform.system()} {platform.machine()}",
    }


def usable_cores() -> list[int]:
    """Those to pin to, the last one first (the system's own work gathers on the first); none where it can't be done."""
    return sorted(os.sched_getaffinity(0), reverse=True) if hasattr(os, "sched_getaffinity") else []


def _caches() -> list[str]:
    found = []
    for folder in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = ((folder / name).read_text("utf-8").strip() for name in ("level", "type", "size"))
        if kind != "Instruction":
            found.append(f"L{level} {size}")
    return found
