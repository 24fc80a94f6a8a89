"""Asks one peer the questions that `bench ask` has answered, of the same clicks, and times it.

    peers.py PEER --days GLOB --ours FILE --work DIR --out FILE
    peers.py clickhouse --lines FILE --work DIR --out FILE      only loads lines of /v1/events

PEER is duckdb, clickhouse or sqlite; each runs in a process of its own, so that its memory is its own. GLOB names the
Parquet files of sealed days. Every answer is compared with ours, row by row: one that differs ends the run.

The peers get what a careful user would give them, and the benefit of the doubt: dictionary types for what repeats, no
filter where a question means all engines, local days by the quickest expression that is right, the best of several
forms of a table where there are some, and the shorter of the time inside the engine and around the call.
"""

import argparse
import hashlib
import json
import os
import sqlite3
import statistics
import sys
import time
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

WARM_RUNS = 2
RUNS_MIN = 7
RUNS_MAX = 101
RUNS_SECONDS = 0.25
DAY_MS = 86_400_000
QUARTER_MS = 900_000
EPOCH = date(1970, 1, 1)


class Differs(Exception):
    """An answer is not ours."""


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def among(column, texts):
    listed = ", ".join(map(quoted, texts))
    return f"{column} = {listed}" if len(texts) == 1 else f"{column} IN ({listed})"


def offset_ms(zone, at_ms):
    at = datetime.fromtimestamp(at_ms / 1000, timezone.utc)
    return int(at.astimezone(ZoneInfo(zone)).utcoffset() / timedelta(milliseconds=1))


def offsets(question):
    """The offsets in force during a question's period: [(from_ms, offset_ms)], the first from its beginning."""
    at_ms, until_ms, found = question["from_ms"], question["until_ms"], []
    while at_ms < until_ms:
        offset = offset_ms(question["zone"], at_ms)
        if not found or found[-1][1] != offset:
            found.append((at_ms, offset))
        at_ms += QUARTER_MS
    return found


def filled(question, counts):
    """One count for each date of the question, from those of the dates that have clicks."""
    counts = {str(day): clicks for day, clicks in counts}
    if not counts.keys() <= set(question["dates"]):
        raise Differs(f"{question['name']}: dates that were not asked for")
    return [counts.get(day, 0) for day in question["dates"]]


def dfid(hashid, index, doc_id):
    return f"{hashid}@{index}@{hashlib.md5(doc_id.encode()).hexdigest()}"


def total(question, rows):
    if question["asked"] == "days":
        return sum(rows)
    return sum(row[-1] for row in rows) if question["asked"] in ("terms", "items", "ranks") else sum(rows)


def ties_apart(rows):
    """Rows by key, but for those of the last count: which of them come in is a matter of taste."""
    least = rows[-1][-1] if rows else 0
    return {str(key): clicks for *key, clicks in rows if clicks > least}


def same(question, ours, theirs):
    if question["asked"] in ("terms", "items", "ranks"):
        counts = [[row[-1] for row in rows] for rows in (ours, theirs)]
        return counts[0] == counts[1] and ties_apart(ours) == ties_apart(theirs)
    return ours == theirs


class Peer:
    """What the peers share: a name, forms of tables, and a timer."""

    def form_fits(self, form, question):
        raise NotImplementedError

    def columns(self, question, form):
        """The parts of the filter, as SQL of columns that are named alike everywhere."""
        parts = []
        if question["hashids"] is not None:
            parts.append(among("hashid", question["hashids"]))
        if question["item"]:
            item = question["item"]
            parts.append(f'"index" = {quoted(item["index"])} AND doc_id = {quoted(item["doc_id"])}')
        elif question["index"]:
            parts.append(f'"index" = {quoted(question["index"])}')
        if question["query"]:
            parts.append(f"query = {quoted(question['query'])}")
        if question["device"]:
            parts.append(f"device = {quoted(question['device'])}")
        if question["product_types"]:
            parts.append(among("product_type", question["product_types"]))
        return parts

    def timed(self, question, form):
        """(rows, milliseconds): warm, at least RUNS_MIN times."""
        sql = self.sql(question, form)
        for _ in range(WARM_RUNS):
            rows, _ = self.run(sql)
        times, begun = [], time.perf_counter()
        while len(times) < RUNS_MIN or (
            len(times) < RUNS_MAX and time.perf_counter() - begun < RUNS_SECONDS
        ):
            again, ms = self.run(sql)
            times.append(ms)
        rows, again = self.shaped(question, rows), self.shaped(question, again)
        if again != rows:
            raise Differs(f"{self.name}, {form}: {question['name']}: two answers")
        return rows, sorted(times)

    def shaped(self, question, rows):
        asked = question["asked"]
        if asked == "days":
            return filled(question, rows)
        if asked == "terms":
            return [[terms or None, int(clicks)] for terms, clicks in rows]
        if asked == "items":
            return [[dfid(*row[:3]), int(row[3])] for row in rows]
        if asked == "ranks":
            return [[dfid(*row[:3]), row[3], int(row[4])] for row in rows]
        return [int(number) for number in rows[0]]

    def all_answers(self, questions):
        figures = []
        for question in questions:
            for form in self.forms:
                if not self.form_fits(form, question):
                    continue
                rows, times = self.timed(question, form)
                ours = question["rows"]
                if not same(question, ours, rows):
                    raise Differs(
                        f"{self.name}, {form}: {question['name']}: other rows, "
                        f"{total(question, rows)} in all, ours {total(question, ours)}"
                    )
                figures.append(
                    {
                        "name": question["name"],
                        "form": form,
                        "sum": total(question, rows),
                        "median_ms": statistics.median(times),
                        "min_ms": times[0],
                        "max_ms": times[-1],
                        "runs": len(times),
                    }
                )
                # What we can't answer yet is compared among the peers by whoever reads all their files.
                if ours is None:
                    figures[-1]["rows"] = rows
        return figures


class DuckDb(Peer):
    name = "DuckDB"
    forms = ["table", "roll-up"]

    def __init__(self, work):
        import duckdb

        self.version = duckdb.__version__
        self.path = os.path.join(work, "duckdb.db")
        self.connection = duckdb.connect(self.path)
        for setting in [
            f"threads = {os.cpu_count()}",
            "TimeZone = 'UTC'",
            f"temp_directory = {quoted(os.path.join(work, 'duckdb.tmp'))}",
            "memory_limit = '8GB'",
            "preserve_insertion_order = true",
        ]:
            self.connection.execute(f"SET {setting}")

    def execute(self, sql):
        begun = time.perf_counter()
        rows = self.connection.execute(sql).fetchall()
        return rows, time.perf_counter() - begun

    run_columns = (
        '"at" AT TIME ZONE \'UTC\' AS ts, account, hashid::hashids AS hashid, "index"::indices AS "index", doc_id, '
        'query, device::devices AS device, product_type::product_types AS product_type, "rank", query_id, id, '
        '"user", session, searched_at, received_at'
    )

    def load(self, days):
        source = f"read_parquet({quoted(days)}, hive_partitioning = false)"
        for kind, column in [
            ("hashids", "hashid"),
            ("indices", '"index"'),
            ("devices", "device"),
            ("product_types", "product_type"),
        ]:
            self.execute(
                f"CREATE TYPE {kind} AS ENUM (SELECT DISTINCT {column} FROM {source} WHERE {column} IS NOT NULL ORDER BY 1)"
            )
        # Loading without an order goes into a file of its own, which is thrown away: freed space stays in the file.
        self.execute(f"ATTACH {quoted(self.path + '.load')} AS loading")
        plain = self.run_columns.replace("::hashids", "").replace("::indices", "")
        plain = plain.replace("::devices", "").replace("::product_types", "")
        load = self.execute(f"CREATE TABLE loading.clicks AS SELECT {plain} FROM {source}")[1]
        load += self.execute("CHECKPOINT loading")[1]
        self.execute("DETACH loading")
        os.remove(self.path + ".load")
        ordered = self.execute(f"CREATE TABLE clicks AS SELECT {self.run_columns} FROM {source} ORDER BY hashid, ts")[1]
        ordered += self.execute("CHECKPOINT")[1]
        clicks_bytes = os.path.getsize(self.path)
        roll_up = self.execute(
            "CREATE TABLE quarters AS SELECT time_bucket(INTERVAL 15 MINUTE, ts) AS ts, hashid, \"index\", device, "
            "product_type, count(*) AS clicks FROM clicks GROUP BY ALL ORDER BY hashid, ts"
        )[1]
        roll_up += self.execute("CHECKPOINT")[1]
        return {
            "load_seconds": load,
            "load_in_order_seconds": ordered,
            "roll_up_seconds": roll_up,
            "clicks_bytes": clicks_bytes,
            "roll_up_bytes": os.path.getsize(self.path) - clicks_bytes,
        }

    def form_fits(self, form, question):
        return form == "table" or question["section"] == "counters"

    def local(self, question):
        """The wall clock, by adding the offset in force: AT TIME ZONE takes ten times as long."""
        found = offsets(question)
        if len(found) == 1:
            return f"ts + INTERVAL {found[0][1]} MILLISECONDS" if found[0][1] else "ts"
        cases = " ".join(
            f"WHEN ts >= {instant(from_ms)} THEN INTERVAL {offset} MILLISECONDS"
            for from_ms, offset in reversed(found)
        )
        return f"ts + CASE {cases} END"

    def sql(self, question, form):
        parts = [f"ts >= {instant(question['from_ms'])}", f"ts < {instant(question['until_ms'])}"]
        where = " AND ".join(parts + self.columns(question, form))
        table, count = ("quarters", "sum(clicks)::BIGINT") if form == "roll-up" else ("clicks", "count(*)")
        rows = question["rows_max"]
        return {
            "days": f"SELECT ({self.local(question)})::DATE AS day, {count} FROM {table} WHERE {where} GROUP BY day",
            "terms": f"SELECT query, {count} AS many FROM {table} WHERE {where} GROUP BY query "
            f"ORDER BY many DESC, query NULLS LAST LIMIT {rows}",
            "items": f'SELECT hashid, "index", doc_id, {count} AS many FROM {table} WHERE {where} '
            f"GROUP BY ALL ORDER BY many DESC, hashid, \"index\", doc_id LIMIT {rows}",
            "ranks": f'SELECT hashid, "index", doc_id, rank, {count} AS many FROM {table} WHERE {where} '
            f"GROUP BY ALL ORDER BY many DESC, hashid, \"index\", doc_id, rank NULLS LAST LIMIT {rows}",
            "distinct": f'SELECT count(DISTINCT "user"), (SELECT count(*) FROM (SELECT DISTINCT hashid, "index", '
            f"doc_id FROM {table} WHERE {where})) FROM {table} WHERE {where}",
        }[question["asked"]]

    def run(self, sql):
        rows, seconds = self.execute(sql)
        return rows, seconds * 1e3


def instant(at_ms):
    at = datetime.fromtimestamp(at_ms / 1000, timezone.utc)
    return f"TIMESTAMP {quoted(at.strftime('%Y-%m-%d %H:%M:%S.%f'))}"


class ClickHouse(Peer):
    name = "ClickHouse"
    forms = ["table", "roll-up", "projections"]

    def __init__(self, work):
        import chdb
        from chdb import session

        self.folder = os.path.join(work, "clickhouse")
        self.session = session.Session(self.folder)
        self.version = f"{self.query('SELECT version()')[0][0][0]} (chDB {chdb.__version__})"
        self.query(f"SET max_threads = {os.cpu_count()}")

    def query(self, sql):
        begun = time.perf_counter()
        result = self.session.query(sql, "JSONCompact")
        around, text = time.perf_counter() - begun, result.data()
        rows = json.loads(text)["data"] if text else []
        return rows, min(around, result.elapsed() or around)

    def seconds(self, sql):
        begun = time.perf_counter()
        self.query(sql)
        return time.perf_counter() - begun

    columns_of_table = """
        at DateTime64(3, 'UTC'), account LowCardinality(String), hashid LowCardinality(String),
        "index" LowCardinality(String), doc_id String, query String, device LowCardinality(String),
        product_type LowCardinality(String), rank UInt16, query_id String, id String, user String, session String,
        searched_at DateTime64(3, 'UTC'), received_at DateTime64(3, 'UTC')"""
    # What is absent is empty: Nullable would slow everything down.
    source_columns = """
        at, account, hashid, ifNull("index", ''), doc_id, ifNull(query, ''), ifNull(device, ''), product_type,
        ifNull(rank, 0), ifNull(query_id, ''), ifNull(id, ''), ifNull(user, ''), ifNull(session, ''),
        ifNull(searched_at, toDateTime64(0, 3, 'UTC')), received_at"""

    def bytes_of(self, table):
        sql = f"SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND table = {quoted(table)}"
        return int(self.query(sql)[0][0][0])

    # Of a line, as of the table; what a line leaves out is empty.
    line_columns = """
        at Int64, hashid LowCardinality(String), "index" LowCardinality(String), doc_id String, query String,
        device LowCardinality(String), product_type LowCardinality(String) DEFAULT 'search', rank UInt16,
        query_id String, id String, user String, session String, searched_at Int64"""
    columns_of_lines = """
        fromUnixTimestamp64Milli(at, 'UTC'), '', hashid, "index", doc_id, query, device, product_type, rank, query_id,
        id, user, session, fromUnixTimestamp64Milli(searched_at, 'UTC'), now64(3, 'UTC')"""

    def load_from(self, select):
        """(seconds, seconds of OPTIMIZE after it)"""
        self.query(f"CREATE TABLE clicks ({self.columns_of_table}) ENGINE MergeTree ORDER BY (hashid, at)")
        load = self.seconds(f"INSERT INTO clicks {select}")
        return load, self.seconds("OPTIMIZE TABLE clicks FINAL")

    def load_lines(self, path):
        source = f"file({quoted(os.path.abspath(path))}, 'JSONEachRow', {quoted(self.line_columns)})"
        skip = "SETTINGS input_format_skip_unknown_fields = 1"
        load, optimize = self.load_from(f"SELECT {self.columns_of_lines} FROM {source} {skip}")
        return {
            "load_seconds": load,
            "load_in_order_seconds": load + optimize,
            "clicks": int(self.query("SELECT count() FROM clicks")[0][0][0]),
        }

    def load(self, days):
        source = f"file({quoted(os.path.abspath(days))}, 'Parquet')"
        load, optimize = self.load_from(f"SELECT {self.source_columns} FROM {source}")
        clicks_bytes = self.bytes_of("clicks")
        self.query(
            "CREATE TABLE quarters (at DateTime('UTC'), hashid LowCardinality(String), \"index\" LowCardinality(String), "
            "device LowCardinality(String), product_type LowCardinality(String), clicks UInt32) "
            "ENGINE MergeTree ORDER BY (hashid, at, \"index\", device, product_type)"
        )
        roll_up = self.seconds(
            "INSERT INTO quarters SELECT toStartOfFifteenMinutes(at) AS quarter, hashid, \"index\", device, product_type, "
            "count() FROM clicks GROUP BY quarter, hashid, \"index\", device, product_type"
        )
        roll_up += self.seconds("OPTIMIZE TABLE quarters FINAL")
        return {
            "load_seconds": load,
            "load_in_order_seconds": load + optimize,
            "roll_up_seconds": roll_up,
            "clicks_bytes": clicks_bytes,
            "roll_up_bytes": self.bytes_of("quarters"),
        }

    def add_projections(self):
        """After the table itself has been measured."""
        narrow = 'hashid, "index", doc_id, query, at, device, product_type'
        seconds = 0
        for name, order in [("by_item", 'hashid, doc_id, "index", at'), ("by_query", "hashid, query, at")]:
            self.query(f"ALTER TABLE clicks ADD PROJECTION {name} (SELECT {narrow} ORDER BY {order})")
            seconds += self.seconds(f"ALTER TABLE clicks MATERIALIZE PROJECTION {name} SETTINGS mutations_sync = 2")
        return {"projections_seconds": seconds, "clicks_with_projections_bytes": self.bytes_of("clicks")}

    def form_fits(self, form, question):
        fitting = {"counters": ["table", "roll-up"], "filtered": ["table", "projections"]}
        return form in fitting.get(question["section"], ["table"])

    def sql(self, question, form):
        parts = [
            f"at >= fromUnixTimestamp64Milli({question['from_ms']}, 'UTC')",
            f"at < fromUnixTimestamp64Milli({question['until_ms']}, 'UTC')",
        ]
        where = " AND ".join(parts + self.columns(question, form))
        table, count = ("quarters", "sum(clicks)") if form == "roll-up" else ("clicks", "count()")
        count, rows = f"toUInt32({count})", question["rows_max"]
        select = {
            "days": f"SELECT toDate(at, {quoted(question['zone'])}) AS day, {count} FROM {table} WHERE {where} GROUP BY day",
            "terms": f"SELECT query, {count} AS many FROM {table} WHERE {where} GROUP BY query "
            f"ORDER BY many DESC, query = '', query LIMIT {rows}",
            "items": f'SELECT hashid, "index", doc_id, {count} AS many FROM {table} WHERE {where} '
            f'GROUP BY hashid, "index", doc_id ORDER BY many DESC, hashid, "index", doc_id LIMIT {rows}',
            # What is absent is 0 there, and no rank of the year is.
            "ranks": f'SELECT hashid, "index", doc_id, nullIf(rank, 0), {count} AS many FROM {table} WHERE {where} '
            f'GROUP BY hashid, "index", doc_id, rank ORDER BY many DESC, hashid, "index", doc_id, rank = 0, rank LIMIT {rows}',
            "distinct": "SELECT toUInt32(uniqExactIf(user, user != '')), toUInt32(uniqExact(hashid, \"index\", doc_id)) "
            f"FROM {table} WHERE {where}",
        }[question["asked"]]
        return f"{select} SETTINGS optimize_use_projections = {int(form == 'projections')}"

    def run(self, sql):
        rows, seconds = self.query(sql)
        return rows, seconds * 1e3


class Sqlite(Peer):
    name = "SQLite"
    forms = ["covering index"]

    def __init__(self, work):
        self.path = os.path.join(work, "sqlite.db")
        self.version = sqlite3.sqlite_version
        self.connection = sqlite3.connect(self.path)
        for pragma in ["journal_mode = OFF", "synchronous = OFF", "cache_size = -2000000", "temp_store = FILE"]:
            self.connection.execute(f"PRAGMA {pragma}")

    columns_of_table = ["at", "hashid", '"index"', "doc_id", "query", "device", "product_type"]

    def load(self, days):
        import duckdb

        names = ", ".join(self.columns_of_table)
        self.connection.execute(f"CREATE TABLE clicks ({names})")
        named = names.replace("at,", 'epoch_ms("at"),', 1)
        source = duckdb.execute(f"SELECT {named} FROM read_parquet({quoted(days)}, hive_partitioning = false)")
        marks = ", ".join("?" * len(self.columns_of_table))
        begun = time.perf_counter()
        while rows := source.fetchmany(100_000):
            self.connection.executemany(f"INSERT INTO clicks VALUES ({marks})", rows)
        self.connection.commit()
        load, begun = time.perf_counter() - begun, time.perf_counter()
        clicks_bytes = os.path.getsize(self.path)
        for name, order in [
            ("by_item", 'hashid, "index", doc_id, at, device, product_type, query'),
            ("by_query", 'hashid, query, at, device, product_type, "index", doc_id'),
        ]:
            self.connection.execute(f"CREATE INDEX {name} ON clicks ({order})")
        self.connection.execute("ANALYZE")
        self.connection.commit()
        return {
            "load_seconds": load,
            "load_in_order_seconds": load + time.perf_counter() - begun,
            "clicks_bytes": clicks_bytes,
            "indexes_bytes": os.path.getsize(self.path) - clicks_bytes,
        }

    def form_fits(self, form, question):
        return question["section"] == "filtered"

    def sql(self, question, form):
        found = offsets(question)
        cases = " ".join(f"WHEN at >= {from_ms} THEN {offset}" for from_ms, offset in reversed(found))
        offset = found[0][1] if len(found) == 1 else f"CASE {cases} END"
        parts = [f"at >= {question['from_ms']}", f"at < {question['until_ms']}"]
        where = " AND ".join(parts + self.columns(question, form))
        return f"SELECT (at + {offset}) / {DAY_MS} AS day, count(*) FROM clicks WHERE {where} GROUP BY day"

    def run(self, sql):
        begun = time.perf_counter()
        rows = self.connection.execute(sql).fetchall()
        return rows, (time.perf_counter() - begun) * 1e3

    def shaped(self, question, rows):
        return filled(question, [(EPOCH + timedelta(days=day), clicks) for day, clicks in rows])


PEERS = {"duckdb": DuckDb, "clickhouse": ClickHouse, "sqlite": Sqlite}


def memory():
    """(now, most) resident bytes of this process."""
    with open("/proc/self/status") as status:
        fields = dict(line.split(":", 1) for line in status)
    return tuple(int(fields[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM"))


def forget_most():
    """Begins `most` anew, where the kernel lets us."""
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", choices=PEERS)
    for name in ("--work", "--out"):
        parser.add_argument(name, required=True)
    for name in ("--days", "--ours", "--lines"):
        parser.add_argument(name)
    args = parser.parse_args()
    os.makedirs(args.work, exist_ok=True)
    peer = PEERS[args.peer](args.work)
    figures = {"engine": peer.name, "version": peer.version}
    if args.lines:
        figures["loading"] = peer.load_lines(args.lines)
    else:
        figures |= all_figures(peer, args)
    with open(args.out, "w") as file:
        json.dump(figures, file, indent=1)


def say(text):
    print(f"{datetime.now():%H:%M:%S}   {text}", file=sys.stderr, flush=True)


def all_figures(peer, args):
    with open(args.ours) as file:
        questions = json.load(file)["questions"]
    figures = {"loading": peer.load(args.days)}
    say("loaded; asking")
    loaded = memory()
    forget_most()
    if isinstance(peer, ClickHouse):
        peer.forms = ["table", "roll-up"]
        answers = peer.all_answers(questions)
        say("adding projections")
        figures["loading"] |= peer.add_projections()
        say("asking them")
        peer.forms = ["projections"]
        forget_most()
        answers += peer.all_answers(questions)
    else:
        answers = peer.all_answers(questions)
    asked = memory()
    figures["memory"] = {"loading_most_bytes": loaded[1], "asked_bytes": asked[0], "asking_most_bytes": asked[1]}
    figures["questions"] = answers
    return figures


if __name__ == "__main__":
    try:
        main()
    except Differs as differs:
        sys.exit(f"peers: {differs}")
