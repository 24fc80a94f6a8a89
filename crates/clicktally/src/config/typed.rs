//! What was typed: every option as a flag, an environment variable and a key of the TOML file, in that order of
//! precedence. Nothing is checked here but that a number is a number.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser};
use serde::{Deserialize, Deserializer};

/// A comma-separated list; in TOML also an array.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct List(pub Vec<String>);

impl FromStr for List {
    type Err = std::convert::Infallible;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        Ok(Self(parts.map(str::to_owned).collect()))
    }
}

impl<'de> Deserialize<'de> for List {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Text(String),
            Array(Vec<String>),
        }
        Ok(match Either::deserialize(deserializer)? {
            Either::Text(text) => text.parse().unwrap_or_default(),
            Either::Array(parts) => Self(parts),
        })
    }
}

/// `true` or `false`, also `1` or `0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Switch(pub bool);

impl FromStr for Switch {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "true" | "1" => Ok(Self(true)),
            "false" | "0" => Ok(Self(false)),
            _ => Err("true or false"),
        }
    }
}

impl fmt::Display for Switch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The environment alone, for commands that have few of a server's flags.
#[derive(Parser)]
struct Environment {
    #[command(flatten)]
    typed: Typed,
}

impl Typed {
    /// What the environment says.
    ///
    /// # Errors
    /// When a variable has no value of its kind.
    pub fn from_environment() -> Result<Self, clap::Error> {
        Environment::try_parse_from(["clicktally"]).map(|environment| environment.typed)
    }
}

macro_rules! options {
    ($($(#[doc = $doc:literal])+ $name:ident: $type:ty, $env:literal, $value:literal;)*) => {
        /// The options of a server, as far as they were typed.
        #[derive(Debug, Clone, Default, Args, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Typed {
            /// Read options from this TOML file; its keys are the flags in snake case
            #[arg(long, env = "CLICKTALLY_CONFIG", value_name = "FILE")]
            #[serde(skip)]
            pub config: Option<PathBuf>,
            $($(#[doc = $doc])+ #[arg(long, env = $env, value_name = $value)] pub $name: Option<$type>,)*
        }

        impl Typed {
            /// What was typed here, else there.
            pub fn or(self, other: Self) -> Self {
                Self { config: self.config.or(other.config), $($name: self.$name.or(other.$name),)* }
            }
        }

        /// Name, environment variable, value and help of every option.
        #[cfg(test)]
        const OPTIONS: &[(&str, &str, &str, &str)] =
            &[$((stringify!($name), $env, $value, concat!($($doc),+)),)*];
    };
}

options! {
    /// The data directory [default: ./clicktally-data; demo: ./clicktally-demo]
    data_dir: PathBuf, "CLICKTALLY_DATA_DIR", "DIR";
    /// The address to listen on [default: 127.0.0.1:8080]
    listen: String, "CLICKTALLY_LISTEN", "ADDR";
    /// A second address, for /metrics and the details of readiness [default: none]
    admin_listen: String, "CLICKTALLY_ADMIN_LISTEN", "ADDR";
    /// The server's own origin as browsers see it, such as `https://clicks.example.com` [default: from Host]
    public_url: String, "CLICKTALLY_PUBLIC_URL", "URL";
    /// Origins whose pages may record clicks, exactly as browsers send them; comma-separated [default: none]
    cors_origins: List, "CLICKTALLY_CORS_ORIGINS", "ORIGINS";
    /// Addresses or networks of proxies whose X-Forwarded-* headers count; comma-separated [default: none]
    trusted_proxies: List, "CLICKTALLY_TRUSTED_PROXIES", "NETS";
    /// false: every click is answered logged:false [default: true]
    click_log: Switch, "CLICKTALLY_CLICK_LOG", "BOOL";
    /// Life of a session and its CSRF token, in seconds, 1 to 31536000 [default: 28800]
    session_seconds: u64, "CLICKTALLY_SESSION_SECONDS", "SECONDS";
    /// Browsers that ask not to be tracked (GPC, DNT): count, skip or ignore [default: count]
    opt_out: String, "CLICKTALLY_OPT_OUT", "HOW";
    /// Clicks on items that no catalogue holds: reject or accept [default: reject]
    unknown_items: String, "CLICKTALLY_UNKNOWN_ITEMS", "HOW";
    /// Questions about a UTC day whose clicks can't be read: refuse, or leave-out to answer without it, naming it [default: refuse]
    damaged_days: String, "CLICKTALLY_DAMAGED_DAYS", "HOW";
    /// Statistics requests a second for each key, 0 = no limit [default: 20]
    stats_per_second: u32, "CLICKTALLY_STATS_PER_SECOND", "N";
    /// Clicks a second from each client address, 0 = no limit [default: 1000]
    clicks_per_second: u32, "CLICKTALLY_CLICKS_PER_SECOND", "N";
    /// Calls a second with each key that stands in a public page (scope click), from all its pages together, 0 = no limit [default: 10000]
    page_key_per_second: u32, "CLICKTALLY_PAGE_KEY_PER_SECOND", "N";
    /// Requests a second of those who signed in with the same key or as the same user, 0 = no limit [default: 200]
    session_requests_per_second: u32, "CLICKTALLY_SESSION_REQUESTS_PER_SECOND", "N";
    /// How long a question may take, in milliseconds, 1 to 600000; past it 408 [default: 10000]
    stats_timeout_ms: u64, "CLICKTALLY_STATS_TIMEOUT_MS", "MS";
    /// How many questions are worked on at once, 1 to 1024; more wait [default: 64]
    questions_max: usize, "CLICKTALLY_QUESTIONS_MAX", "N";
    /// How long a click waits for its search, in days, 0 to 3650 [default: 30]
    join_days: u32, "CLICKTALLY_JOIN_DAYS", "DAYS";
    /// How many days clicks and searches are kept, 0 to 36500; whole UTC days before that are removed, 0 = kept for ever [default: 0]
    retention_days: u32, "CLICKTALLY_RETENTION_DAYS", "DAYS";
    /// true: of removed days the clicks by quarter of an hour, search engine, index, device and kind stay countable [default: true]
    retention_counts: Switch, "CLICKTALLY_RETENTION_COUNTS", "BOOL";
    /// The zone's name, 1 to 32 of [a-z0-9-] [default: eu1]
    zone: String, "CLICKTALLY_ZONE", "NAME";
    /// The master secret, 64 hexadecimal digits in a file [default: secret.key in the data directory]
    secret_file: PathBuf, "CLICKTALLY_SECRET_FILE", "FILE";
    /// How many items the catalogues may hold in all; each takes about 40 bytes of memory [default: 10000000]
    items_max: u64, "CLICKTALLY_ITEMS_MAX", "N";
    /// How many records may wait to be written; more are answered 503 [default: 262144]
    queue_records_max: u64, "CLICKTALLY_QUEUE_RECORDS_MAX", "N";
    /// How many bytes of memory clicks and searches may take that are in no day yet, about; at half of it they are sealed, beyond it recording waits [default: 134217728]
    recent_bytes_max: u64, "CLICKTALLY_RECENT_BYTES_MAX", "BYTES";
    /// How many bytes of memory the indexes by item, by search and of visitors may take; others are read from disk [default: 805306368]
    index_bytes_max: u64, "CLICKTALLY_INDEX_BYTES_MAX", "BYTES";
    /// How many bytes of memory all running questions may hold together, about, beyond the indexes; others wait. Lists by item or search need 8 bytes for each different item or search: a question that can't have them is answered 408 [default: 268435456]
    question_bytes_max: u64, "CLICKTALLY_QUESTION_BYTES_MAX", "BYTES";
    /// How many bytes of memory the filters may take that tell which ids were not used; with fewer, more looks go to the disk [default: 134217728]
    ids_bytes_max: u64, "CLICKTALLY_IDS_BYTES_MAX", "BYTES";
    /// How many bytes the target of a request may have, path and query together; more are answered 414 [default: 16384]
    uri_bytes_max: usize, "CLICKTALLY_URI_BYTES_MAX", "BYTES";
    /// How many bytes the headers of a request may have, all together; more are answered 431 [default: 32768]
    header_bytes_max: usize, "CLICKTALLY_HEADER_BYTES_MAX", "BYTES";
    /// How many connections may be open; more are turned away [default: 1024]
    connections_max: usize, "CLICKTALLY_CONNECTIONS_MAX", "N";
    /// How many requests may be worked on at once; as many may wait for 2 s, more are answered 503 [default: 512]
    requests_max: usize, "CLICKTALLY_REQUESTS_MAX", "N";
    /// How long the head of a request may take, in milliseconds [default: 10000]
    header_timeout_ms: u64, "CLICKTALLY_HEADER_TIMEOUT_MS", "MS";
    /// How long the body of a request may take, in milliseconds [default: 30000]
    body_timeout_ms: u64, "CLICKTALLY_BODY_TIMEOUT_MS", "MS";
    /// How long a connection may idle between requests, in milliseconds [default: 60000]
    idle_timeout_ms: u64, "CLICKTALLY_IDLE_TIMEOUT_MS", "MS";
    /// How long a client may take for each 64 KiB of an answer, in milliseconds [default: 30000]
    write_timeout_ms: u64, "CLICKTALLY_WRITE_TIMEOUT_MS", "MS";
    /// How long requests may go on after SIGTERM, in milliseconds [default: 10000]
    drain_timeout_ms: u64, "CLICKTALLY_DRAIN_TIMEOUT_MS", "MS";
    /// What is logged to standard error: error, warn, info, debug or trace [default: info]
    log_level: String, "CLICKTALLY_LOG_LEVEL", "LEVEL";
    /// How: json or text [default: json; text on a terminal]
    log_format: String, "CLICKTALLY_LOG_FORMAT", "HOW";
}

#[cfg(test)]
mod tests {
    use super::OPTIONS;

    #[test]
    fn the_reference_lists_every_option_as_its_help_tells_it() {
        let reference = include_str!("../../../../docs/guide/configuration.md");
        for (name, environment, value, help) in OPTIONS {
            let (text, default) = help.trim().split_once(" [default: ").unwrap_or((help.trim(), "none]"));
            let (flag, default) = (name.replace('_', "-"), default.trim_end_matches(']'));
            let row = format!("| `--{flag}` {value} | `{environment}` | {default} | {text} |");
            assert!(reference.contains(&row), "docs/guide/configuration.md lacks the row\n{row}");
            assert_eq!(*environment, format!("CLICKTALLY_{}", name.to_uppercase()));
        }
    }
}
