//! What can go wrong, one small enum for each area. It must never know how a caller answers for it.

use std::io;

/// Why the registry did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// Another account has the name.
    #[error("there is an account of this name already")]
    AccountExists,
    /// No account has the code.
    #[error("there is no such account; `account create` makes one")]
    NoAccount,
    /// Another engine has the hashid.
    #[error("there is a search engine with this hashid already")]
    HashidTaken,
    /// Another engine is bound to the site.
    #[error("the site {site} is bound to another search engine already")]
    SiteTaken {
        /// The site's host name.
        site: String,
    },
    /// No key has the id, or it was revoked.
    #[error("there is no such key; `key list` shows the ids")]
    NoKey,
    /// Another user of the account has the name.
    #[error("the account has a user of this name already")]
    UserExists,
    /// The account has no user of the name.
    #[error("there is no such user; `user list` shows them")]
    NoUser,
    /// No engine has the hashid.
    #[error("there is no such search engine; `engine create` makes one")]
    NoEngine,
    /// The engine has no index of the name.
    #[error("the search engine has no such index")]
    NoIndex,
    /// The engine has an index of the name already.
    #[error("the search engine has an index of this name already")]
    IndexExists,
    /// A maximum is reached. Nothing that is kept is touched.
    #[error("no more than {max} {what} are kept")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        max: u64,
    },
    /// A value is not what it should be.
    #[error("{what}")]
    Invalid {
        /// What a valid one would be.
        what: &'static str,
    },
    /// Nothing was kept, and a later attempt may succeed.
    #[error("the registry could not be written: {0}")]
    NotWritten(String),
    /// Nothing is recorded any more until the next start.
    #[error("the registry has stopped recording until a restart: {0}")]
    Stopped(String),
    /// What is kept can't be read.
    #[error("the registry can't be read: {0}; run `check`")]
    Damaged(String),
}

/// Why a registry could not be opened. Nothing that it holds was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The registry was written under another master secret.
    #[error(
        "the master secret is not the one that this registry was made with: restore the right secret.key"
    )]
    WrongSecret,
    /// A newer program wrote it.
    #[error(
        "{file} has format version {found}; this program knows versions up to {known}: use the newer program"
    )]
    Newer {
        /// The file's name.
        file: String,
        /// The version it has.
        found: u32,
        /// The newest version that this program reads.
        known: u32,
    },
    /// There are records, and the file that tells which of them count is gone.
    #[error("{file} is missing though there are records: restore it from a backup of the same time")]
    HeadMissing {
        /// The file's name.
        file: String,
    },
    /// A file is not what this program wrote.
    #[error("{file} is damaged: {what}; restore it from a backup")]
    Damaged {
        /// The file's name.
        file: String,
        /// In which way.
        what: String,
    },
    /// A record is whole, but does not fit those before it.
    #[error("the record at position {position} of {files}* can't be true: {what}")]
    Contradiction {
        /// How the names of the files begin.
        files: String,
        /// Where the record's frame is.
        position: journal::Position,
        /// What is wrong with it.
        what: String,
    },
    /// The journal could not be opened.
    #[error("{files}*: {error}")]
    Journal {
        /// How the names of the files begin.
        files: String,
        /// The journal's own words.
        error: journal::OpenError,
    },
    /// What was to be written to a fresh journal could not be appended.
    #[error("the registry could not be written anew: {0}")]
    Append(#[from] journal::AppendError),
    /// The disk failed.
    #[error("{file}: {error}")]
    Disk {
        /// The file, or what of the directory.
        file: String,
        /// What the disk said.
        error: io::Error,
    },
    /// The thread that records could not be started.
    #[error("the registry's thread could not be started: {0}")]
    Thread(String),
}

impl OpenError {
    pub(crate) fn disk(file: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let file = file.into();
        |error| Self::Disk { file, error }
    }
}
