import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def turnwise(tmp_path: Path) -> Run:
    """Runs the console script in an empty folder."""
    script = Path(sys.executable).with_name("turnwise")

    def run(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
        command = [script, *map(str, arguments)]
        environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1"}
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=120)
        assert "Traceback" not in done.stderr
        return done

    return run
