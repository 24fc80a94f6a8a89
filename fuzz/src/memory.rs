//! Memory: what a reader may ask for is bounded by what it is given to read. It must never know what is read.

use std::alloc::System;

use cap::Cap;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// What a reader may take besides what the input asks for: buffers of fixed sizes, of which the largest is the piece of
/// 64 KiB in which keys are read, and what threads keep for themselves.
const FIXED_BYTES: usize = 16 << 20;
/// How many bytes of memory a byte of input may cost.
const BYTES_EACH: usize = 1 << 10;

/// Runs what reads `input_bytes` bytes. The process ends when that asks for more memory than they can be worth: a length
/// that is believed before its bytes are seen.
pub fn bounded<T>(input_bytes: usize, read: impl FnOnce() -> T) -> T {
    let allowed = FIXED_BYTES + input_bytes * BYTES_EACH;
    // No limit is below what is taken already.
    let _ = ALLOCATOR.set_limit(ALLOCATOR.allocated() + allowed);
    let done = read();
    let _ = ALLOCATOR.set_limit(usize::MAX);
    done
}
