"""Reads a folder of clicks and searches with DuckDB, Polars, ClickHouse (chDB) and pandas, and compares every row.

`compare.py FOLDER`: beside `clicks/day=…/*.parquet` and `searches/day=…/*.parquet` the folder has `clicks.ndjson` and
`searches.ndjson`, a line for each row, as the writer meant them. Exits with 3 when Python lacks a reader.
"""

import json
import sys
from pathlib import Path

EXIT_LEFT_OUT = 3

try:
    import chdb
    import duckdb
    import pandas
    import polars
    import pyarrow  # what pandas reads Parquet with
except ImportError as error:
    print(f"{error}: pip install -r tests/requirements.txt", file=sys.stderr)
    sys.exit(EXIT_LEFT_OUT)

TIMES = {"at", "searched_at", "received_at"}


def by_duckdb(folder, columns):
    ask = ", ".join(f'epoch_ms("{c}")' if c in TIMES else f'"{c}"::VARCHAR' if c == "day" else f'"{c}"' for c in columns)
    found = duckdb.sql(f"SELECT {ask} FROM read_parquet('{folder}/*/*.parquet', hive_partitioning = true)").fetchall()
    return [dict(zip(columns, row)) for row in found]


def by_polars(folder, columns):
    found = polars.scan_parquet(f"{folder}/*/*.parquet", hive_partitioning=True)
    ask = [
        polars.col(c).dt.epoch("ms") if c in TIMES else polars.col(c).cast(polars.String) if c == "day" else polars.col(c)
        for c in columns
    ]
    return found.select(ask).collect().to_dicts()


def by_clickhouse(folder, columns):
    ask = ", ".join(
        f"toUnixTimestamp64Milli(`{c}`) AS `{c}_`" if c in TIMES else f"toString(`day`) AS `day_`" if c == "day" else f"`{c}` AS `{c}_`"
        for c in columns
    )
    found = chdb.query(
        f"SELECT {ask} FROM file('{folder}/*/*.parquet', Parquet) SETTINGS use_hive_partitioning = 1, "
        "output_format_json_quote_64bit_integers = 0, schema_inference_make_columns_nullable = 'auto'",
        "JSONEachRow",
    )
    # Lines end at line feeds alone: a text may have other line ends in it.
    rows = (json.loads(line) for line in found.bytes().decode().split("\n") if line)
    return [{key[:-1]: value for key, value in row.items()} for row in rows]


def as_clickhouse_has_it(row):
    """ClickHouse has no lists that may be absent: it reads them as empty."""
    return {**row, "doc_ids": row["doc_ids"] or []} if "doc_ids" in row else row


def by_pandas(folder, columns):
    found = pandas.read_parquet(folder, engine="pyarrow", dtype_backend="pyarrow")

    def plain(column, value):
        if column in ("indices", "doc_ids"):
            return None if value is None or value is pandas.NA else list(value)
        if value is None or value is pandas.NA or value is pandas.NaT:
            return None
        if column in TIMES:
            return round(value.timestamp() * 1000)
        return str(value) if column == "day" else value

    listed = {c: [plain(c, value) for value in found[c].tolist()] for c in columns}
    return [dict(zip(columns, row)) for row in zip(*(listed[c] for c in columns))]


def texts(rows):
    return sorted(json.dumps(row, sort_keys=True, default=str) for row in rows)


def compare(peer, kind, found, wanted):
    """Totals first, since they say more about what is wrong; then every row."""
    assert len(found) == len(wanted), f"{peer}: {len(found)} {kind}, not {len(wanted)}"
    for column in wanted[0]:
        nulls = [sum(row[column] is None for row in rows) for rows in (found, wanted)]
        assert nulls[0] == nulls[1], f"{peer}: {column} has {nulls[0]} nulls, not {nulls[1]}"
        if column in TIMES or column in ("rank", "total_hits"):
            sums = [sum(row[column] or 0 for row in rows) for rows in (found, wanted)]
            assert sums[0] == sums[1], f"{peer}: the sum of {column} is {sums[0]}, not {sums[1]}"
    for one, other in zip(texts(found), texts(wanted)):
        assert one == other, f"{peer}: {one[:3000]}\nnot {other[:3000]}"


def main(folder):
    kinds = {}
    for kind in ("clicks", "searches"):
        lines = (folder / f"{kind}.ndjson").read_text().split("\n")
        kinds[kind] = [json.loads(line) for line in lines if line]
    peers = {"DuckDB": by_duckdb, "Polars": by_polars, "ClickHouse": by_clickhouse, "pandas": by_pandas}
    for peer, read in peers.items():
        for kind, wanted in kinds.items():
            found = read(folder / kind, list(wanted[0]))
            compare(peer, kind, found, [as_clickhouse_has_it(row) for row in wanted] if peer == "ClickHouse" else wanted)
        print(f"{peer}: {len(kinds['clicks'])} clicks, {len(kinds['searches'])} searches")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
