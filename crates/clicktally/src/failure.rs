//! Why a command was not done, in words that say what to do next, and the exit status that goes with it.

use std::fmt;
use std::process::ExitCode;

/// Why a command was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    text: String,
    status: u8,
}

impl Failure {
    /// It could not be done: exit status 1.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), status: 1 }
    }

    /// It was not asked rightly: exit status 2.
    pub fn usage(text: impl Into<String>) -> Self {
        Self { text: text.into(), status: 2 }
    }

    /// The exit status.
    pub fn status(&self) -> ExitCode {
        ExitCode::from(self.status)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<server::control::ControlError> for Failure {
    fn from(error: server::control::ControlError) -> Self {
        Self::new(error.0)
    }
}
