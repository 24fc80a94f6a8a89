//! The embedded store from outside: the exam and random histories, faults of the disk, many rows, many threads.
//!
//! Each room says that it is a test, so that the lints let its plain functions unwrap too.

#[cfg(test)]
mod backup;
#[cfg(test)]
mod candidates;
#[cfg(test)]
mod counting;
#[cfg(test)]
mod exam;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod forgetting;
#[cfg(test)]
mod power_loss;
#[cfg(test)]
mod sealing;
#[cfg(test)]
mod threads;
