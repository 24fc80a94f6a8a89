//! The exam of the format: what is written comes back, damage is an error, other programs read the same.

#![cfg(test)]

mod round_trip;
mod world;
