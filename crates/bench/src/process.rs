//! What this process takes of the machine, as the kernel says.

use crate::feed::Failed;

/// Memory of this process, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    /// Resident now.
    pub now: u64,
    /// Resident at most, since it began.
    pub most: u64,
}

impl Memory {
    /// As it is now.
    ///
    /// # Errors
    /// Where the kernel doesn't tell.
    pub fn taken() -> Result<Self, Failed> {
        #[expect(clippy::disallowed_methods, reason = "the kernel's own file, not the data directory")]
        let status = std::fs::read_to_string("/proc/self/status")?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib * 1_024)
        };
        let (now, most) = (field("VmRSS:"), field("VmHWM:"));
        now.zip(most).map(|(now, most)| Self { now, most }).ok_or_else(|| "no memory in /proc".into())
    }
}
