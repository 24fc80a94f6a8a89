//! The exam of the format: what is written comes back, damage is an error, other programs read the same.
//!
//! It must never reach inside: only the public door is used.

#[cfg(test)]
mod damage;
#[cfg(test)]
mod peers;
#[cfg(test)]
mod round_trip;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod world;
