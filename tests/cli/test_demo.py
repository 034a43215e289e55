import json
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.long
def test_the_demonstration_adapts_fits_measures_and_explains(turnwise: Any, tmp_path: Path) -> None:
    done = turnwise("demo", "-o", "out", timeout=1200)
    assert (done.returncode, done.stderr) == (0, "")
    figures = json.loads((tmp_path / "out" / "evaluation.json").read_text(encoding="utf-8"))
    assert f"{figures['accuracy']:.4f}" in done.stdout
    assert figures["in_scope_accuracy"] > 0.5
    report = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    for stage in ("before Stage 1", "after Stage 1", "after Stage 2"):
        assert stage in report
    answered = turnwise("predict", "out/model", "my parcel is late", "--json")
    assert json.loads(answered.stdout)["neighbours"]
    assert "turnwise serve out/model" in done.stdout
