//! What the query strings of all statistics have in common: how a parameter is read, which values it may have, and what is said of
//! one that breaks its rule. Knows no statistic, and looks nothing up.

use std::fmt;
use std::str::FromStr;

use clicks::{Bound, Hashid, ProductType};

use crate::query_string::Unreadable;

/// The most search engines that a call may name.
pub(crate) const HASHIDS_MAX: usize = 2_000;
/// The most indices that a call may name.
pub(crate) const INDICES_MAX: usize = 500;
pub(crate) const INDEX_RULE: &str = "1 to 512 characters, none of them a control character";
/// The rows of a list where `limit` doesn't say, and the most that it may say.
pub(crate) const LIST_ROWS: usize = 100;
pub(crate) const LIST_ROWS_MAX: usize = 1_000;

/// What the answer is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Format {
    #[default]
    Json,
    Csv,
}

/// Why the parameters can't be understood, in words that name the parameter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadParams {
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error("{0}: is required")]
    Missing(Name),
    #[error("{0}: is given more than once")]
    Repeated(Name),
    #[error("{0}: must not be empty")]
    Empty(Name),
    #[error("{0}: must be {1}")]
    Broken(Name, String),
    #[error("{0}: at most {1} are accepted")]
    TooMany(&'static str, usize),
}

/// A parameter's name as a refusal tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Name {
    Plain(&'static str),
    /// `indices[i][field]`.
    Entry(String, &'static str),
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(name) => f.write_str(name),
            Self::Entry(number, field) => write!(f, "indices[{number}][{field}]"),
        }
    }
}

/// Reads a parameter that may be given only once.
pub(crate) fn once<T>(
    slot: &mut Option<T>,
    name: Name,
    value: &str,
    read: impl FnOnce(&str) -> Result<T, String>,
) -> Result<(), BadParams> {
    if slot.is_some() {
        return Err(BadParams::Repeated(name));
    }
    *slot = Some(read_as(name, value, read)?);
    Ok(())
}

pub(crate) fn read_as<T>(
    name: Name,
    value: &str,
    read: impl FnOnce(&str) -> Result<T, String>,
) -> Result<T, BadParams> {
    if value.is_empty() {
        return Err(BadParams::Empty(name));
    }
    read(value).map_err(|rule| BadParams::Broken(name, rule))
}

pub(crate) fn bound(text: &str) -> Result<Bound, String> {
    text.parse().map_err(|error: clicks::PeriodError| error.to_string())
}

pub(crate) fn hashid(text: &str) -> Result<Hashid, String> {
    one_of(text, "32 characters of [a-f0-9]")
}

pub(crate) fn one_of<T: FromStr>(text: &str, rule: &str) -> Result<T, String> {
    text.parse().map_err(|_| rule.to_owned())
}

pub(crate) fn flag(text: &str) -> Result<bool, String> {
    match text {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err("true or false".to_owned()),
    }
}

pub(crate) fn limit(text: &str) -> Result<usize, String> {
    let rows = text.parse().ok().filter(|rows| (1..=LIST_ROWS_MAX).contains(rows) && is_plain(text));
    rows.ok_or_else(|| format!("an integer from 1 to {LIST_ROWS_MAX}"))
}

/// Only digits: no sign, which Rust's own reading allows.
pub(crate) fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

pub(crate) fn product_types() -> String {
    format!("one of {}", ProductType::ALL.map(ProductType::as_str).join(", "))
}

/// Checks what follows an array's name: nothing, `[]`, or an integer in brackets.
pub(crate) fn element(name: &'static str, subscript: &str) -> Result<(), BadParams> {
    let number = subscript.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if subscript.is_empty() || number.is_some_and(|number| number.is_empty() || integer(number).is_some()) {
        return Ok(());
    }
    Err(BadParams::Broken(Name::Plain(name), format!("written {name}[]=value")))
}

/// An integer of any size in its shortest spelling, so that `1` and `01` are one entry.
pub(crate) fn integer(text: &str) -> Option<String> {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = digits.trim_start_matches('0');
    Some(if digits.is_empty() { "0".to_owned() } else { format!("{sign}{digits}") })
}
