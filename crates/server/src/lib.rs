//! The front: HTTP, the dialects, and the two walks between them and a store. It can't name an engine.

pub mod access;
pub mod app;
mod asking;
mod browser;
pub mod bulk;
pub mod callers;
pub mod clock;
pub mod control;
mod cookies;
pub mod counts;
pub mod csv_text;
mod dashboard;
pub mod dialects;
pub mod doors;
mod ended;
pub mod feed;
pub mod feeder;
pub mod fields;
pub mod http;
pub mod intake;
pub mod json;
pub mod live;
mod media_type;
mod origins;
pub mod pages;
mod passwords;
mod query_params;
mod query_string;
mod received;
pub mod retention;
mod sessions;
pub mod settings;
mod sign_ins;
mod signed;
pub mod tracker;
pub mod user_agent;

#[cfg(test)]
mod chance;
