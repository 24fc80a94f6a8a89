//! The real binary, run as people and their machines run it: commands, servers, signals, full disks, kills. These rooms
//! see only what a user sees (arguments, output, HTTP, files); none of them may call the product's code.

mod browser;
mod commands;
mod damage;
mod disk_full;
mod http;
mod kill;
mod life;
mod loading;
mod running;
mod schema;
mod sharing;
mod shop;
mod ubi;
