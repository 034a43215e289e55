"""The same query on Spark gives the same rows. ``-m spark`` installs a Java runtime and, in its own folder, PySpark."""

import json
import os
import random
import shutil
import subprocess
import venv
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pytest
from ibis.expr.types import Table
from pyarrow import parquet

from turnwise.mining.query import mined
from turnwise.mining.run import engine
from turnwise.mining.settings import MiningSettings

ROOT = Path(__file__).parents[2]
WORDS = [*(f"w{number}" for number in range(60)), "Star", "star", "Wars", "it's", "Ünï", "москва"]


@pytest.fixture
def spark_python(tmp_path: Path) -> Path:
    """The interpreter of an environment with PySpark; Java is installed where there is none and that is allowed."""
    if shutil.which("java") is None:
        subprocess.run(["apt-get", "update"], check=True, capture_output=True)
        command = ["apt-get", "install", "-y", "--no-install-recommends", "default-jre-headless"]
        subprocess.run(command, check=True, capture_output=True)
    venv.create(tmp_path / "spark", with_pip=True, system_site_packages=True)
    python = tmp_path / "spark" / "bin" / "python"
    command = [str(python), "-m", "pip", "install", "-q", "ibis-framework[pyspark]", "pandas", "pyarrow"]
    subprocess.run(command, check=True, capture_output=True)
    return python


@pytest.mark.spark
def test_spark_gives_the_rows_of_duckdb(tmp_path: Path, spark_python: Path) -> None:
    draw = random.Random(0)
    texts = [
        draw.choice(["", "! ", " "])
        + "".join(draw.choice(WORDS) + draw.choice([*" " * 8, ", ", "  "]) for _ in range(draw.randint(2, 12)))
        + draw.choice(["", ".", "?"])
        for _ in range(1500)
    ]
    table = pyarrow.table({"group": [draw.choice("ab") for _ in texts], "text": texts})
    parquet.write_table(table, tmp_path / "texts.parquet")
    duck = engine(tmp_path, threads=1)

    def stage(name: str, rows: Callable[[], Table]) -> Table:
        duck.to_parquet(rows(), tmp_path / f"{name}.parquet")
        return duck.read_parquet(tmp_path / f"{name}.parquet")

    found = mined(
        duck.read_parquet(tmp_path / "texts.parquet"), MiningSettings(test=0.3, keyphrases=1.6, alpha=1.2), stage
    )
    expected = found.pairs.to_pyarrow().to_pylist()
    done = subprocess.run(
        [spark_python, Path(__file__).with_name("on_spark.py"), tmp_path / "texts.parquet", tmp_path / "out"],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYSPARK_PYTHON": str(spark_python)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) > 20
    assert sorted(map(str, (sorted(row.items()) for row in rows))) == sorted(
        map(str, (sorted(row.items()) for row in expected))
    )
