//! Stands between a process and its disk, for tests: at the n-th write, sync or change of a name below one directory it
//! kills the process, lets the call fail, writes a part, or lets it wait.
//!
//! The library is loaded with `LD_PRELOAD` into a program that knows nothing of it, and is told by the environment what to do:
//!
//! ```text
//! SABOTEUR_FOLDER  the directory, as an absolute path without links; other files, sockets and pipes are left alone
//! SABOTEUR_PLAN    what is done:
//!   kill write 17              the 17th write writes the first half of its bytes, and the process dies by signal 9
//!   kill sync 17               the process dies before the 17th sync; likewise `kill name 17`
//!   fail write 17 5            the 17th write fails with the error number 5, once; likewise `sync`, `name`
//!   fail write 17 28 /a/file   so does every one from the 17th on, until there is a file of that name
//!   short write 17             the 17th write writes the first half of its bytes and says so
//!   slow sync 5000             every sync takes 5000 microseconds more
//! ```
//!
//! A write is `write` or `pwrite`, a sync `fsync` or `fdatasync`, a change of a name `rename`, `linkat`, `unlink`, `mkdir` or
//! `rmdir`: what the standard library calls for files. They are counted from 1 from the start of the process, over all its
//! threads. The first that is touched is told on standard error, so that a test can see which file it met. Nothing of the
//! product may depend on this crate.
#![cfg(target_os = "linux")]

mod calls;
mod plan;
mod system;
