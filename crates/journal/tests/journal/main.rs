//! The journal as its owners see it: histories with crashes, faults, damage, old samples, group commit.
//!
//! It must never reach inside: only the public door is used.

#[cfg(test)]
mod damage;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod folders;
#[cfg(test)]
mod forgetting;
#[cfg(test)]
mod histories;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod world;
#[cfg(test)]
mod writers;
