//! The real binary, run as people and their machines run it: commands, servers, signals, full disks, kills. These rooms
//! see only what a user sees (arguments, output, HTTP, files); none of them may call the product's code.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says by a panic what went wrong, in what its tests share too"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "tests make, damage and read files as their users and accidents do"
)]

mod backup;
mod browser;
mod clients;
mod commands;
mod damage;
mod dialects;
mod disk_full;
mod fess;
mod forgetting;
mod http;
mod kill;
mod life;
mod loading;
mod packaging;
mod peers;
mod running;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod sabotage;
mod schema;
mod sharing;
mod shop;
mod terminal;
mod ubi;
mod users;
