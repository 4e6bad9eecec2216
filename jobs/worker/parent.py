"""Ending with the process that started this one, even when that was killed and could tell nobody."""

import ctypes
import signal
import sys
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_libc: Final = ctypes.CDLL(None) if sys.platform == "linux" else None


def signal_when_parent_dies(number: signal.Signals) -> None:
    """Have the kernel send this signal when the parent's thread that started us ends; does nothing but on Linux."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, number)
