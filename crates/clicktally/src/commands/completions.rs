//! `completions` and `man`: what the command line's own definitions tell to shells and to `man`.

use std::process::ExitCode;

use clap::CommandFactory;

use crate::cli::{Cli, CompletionsArgs, ManArgs};
use crate::failure::Failure;
use crate::output;

const NAME: &str = "clicktally";

pub fn completions(args: &CompletionsArgs) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), NAME, &mut script);
    output::print(&String::from_utf8_lossy(&script))
}

#[expect(clippy::disallowed_methods, reason = "the user's own directory, not the data directory")]
pub fn man(args: &ManArgs) -> Result<ExitCode, Failure> {
    let Some(directory) = &args.directory else {
        let mut page = Vec::new();
        let rendered = clap_mangen::Man::new(Cli::command()).render(&mut page);
        rendered.map_err(|error| Failure::new(error.to_string()))?;
        return output::print(&String::from_utf8_lossy(&page));
    };
    let refused = |error: std::io::Error| Failure::new(format!("{}: {error}", directory.display()));
    std::fs::create_dir_all(directory).map_err(refused)?;
    clap_mangen::generate_to(Cli::command(), directory).map_err(refused)?;
    Ok(ExitCode::SUCCESS)
}
