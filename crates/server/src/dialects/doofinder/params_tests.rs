//! What the parameters of a statistics call are read as, one by one, and what is refused.

use super::*;

/// As clicks a day are asked for.
fn read(query: &str) -> Result<(Asked, Format), BadParams> {
    super::read(query, &[]).map(|call| (call.asked, call.format))
}
use crate::chance::Chance;

const ENGINE: &str = "d8fdeab7fce96a19d3fc7b0ca7a1e98b";
const OTHER: &str = "11111111111111111111111111111111";

fn asked(more: &str) -> Asked {
    read(&format!("from=20240601&to=20240602{more}")).unwrap_or_else(|error| panic!("{more}: {error}")).0
}

fn refusal(more: &str) -> String {
    match read(&format!("from=20240601&to=20240602{more}")) {
        Ok(understood) => panic!("{more} was understood: {understood:?}"),
        Err(error) => error.to_string(),
    }
}

fn hashids(names: &[&str]) -> Option<Vec<Hashid>> {
    Some(names.iter().map(|name| name.parse().unwrap()).collect())
}

#[test]
fn nothing_but_a_period_asks_for_everything_by_day_in_utc() {
    let (asked, format) = read("from=20240601&to=1717286399").unwrap();
    assert_eq!(asked.period, Period { from: "20240601".parse().unwrap(), to: Bound::Seconds(1_717_286_399) });
    assert_eq!(asked.zone, Zone::UTC);
    assert_eq!((asked.hashids, asked.indices, asked.device, asked.terms), (None, None, None, None));
    assert_eq!((asked.item, asked.product_types, asked.grouping), (None, vec![], Grouping::Day));
    assert_eq!(format, Format::Json);
}

#[test]
fn a_missing_bound_is_named() {
    assert_eq!(read("").unwrap_err().to_string(), "from: is required");
    assert_eq!(read("to=20240601").unwrap_err().to_string(), "from: is required");
    assert_eq!(read("from=20240601").unwrap_err().to_string(), "to: is required");
}

#[test]
fn every_spelling_of_an_array_is_read_and_both_names_are_a_union() {
    for name in [
        "hashids[]",
        "hashids",
        "hashids[0]",
        "hashids[-7]",
        "hashid[]",
        "hashid",
        "hashid[12]",
        "hashids%5B%5D",
    ] {
        assert_eq!(asked(&format!("&{name}={ENGINE}")).hashids, hashids(&[ENGINE]), "{name}");
    }
    let both = asked(&format!("&hashid={OTHER}&hashids[]={ENGINE}"));
    assert_eq!(both.hashids, hashids(&[OTHER, ENGINE]));
    let kinds = asked("&product_type[]=quizz&product_type=banner&product_type[3]=quizz");
    assert_eq!(kinds.product_types, [ProductType::Quizz, ProductType::Banner]);
}

#[test]
fn a_known_array_with_another_subscript_is_refused_instead_of_passed_over() {
    for name in ["hashids[x]", "hashids[0", "hashids[]]", "hashids[][]", "hashids[0][name]", "hashids[1.0]"] {
        assert_eq!(
            refusal(&format!("&{name}={ENGINE}")),
            "hashids: must be written hashids[]=value",
            "{name}"
        );
    }
    assert_eq!(refusal("&product_type[a]=search"), "product_type: must be written product_type[]=value");
}

#[test]
fn indices_take_any_integers_and_stay_in_their_order() {
    let query = format!("&indices[7][hashid]={ENGINE}&indices[-1][name]=page&indices[07][name]=product");
    let expected =
        vec![("product".parse().unwrap(), Some(ENGINE.parse().unwrap())), ("page".parse().unwrap(), None)];
    assert_eq!(asked(&query).indices, Some(expected));
    let huge = asked("&indices[99999999999999999999999999][name]=product");
    assert_eq!(huge.indices, Some(vec![("product".parse().unwrap(), None)]));
    assert_eq!(asked("&indices%5B0%5D%5Bname%5D=a%40b").indices, Some(vec![("a@b".parse().unwrap(), None)]));
}

#[test]
fn indices_that_are_half_given_twice_given_or_malformed_are_refused() {
    assert_eq!(refusal(&format!("&indices[3][hashid]={ENGINE}")), "indices[3][name]: is required");
    assert_eq!(
        refusal("&indices[0][name]=a&indices[00][name]=b"),
        "indices[0][name]: is given more than once"
    );
    assert_eq!(refusal("&indices[0][name]="), "indices[0][name]: must not be empty");
    assert_eq!(refusal("&indices[0][name]=a%00"), format!("indices[0][name]: must be {INDEX_RULE}"));
    assert_eq!(refusal("&indices[0][hashid]=x"), "indices[0][hashid]: must be 32 characters of [a-f0-9]");
    for name in [
        "indices",
        "indices[]",
        "indices[0]",
        "indices[][name]",
        "indices[a][name]",
        "indices[0][x]",
        "indices[0][name",
    ] {
        let form = "indices: must be indices[i][name] or indices[i][hashid]";
        assert_eq!(refusal(&format!("&{name}=product")), form, "{name}");
    }
}

#[test]
fn a_scalar_given_twice_is_refused_even_with_the_same_value() {
    let twice = [
        ("from", "20240601"),
        ("to", "20240602"),
        ("tz", "Z"),
        ("device", "mobile"),
        ("format", "csv"),
        ("aggregate", "true"),
        ("query", ""),
        ("dfid", "d8fdeab7fce96a19d3fc7b0ca7a1e98b@product@900150983cd24fb0d6963f7d28e17f72"),
    ];
    for (name, value) in twice {
        assert_eq!(
            refusal(&format!("&{name}={value}&{name}={value}")),
            format!("{name}: is given more than once")
        );
    }
}

#[test]
fn an_empty_value_is_refused_but_for_query() {
    for name in ["tz", "device", "format", "aggregate", "dfid", "hashids", "hashid", "product_type"] {
        assert_eq!(refusal(&format!("&{name}=")), format!("{name}: must not be empty"));
        assert_eq!(refusal(&format!("&{name}")), format!("{name}: must not be empty"));
    }
    for bound in ["from=&to=20240601", "from&to=20240601"] {
        assert_eq!(read(bound).unwrap_err().to_string(), "from: must not be empty");
    }
    for absent in ["&query=", "&query", "&query=+%09"] {
        assert_eq!(asked(absent).terms, None, "{absent}");
    }
}

#[test]
fn terms_are_folded() {
    assert_eq!(asked("&query=++RED%20%20Shoes+").terms, SearchTerms::fold("red shoes"));
    assert_eq!(asked("&query=Cafe%CC%81").terms, SearchTerms::fold("CAFÉ"));
}

#[test]
fn a_zone_is_a_name_or_an_offset_whose_plus_may_arrive_as_a_space() {
    let offset = Zone::parse("+05:30").unwrap();
    for tz in ["+05:30", "%2B05:30", "%2b05%3A30"] {
        assert_eq!(asked(&format!("&tz={tz}")).zone, offset, "{tz}");
    }
    assert_eq!(asked("&tz=europe%2FMADRID").zone, Zone::parse("Europe/Madrid").unwrap());
    assert_eq!(asked("&tz=Z").zone, Zone::UTC);
    for tz in ["Mars/Olympus", "+24:00", "+0530", "..%2FMadrid", "EST5EDT,M3.2.0,M11.1.0", "%20"] {
        let rule = "tz: must be an IANA time zone name such as Europe/Madrid, an offset such as +02:00 (up to 23:59), or Z";
        assert_eq!(refusal(&format!("&tz={tz}")), rule, "{tz}");
    }
}

#[test]
fn published_values_are_spelled_exactly() {
    assert_eq!(asked("&device=mobile").device, Some(Device::Mobile));
    assert_eq!(asked("&device=desktop").device, Some(Device::Desktop));
    for kind in ProductType::ALL {
        assert_eq!(asked(&format!("&product_type={kind}")).product_types, [kind]);
    }
    for (value, grouping) in [
        ("true", Grouping::Day),
        ("1", Grouping::Day),
        ("false", Grouping::DayAndEngine),
        ("0", Grouping::DayAndEngine),
    ] {
        assert_eq!(asked(&format!("&aggregate={value}")).grouping, grouping, "{value}");
    }
    assert_eq!(refusal("&device=Mobile"), "device: must be desktop or mobile");
    assert_eq!(refusal("&format=xml"), "format: must be json or csv");
    assert_eq!(refusal("&aggregate=yes"), "aggregate: must be true or false");
    assert_eq!(
        refusal("&product_type=quiz"),
        "product_type: must be one of search, banner, custom_result, recommendation, quizz, aichat"
    );
}

#[test]
fn bounds_and_ids_have_to_be_whole() {
    let rule = "must be a date as YYYYMMDD, 10 digits (Unix seconds) or 13 digits (Unix milliseconds)";
    for wrong in
        ["20240631", "19990101", "2024-06-01", "15811200001", "1581120000abc", "+20240601", "-158112000"]
    {
        assert_eq!(
            read(&format!("from={wrong}&to=20240601")).unwrap_err().to_string(),
            format!("from: {rule}")
        );
        assert_eq!(
            read(&format!("from=20240601&to={wrong}")).unwrap_err().to_string(),
            format!("to: {rule}")
        );
    }
    for wrong in ["d8fd", &ENGINE.to_uppercase(), &format!("{ENGINE}0"), &format!("{ENGINE},{OTHER}")] {
        assert_eq!(refusal(&format!("&hashids[]={wrong}")), "hashids: must be 32 characters of [a-f0-9]");
        assert_eq!(refusal(&format!("&hashid={wrong}")), "hashid: must be 32 characters of [a-f0-9]");
    }
    assert!(
        refusal("&dfid=d8fd@product@900150983cd24fb0d6963f7d28e17f72")
            .starts_with("dfid: must be {hashid}@{index}@")
    );
}

#[test]
fn unknown_parameters_are_passed_over() {
    assert_eq!(asked("&utm=1&utm=2&x=&FROM=a&from[]=b&=c"), asked(""));
}

#[test]
fn the_numbers_of_engines_indices_and_parameters_are_bounded() {
    let engines = |count: usize| format!("&hashids[]={ENGINE}").repeat(count);
    assert_eq!(asked(&engines(HASHIDS_MAX)).hashids.unwrap().len(), HASHIDS_MAX);
    assert_eq!(refusal(&engines(HASHIDS_MAX + 1)), "hashids: at most 2000 are accepted");
    let indices =
        |count: usize| (0..count).map(|i| format!("&indices[{i}][name]=product")).collect::<String>();
    assert_eq!(asked(&indices(INDICES_MAX)).indices.unwrap().len(), INDICES_MAX);
    assert_eq!(refusal(&indices(INDICES_MAX + 1)), "indices: at most 500 are accepted");
    assert_eq!(refusal(&indices(100_000)), "indices: at most 500 are accepted");
    assert_eq!(refusal(&"&x".repeat(5_000)), "the query string has more than 4096 parameters");
}

/// Random bytes of the alphabet that the parsers care about: whatever comes is read or refused, and never a panic.
#[test]
fn no_query_string_breaks_the_reader() {
    const PIECES: [&str; 26] = [
        "from",
        "to",
        "hashids",
        "indices",
        "query",
        "tz",
        "dfid",
        "product_type",
        "[",
        "]",
        "][",
        "name",
        "hashid",
        "=",
        "&",
        "%",
        "%5B",
        "%ff",
        "%00",
        "+",
        "-",
        "0",
        "20240601",
        "é",
        "@",
        ENGINE,
    ];
    let seed = 0xd00f_u64;
    let mut chance = Chance::new(seed);
    let mut understood = 0;
    for round in 0..20_000 {
        let mut query = String::from(if round % 2 == 0 { "from=20240601&to=20240602&" } else { "" });
        for _ in 0..chance.below(24) {
            query.push_str(PIECES[chance.below(PIECES.len())]);
        }
        match read(&query) {
            Ok(_) => understood += 1,
            Err(error) => assert!(!error.to_string().is_empty(), "seed {seed:#x} round {round}: {query}"),
        }
    }
    assert!(
        understood > 1_000,
        "seed {seed:#x}: only {understood} were understood, so the test shows little"
    );
}
