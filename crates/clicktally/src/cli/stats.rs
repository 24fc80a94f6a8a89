//! What can be typed after `stats`.

use clap::{Args, Subcommand, ValueEnum};

use super::Directory;

/// The most rows that may be asked for.
const ROWS_MAX: i64 = 10_000;

#[derive(Debug, Subcommand)]
pub enum StatsCommand {
    /// The period at a glance: clicks, searches and sessions, how they changed, and their days as a line
    Overview(Box<OverviewArgs>),
    /// Clicks: by day, search engine, index, device, kind of result, search or item
    Clicks(Box<ClicksArgs>),
    /// The items with the most clicks, and their average rank
    Items(Box<ItemReportArgs>),
    /// Clicks by rank
    Ranks(Box<ItemsFilter>),
    /// Searches, how many of them were clicked, and clicks, by day
    #[command(visible_alias = "click-through")]
    Clickthrough(Box<ClickthroughArgs>),
    /// The same by search, with the average rank of its clicks
    SearchReport(Box<SearchReportArgs>),
    /// Clicks by item and by the rank at which the item stood
    Positions(Box<ItemsArgs>),
    /// The searches that led to one item
    ItemSearches(Box<ItemSearchesArgs>),
    /// Different visitors who clicked, their clicks, and the different items
    Visitors(Box<ItemsFilter>),
    /// Searches: by day, search engine or device
    Searches(Box<SearchesArgs>),
    /// The most common searches
    TopSearches(Box<TopSearchesArgs>),
    /// The searches that led to the most clicks
    PopularSearches(Box<ItemsArgs>),
    /// Sessions: by the day on which they began, by search engine or device
    #[command(visible_alias = "inits")]
    Sessions(Box<SessionsArgs>),
    /// Clicks on banners
    Banners(Box<NumberedArgs>),
    /// Clicks by the custom result that they came from
    CustomResults(Box<NumberedArgs>),
    /// Searches that ended in a redirection, by redirection
    Redirects(Box<NumberedArgs>),
    /// Clicks a search, clicks a session and searches a session, by day
    Rates(Box<RatesArgs>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StatsFormat {
    /// Columns and bars that fit into the window
    Table,
    /// A header, tabs between cells, a line for each row
    Tsv,
    /// RFC 4180, safe against formulas
    Csv,
    /// One object, as the API answers
    Json,
}

/// Which days, which search engines, and what is printed: what every statistic has.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// The first day or instant: YYYYMMDD, YYYY-MM-DD, Unix seconds or milliseconds, today, yesterday, or how many days up to today
    /// (30d, 4w)
    #[arg(long, default_value = "30d", value_name = "WHEN")]
    pub from: String,
    /// The last day or instant, included: as --from, but for 30d
    #[arg(long, default_value = "today", value_name = "WHEN")]
    pub to: String,
    /// The time zone of days: an IANA name or an offset such as +02:00
    #[arg(long, default_value = "Etc/UTC", allow_hyphen_values = true)]
    pub tz: String,
    /// The account, where there are several [name or code]
    #[arg(long)]
    pub account: Option<String>,
    /// Only of this search engine, by name or hashid; may be given several times
    #[arg(long = "engine", value_name = "NAME")]
    pub engines: Vec<String>,
    /// Only of the search engine with this hashid; may be given several times
    #[arg(long = "hashid", value_name = "H")]
    pub hashids: Vec<String>,
    /// What is printed
    #[arg(long, value_enum, default_value = "table", conflicts_with_all = ["csv", "json"])]
    pub format: StatsFormat,
    /// Print CSV: the same as --format csv
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
    #[command(flatten)]
    pub directory: Directory,
}

impl Common {
    /// What is printed, whichever of the flags says so.
    pub fn format(&self) -> StatsFormat {
        match (self.csv, self.directory.json) {
            (true, _) => StatsFormat::Csv,
            (_, true) => StatsFormat::Json,
            _ => self.format,
        }
    }
}

/// What clicks and searches are held to.
#[derive(Debug, Clone, Args)]
pub struct Place {
    /// Only in this index; may be given several times
    #[arg(long = "index", value_name = "I")]
    pub indices: Vec<String>,
    /// Only on this device: desktop or mobile
    #[arg(long)]
    pub device: Option<String>,
    /// Only from searches with these terms
    #[arg(long)]
    pub query: Option<String>,
}

/// What clicks are held to.
#[derive(Debug, Clone, Args)]
pub struct ClickFilter {
    #[command(flatten)]
    pub place: Place,
    /// Only on this item: {hashid}@{index}@{md5 of its id}
    #[arg(long)]
    pub dfid: Option<String>,
    /// Only on the items with this id, in whatever index
    #[arg(long = "doc-id", value_name = "ID", conflicts_with = "dfid")]
    pub doc_id: Option<String>,
    /// Only of this kind; may be given several times
    #[arg(long = "product-type", value_name = "KIND")]
    pub product_types: Vec<String>,
}

/// How many rows a list has.
#[derive(Debug, Clone, Args)]
pub struct Limit {
    /// The most rows of a list, 1 to 10,000
    #[arg(long = "limit", visible_alias = "rows", default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=ROWS_MAX))]
    pub limit: u32,
}

impl Limit {
    /// As a number of rows.
    pub fn rows(&self) -> usize {
        usize::try_from(self.limit).unwrap_or(usize::MAX)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ClicksBy {
    /// Each local day
    Day,
    /// Each search engine
    Engine,
    /// The indices with the most clicks
    Index,
    /// Mobile, desktop and unknown
    Device,
    /// Each kind of result
    ProductType,
    /// The searches with the most clicks
    Search,
    /// The items with the most clicks
    Item,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SearchesBy {
    /// Each local day
    Day,
    /// Each search engine
    Engine,
    /// Mobile, desktop and unknown
    Device,
}

#[derive(Debug, Args)]
pub struct OverviewArgs {
    #[command(flatten)]
    pub common: Common,
    /// Only on this device: desktop or mobile
    #[arg(long)]
    pub device: Option<String>,
}

#[derive(Debug, Args)]
pub struct ClicksArgs {
    /// What the rows are
    #[arg(long, value_enum, default_value = "day")]
    pub by: ClicksBy,
    /// false: a row for each day and search engine
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set, value_name = "BOOL")]
    pub aggregate: bool,
    #[command(flatten)]
    pub limit: Limit,
    #[command(flatten)]
    pub filter: ClickFilter,
    #[command(flatten)]
    pub common: Common,
}

#[derive(Debug, Args)]
pub struct ItemsArgs {
    #[command(flatten)]
    pub limit: Limit,
    #[command(flatten)]
    pub filter: ItemsFilter,
}

#[derive(Debug, Args)]
pub struct ItemReportArgs {
    /// Only items whose id has this text in it
    #[arg(long, value_name = "TEXT")]
    pub matching: Option<String>,
    #[command(flatten)]
    pub limit: Limit,
    #[command(flatten)]
    pub filter: ItemsFilter,
}

#[derive(Debug, Args)]
pub struct ClickthroughArgs {
    #[command(flatten)]
    pub place: Place,
    #[command(flatten)]
    pub common: Common,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportSort {
    /// Most searches first
    Searches,
    /// Most clicks first
    Clicks,
}

#[derive(Debug, Args)]
pub struct SearchReportArgs {
    /// What is first
    #[arg(long, value_enum, default_value = "searches")]
    pub sort: ReportSort,
    /// Only searches that have this text in them
    #[arg(long, value_name = "TEXT")]
    pub matching: Option<String>,
    #[command(flatten)]
    pub limit: Limit,
    #[command(flatten)]
    pub place: Place,
    #[command(flatten)]
    pub common: Common,
}

/// Of whichever items.
#[derive(Debug, Clone, Args)]
pub struct ItemsFilter {
    #[command(flatten)]
    pub filter: ClickFilter,
    #[command(flatten)]
    pub common: Common,
}

#[derive(Debug, Args)]
pub struct ItemSearchesArgs {
    /// The item: its id, in whatever index, or {hashid}@{index}@{md5 of its id}
    #[arg(value_name = "ITEM")]
    pub item: String,
    #[command(flatten)]
    pub limit: Limit,
    #[command(flatten)]
    pub place: Place,
    #[command(flatten)]
    pub common: Common,
}

#[derive(Debug, Args)]
pub struct SearchesArgs {
    /// What the rows are
    #[arg(long, value_enum, default_value = "day")]
    pub by: SearchesBy,
    /// Only searches that found so many
    #[arg(long, value_name = "N")]
    pub hits: Option<u64>,
    #[command(flatten)]
    pub place: Place,
    #[command(flatten)]
    pub common: Common,
}

#[derive(Debug, Args)]
pub struct TopSearchesArgs {
    /// Only searches that found nothing
    #[arg(long, conflicts_with = "hits")]
    pub no_results: bool,
    /// Only searches that found so many
    #[arg(long, value_name = "N")]
    pub hits: Option<u64>,
    /// Without searches that found so many
    #[arg(long, value_name = "N")]
    pub without_hits: Option<u64>,
    #[command(flatten)]
    pub limit: Limit,
    #[command(flatten)]
    pub place: Place,
    #[command(flatten)]
    pub common: Common,
}

#[derive(Debug, Args)]
pub struct SessionsArgs {
    /// What the rows are
    #[arg(long, value_enum, default_value = "day", conflicts_with = "visitors")]
    pub by: SearchesBy,
    /// One row: how many sessions, and of how many visitors
    #[arg(long)]
    pub visitors: bool,
    /// Only on this device: desktop or mobile
    #[arg(long)]
    pub device: Option<String>,
    #[command(flatten)]
    pub common: Common,
}

#[derive(Debug, Args)]
pub struct NumberedArgs {
    /// Only the one with this id
    #[arg(long)]
    pub id: Option<String>,
    #[command(flatten)]
    pub limit: Limit,
    /// Only on this device: desktop or mobile
    #[arg(long)]
    pub device: Option<String>,
    /// Only from searches with these terms
    #[arg(long)]
    pub query: Option<String>,
    #[command(flatten)]
    pub common: Common,
}

#[derive(Debug, Args)]
pub struct RatesArgs {
    /// Only on this device: desktop or mobile
    #[arg(long)]
    pub device: Option<String>,
    #[command(flatten)]
    pub common: Common,
}
