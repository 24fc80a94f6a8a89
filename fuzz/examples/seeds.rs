//! Writes first inputs for every target, made of what the product itself writes: `fuzz/run --seeds`.

// What counts branches, with which this is built like the targets.
extern crate libfuzzer_sys;

use std::fs;
use std::path::Path;

fn main() -> std::io::Result<()> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "corpus".to_owned());
    let all = [
        ("control", fuzz::control::seeds()),
        ("days", fuzz::days::seeds()),
        ("events", fuzz::events::seeds()),
        ("http", fuzz::http::seeds()?),
        ("import", fuzz::import::seeds()),
        ("journal", fuzz::journal::seeds()),
        ("management", fuzz::management::seeds()),
        ("manifest", fuzz::manifest::seeds()),
        ("records", fuzz::records::seeds()),
        ("registry", fuzz::registry::seeds()),
        ("store", fuzz::store::seeds()),
        ("words", fuzz::words::seeds()),
    ];
    for (target, seeds) in all {
        let folder = Path::new(&folder).join(target);
        fs::create_dir_all(&folder)?;
        for (number, seed) in seeds.iter().enumerate() {
            fs::write(folder.join(format!("seed-{number:04}")), seed)?;
        }
    }
    Ok(())
}
