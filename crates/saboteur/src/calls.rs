//! The functions of the C library that this library stands in for: each asks what is to be done, and does it. They must
//! never know the plan.
#![expect(unsafe_code, reason = "these are functions of the C library, called with its pointers")]

use std::ffi::{CStr, c_char, c_int, c_void};

use libc::{AT_FDCWD, AT_REMOVEDIR, mode_t, off64_t, size_t, ssize_t};

use crate::plan::{Fate, Kind, decide};
use crate::system::{self, Path, outcome};

/// # Safety
/// As for `write`: `bytes` has `count` bytes.
unsafe fn any_write(file: c_int, bytes: *const c_void, count: size_t, offset: Option<i64>) -> ssize_t {
    let fate = decide(Kind::Write, Path::of(file).as_bytes());
    let count = if matches!(fate, Fate::Halved | Fate::Killed) { count.div_ceil(2) } else { count };
    if let Fate::Failed(errno) = fate {
        return system::fail(errno) as ssize_t;
    }
    // SAFETY: no more than the caller's bytes.
    let written = unsafe { system::write(file, bytes, count, offset) };
    if fate == Fate::Killed { system::die() } else { written }
}

fn any_sync(file: c_int, data_only: bool) -> c_int {
    match decide(Kind::Sync, Path::of(file).as_bytes()) {
        Fate::Killed => system::die(),
        Fate::Failed(errno) => system::fail(errno),
        Fate::Made | Fate::Halved => system::sync(file, data_only),
    }
}

/// # Safety
/// As for `rename`: `path` ends with a zero.
unsafe fn any_name(path: *const c_char, call: impl FnOnce() -> libc::c_long) -> c_int {
    // SAFETY: the caller's promise.
    match decide(Kind::Name, unsafe { CStr::from_ptr(path) }.to_bytes()) {
        Fate::Killed => system::die(),
        Fate::Failed(errno) => system::fail(errno),
        Fate::Made | Fate::Halved => outcome(call()),
    }
}

/// # Safety
/// As the C library says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn write(file: c_int, bytes: *const c_void, count: size_t) -> ssize_t {
    // SAFETY: the caller's promise.
    unsafe { any_write(file, bytes, count, None) }
}

/// # Safety
/// As the C library says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwrite64(
    file: c_int,
    bytes: *const c_void,
    count: size_t,
    offset: off64_t,
) -> ssize_t {
    // SAFETY: the caller's promise.
    unsafe { any_write(file, bytes, count, Some(offset)) }
}

/// # Safety
/// As the C library says.
#[unsafe(no_mangle)]
pub extern "C" fn fsync(file: c_int) -> c_int {
    any_sync(file, false)
}

/// As the C library's.
#[unsafe(no_mangle)]
pub extern "C" fn fdatasync(file: c_int) -> c_int {
    any_sync(file, true)
}

/// # Safety
/// As the C library says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    // SAFETY: the caller's promise, here and for the kernel.
    unsafe { any_name(to, || libc::syscall(libc::SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0)) }
}

/// # Safety
/// As the C library says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkat(
    old_folder: c_int,
    from: *const c_char,
    new_folder: c_int,
    to: *const c_char,
    flags: c_int,
) -> c_int {
    // SAFETY: the caller's promise, here and for the kernel.
    unsafe { any_name(to, || libc::syscall(libc::SYS_linkat, old_folder, from, new_folder, to, flags)) }
}

/// # Safety
/// As the C library says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unlink(path: *const c_char) -> c_int {
    // SAFETY: the caller's promise, here and for the kernel.
    unsafe { any_name(path, || libc::syscall(libc::SYS_unlinkat, AT_FDCWD, path, 0)) }
}

/// # Safety
/// As the C library says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmdir(path: *const c_char) -> c_int {
    // SAFETY: the caller's promise, here and for the kernel.
    unsafe { any_name(path, || libc::syscall(libc::SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR)) }
}

/// # Safety
/// As the C library says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mkdir(path: *const c_char, mode: mode_t) -> c_int {
    // SAFETY: the caller's promise, here and for the kernel.
    unsafe { any_name(path, || libc::syscall(libc::SYS_mkdirat, AT_FDCWD, path, mode)) }
}
