//! What can be typed. Each option's help is its documentation; nothing here decides anything.

mod stats;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::Typed;

pub use stats::{
    ClickFilter, ClicksArgs, ClicksBy, Common, ItemsFilter, OverviewArgs, Place, RatesArgs, ReportSort,
    SearchesBy, StatsCommand, StatsFormat,
};

/// The click log and click statistics server for site search.
#[derive(Debug, Parser)]
#[command(name = "clicktally", version, about, max_term_width = 100, propagate_version = true)]
#[command(
    after_help = "Exit status: 0 done, 1 not done or something is damaged, 2 the command line can't be understood."
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server
    Serve(Box<Typed>),
    /// Run the server on a directory filled with a year of sample clicks, and print what to try
    Demo(Box<DemoArgs>),
    /// Load logs of items, searches and clicks
    Import(ImportArgs),
    /// Write out the clicks themselves, oldest first
    Export(ExportArgs),
    /// Accounts
    #[command(subcommand)]
    Account(AccountCommand),
    /// API keys
    #[command(subcommand)]
    Key(KeyCommand),
    /// Users of the dashboard
    #[command(subcommand)]
    User(UserCommand),
    /// Search engines
    #[command(subcommand)]
    Engine(EngineCommand),
    /// Statistics in the terminal
    #[command(subcommand)]
    Stats(StatsCommand),
    /// Watch a running server: clicks a second, by search engine and item, and what was refused
    Top(TopArgs),
    /// Tell how the running server is; exit status 1 when it can't record
    Status(StatusArgs),
    /// Erase all clicks and searches of one visitor, for good
    Erase(EraseArgs),
    /// Verify every file of the data directory; exit status 1 when something is damaged
    Check(CheckArgs),
    /// Back up the data directory, beside a running server too; again into the same directory brings only what is new
    Backup(BackupArgs),
    /// Make a data directory of a backup, and read it to its end
    Restore(RestoreArgs),
    /// Print the completion script of a shell
    Completions(CompletionsArgs),
    /// Print the manual, or write a page for each command
    Man(ManArgs),
}

/// Where the data are.
#[derive(Debug, Clone, Args)]
pub struct Directory {
    /// The data directory; if a server runs on it, it is asked [default: ./clicktally-data]
    #[arg(long, env = "CLICKTALLY_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Read options from this TOML file, as the server does
    #[arg(long, env = "CLICKTALLY_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The master secret, if it is not `secret.key` in the data directory
    #[arg(long, env = "CLICKTALLY_SECRET_FILE", value_name = "FILE")]
    pub secret_file: Option<PathBuf>,
    /// Print JSON, for machines
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct DemoArgs {
    #[command(flatten)]
    pub typed: Typed,
    /// How many sample clicks to fill an empty directory with
    #[arg(long, default_value_t = 300_000, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub clicks: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ImportFormat {
    /// The lines of `POST /v1/events`
    Events,
    /// An OpenSearch User Behavior Insights export
    Ubi,
    /// Fess's search and click logs, and documents of its index
    Fess,
    /// Parquet files of clicks or searches that `export` or a data directory has
    Parquet,
}

#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The logs: plain, gzip or Parquet
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// What the lines are
    #[arg(long, value_enum, default_value = "events")]
    pub format: ImportFormat,
    /// The account, where there are several [name or code]
    #[arg(long)]
    pub account: Option<String>,
    /// The search engine of lines that name none
    #[arg(long, value_name = "H")]
    pub hashid: Option<String>,
    /// The index of lines that name none
    #[arg(long, value_name = "I")]
    pub index: Option<String>,
    /// The time zone of times that name none, as in Fess's CSV: an IANA name or an offset [default: UTC]
    #[arg(long, allow_hyphen_values = true)]
    pub tz: Option<String>,
    /// Load into the server at this address, over HTTP [needs --key]
    #[arg(long, requires = "key", value_name = "URL")]
    pub url: Option<String>,
    /// An API key with the scope `write`
    #[arg(long, env = "CLICKTALLY_KEY", hide_env_values = true, value_name = "KEY")]
    pub key: Option<String>,
    #[command(flatten)]
    pub directory: Directory,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// Lines that `import` reads back
    Ndjson,
    /// A table with a header
    Csv,
    /// One Parquet file, as a sealed day's
    Parquet,
}

#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The first day or instant: YYYYMMDD, Unix seconds or milliseconds
    #[arg(long)]
    pub from: String,
    /// The last day or instant, included
    #[arg(long)]
    pub to: String,
    /// The time zone of days: an IANA name or an offset such as +02:00
    #[arg(long, default_value = "Etc/UTC", allow_hyphen_values = true)]
    pub tz: String,
    /// What the lines look like
    #[arg(long, value_enum, default_value = "ndjson")]
    pub format: ExportFormat,
    /// The account, where there are several [name or code]
    #[arg(long)]
    pub account: Option<String>,
    /// Only of this search engine; may be given several times
    #[arg(long = "hashid", value_name = "H")]
    pub hashids: Vec<String>,
    /// Write to this file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub directory: Directory,
}

#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    /// Make an account
    Create {
        /// Its name
        name: String,
        #[command(flatten)]
        directory: Directory,
    },
    /// List the accounts
    List {
        #[command(flatten)]
        directory: Directory,
    },
}

#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make an API key; it is shown this once
    Create {
        /// The account [name or code]
        #[arg(long)]
        account: String,
        /// What it may do: read, write, manage, click; comma-separated
        #[arg(long, default_value = "read,write,manage")]
        scope: String,
        /// A search engine that a `click` key may record for; may be given several times [default: all of the account's]
        #[arg(long = "engine", value_name = "HASHID", num_args = 1..)]
        engines: Vec<String>,
        /// An origin whose pages may use a `click` key, as browsers send it; may be given several times
        #[arg(long = "origin", value_name = "ORIGIN", num_args = 1..)]
        origins: Vec<String>,
        #[command(flatten)]
        directory: Directory,
    },
    /// List the keys, without the keys themselves
    List {
        /// Only of this account [name or code]
        #[arg(long)]
        account: Option<String>,
        #[command(flatten)]
        directory: Directory,
    },
    /// End a key
    Revoke {
        /// Its id, as `key list` shows it
        id: String,
        #[command(flatten)]
        directory: Directory,
    },
}

#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Make a user, who signs in with a password; it is asked for, or read from standard input
    Create {
        #[command(flatten)]
        who: Who,
        /// What the user may do: read, write, manage; comma-separated
        #[arg(long, default_value = "read")]
        scope: String,
        #[command(flatten)]
        password: PasswordFrom,
        #[command(flatten)]
        directory: Directory,
    },
    /// List the users
    List {
        /// Only of this account [name or code]
        #[arg(long)]
        account: Option<String>,
        #[command(flatten)]
        directory: Directory,
    },
    /// Give a user another password, which ends the user's sessions
    Password {
        #[command(flatten)]
        who: Who,
        #[command(flatten)]
        password: PasswordFrom,
        #[command(flatten)]
        directory: Directory,
    },
    /// Remove a user, which ends the user's sessions
    Delete {
        #[command(flatten)]
        who: Who,
        #[command(flatten)]
        directory: Directory,
    },
}

#[derive(Debug, Args)]
pub struct Who {
    /// The account [name or code]
    #[arg(long)]
    pub account: String,
    /// The user's name: 1 to 128 characters; capitals don't count
    #[arg(long)]
    pub name: String,
}

#[derive(Debug, Args)]
pub struct PasswordFrom {
    /// Read the password from this file instead: 12 to 256 characters, without the line's end
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum EngineCommand {
    /// Make a search engine
    Create {
        /// The account [name or code]
        #[arg(long)]
        account: String,
        /// Its hashid: 32 hexadecimal digits [default: random]
        #[arg(long, value_name = "H")]
        hashid: Option<String>,
        /// Its name
        #[arg(long)]
        name: Option<String>,
        /// An index; may be given several times
        #[arg(long = "index", value_name = "I", num_args = 1..)]
        indices: Vec<String>,
        /// A host whose clicks belong to it; may be given several times
        #[arg(long = "site", value_name = "HOST", num_args = 1..)]
        sites: Vec<String>,
        #[command(flatten)]
        directory: Directory,
    },
    /// List the search engines
    List {
        /// Only of this account [name or code]
        #[arg(long)]
        account: Option<String>,
        #[command(flatten)]
        directory: Directory,
    },
}

#[derive(Debug, Args)]
pub struct EraseArgs {
    /// The account [name or code]
    #[arg(long)]
    pub account: String,
    /// The visitor's user code, exactly as it was recorded
    #[arg(long, value_name = "CODE")]
    pub user: String,
    #[command(flatten)]
    pub directory: Directory,
}

#[derive(Debug, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    pub directory: Directory,
}

#[derive(Debug, Args)]
pub struct BackupArgs {
    /// Where to: a new or empty directory, or an earlier backup of the same data directory
    #[arg(value_name = "DIR")]
    pub target: PathBuf,
    /// Put the master secret in it: whoever can read the backup can then read every API key
    #[arg(long)]
    pub with_secret: bool,
    #[command(flatten)]
    pub directory: Directory,
}

#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// The backup, or a copy of a data directory that nobody has open
    #[arg(value_name = "DIR")]
    pub source: PathBuf,
    #[command(flatten)]
    pub directory: Directory,
}

#[derive(Debug, Args)]
pub struct TopArgs {
    /// Seconds between two looks
    #[arg(long, default_value_t = 2, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub interval: u32,
    /// Stop after so many intervals
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub count: Option<u32>,
    /// The account whose search engines and items are shown, where there are several [name or code]
    #[arg(long)]
    pub account: Option<String>,
    #[command(flatten)]
    pub directory: Directory,
}

#[derive(Debug, Args)]
pub struct StatusArgs {
    #[command(flatten)]
    pub directory: Directory,
}

#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub struct ManArgs {
    /// Where to write a page for each command; without it the first page is printed
    #[arg(value_name = "DIR")]
    pub directory: Option<PathBuf>,
}
