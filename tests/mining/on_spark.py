"""Mine the texts of a Parquet file on Spark and print the pairs as JSON lines: run by test_spark.py in Spark's own
environment.

    python on_spark.py TEXTS.parquet FOLDER
"""

import json
import sys
from collections.abc import Callable

import ibis
from ibis.expr.types import Table
from pyspark.sql import SparkSession

from turnwise.mining.query import mined
from turnwise.mining.settings import MiningSettings


def main(texts: str, folder: str) -> None:
    session = (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "2")
        .getOrCreate()
    )
    spark = ibis.pyspark.connect(session)

    def stage(name: str, rows: Callable[[], Table]) -> Table:
        spark.to_parquet(rows(), f"{folder}/{name}")
        return spark.read_parquet(f"{folder}/{name}")

    found = mined(spark.read_parquet(texts), MiningSettings(test=0.3, keyphrases=1.6, alpha=1.2), stage)
    for row in found.pairs.to_pyarrow().to_pylist():
        print(json.dumps(row))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
