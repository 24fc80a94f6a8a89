//! The words of directives: settings, instants, spans of time, pairs.

use std::time::Duration;

use server::http::TrustedProxies;
use server::settings::{DamagedDays, OptOut, Settings, UnknownItems};

pub fn read_settings(given: &[(&str, &str)]) -> Result<(Settings, TrustedProxies), String> {
    let mut settings = Settings::default();
    let mut proxies = Vec::new();
    for (name, value) in given {
        let wrong = || format!("`{value}` is no value of {name}");
        let seconds = || value.parse().map(Duration::from_secs).map_err(|_| wrong());
        match *name {
            "public_origin" => settings.public_origin = Some((*value).to_owned()),
            "cors_origins" => settings.cors_origins = value.split(',').map(str::to_owned).collect(),
            "click_log" => settings.click_log = value.parse().map_err(|_| wrong())?,
            "session_seconds" => settings.session = seconds()?,
            "opt_out" => {
                let all = [("count", OptOut::Count), ("skip", OptOut::Skip), ("ignore", OptOut::Ignore)];
                settings.opt_out = all.iter().find(|(name, _)| name == value).ok_or_else(wrong)?.1;
            }
            "unknown_items" => {
                let all = [("reject", UnknownItems::Reject), ("accept", UnknownItems::Accept)];
                settings.unknown_items = all.iter().find(|(name, _)| name == value).ok_or_else(wrong)?.1;
            }
            "damaged_days" => {
                let all = [("refuse", DamagedDays::Refuse), ("leave-out", DamagedDays::LeaveOut)];
                settings.damaged_days = all.iter().find(|(name, _)| name == value).ok_or_else(wrong)?.1;
            }
            "stats_per_second" => settings.stats_per_second = value.parse().map_err(|_| wrong())?,
            "clicks_per_second" => settings.clicks_per_second = value.parse().map_err(|_| wrong())?,
            "page_key_per_second" => settings.page_key_per_second = value.parse().map_err(|_| wrong())?,
            "session_requests_per_second" => {
                settings.session_requests_per_second = value.parse().map_err(|_| wrong())?;
            }
            "stats_timeout_ms" => {
                settings.stats_timeout = Duration::from_millis(value.parse().map_err(|_| wrong())?)
            }
            "zone" => (*value).clone_into(&mut settings.zone),
            "trusted_proxies" => {
                for network in value.split(',') {
                    proxies.push(network.parse().map_err(|_| wrong())?);
                }
            }
            _ => return Err(format!("there is no setting `{name}`")),
        }
    }
    Ok((settings, TrustedProxies::new(proxies)))
}

pub fn instant(text: &str) -> Result<i64, String> {
    if let Ok(millis) = text.parse() {
        return Ok(millis);
    }
    text.parse::<jiff::Timestamp>()
        .map(jiff::Timestamp::as_millisecond)
        .map_err(|_| format!("`{text}` is no instant"))
}

pub fn span_ms(text: &str) -> Result<i64, String> {
    let units = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
    let wrong = || format!("`{text}` is no span");
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let (_, unit_ms) = units.iter().find(|(unit, _)| *unit == &text[digits.len()..]).ok_or_else(wrong)?;
    digits.parse::<i64>().map(|number| number * unit_ms).map_err(|_| wrong())
}

/// `name=value name=value`; a `_` in a value of `terms` is a space.
pub fn pairs(text: &str) -> Result<Vec<(&str, &str)>, String> {
    text.split_whitespace()
        .map(|pair| pair.split_once('=').ok_or_else(|| format!("`{pair}` is not name=value")))
        .collect()
}

/// So many words, no more and no fewer.
pub fn words<const N: usize>(text: &str) -> Result<[&str; N], String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.try_into().map_err(|_| format!("{N} words"))
}
