//! `bench data` makes a year of clicks, `bench ask` times questions about it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use bench::{
    Failed, Memory, Telling, World, Year, ask, deadlines, engines, index_shares, into_days, into_lines,
    into_store, open,
};
use clicks::{Hashid, Store};
use serde_json::{Value, json};

const USAGE: &str = "\
bench data --clicks N [--ids] [--query-ids] --store DIR   records N clicks in a store, and seals it
bench data --clicks N [--ids] [--query-ids] --days DIR    writes them as Parquet, a folder a day, without a store
bench data --clicks N [--ids] [--query-ids] --lines       writes them to standard output, as lines of /v1/events
bench data --clicks N [--ids] [--query-ids] --nowhere     makes them and forgets them: how long that alone takes
bench engines                                             names the engines and their indices
bench ask DIR [WORDS]                                     times all questions on a store, or those with WORDS|WORDS… in their name
bench deadlines DIR                                       breaks the heaviest questions off: how long after its deadline each ends
Figures are printed as JSON, on standard output.";

/// What was typed.
enum Typed {
    Data { clicks: u64, telling: Telling, to: To },
    Ask(PathBuf, String),
    Deadlines(PathBuf),
    Engines,
}

/// Where clicks go.
enum To {
    Store(PathBuf),
    Days(PathBuf),
    Lines,
    Nowhere,
}

fn typed(mut words: impl Iterator<Item = String>) -> Option<Typed> {
    match words.next()?.as_str() {
        "engines" => words.next().is_none().then_some(Typed::Engines),
        "deadlines" => {
            let folder = words.next()?;
            words.next().is_none().then(|| Typed::Deadlines(folder.into()))
        }
        "ask" => {
            let (folder, only) = (words.next()?, words.next().unwrap_or_default());
            words.next().is_none().then(|| Typed::Ask(folder.into(), only))
        }
        "data" => {
            let (mut clicks, mut telling, mut to) = (None, Telling::default(), None);
            while let Some(word) = words.next() {
                match word.as_str() {
                    "--clicks" => clicks = Some(words.next()?.replace('_', "").parse().ok()?),
                    "--ids" => telling.ids = true,
                    "--query-ids" => telling.query_ids = true,
                    "--store" => to = Some(To::Store(words.next()?.into())),
                    "--days" => to = Some(To::Days(words.next()?.into())),
                    "--lines" => to = Some(To::Lines),
                    "--nowhere" => to = Some(To::Nowhere),
                    _ => return None,
                }
            }
            Some(Typed::Data { clicks: clicks?, telling, to: to? })
        }
        _ => None,
    }
}

fn seconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64()
}

/// Records a year, and prints how long that took.
fn record(folder: &Path, year: Year<'_>, out: &mut impl Write) -> Result<(), Failed> {
    let (begun, store) = (Instant::now(), open(folder)?);
    into_store(&store, year)?;
    let recorded_seconds = seconds(begun);
    store.seal()?;
    store.merge()?;
    let sealed_seconds = seconds(begun);
    let memory = Memory::taken()?;
    let status = store.status();
    let figures = json!({
        "clicks": status.clicks,
        "recorded_seconds": recorded_seconds,
        "sealed_seconds": sealed_seconds,
        "disk_bytes": status.disk_bytes,
        "memory": { "recorded_bytes": memory.now, "most_bytes": memory.most },
    });
    store.close()?;
    Ok(writeln!(out, "{figures}")?)
}

fn run(typed: Typed) -> Result<(), Failed> {
    let mut out = std::io::BufWriter::with_capacity(1 << 20, std::io::stdout().lock());
    match typed {
        Typed::Ask(folder, only) => writeln!(out, "{:#}", ask(&folder, &only)?)?,
        Typed::Deadlines(folder) => writeln!(out, "{:#}", deadlines(&folder)?)?,
        Typed::Engines => {
            let indices = |rank| index_shares(rank).iter().map(|(index, _)| *index).collect::<Vec<_>>();
            let named = |(rank, hashid): (usize, Hashid)| json!({ "hashid": hashid.to_string(), "indices": indices(rank) });
            writeln!(out, "{}", engines().into_iter().enumerate().map(named).collect::<Value>())?;
        }
        Typed::Data { clicks, telling, to } => {
            let world = World::new()?;
            let year = Year::new(&world, clicks, telling)?;
            match to {
                To::Store(folder) => record(&folder, year, &mut out)?,
                To::Days(folder) => into_days(&folder, year)?,
                To::Lines => into_lines(&mut out, year)?,
                To::Nowhere => {
                    let begun = Instant::now();
                    let made = year.map(|click| click.map(|_| ())).collect::<Result<Vec<()>, _>>()?.len();
                    writeln!(out, "{}", json!({ "clicks": made, "made_seconds": seconds(begun) }))?;
                }
            }
        }
    }
    Ok(out.flush()?)
}

fn main() -> ExitCode {
    let Some(typed) = typed(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match run(typed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            eprintln!("bench: {failed}");
            ExitCode::FAILURE
        }
    }
}
