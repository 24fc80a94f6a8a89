"""Asks DuckDB, Polars and ClickHouse (chDB) the questions of the statistics about a data directory as it stands, and compares.

`ask.py DIRECTORY QUESTIONS`: the second is a file of lines, each a question with the answer that ClickTally gave:
`{"by", "tz", "from_ms", "until_ms", "query", "hashid", "index", "doc_id", "rows"}`, where `rows` are `[key, count]`.
Exits with 3 when Python lacks a reader.
"""

import json
import sys
from pathlib import Path

EXIT_LEFT_OUT = 3

try:
    import chdb
    import duckdb
    import polars
except ImportError as error:
    print(f"{error}: pip install -r tests/requirements.txt", file=sys.stderr)
    sys.exit(EXIT_LEFT_OUT)

COLUMNS = {"engine": "hashid", "device": "device", "terms": "query"}


def texts(question):
    """The columns that a question wants to have one value."""
    wanted = {"query": question["query"], "hashid": question["hashid"], "index": question["index"], "doc_id": question["doc_id"]}
    return {column: value for column, value in wanted.items() if value is not None}


def quoted(value):
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def duckdb_asked(folder, question):
    zone = question["tz"]
    day = f"strftime(timezone('{zone}', \"at\"), '%Y-%m-%d')"
    key = day if question["by"] == "day" else f'"{COLUMNS[question["by"]]}"'
    where = [f'epoch_ms("at") >= {question["from_ms"]}', f'epoch_ms("at") < {question["until_ms"]}']
    where += [f'"{column}" = ?' for column in texts(question)]
    ask = f"SELECT {key}, count(*) FROM read_parquet('{folder}/*/*.parquet') WHERE {' AND '.join(where)} GROUP BY 1"
    return duckdb.execute(ask, list(texts(question).values())).fetchall()


def polars_asked(folder, question):
    at = polars.col("at")
    key = at.dt.convert_time_zone(question["tz"]).dt.strftime("%Y-%m-%d")
    if question["by"] != "day":
        key = polars.col(COLUMNS[question["by"]])
    found = polars.scan_parquet(f"{folder}/*/*.parquet", hive_partitioning=True)
    ms = at.dt.epoch("ms")
    found = found.filter((ms >= question["from_ms"]) & (ms < question["until_ms"]))
    for column, value in texts(question).items():
        found = found.filter(polars.col(column) == value)
    return found.group_by(key.alias("key")).agg(polars.len()).collect().rows()


def clickhouse_asked(folder, question):
    key = f"formatDateTime(at, '%Y-%m-%d', '{question['tz']}')"
    if question["by"] != "day":
        key = f"`{COLUMNS[question['by']]}`"
    ms = "toUnixTimestamp64Milli(at)"
    where = [f"{ms} >= {question['from_ms']}", f"{ms} < {question['until_ms']}"]
    where += [f"`{column}` = {quoted(value)}" for column, value in texts(question).items()]
    found = chdb.query(
        f"SELECT {key} AS key, count() AS clicks FROM file('{folder}/*/*.parquet', Parquet) WHERE {' AND '.join(where)} GROUP BY key "
        "SETTINGS use_hive_partitioning = 1, output_format_json_quote_64bit_integers = 0, schema_inference_make_columns_nullable = 'auto'",
        "JSONEachRow",
    )
    rows = (json.loads(line) for line in found.bytes().decode().split("\n") if line)
    return [(row["key"], row["clicks"]) for row in rows]


def main(directory, questions):
    questions = [json.loads(line) for line in questions.read_text().split("\n") if line]
    peers = {"DuckDB": duckdb_asked, "Polars": polars_asked, "ClickHouse": clickhouse_asked}
    for peer, asked in peers.items():
        for question in questions:
            found = {key: count for key, count in asked(directory / "clicks", question)}
            wanted = {key: count for key, count in question["rows"]}
            assert found == wanted, f"{peer}: {question}\n{found}"
        total = sum(count for question in questions for _, count in question["rows"])
        print(f"{peer}: {len(questions)} questions, {total} clicks")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
