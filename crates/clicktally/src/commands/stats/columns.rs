//! The columns of rows: their names, and a row's cells for people and for machines.

use server::control::{StatRow, StatsReply};

use super::shape::Shape;
use crate::terminal::{Cell, Kind, decimal, tame, thousands};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    Date,
    Timestamp,
    Hashid,
    Device,
    Query,
    Index,
    DocId,
    /// The id of what is no item.
    Id,
    Title,
    Link,
    Rank,
    CustomResult,
    Users,
    Items,
    ProductType,
    Searches,
    Clicked,
    /// Clicked searches of all, for people.
    ClickedShare,
    AverageRank,
    Count,
}

impl Column {
    /// As machines read it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Date => "date",
            Self::Timestamp => "timestamp",
            Self::Hashid => "hashid",
            Self::Device => "device",
            Self::Query => "query",
            Self::Index => "index",
            Self::DocId => "doc_id",
            Self::Id => "id",
            Self::Title => "title",
            Self::Link => "link",
            Self::Rank => "rank",
            Self::CustomResult => "custom_result",
            Self::Users => "users",
            Self::Items => "items",
            Self::ProductType => "product_type",
            Self::Searches => "searches",
            Self::Clicked => "clicked",
            Self::ClickedShare => "clicked_share",
            Self::AverageRank => "average_rank",
            Self::Count => "count",
        }
    }

    /// As people read it.
    pub const fn head(self, shape: &Shape) -> &'static str {
        match self {
            Self::Hashid => "engine",
            Self::DocId => "item",
            Self::CustomResult => "custom result",
            Self::Users => "visitors",
            Self::ProductType => "kind of result",
            Self::ClickedShare => "share",
            Self::AverageRank => "average rank",
            Self::Count => shape.counted,
            other => other.name(),
        }
    }

    /// How it stands in a table.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Rank
            | Self::Users
            | Self::Items
            | Self::Searches
            | Self::Clicked
            | Self::ClickedShare
            | Self::AverageRank
            | Self::Count => Kind::Number,
            _ => Kind::Text,
        }
    }

    /// What machines read; nothing where it is not known.
    pub fn value(self, row: &StatRow) -> Option<String> {
        let number = |number: u64| number.to_string();
        match self {
            Self::Date => row.date.clone(),
            Self::Timestamp => row.timestamp.map(|at| at.to_string()),
            Self::Hashid => row.hashid.clone(),
            Self::Device => row.device.clone(),
            Self::Query => row.query.clone().flatten(),
            Self::Index => row.index.clone(),
            Self::DocId | Self::Id => row.doc_id.clone(),
            Self::Title => row.title.clone(),
            Self::Link => row.link.clone(),
            Self::Rank => row.rank.flatten().map(|rank| rank.to_string()),
            Self::CustomResult => row.custom_result.clone(),
            Self::Users => row.users.map(number),
            Self::Items => row.items.map(number),
            Self::ProductType => row.product_type.clone(),
            Self::Searches => row.searches.map(number),
            Self::Clicked => row.clicked.map(number),
            Self::ClickedShare => share(row.clicked, row.searches),
            Self::AverageRank => row.average_rank.flatten().map(|rank| rank.to_string()),
            Self::Count => Some(number(row.count)),
        }
    }

    /// What people read.
    pub fn cell(self, row: &StatRow, reply: &StatsReply, shape: &Shape) -> Cell {
        let told = match self {
            Self::Date => row.date.as_deref().map(weekday),
            Self::Hashid => row.hashid.as_ref().map(|hashid| engine(reply, hashid)),
            Self::Users => row.users.map(thousands),
            Self::Items => row.items.map(thousands),
            Self::Searches => row.searches.map(thousands),
            Self::Clicked => row.clicked.map(thousands),
            Self::AverageRank => row.average_rank.flatten().map(|rank| format!("{rank:.2}")),
            Self::Count => Some(thousands(row.count)),
            other => other.value(row),
        };
        match told {
            Some(text) => Cell::Told(tame(&text)),
            None => Cell::Untold(match self {
                Self::Query => shape.no_query,
                Self::Rank => "(not told)",
                Self::Index => "(index not known)",
                Self::ClickedShare | Self::AverageRank => "-",
                _ => "(not known)",
            }),
        }
    }

    /// Whether people see it: not what only machines need, nor a column that says the same, or nothing, in each row.
    pub fn is_shown(self, reply: &StatsReply, shape: &Shape) -> bool {
        let values = || reply.results.iter().map(|row| self.value(row));
        let is_key_alone =
            shape.columns.iter().all(|column| matches!(column, Self::Count) || *column == self);
        match self {
            Self::Timestamp | Self::Link => false,
            Self::Title => values().any(|value| value.is_some()),
            Self::Hashid | Self::Index if !is_key_alone => {
                let mut values = values();
                let first = values.next();
                values.any(|value| Some(value) != first)
            }
            _ => true,
        }
    }
}

/// In per cent; nothing where nothing was searched.
pub fn share(clicked: Option<u64>, searches: Option<u64>) -> Option<String> {
    decimal(clicked?.saturating_mul(100), searches?, 1).map(|share| format!("{share} %"))
}

/// A search engine by its name; by its hashid too where another one has the name.
pub fn engine(reply: &StatsReply, hashid: &str) -> String {
    let Some(name) = reply.engines.get(hashid) else { return hashid.to_owned() };
    let is_only = reply.engines.values().filter(|other| *other == name).count() == 1;
    if is_only && !name.is_empty() {
        name.clone()
    } else {
        format!("{name} {hashid}").trim_start().to_owned()
    }
}

/// A date with its day of the week.
pub fn weekday(date: &str) -> String {
    match date.parse::<jiff::civil::Date>() {
        Ok(day) => format!("{date} {}", day.strftime("%a")),
        Err(_) => date.to_owned(),
    }
}
