//! The roof: one binary, its configuration, its commands, and the one file that names the engines.

mod backup;
mod cli;
mod commands;
mod config;
mod control_client;
mod engines;
mod failure;
mod house;
mod output;
mod password;
mod reach;
mod terminal;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Serve(typed) => commands::serve(*typed),
        Command::Demo(args) => commands::demo(*args),
        Command::Import(args) => commands::import(args),
        Command::Export(args) => commands::export(args),
        Command::Account(command) => commands::account(command),
        Command::Key(command) => commands::key(command),
        Command::User(command) => commands::user(command),
        Command::Engine(command) => commands::engine(command),
        Command::Stats(command) => commands::stats(command),
        Command::Top(args) => commands::top(&args),
        Command::Status(args) => commands::status(&args),
        Command::Erase(args) => commands::erase(args),
        Command::Check(args) => commands::check(args),
        Command::Backup(args) => commands::backup(args),
        Command::Restore(args) => commands::restore(args),
        Command::Completions(args) => commands::completions(&args),
        Command::Man(args) => commands::man(&args),
    };
    match done {
        Ok(status) => status,
        Err(failure) => {
            eprintln!("clicktally: {failure}");
            failure.status()
        }
    }
}
