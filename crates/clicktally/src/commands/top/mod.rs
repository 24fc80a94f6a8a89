//! `top`: what a running server does now, drawn anew at each interval; in a pipe a line for each. And `status`: the same, once.

mod frame;
mod round;

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use server::control::{Command, StatRow, StateReply, StatsAsk, StatsBy, StatsReply};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::{StatusArgs, TopArgs};
use crate::failure::Failure;
use crate::output;
use crate::reach::Reached;
use crate::terminal::{Screen, Window};

use frame::{Seen, frame};
use round::History;

/// How far back the tables of search engines and items look.
const RECENT_MS: i64 = 60_000;
/// The most rows of each table.
const ROWS_MAX: usize = 10;

pub fn top(args: &TopArgs) -> Result<ExitCode, Failure> {
    let mut reached = Reached::server(&args.directory)?;
    let done = watch(&mut reached, args);
    reached.close();
    done.map(|()| ExitCode::SUCCESS)
}

fn watch(reached: &mut Reached, args: &TopArgs) -> Result<(), Failure> {
    let broken = |error: std::io::Error| Failure::new(format!("the terminal: {error}"));
    let mut stop = reached.runtime.block_on(async { Stop::new() }).map_err(broken)?;
    let window = Window::of_stdout();
    // Given back before a failure is told.
    let mut screen =
        if window.is_terminal { Some(Screen::open(std::io::stdout()).map_err(broken)?) } else { None };
    let mut history = History::default();
    let mut rounds = 0;
    loop {
        let state = reached.ask::<StateReply>(Command::State)?;
        history.take(state);
        let window = Window::of_stdout();
        match &mut screen {
            Some(screen) => {
                let seen = look(reached, args, &history)?;
                screen.draw(&frame(&history, &seen, window), window).map_err(broken)?;
            }
            // The first round has nothing to be compared with.
            None => {
                if let Some(round) = history.last()
                    && !print_line(&round.line())?
                {
                    return Ok(());
                }
            }
        }
        rounds += u32::from(history.last().is_some());
        if args.count.is_some_and(|count| rounds >= count) {
            return Ok(());
        }
        let interval = Duration::from_secs(args.interval.into());
        if reached.runtime.block_on(stop.within(interval)) {
            return Ok(());
        }
    }
}

/// Says whether anybody still reads.
fn print_line(line: &str) -> Result<bool, Failure> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::new(format!("the output can't be written: {error}"))),
    }
}

/// The last minute by search engine and by item, of the account.
fn look(reached: &mut Reached, args: &TopArgs, history: &History) -> Result<Seen, Failure> {
    let Some(state) = history.state() else { return Ok(Seen::default()) };
    if args.account.is_none() && state.accounts != 1 {
        return Ok(Seen { is_asked: false, ..Seen::default() });
    }
    let mut of = |by| {
        let ask = StatsAsk {
            account: args.account.clone(),
            from: (state.at - RECENT_MS).to_string(),
            to: state.at.to_string(),
            by,
            rows_max: ROWS_MAX,
            ..StatsAsk::default()
        };
        reached.ask::<StatsReply>(Command::Stats(Box::new(ask)))
    };
    let mut engines = of(StatsBy::Engine)?;
    engines.results.sort_by_key(|row: &StatRow| std::cmp::Reverse(row.count));
    engines.results.truncate(ROWS_MAX);
    Ok(Seen { is_asked: true, engines, items: of(StatsBy::Item)? })
}

/// Ctrl-C and SIGTERM.
struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    fn new() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits; true as soon as somebody wants to stop.
    async fn within(&mut self, time: Duration) -> bool {
        tokio::select! {
            _ = self.interrupt.recv() => true,
            _ = self.terminate.recv() => true,
            () = tokio::time::sleep(time) => false,
        }
    }
}

pub fn status(args: &StatusArgs) -> Result<ExitCode, Failure> {
    let mut reached = Reached::server(&args.directory)?;
    let state = reached.ask::<StateReply>(Command::State);
    reached.close();
    let state = state?;
    let text = if args.directory.json { output::json(&state)? } else { round::words(&state) };
    output::print(&text)?;
    Ok(if state.ready { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
