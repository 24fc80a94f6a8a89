//! User Behavior Insights (UBI), the log format of OpenSearch for what people search and do: its exports are read line
//! by line and told as searches and clicks. It must know no other dialect, no store and no file system.

mod documents;
mod export;
mod searches;

pub use export::{
    EngineOf, UBI_BYTES_BUFFERED_MAX, UBI_CLICKS_BUFFERED_MAX, UBI_LINE_BYTES_MAX, UbiOptions, UbiReader,
};
pub use searches::{SAME_SEARCH_KIND, UBI_SEARCHES_BUFFERED_MAX};
