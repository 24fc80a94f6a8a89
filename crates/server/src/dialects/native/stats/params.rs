//! Parameters: the query string of a statistics call in, what is asked out, or the first thing wrong with it. Looks nothing up.

use clicks::{
    Bound, Device, DocId, Grouping, Hashid, IndexName, Measure, Period, ProductType, SearchTerms, Zone,
};

use crate::app::Asked;
use crate::query_params::{
    BadParams, Format, HASHIDS_MAX, INDEX_RULE, INDICES_MAX, LIST_ROWS, Name, bound, element, hashid, limit,
    once, one_of, product_types, read_as,
};
use crate::query_string::parameters;

/// The longest text that rows may be held to, in characters.
const MATCHING_CHARS_MAX: usize = 512;

/// What clicks are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    Engine,
    Index,
    Device,
    ProductType,
}

impl Group {
    const ALL: [Self; 4] = [Self::Engine, Self::Index, Self::Device, Self::ProductType];

    /// As it is asked for, and as the column is called.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Engine => "engine",
            Self::Index => "index",
            Self::Device => "device",
            Self::ProductType => "product_type",
        }
    }
}

/// What a call says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    /// Clicks by day: each statistic makes its own question of it.
    pub(super) asked: Asked,
    pub(super) format: Format,
    pub(super) limit: usize,
    /// Whether searches come first, or clicks.
    pub(super) sort: Measure,
    pub(super) group: Option<Group>,
    /// As it was typed.
    pub(super) matching: Option<String>,
}

/// Reads a call. `accepts` names the parameters that it has beside those which all have: others are unknown to it, and passed over.
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
    from: Option<Bound>,
    to: Option<Bound>,
    zone: Option<Zone>,
    hashids: Vec<Hashid>,
    indices: Vec<(IndexName, Option<Hashid>)>,
    device: Option<Device>,
    product_types: Vec<ProductType>,
    /// The outer option: given at all. The inner one: more than white space.
    query: Option<Option<SearchTerms>>,
    doc_id: Option<DocId>,
    format: Option<Format>,
    limit: Option<usize>,
    sort: Option<Measure>,
    group: Option<Group>,
    matching: Option<String>,
}

impl Given {
    fn take(&mut self, name: &str, value: &str) -> Result<(), BadParams> {
        let plain = Name::Plain;
        match name {
            "from" => return once(&mut self.from, plain("from"), value, bound),
            "to" => return once(&mut self.to, plain("to"), value, bound),
            "tz" => {
                let zone = |text: &str| Zone::parse(text).map_err(|error| error.to_string());
                return once(&mut self.zone, plain("tz"), value, zone);
            }
            "device" => {
                let device = |text: &str| one_of(text, "desktop or mobile");
                return once(&mut self.device, plain("device"), value, device);
            }
            "format" => {
                return once(&mut self.format, plain("format"), value, |text| match text {
                    "json" => Ok(Format::Json),
                    "csv" => Ok(Format::Csv),
                    _ => Err("json or csv".to_owned()),
                });
            }
            "query" if self.query.is_some() => return Err(BadParams::Repeated(plain("query"))),
            "query" => {
                self.query = Some(SearchTerms::fold(value));
                return Ok(());
            }
            _ => {}
        }
        let (base, subscript) = name.find('[').map_or((name, ""), |bracket| name.split_at(bracket));
        match base {
            "hashid" => {
                element("hashid", subscript)?;
                let hashid = read_as(plain("hashid"), value, hashid)?;
                more(&mut self.hashids, hashid, "hashid", HASHIDS_MAX)
            }
            "index" => {
                element("index", subscript)?;
                let index = read_as(plain("index"), value, |text| one_of(text, INDEX_RULE))?;
                more(&mut self.indices, (index, None), "index", INDICES_MAX)
            }
            "product_type" => {
                element("product_type", subscript)?;
                let kind = read_as(plain("product_type"), value, |text| one_of(text, &product_types()))?;
                more(&mut self.product_types, kind, "product_type", ProductType::ALL.len())
            }
            "doc_id" => {
                let doc_id = |text: &str| one_of(text, INDEX_RULE);
                once(&mut self.doc_id, plain("doc_id"), value, doc_id)
            }
            _ => match self.accepts.iter().find(|accepted| **accepted == name) {
                Some(accepted) => self.take_more(accepted, value),
                None => Ok(()),
            },
        }
    }

    fn take_more(&mut self, name: &'static str, value: &str) -> Result<(), BadParams> {
        let plain = Name::Plain(name);
        match name {
            "limit" => once(&mut self.limit, plain, value, limit),
            "matching" => once(&mut self.matching, plain, value, |text| {
                let is_short = text.chars().count() <= MATCHING_CHARS_MAX;
                is_short
                    .then(|| text.to_owned())
                    .ok_or_else(|| format!("at most {MATCHING_CHARS_MAX} characters"))
            }),
            "sort" => once(&mut self.sort, plain, value, |text| match text {
                "searches" => Ok(Measure::Searches),
                "clicks" => Ok(Measure::Clicks),
                _ => Err("searches or clicks".to_owned()),
            }),
            "group" => once(&mut self.group, plain, value, |text| {
                let group = Group::ALL.into_iter().find(|group| group.as_str() == text);
                group.ok_or_else(|| format!("one of {}", Group::ALL.map(Group::as_str).join(", ")))
            }),
            _ => Ok(()),
        }
    }

    fn checked(self) -> Result<Call, BadParams> {
        let from = self.from.ok_or(BadParams::Missing(Name::Plain("from")))?;
        let to = self.to.ok_or(BadParams::Missing(Name::Plain("to")))?;
        if self.accepts.contains(&"group") && self.group.is_none() {
            return Err(BadParams::Missing(Name::Plain("group")));
        }
        let asked = Asked {
            period: Period { from, to },
            zone: self.zone.unwrap_or(Zone::UTC),
            hashids: (!self.hashids.is_empty()).then_some(self.hashids),
            indices: (!self.indices.is_empty()).then_some(self.indices),
            device: self.device,
            terms: self.query.flatten(),
            item: None,
            doc_id: self.doc_id,
            product_types: self.product_types,
            custom_result: None,
            hits: (None, None),
            measure: Measure::Clicks,
            grouping: Grouping::Day,
            matching: None,
        };
        Ok(Call {
            asked,
            format: self.format.unwrap_or_default(),
            limit: self.limit.unwrap_or(LIST_ROWS),
            sort: self.sort.unwrap_or(Measure::Searches),
            group: self.group,
            matching: self.matching,
        })
    }
}

/// Adds to a list that may be so long; what is there already is not added.
fn more<T: PartialEq>(
    list: &mut Vec<T>,
    value: T,
    name: &'static str,
    many_max: usize,
) -> Result<(), BadParams> {
    if list.contains(&value) {
        return Ok(());
    }
    if list.len() == many_max {
        return Err(BadParams::TooMany(name, many_max));
    }
    list.push(value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: &str = "from=20240601&to=20240602";

    fn read(more: &str) -> Result<Call, String> {
        let accepts = &["limit", "sort", "matching", "group"];
        super::read(&format!("{PERIOD}&group=engine{more}"), accepts).map_err(|error| error.to_string())
    }

    #[test]
    fn names_in_plain_words_are_read_with_and_without_brackets() {
        let (one, two) = ("11111111111111111111111111111111", "22222222222222222222222222222222");
        let call =
            read(&format!("&hashid={one}&hashid[]={two}&hashid[0]={one}&index=page&index[]=blog")).unwrap();
        assert_eq!(call.asked.hashids.unwrap().len(), 2);
        assert_eq!(call.asked.indices.unwrap().len(), 2);
        let call =
            read("&product_type=banner&product_type=search&doc_id=sku%201&query=+&sort=clicks").unwrap();
        assert_eq!(call.asked.product_types, [ProductType::Banner, ProductType::Search]);
        assert_eq!(
            (call.asked.doc_id.unwrap().as_str(), call.asked.terms, call.sort),
            ("sku 1", None, Measure::Clicks)
        );
        assert_eq!((call.limit, call.format, call.matching), (LIST_ROWS, Format::Json, None));
    }

    #[test]
    fn what_breaks_a_rule_is_named() {
        for (more, due) in [
            ("&limit=0", "limit: must be an integer from 1 to 1000"),
            ("&limit=1001", "limit: must be an integer from 1 to 1000"),
            ("&limit=5&limit=5", "limit: is given more than once"),
            ("&sort=rank", "sort: must be searches or clicks"),
            ("&group=index", "group: is given more than once"),
            ("&doc_id=", "doc_id: must not be empty"),
            ("&doc_id=a&doc_id=b", "doc_id: is given more than once"),
            ("&matching=", "matching: must not be empty"),
            ("&index[x]=a", "index: must be written index[]=value"),
            ("&device=tv", "device: must be desktop or mobile"),
            ("&tz=%2Fetc", "tz: "),
            ("&hashid=xyz", "hashid: must be 32 characters of [a-f0-9]"),
            ("&format=xml", "format: must be json or csv"),
        ] {
            let error = read(more).unwrap_err();
            assert!(error.starts_with(due), "{more}: {error}");
        }
        assert_eq!(super::read("to=20240601", &[]).unwrap_err().to_string(), "from: is required");
        assert_eq!(super::read(PERIOD, &["group"]).unwrap_err().to_string(), "group: is required");
        let long = "a".repeat(MATCHING_CHARS_MAX + 1);
        assert_eq!(
            read(&format!("&matching={long}")).unwrap_err(),
            "matching: must be at most 512 characters"
        );
        assert!(read("&nobody=knows&limits=x").is_ok());
    }

    #[test]
    fn what_a_statistic_has_not_is_passed_over() {
        let call = super::read(&format!("{PERIOD}&limit=x&group=x&sort=x"), &[]).unwrap();
        assert_eq!((call.limit, call.group), (LIST_ROWS, None));
    }
}
