"""Mine the texts of a Parquet file on Spark and print the pairs as JSON lines: run by test_spark.py in Spark's own
environment.

    python on_spark.py TEXTS.parquet FOLDER SENTENCES THRESHOLD
"""

import json
import sys

import ibis
from ibis.expr.types import Table
from pyspark.sql import SparkSession

from turnwise.mining.keyphrases import keyphrases, word_counts, word_rows
from turnwise.mining.pairs import pairs
from turnwise.mining.sentences import sentences
from turnwise.mining.settings import MiningSettings


def main(texts: str, folder: str, number: int, threshold: float) -> None:
    settings = MiningSettings(test=0.3)
    session = (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "2")
        .getOrCreate()
    )
    spark = ibis.pyspark.connect(session)

    def kept(name: str, rows: Table) -> Table:
        spark.to_parquet(rows, f"{folder}/{name}")
        return spark.read_parquet(f"{folder}/{name}")

    found = kept("sentences", sentences(spark.read_parquet(texts), settings))
    counts = kept("words", word_counts(found))
    phrases = kept("keyphrases", keyphrases(word_rows(found), counts, number, settings, threshold))
    for row in kept("pairs", pairs(found, phrases, settings)).to_pyarrow().to_pylist():
        print(json.dumps(row))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
