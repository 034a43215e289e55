"""The service's log: ids, lengths and times, never a text, never a traceback."""

import logging
import sys
import traceback
from pathlib import Path

log = logging.getLogger("turnwise.serve")


def describe(error: BaseException) -> str:
    """The error's type and where it was raised; not its message, which may quote a text."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"


class _Formatter(logging.Formatter):
    """Exceptions as ``describe`` puts them; the method's name is the library's."""

    def formatException(self, ei: object) -> str:
        error = ei[1] if isinstance(ei, tuple) else None
        return describe(error) if isinstance(error, BaseException) else ""


def configure(level: str = "INFO") -> None:
    """Send the service's lines, and the server's warnings, to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S%z"))
    for name, its_level in (("turnwise.serve", level), ("uvicorn", "WARNING"), ("asyncio", "ERROR")):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
        logger.setLevel(its_level)
