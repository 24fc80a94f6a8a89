//! Parameters: the query string of a statistics call in, what is asked out, or the first thing wrong with it. Knows
//! the published names and spellings; looks nothing up.

use clicks::{
    AccountCode, Bound, Device, Dfid, Grouping, Hashid, IndexName, Measure, Period, ProductType, SearchTerms,
    Zone,
};

use crate::app::Asked;
use crate::query_params::{
    BadParams, Format, HASHIDS_MAX, INDEX_RULE, INDICES_MAX, Name, bound, element, flag, hashid, integer,
    is_plain, limit, once, one_of, product_types, read_as,
};
use crate::query_string::parameters;

/// The largest `total_hits`: what a JavaScript number holds exactly.
const TOTAL_HITS_MAX: u64 = 9_007_199_254_740_991;
/// The longest text of a parameter that is only passed on, in characters.
const TEXT_CHARS_MAX: usize = 512;

/// What a call says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    /// Clicks, by day, or by day and search engine.
    pub(super) asked: Asked,
    pub(super) format: Format,
    /// Whether all search engines are counted together.
    pub(super) aggregate: bool,
    /// What not every statistic has.
    pub(super) more: More,
}

/// Parameters that not every statistic has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct More {
    pub(super) limit: Option<usize>,
    pub(super) id: Option<String>,
    pub(super) total_hits: Option<u64>,
    pub(super) exclude_hits: Option<u64>,
    pub(super) no_results: Option<bool>,
    pub(super) opportunities: Option<bool>,
    /// Whether any `query_name` was given.
    pub(super) query_name: bool,
    pub(super) source: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) sector: Option<String>,
    pub(super) account_code: Option<AccountCode>,
}

/// Reads a call. `accepts` names the parameters that it has beside those which all have: others are unknown to it, and
/// passed over.
///
/// # Errors
/// The first parameter that breaks a rule; then the first required one that is missing.
pub(super) fn read(query: &str, accepts: &'static [&'static str]) -> Result<Call, BadParams> {
    let mut given = Given { accepts, ..Given::default() };
    for parameter in parameters(query) {
        let (name, value) = parameter?;
        given.take(&name, &value)?;
    }
    given.checked()
}

/// What was given so far.
#[derive(Debug, Default)]
struct Given {
    accepts: &'static [&'static str],
    more: More,
    from: Option<Bound>,
    to: Option<Bound>,
    hashids: Vec<Hashid>,
    zone: Option<Zone>,
    device: Option<Device>,
    format: Option<Format>,
    aggregate: Option<bool>,
    /// In the order in which their numbers first appear.
    entries: Vec<Entry>,
    /// The outer option: given at all. The inner one: more than white space.
    query: Option<Option<SearchTerms>>,
    dfid: Option<Dfid>,
    product_types: Vec<ProductType>,
}

/// One entry of `indices`.
#[derive(Debug)]
struct Entry {
    number: String,
    name: Option<IndexName>,
    hashid: Option<Hashid>,
}

impl Given {
    fn take(&mut self, name: &str, value: &str) -> Result<(), BadParams> {
        match name {
            "from" => once(&mut self.from, Name::Plain("from"), value, bound),
            "to" => once(&mut self.to, Name::Plain("to"), value, bound),
            "tz" => once(&mut self.zone, Name::Plain("tz"), value, |text| {
                Zone::parse(text).map_err(|error| error.to_string())
            }),
            "device" => {
                once(&mut self.device, Name::Plain("device"), value, |text| one_of(text, "desktop or mobile"))
            }
            "format" => once(&mut self.format, Name::Plain("format"), value, |text| match text {
                "json" => Ok(Format::Json),
                "csv" => Ok(Format::Csv),
                _ => Err("json or csv".to_owned()),
            }),
            "aggregate" => once(&mut self.aggregate, Name::Plain("aggregate"), value, flag),
            "dfid" => once(&mut self.dfid, Name::Plain("dfid"), value, |text| {
                one_of(
                    text,
                    "{hashid}@{index}@{md5 of the item's id}, the first and last 32 characters of [a-f0-9]",
                )
            }),
            "query" if self.query.is_some() => Err(BadParams::Repeated(Name::Plain("query"))),
            "query" => {
                self.query = Some(SearchTerms::fold(value));
                Ok(())
            }
            _ => self.take_array(name, value),
        }
    }

    /// Arrays are written `name`, `name[]` or `name[0]`. Any other bracket after a known name is refused: a filter that
    /// was meant and is passed over would make the counts wrong in silence.
    fn take_array(&mut self, name: &str, value: &str) -> Result<(), BadParams> {
        let (base, subscript) = match name.find('[') {
            Some(bracket) => name.split_at(bracket),
            None => (name, ""),
        };
        match base {
            "hashids" => self.take_hashid("hashids", subscript, value),
            "hashid" => self.take_hashid("hashid", subscript, value),
            "product_type" => {
                element("product_type", subscript)?;
                let kind =
                    read_as(Name::Plain("product_type"), value, |text| one_of(text, &product_types()))?;
                if !self.product_types.contains(&kind) {
                    self.product_types.push(kind);
                }
                Ok(())
            }
            "indices" => self.take_entry(subscript, value),
            _ => match self.accepts.iter().find(|accepted| **accepted == base) {
                Some(accepted) => self.take_more(accepted, subscript, value),
                None => Ok(()),
            },
        }
    }

    fn take_more(&mut self, name: &'static str, subscript: &str, value: &str) -> Result<(), BadParams> {
        let (more, plain) = (&mut self.more, Name::Plain(name));
        match name {
            "query_name" => {
                element(name, subscript)?;
                more.query_name = true;
                read_as(plain, value, short_text).map(drop)
            }
            "exclude" if subscript == "[total_hits]" => once(&mut more.exclude_hits, plain, value, hits),
            "exclude" => Err(BadParams::Broken(plain, "written exclude[total_hits]=value".to_owned())),
            _ if !subscript.is_empty() => Err(BadParams::Broken(plain, format!("written {name}=value"))),
            "limit" => once(&mut more.limit, plain, value, limit),
            "total_hits" => once(&mut more.total_hits, plain, value, hits),
            "no_results" => once(&mut more.no_results, plain, value, flag),
            "opportunities" => once(&mut more.opportunities, plain, value, flag),
            "id" => once(&mut more.id, plain, value, short_text),
            "source" => once(&mut more.source, plain, value, |text| word(text, SOURCES)),
            "type" => once(&mut more.kind, plain, value, |text| word(text, USAGE_TYPES)),
            "sector" => once(&mut more.sector, plain, value, short_text),
            "account_code" => {
                once(&mut more.account_code, plain, value, |text| one_of(text, "16 characters of [a-f0-9]"))
            }
            _ => Ok(()),
        }
    }

    fn take_hashid(&mut self, name: &'static str, subscript: &str, value: &str) -> Result<(), BadParams> {
        element(name, subscript)?;
        let hashid = read_as(Name::Plain(name), value, hashid)?;
        if self.hashids.len() == HASHIDS_MAX {
            return Err(BadParams::TooMany(name, HASHIDS_MAX));
        }
        self.hashids.push(hashid);
        Ok(())
    }

    fn take_entry(&mut self, subscript: &str, value: &str) -> Result<(), BadParams> {
        let inner = subscript.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let form =
            || BadParams::Broken(Name::Plain("indices"), "indices[i][name] or indices[i][hashid]".to_owned());
        let (number, field) = inner.and_then(|inner| inner.split_once("][")).ok_or_else(form)?;
        let number = integer(number).ok_or_else(form)?;
        match field {
            "name" => {
                let entry = self.entry(number)?;
                let name = Name::Entry(entry.number.clone(), "name");
                once(&mut entry.name, name, value, |text| one_of(text, INDEX_RULE))
            }
            "hashid" => {
                let entry = self.entry(number)?;
                let name = Name::Entry(entry.number.clone(), "hashid");
                once(&mut entry.hashid, name, value, hashid)
            }
            _ => Err(form()),
        }
    }

    fn entry(&mut self, number: String) -> Result<&mut Entry, BadParams> {
        let place = match self.entries.iter().position(|entry| entry.number == number) {
            Some(place) => place,
            None if self.entries.len() == INDICES_MAX => {
                return Err(BadParams::TooMany("indices", INDICES_MAX));
            }
            None => {
                self.entries.push(Entry { number, name: None, hashid: None });
                self.entries.len() - 1
            }
        };
        Ok(&mut self.entries[place])
    }

    fn checked(self) -> Result<Call, BadParams> {
        let from = self.from.ok_or(BadParams::Missing(Name::Plain("from")))?;
        let to = self.to.ok_or(BadParams::Missing(Name::Plain("to")))?;
        let mut indices = Vec::with_capacity(self.entries.len());
        for Entry { number, name, hashid } in self.entries {
            let name = name.ok_or(BadParams::Missing(Name::Entry(number, "name")))?;
            indices.push((name, hashid));
        }
        let aggregate = self.aggregate.unwrap_or(true);
        let asked = Asked {
            period: Period { from, to },
            zone: self.zone.unwrap_or(Zone::UTC),
            hashids: (!self.hashids.is_empty()).then_some(self.hashids),
            indices: (!indices.is_empty()).then_some(indices),
            device: self.device,
            terms: self.query.flatten(),
            item: self.dfid,
            doc_id: None,
            product_types: self.product_types,
            custom_result: None,
            hits: (None, None),
            measure: Measure::Clicks,
            matching: None,
            grouping: if aggregate { Grouping::Day } else { Grouping::DayAndEngine },
        };
        Ok(Call { asked, format: self.format.unwrap_or_default(), aggregate, more: self.more })
    }
}

const SOURCES: &[&str] = &["voice", "image", "visually_similar"];
const USAGE_TYPES: &[&str] = &[
    "api_counters",
    "query_counters",
    "recommendations_counters",
    "visual_counters",
    "quiz_counters",
    "category_page_counters",
    "search",
    "quizzes",
    "recommendations",
    "assistant_counters",
    "all",
];

fn word(text: &str, words: &[&str]) -> Result<String, String> {
    if words.contains(&text) { Ok(text.to_owned()) } else { Err(format!("one of {}", words.join(", "))) }
}

fn hits(text: &str) -> Result<u64, String> {
    let hits = text.parse().ok().filter(|hits| *hits <= TOTAL_HITS_MAX && is_plain(text));
    hits.ok_or_else(|| format!("an integer from 0 to {TOTAL_HITS_MAX}"))
}

fn short_text(text: &str) -> Result<String, String> {
    let is_short = text.chars().count() <= TEXT_CHARS_MAX && !text.chars().any(char::is_control);
    is_short.then(|| text.to_owned()).ok_or_else(|| INDEX_RULE.to_owned())
}

#[cfg(test)]
#[path = "params_tests.rs"]
mod tests;
