//! What the kernel is asked for, past the functions that this library stands in for. It must never know why.
#![expect(unsafe_code, reason = "it calls the C library")]

use std::ffi::{CStr, c_int, c_void};

/// The longest path that is looked at, in bytes; a longer one is cut, and belongs to no test.
const PATH_BYTES_MAX: usize = 1024;

/// The path of an open file.
pub struct Path {
    bytes: [u8; PATH_BYTES_MAX],
    length: usize,
}

impl Path {
    /// As the kernel tells it; empty when it doesn't. For a socket or a pipe it is no absolute path.
    pub fn of(file: c_int) -> Path {
        let mut link = *b"/proc/self/fd/\0\0\0\0\0\0\0\0\0\0\0\0";
        let mut digits = file.unsigned_abs();
        let mut places = 1;
        while digits >= 10 {
            digits /= 10;
            places += 1;
        }
        let mut rest = file.unsigned_abs();
        for place in (0..places).rev() {
            link[14 + place] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        let mut bytes = [0; PATH_BYTES_MAX];
        // SAFETY: `link` ends with a zero, since ten digits leave two bytes; at most `PATH_BYTES_MAX` bytes are written
        // to `bytes`, which has as many.
        let read = unsafe { libc::readlink(link.as_ptr().cast(), bytes.as_mut_ptr().cast(), PATH_BYTES_MAX) };
        Path { bytes, length: usize::try_from(read).unwrap_or(0) }
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// Whether there is such a file.
pub fn is_there(path: &CStr) -> bool {
    // SAFETY: `path` ends with a zero.
    unsafe { libc::access(path.as_ptr(), libc::F_OK) == 0 }
}

/// Waits.
pub fn sleep_us(us: u64) {
    std::thread::sleep(std::time::Duration::from_micros(us));
}

/// Writes a line to standard error, past everything.
pub fn tell(what: &[u8], path: &[u8]) {
    let line = [what, path, b"\n"].concat();
    // SAFETY: as many bytes are read as the line has.
    unsafe { libc::syscall(libc::SYS_write, 2, line.as_ptr(), line.len()) };
}

/// Ends the process by signal 9. It returns to no caller.
pub fn die() -> ! {
    loop {
        // SAFETY: a process may send itself a signal.
        unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
    }
}

/// Makes a call fail.
pub fn fail(errno: c_int) -> c_int {
    // SAFETY: it is this thread's own variable.
    unsafe { *libc::__errno_location() = errno };
    -1
}

/// `write`, or `pwrite` at an offset.
///
/// # Safety
/// As for `write`: `bytes` has `count` bytes.
pub unsafe fn write(file: c_int, bytes: *const c_void, count: usize, offset: Option<i64>) -> isize {
    // SAFETY: the caller's promise is the kernel's condition.
    let written = unsafe {
        match offset {
            None => libc::syscall(libc::SYS_write, file, bytes, count),
            Some(offset) => libc::syscall(libc::SYS_pwrite64, file, bytes, count, offset),
        }
    };
    isize::try_from(written).unwrap_or(-1)
}

/// `fsync` or `fdatasync`.
pub fn sync(file: c_int, data_only: bool) -> c_int {
    let call = if data_only { libc::SYS_fdatasync } else { libc::SYS_fsync };
    // SAFETY: any number is allowed as a file.
    outcome(unsafe { libc::syscall(call, file) })
}

/// What a call that returns 0 or -1 returned.
pub fn outcome(returned: libc::c_long) -> c_int {
    if returned == 0 { 0 } else { -1 }
}
