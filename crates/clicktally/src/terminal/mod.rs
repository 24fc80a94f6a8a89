//! What people see: a window, and tables, bars and lines that fit into it. Knows no statistic and no command.

mod bars;
mod numbers;
mod screen;
mod table;
mod text;
mod window;

pub use bars::line;
pub use numbers::{bytes, change, decimal, thousands};
pub use screen::Screen;
pub use table::{Cell, Kind, Table};
pub use text::{cut, tame, width};
pub use window::{BLUE, BOLD, FAINT, GREEN, RED, Window};
