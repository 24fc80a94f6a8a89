//! `check`: verifies every file. Changes nothing, not even what a start would mend.

use std::process::ExitCode;

use journal::{DirLock, FolderDisk, LockError};
use server::control::{CheckReply, Command};

use crate::cli::CheckArgs;
use crate::failure::Failure;
use crate::house;
use crate::output;
use crate::reach::{Missing, Reached, configuration};

pub fn check(args: CheckArgs) -> Result<ExitCode, Failure> {
    let reply = read(&args)?;
    let text = if args.directory.json { output::json(&reply)? } else { words(&reply) };
    output::print(&text)?;
    let damaged = reply.findings.iter().any(|finding| finding.damage);
    Ok(if damaged { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// A damaged directory can't be opened as a house, so its files are read without opening it.
fn read(args: &CheckArgs) -> Result<CheckReply, Failure> {
    let path = &configuration(&args.directory)?.data_dir;
    if !path.is_dir() {
        return Err(Failure::new(format!("there is no data directory {}", path.display())));
    }
    match DirLock::take(path, "clicktally check") {
        Ok(_lock) => {
            let disk = FolderDisk::open(path)
                .map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
            Ok(house::check(&disk))
        }
        Err(LockError::Held { .. }) => {
            let mut reached = Reached::directory(&args.directory, Missing::Refuse)?;
            let reply = reached.ask(Command::Check);
            reached.close();
            reply
        }
        Err(LockError::Io(error)) => Err(Failure::new(format!("{}: {error}", path.display()))),
    }
}

fn words(reply: &CheckReply) -> String {
    let mut text = String::new();
    for finding in &reply.findings {
        let kind = if finding.damage { "DAMAGED" } else { "note" };
        text.push_str(&format!("{kind}: {} at byte {}: {}\n", finding.file, finding.offset, finding.what));
    }
    let damaged = reply.findings.iter().filter(|finding| finding.damage).count();
    let verdict = match damaged {
        0 => "all is well".to_owned(),
        _ => format!(
            "{damaged} damaged: restore these files from a backup; a start refuses to go on without them"
        ),
    };
    text.push_str(&format!(
        "{} files, {} bytes, {} records read: {verdict}\n",
        output::thousands(reply.files),
        output::thousands(reply.bytes),
        output::thousands(reply.records)
    ));
    text
}
