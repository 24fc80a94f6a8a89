"""The independent opinion on local days: what Python's zoneinfo says of the questions that local_days.rs asks.

This room must never know how LocalDays works, nor take an answer from the other side: instants that it is given are
only looked at, with zoneinfo, like any others. It reads no zone from the machine, only from the tzdata package.

Questions come as lines on standard input, all of them before the first answer; answers go as lines to standard
output. The exit status is 3, with the reason on standard error, when Python lacks what is needed here.

    names     no questions. Every name that zoneinfo knows, one a line.
    changes   `NAME<tab>SECOND SECOND ...`, one line a zone: its name and the instants to look at beside the regular
              ones. For each group of names with the same data:
                  zone<tab>NAME NAME ...
                  changes<tab>FIRST_MS:OFFSET_MS_BEFORE:OFFSET_MS_AFTER ...
                  days<tab>FROM<tab>TO<tab>LAYOUT            around each change, and a sample of ordinary days
    periods   `METHOD<tab>NAME<tab>FROM<tab>TO`. For each, in order: LAYOUT.

FROM and TO are YYYYMMDD, 10 digits of seconds or 13 digits of milliseconds. A LAYOUT is `backwards`, or the days
oldest first and, after a bar, the spans in the order of their instants, each with the place of its day:

    20240330@FIRST_MS 20240331@FIRST_MS | 0:FROM_MS:UNTIL_MS 1:FROM_MS:UNTIL_MS
"""

import sys
import zlib

try:
    import importlib.resources
    import zoneinfo
    from datetime import date, datetime, timedelta, timezone

    import tzdata
except ImportError as missing:
    print(f"{missing}: pip install -r tests/requirements.txt", file=sys.stderr)
    sys.exit(3)

DAY_S = 86_400
CHANGES_FROM_S = int(datetime(2000, 1, 1, tzinfo=timezone.utc).timestamp())
CHANGES_UNTIL_S = int(datetime(2038, 1, 1, tzinfo=timezone.utc).timestamp())
# Two changes that undo each other within a step would be missed, but for the instants that the test asks about.
STEP_S = DAY_S // 4
SECOND = timedelta(seconds=1)
EPOCH = datetime(1970, 1, 1)
# A prime number of days, so that the sample meets every day of the week and of the year.
ORDINARY_DAYS_STEP = 367
# No wall clock is more than a day off, and no day is longer than two.
MARGIN_S = 3 * DAY_S
MINUTE_S = 60


def wall_at(zone, second):
    """The reading of the wall clock at an instant."""
    return datetime.fromtimestamp(second, zone)


def date_at(zone, second):
    """The date on the wall clock at an instant."""
    return wall_at(zone, second).date()


def offset_at(zone, second):
    """What the wall clock is ahead of UTC at an instant. It is not asked of the reading, by utcoffset(): zoneinfo errs
    where its table ends in the hour that its rule for all later years repeats, as on 2023-10-28 in America/Nuuk."""
    return wall_at(zone, second).replace(tzinfo=None) - (EPOCH + second * SECOND)


def changes_between(zone, first, last, left, right):
    """The instants after `first`, up to `last`, at which the offset, `left` at one end, becomes another."""
    if left == right:
        return
    if last - first == 1:
        yield last, left, right
        return
    middle = (first + last) // 2
    offset = offset_at(zone, middle)
    yield from changes_between(zone, first, middle, left, offset)
    yield from changes_between(zone, middle, last, offset, right)


def wall_readings(start, end):
    """Readings of the wall clock, every STEP, that on any wall include all between two instants."""
    first, steps = start - 2 * DAY_S, (end - start + 4 * DAY_S) // STEP_S + 1
    return [EPOCH + (first + step * STEP_S) * SECOND for step in range(steps)]


def changes(zone, start, end, readings, asked=()):
    """The changes in `start..end` as (instant, offset before, offset after). Readings of the wall clock, which are
    fast to ask for, tell around which instants to look, and so does `asked`; the instants alone tell what there is."""
    looked_at = {start - 1, end - 1}
    looked_at.update(second - before for second in asked for before in (0, 1) if start <= second < end)
    offsets = list(map(zone.utcoffset, readings))
    for place in range(1, len(offsets)):
        if offsets[place - 1] != offsets[place]:
            near = (readings[place] - EPOCH) // SECOND
            around = range(near - 2 * DAY_S, near + 2 * DAY_S, STEP_S)
            looked_at.update(second for second in around if start <= second < end)
    looked_at = [(second, offset_at(zone, second)) for second in sorted(looked_at)]
    found = []
    for (first, left), (last, right) in zip(looked_at, looked_at[1:]):
        found.extend(changes_between(zone, first, last, left, right))
    return found


def runs_from_cuts(zone, cuts):
    """The runs (date, first second, second after) between cuts that include every instant at which a date begins."""
    runs = []
    cuts = sorted(cuts)
    for start, end in zip(cuts, cuts[1:]):
        today = date_at(zone, start)
        if runs and runs[-1][0] == today:
            runs[-1][2] = end
        else:
            runs.append([today, start, end])
    return runs


def runs_by_calendar(zone, start, end, changed):
    """The runs in `start..end`, from the calendar: a date begins at a wall midnight, in the first or the second
    reading (PEP 495) of a repeated one, or when the clock is moved. Cuts at which none begins do no harm."""
    cuts = {start, end}
    cuts.update(second for second in changed if start < second < end)
    today = date_at(zone, start) - timedelta(days=1)
    last = date_at(zone, end) + timedelta(days=1)
    while today <= last:
        for fold in (0, 1):
            midnight = datetime(today.year, today.month, today.day, tzinfo=zone, fold=fold)
            second = int(midnight.timestamp())
            if start < second < end:
                cuts.add(second)
        today += timedelta(days=1)
    return runs_from_cuts(zone, cuts)


def runs_by_minute(zone, start, end):
    """The runs in `start..end` by asking for the date of every single minute: slow, and without a thought in it."""
    start -= start % MINUTE_S
    runs = []
    moment = (EPOCH + start * SECOND).replace(tzinfo=zone)
    for minute in range(start, end, MINUTE_S):
        today = zone.fromutc(moment).date()
        moment += MINUTE_S * SECOND
        if runs and runs[-1][0] == today:
            runs[-1][2] = minute + MINUTE_S
            continue
        if runs and date_at(zone, minute - 1) != runs[-1][0]:
            raise ValueError(f"{zone}: a date begins within the minute before {minute}")
        runs.append([today, minute, minute + MINUTE_S])
    return runs


class Bound:
    """One end of a period: a date, or the first and the last millisecond that it names."""

    def __init__(self, text):
        self.date, self.first_ms, self.last_ms = None, None, None
        if len(text) == 8:
            self.date = date(int(text[:4]), int(text[4:6]), int(text[6:]))
        elif len(text) == 10:
            self.first_ms, self.last_ms = int(text) * 1000, int(text) * 1000 + 999
        else:
            self.first_ms = self.last_ms = int(text)

    def second(self):
        """An instant near the bound: within a day of it."""
        if self.date is None:
            return self.first_ms // 1000
        return (self.date - date(1970, 1, 1)).days * DAY_S

    def date_in(self, zone):
        """The bound's own date, or that of its instant."""
        return self.date or date_at(zone, self.first_ms // 1000)


def is_backwards(zone, start, end):
    """Instants are compared with each other; a date and anything else are compared as dates."""
    if start.date is None and end.date is None:
        return start.first_ms > end.last_ms
    return start.date_in(zone) > end.date_in(zone)


def layout(zone, from_text, to_text, runs_between):
    """The LAYOUT of a period; `runs_between` gives the runs between two instants."""
    start, end = Bound(from_text), Bound(to_text)
    if is_backwards(zone, start, end):
        return "backwards"
    runs = runs_between(start.second() - MARGIN_S, end.second() + MARGIN_S)
    first_seconds = {}
    for today, first, _ in runs:
        first_seconds.setdefault(today, first)
    spans = []
    for today, first, after in runs:
        if start.date and today < start.date or end.date and today > end.date:
            continue
        from_ms, until_ms = first * 1000, after * 1000
        if start.date is None:
            from_ms = max(from_ms, start.first_ms)
        if end.date is None:
            until_ms = min(until_ms, end.last_ms + 1)
        if from_ms < until_ms:
            spans.append((today, from_ms, until_ms))
    days = sorted({today for today, _, _ in spans})
    place = {today: index for index, today in enumerate(days)}
    head = " ".join(f"{today:%Y%m%d}@{first_seconds[today] * 1000}" for today in days)
    tail = " ".join(f"{place[today]}:{from_ms}:{until_ms}" for today, from_ms, until_ms in spans)
    return f"{head} | {tail}".strip()


def names():
    """Every name, one a line."""
    yield from sorted(zoneinfo.available_timezones())


def names_by_data():
    """The names in groups with the very same data, links and what they point to, so that each is worked on once."""
    groups = {}
    root = importlib.resources.files("tzdata") / "zoneinfo"
    for name in names():
        groups.setdefault(root.joinpath(*name.split("/")).read_bytes(), []).append(name)
    return groups.values()


def days_to_lay_out(zone, name, found):
    """Two days to either side of each change, and ordinary days, others in each zone."""
    for second, _, _ in found:
        dates = (date_at(zone, second - 1), date_at(zone, second))
        yield min(dates) - timedelta(days=2), max(dates) + timedelta(days=2)
    today = date(2000, 1, 1) + timedelta(days=zlib.crc32(name.encode()) % ORDINARY_DAYS_STEP)
    while today.year < 2038:
        yield today, today
        today += timedelta(days=ORDINARY_DAYS_STEP)


def around_changes(questions):
    """The answers of the mode `changes`."""
    asked = {}
    for question in questions:
        name, seconds = question.split("\t")
        asked[name] = [int(second) for second in seconds.split()]
    readings = wall_readings(CHANGES_FROM_S, CHANGES_UNTIL_S)
    for group in names_by_data():
        zone = zoneinfo.ZoneInfo(group[0])
        seconds = {second for name in group for second in asked.get(name, ())}
        found = changes(zone, CHANGES_FROM_S, CHANGES_UNTIL_S, readings, seconds)
        changed = [second for second, _, _ in found]
        yield "zone\t" + " ".join(group)
        yield "changes\t" + " ".join(f"{at * 1000}:{ms(left)}:{ms(right)}" for at, left, right in found)
        for first, last in days_to_lay_out(zone, group[0], found):
            texts = f"{first:%Y%m%d}", f"{last:%Y%m%d}"
            # The few changes near, so that a window costs no walk through all of them.
            near = nearby(changed, first, last)
            days = layout(zone, *texts, lambda start, end: runs_by_calendar(zone, start, end, near))
            yield "\t".join(("days", *texts, days))


def ms(offset):
    """A timedelta in milliseconds."""
    return offset // timedelta(milliseconds=1)


def nearby(changed, first, last):
    """The changes that could lie in the days from `first` to `last` or the margin around them."""
    start = (first - date(1970, 1, 1)).days * DAY_S - 2 * MARGIN_S
    end = (last - date(1970, 1, 1)).days * DAY_S + 2 * MARGIN_S
    return [second for second in changed if start <= second <= end]


def periods(questions):
    """The answers of the mode `periods`."""
    for question in questions:
        method, name, from_text, to_text = question.split("\t")
        zone = zoneinfo.ZoneInfo(name)

        def by_calendar(start, end):
            changed = [second for second, _, _ in changes(zone, start, end, wall_readings(start, end))]
            return runs_by_calendar(zone, start, end, changed)

        def by_minute(start, end):
            return runs_by_minute(zone, start, end)

        method = {"calendar": by_calendar, "minute": by_minute}[method]
        yield layout(zone, from_text, to_text, method)


def main(release, mode):
    if tzdata.IANA_VERSION != release:
        print(
            f"tzdata is of {tzdata.IANA_VERSION}, not {release}: pip install -r tests/requirements.txt",
            file=sys.stderr,
        )
        sys.exit(3)
    zoneinfo.reset_tzpath(())
    if mode == "names":
        answers = names()
    else:
        questions = sys.stdin.read().splitlines()
        answers = {"changes": around_changes, "periods": periods}[mode](questions)
    for answer in answers:
        print(answer)


if __name__ == "__main__":
    main(*sys.argv[1:])
