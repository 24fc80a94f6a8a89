//! `demo`: the server on a directory filled with a year of sample clicks, and what to try.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Instant;

use clicks::{AccountCode, Hashid, Zone};
use indicatif::{ProgressBar, ProgressStyle};
use registry::{NewEngine, Registry, Scopes};
use server::counts::Fate;

use crate::cli::DemoArgs;
use crate::commands::{sample, serve};
use crate::config::Config;
use crate::failure::Failure;
use crate::house::House;

const DEMO_ACCOUNT: &str = "demo";
const DEMO_ENGINE: &str = "Demo shop";
const DAY_MS: i64 = 86_400_000;
/// How many days the curl line asks for.
const DAYS_SHOWN: i64 = 14;

pub fn demo(args: DemoArgs) -> Result<ExitCode, Failure> {
    let config = Config::check(args.typed, "./clicktally-demo")?;
    serve::start_logging(&config);
    let house = serve::open(&config)?;
    let filled = demo_account(&house.app.registry).and_then(|(account, engine)| {
        fill(&house, account, engine, args.clicks)?;
        key(&house.app.registry, account, house.app.clock.now_ms())
    });
    match filled {
        Ok(key) => serve::run(config, house, |address, house| {
            print_tour(address, &key, house.app.clock.now_ms());
            Ok(())
        }),
        Err(failure) => {
            house.close();
            Err(failure)
        }
    }
}

/// The demo's own account and engine, made where the directory is empty; any other data are refused.
fn demo_account(registry: &Registry) -> Result<(AccountCode, Hashid), Failure> {
    let accounts = registry.accounts();
    let account = match accounts.as_slice() {
        [] => registry.create_account(DEMO_ACCOUNT).map_err(failure)?,
        [only] if &*only.name == DEMO_ACCOUNT => only.clone(),
        _ => {
            return Err(Failure::new(
                "this directory holds other data than the demo's: give an empty one with --data-dir, \
                 or run `clicktally serve` on it",
            ));
        }
    };
    let engines = registry.engines(Some(account.code));
    let engine = match engines.as_slice() {
        [] => {
            let index = "product".parse().map_err(failure)?;
            let name = Some(DEMO_ENGINE.to_owned());
            let new = NewEngine { hashid: None, name, indices: vec![index], sites: Vec::new() };
            registry.create_engine(account.code, new).map_err(failure)?.hashid
        }
        [first, ..] => first.hashid,
    };
    Ok((account.code, engine))
}

fn failure(error: impl std::fmt::Display) -> Failure {
    Failure::new(error.to_string())
}

/// Every sample click has an id, so a fill that was broken off goes on at the next start and counts nothing twice.
fn fill(house: &House, account: AccountCode, engine: Hashid, clicks: u64) -> Result<(), Failure> {
    if house.app.store.status().clicks >= clicks {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failure)?;
    let bar = ProgressBar::new(clicks);
    if let Ok(style) =
        ProgressStyle::with_template("filling with a year of sample clicks {wide_bar} {human_pos}")
    {
        bar.set_style(style);
    }
    let started = Instant::now();
    for lines in sample::year(engine, house.app.clock.now_ms(), clicks) {
        let report = runtime.block_on(house.app.feed(account, lines)).map_err(failure)?;
        // A fill that goes on on another day draws other searches under the same ids: the first ones stay.
        let unexpected = report.rejected.iter().find(|(_, rejection)| rejection.fate != Fate::Conflict);
        if let Some((line, rejection)) = unexpected {
            return Err(Failure::new(format!("sample line {line} was rejected: {}", rejection.message)));
        }
        bar.inc(report.clicks);
    }
    bar.finish_and_clear();
    eprintln!("filled with {clicks} sample clicks in {:.1} s", started.elapsed().as_secs_f64());
    Ok(())
}

/// The demo's key: the same at every start.
fn key(registry: &Registry, account: AccountCode, now_ms: i64) -> Result<String, Failure> {
    if let Some((_, key)) = registry.signing_keys(account).first() {
        return Ok(String::from_utf8_lossy(key.as_ref()).into_owned());
    }
    Ok(registry.create_key(account, Scopes::default(), now_ms).map_err(failure)?.key)
}

fn print_tour(address: SocketAddr, key: &str, now_ms: i64) {
    let date = |at_ms: i64| Zone::UTC.date_of(at_ms).strftime("%Y%m%d").to_string();
    let (from, to) = (date(now_ms - (DAYS_SHOWN - 1) * DAY_MS), date(now_ms));
    println!("ClickTally demo on http://{address}/  (stop with Ctrl-C)\n");
    println!("API key: {key}\n");
    println!("Clicks per day of the last {DAYS_SHOWN} days:\n");
    println!(
        "curl -H 'Authorization: Token {key}' 'http://{address}/api/v2/stats/clicks?from={from}&to={to}'\n"
    );
}
