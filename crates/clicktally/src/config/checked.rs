//! What was checked: every option has its value, and a wrong one was refused with its name and its rule.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use server::http::Limits;
use server::settings::{DamagedDays, OptOut, Settings, UnknownItems};
use tracing::level_filters::LevelFilter;

use crate::config::typed::Typed;
use crate::engines::StoreOptions;
use crate::failure::Failure;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// A server's configuration.
#[derive(Debug, Clone)]
pub struct Config {
    pub data_dir: PathBuf,
    pub listen: SocketAddr,
    pub admin_listen: Option<SocketAddr>,
    pub trusted_proxies: Vec<IpNet>,
    pub secret_file: Option<PathBuf>,
    pub settings: Settings,
    pub limits: Limits,
    pub store: StoreOptions,
    pub items_max: u64,
    /// 0: everything is kept for ever.
    pub retention_days: u32,
    pub retention_counts: bool,
    pub log_level: LevelFilter,
    pub log_format: LogFormat,
}

const DAY_MS: i64 = 86_400_000;

impl Config {
    /// Reads the file that was named and checks everything.
    ///
    /// # Errors
    /// A [`Failure`] that names the option and its rule.
    pub fn check(typed: Typed, default_dir: &str) -> Result<Self, Failure> {
        let typed = with_file(typed)?;
        let settings = settings(&typed)?;
        let limits = limits(&typed)?;
        let levels = [
            ("error", LevelFilter::ERROR),
            ("warn", LevelFilter::WARN),
            ("info", LevelFilter::INFO),
            ("debug", LevelFilter::DEBUG),
            ("trace", LevelFilter::TRACE),
        ];
        let log_level = choose("log_level", typed.log_level.as_deref().unwrap_or("info"), &levels)?;
        let items_max = within("items_max", typed.items_max.unwrap_or(10_000_000), 0, 1_000_000_000)?;
        let store = store(&typed)?;
        let retention = within("retention_days", u64::from(typed.retention_days.unwrap_or(0)), 0, 36_500)?;
        let log_format = match typed.log_format {
            None if std::io::IsTerminal::is_terminal(&std::io::stderr()) => LogFormat::Text,
            None => LogFormat::Json,
            Some(text) => {
                choose("log_format", &text, &[("json", LogFormat::Json), ("text", LogFormat::Text)])?
            }
        };
        Ok(Self {
            data_dir: typed.data_dir.unwrap_or_else(|| PathBuf::from(default_dir)),
            listen: address("listen", typed.listen.as_deref().unwrap_or("127.0.0.1:8080"))?,
            admin_listen: typed
                .admin_listen
                .as_deref()
                .map(|text| address("admin_listen", text))
                .transpose()?,
            trusted_proxies: typed
                .trusted_proxies
                .unwrap_or_default()
                .0
                .iter()
                .map(|text| network(text))
                .collect::<Result<_, _>>()?,
            secret_file: typed.secret_file,
            settings,
            limits,
            store,
            items_max,
            retention_days: u32::try_from(retention).unwrap_or(0),
            retention_counts: typed.retention_counts.is_none_or(|switch| switch.0),
            log_level,
            log_format,
        })
    }
}

fn with_file(typed: Typed) -> Result<Typed, Failure> {
    let Some(path) = typed.config.clone() else { return Ok(typed) };
    #[expect(clippy::disallowed_methods, reason = "the user's own file, not one of the data directory")]
    let text = std::fs::read_to_string(&path)
        .map_err(|error| Failure::usage(format!("the configuration file {}: {error}", path.display())))?;
    let file: Typed = toml::from_str(&text)
        .map_err(|error| Failure::usage(format!("the configuration file {}: {error}", path.display())))?;
    Ok(typed.or(file))
}

/// The option's three spellings, for messages.
fn wrong(option: &str, rule: impl std::fmt::Display) -> Failure {
    let flag = option.replace('_', "-");
    Failure::usage(format!("--{flag} (CLICKTALLY_{}): {rule}", option.to_uppercase()))
}

fn within(option: &str, value: u64, least: u64, most: u64) -> Result<u64, Failure> {
    if (least..=most).contains(&value) {
        Ok(value)
    } else {
        Err(wrong(option, format!("{least} to {most}, not {value}")))
    }
}

fn choose<T: Copy>(option: &str, text: &str, choices: &[(&str, T)]) -> Result<T, Failure> {
    let names = || choices.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    choices
        .iter()
        .find(|(name, _)| *name == text)
        .map(|(_, choice)| *choice)
        .ok_or_else(|| wrong(option, format!("one of {}, not `{text}`", names())))
}

fn address(option: &str, text: &str) -> Result<SocketAddr, Failure> {
    text.parse()
        .map_err(|_| wrong(option, format!("an address and a port such as 127.0.0.1:8080, not `{text}`")))
}

fn network(text: &str) -> Result<IpNet, Failure> {
    let one = || text.parse().ok().map(|address: std::net::IpAddr| IpNet::from(address));
    text.parse().ok().or_else(one).ok_or_else(|| {
        wrong("trusted_proxies", format!("addresses or networks such as 10.0.0.0/8, not `{text}`"))
    })
}

/// An origin exactly as browsers send it: scheme, host in lower case, port unless it is the scheme's own; no path.
fn origin(option: &str, text: &str) -> Result<String, Failure> {
    let rule = "an origin exactly as browsers send it, such as https://shop.example.com";
    let refuse = || wrong(option, format!("{rule}, not `{text}`"));
    let (scheme, rest) = text.split_once("://").ok_or_else(refuse)?;
    let default_port = match scheme {
        "https" => ":443",
        "http" => ":80",
        _ => return Err(refuse()),
    };
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-:[]".contains(&byte);
    if rest.is_empty() || !rest.bytes().all(plain) || rest.ends_with(default_port) || rest.ends_with(':') {
        return Err(refuse());
    }
    Ok(text.to_owned())
}

fn settings(typed: &Typed) -> Result<Settings, Failure> {
    let default = Settings::default();
    let opt_outs = [("count", OptOut::Count), ("skip", OptOut::Skip), ("ignore", OptOut::Ignore)];
    let unknowns = [("reject", UnknownItems::Reject), ("accept", UnknownItems::Accept)];
    let damaged = [("refuse", DamagedDays::Refuse), ("leave-out", DamagedDays::LeaveOut)];
    let session = within("session_seconds", typed.session_seconds.unwrap_or(28_800), 1, 31_536_000)?;
    let timeout = within("stats_timeout_ms", typed.stats_timeout_ms.unwrap_or(10_000), 1, 600_000)?;
    let questions =
        within("questions_max", typed.questions_max.unwrap_or(default.questions_max) as u64, 1, 1_024)?;
    let zone = typed.zone.clone().unwrap_or(default.zone);
    if zone.is_empty()
        || zone.len() > 32
        || !zone.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    {
        return Err(wrong("zone", "1 to 32 of [a-z0-9-]"));
    }
    let public_origin =
        typed.public_url.as_deref().map(|url| origin("public_url", url.trim_end_matches('/')));
    Ok(Settings {
        public_origin: public_origin.transpose()?,
        cors_origins: typed
            .cors_origins
            .iter()
            .flat_map(|list| &list.0)
            .map(|text| origin("cors_origins", text))
            .collect::<Result<_, _>>()?,
        click_log: typed.click_log.is_none_or(|switch| switch.0),
        session: Duration::from_secs(session),
        opt_out: choose("opt_out", typed.opt_out.as_deref().unwrap_or("count"), &opt_outs)?,
        unknown_items: choose(
            "unknown_items",
            typed.unknown_items.as_deref().unwrap_or("reject"),
            &unknowns,
        )?,
        damaged_days: choose("damaged_days", typed.damaged_days.as_deref().unwrap_or("refuse"), &damaged)?,
        stats_per_second: typed.stats_per_second.unwrap_or(default.stats_per_second),
        clicks_per_second: typed.clicks_per_second.unwrap_or(default.clicks_per_second),
        page_key_per_second: typed.page_key_per_second.unwrap_or(default.page_key_per_second),
        session_requests_per_second: typed
            .session_requests_per_second
            .unwrap_or(default.session_requests_per_second),
        stats_timeout: Duration::from_millis(timeout),
        questions_max: usize::try_from(questions).unwrap_or(default.questions_max),
        zone,
    })
}

fn store(typed: &Typed) -> Result<StoreOptions, Failure> {
    let join_days = within("join_days", u64::from(typed.join_days.unwrap_or(30)), 0, 3_650)?;
    let bytes =
        |option, value: Option<u64>, default, least| within(option, value.unwrap_or(default), least, 1 << 40);
    let recent = bytes("recent_bytes_max", typed.recent_bytes_max, 128 << 20, 64 << 10)?;
    let index = bytes("index_bytes_max", typed.index_bytes_max, 768 << 20, 0)?;
    let question = bytes("question_bytes_max", typed.question_bytes_max, 256 << 20, 1 << 20)?;
    Ok(StoreOptions {
        join_ms: i64::try_from(join_days).unwrap_or(30) * DAY_MS,
        queue_records_max: within(
            "queue_records_max",
            typed.queue_records_max.unwrap_or(262_144),
            1,
            10_000_000,
        )?,
        recent_bytes_max: usize::try_from(recent).unwrap_or(usize::MAX),
        index_bytes_max: usize::try_from(index).unwrap_or(usize::MAX),
        question_bytes_max: usize::try_from(question).unwrap_or(usize::MAX),
        ids_bytes_max: bytes("ids_bytes_max", typed.ids_bytes_max, 128 << 20, 0)?,
    })
}

fn limits(typed: &Typed) -> Result<Limits, Failure> {
    let default = Limits::default();
    let time = |option: &str, typed: Option<u64>, default: Duration| match typed {
        None => Ok(default),
        Some(value) => within(option, value, 1, 86_400_000).map(Duration::from_millis),
    };
    let number = |option: &str, typed: Option<usize>, default: usize| match typed {
        None => Ok(default),
        Some(value) => within(option, value as u64, 1, 1_000_000).map(|_| value),
    };
    Ok(Limits {
        connections_max: number("connections_max", typed.connections_max, default.connections_max)?,
        requests_running_max: number("requests_max", typed.requests_max, default.requests_running_max)?,
        header_timeout: time("header_timeout_ms", typed.header_timeout_ms, default.header_timeout)?,
        body_timeout: time("body_timeout_ms", typed.body_timeout_ms, default.body_timeout)?,
        idle_timeout: time("idle_timeout_ms", typed.idle_timeout_ms, default.idle_timeout)?,
        write_timeout: time("write_timeout_ms", typed.write_timeout_ms, default.write_timeout)?,
        uri_bytes_max: number("uri_bytes_max", typed.uri_bytes_max, default.uri_bytes_max)?,
        header_bytes_max: number("header_bytes_max", typed.header_bytes_max, default.header_bytes_max)?,
        drain_timeout: time("drain_timeout_ms", typed.drain_timeout_ms, default.drain_timeout)?,
        ..default
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{List, Switch};

    fn refused(typed: Typed) -> String {
        Config::check(typed, "./x").unwrap_err().to_string()
    }

    #[test]
    fn nothing_typed_gives_the_defaults() {
        let config = Config::check(Typed::default(), "./clicktally-data").unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(config.store.join_ms, 30 * DAY_MS);
        assert_eq!(config.settings.session, Duration::from_secs(28_800));
        assert_eq!(config.settings.stats_per_second, 20);
    }

    #[test]
    fn a_wrong_value_is_named_with_its_rule() {
        let origins =
            |text: &str| Typed { cors_origins: Some(List(vec![text.to_owned()])), ..Typed::default() };
        for text in [
            "*",
            "https://*",
            "shop.example.com",
            "https://shop.example.com/",
            "https://Shop.example.com",
            "https://shop.example.com:443",
            "null",
            "ftp://x",
        ] {
            assert!(refused(origins(text)).contains("CLICKTALLY_CORS_ORIGINS"), "{text}");
        }
        assert!(Config::check(origins("http://localhost:3000"), "./x").is_ok());
        let typed = Typed { opt_out: Some("maybe".to_owned()), ..Typed::default() };
        assert!(refused(typed).contains("count, skip, ignore"));
        let typed = Typed { stats_timeout_ms: Some(0), ..Typed::default() };
        assert!(refused(typed).contains("--stats-timeout-ms"));
    }

    #[test]
    fn what_was_typed_here_wins_over_the_file() {
        let file: Typed = toml::from_str(
            "listen = \"127.0.0.1:1\"\nclick_log = false\ncors_origins = [\"https://a.example\"]",
        )
        .unwrap();
        let typed = Typed { listen: Some("127.0.0.1:2".to_owned()), ..Typed::default() }.or(file);
        assert_eq!(typed.listen.as_deref(), Some("127.0.0.1:2"));
        assert_eq!(typed.click_log, Some(Switch(false)));
        assert!(toml::from_str::<Typed>("lissten = \"127.0.0.1:1\"").is_err());
    }
}
