//! What the dashboard is made of, as it lies in `crates/server/dashboard/`, inside the binary.

/// One file: its name for others, its media type, its bytes.
pub(super) struct Embedded {
    pub(super) name: &'static str,
    pub(super) kind: &'static str,
    pub(super) bytes: &'static [u8],
}

/// The document itself.
pub(super) const PAGE: &str = include_str!("../../dashboard/index.html");

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const PICTURE: &str = "image/svg+xml";
const TEXT: &str = "text/plain; charset=utf-8";

macro_rules! embedded {
    ($($kind:ident $path:literal => $name:literal),* $(,)?) => {
        &[$(Embedded { name: $name, kind: $kind, bytes: include_bytes!(concat!("../../dashboard/", $path)) }),*]
    };
    ($($kind:ident $name:literal),* $(,)?) => { embedded!($($kind $name => $name),*) };
}

/// What people and machines before us wrote, under a shorter name.
pub(super) const VENDORED: &[Embedded] = embedded![
    SCRIPT "vendor/uPlot.iife.min.js" => "uplot.js",
    TEXT "vendor/uPlot.LICENSE.txt" => "uplot.license.txt",
];

/// Pictures.
pub(super) const PICTURES: &[Embedded] = embedded![PICTURE "mark.svg"];

/// What all styles are served as, in this order.
pub(super) const SHEET: (&str, &str) = ("styles.css", STYLE);
pub(super) const STYLES: &[Embedded] = embedded![
    STYLE "base.css",
    STYLE "frame.css",
    STYLE "parts.css",
    STYLE "views.css",
];

/// What all modules are served as.
pub(super) const MODULE: (&str, &str) = ("modules.js", SCRIPT);
pub(super) const MODULES: &[Embedded] = embedded![
    SCRIPT "amounts.js",
    SCRIPT "api.js",
    SCRIPT "bars.js",
    SCRIPT "calendar.js",
    SCRIPT "card.js",
    SCRIPT "chart.js",
    SCRIPT "confirm.js",
    SCRIPT "copy.js",
    SCRIPT "days-card.js",
    SCRIPT "days-chart.js",
    SCRIPT "dfid.js",
    SCRIPT "dom.js",
    SCRIPT "filters.js",
    SCRIPT "format.js",
    SCRIPT "frame.js",
    SCRIPT "grain.js",
    SCRIPT "histogram.js",
    SCRIPT "items.js",
    SCRIPT "links.js",
    SCRIPT "live-stream.js",
    SCRIPT "location.js",
    SCRIPT "main.js",
    SCRIPT "period-picker.js",
    SCRIPT "period.js",
    SCRIPT "popover.js",
    SCRIPT "session.js",
    SCRIPT "setup-engines.js",
    SCRIPT "setup-keys.js",
    SCRIPT "setup-tracker.js",
    SCRIPT "stage.js",
    SCRIPT "states.js",
    SCRIPT "statistics.js",
    SCRIPT "table.js",
    SCRIPT "tiles.js",
    SCRIPT "view-forbidden.js",
    SCRIPT "view-item.js",
    SCRIPT "view-items.js",
    SCRIPT "view-live.js",
    SCRIPT "view-overview.js",
    SCRIPT "view-search.js",
    SCRIPT "view-searches.js",
    SCRIPT "view-setup.js",
    SCRIPT "view-signin.js",
];
