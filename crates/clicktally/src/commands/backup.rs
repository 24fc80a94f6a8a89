//! `backup` and `restore`.

use std::path::Path;
use std::process::ExitCode;

use server::control::{BackupAsk, BackupReply, Command};

use crate::backup;
use crate::cli::{BackupArgs, RestoreArgs};
use crate::failure::Failure;
use crate::house;
use crate::output;
use crate::reach::{Missing, Reached, configuration};

pub fn backup(args: BackupArgs) -> Result<ExitCode, Failure> {
    let ask = BackupAsk { directory: absolute(&args.target)?, with_secret: args.with_secret };
    let mut reached = Reached::directory(&args.directory, Missing::Refuse)?;
    let reply = reached.ask::<BackupReply>(Command::Backup(ask));
    reached.close();
    let reply = reply?;
    let text = if args.directory.json { output::json(&reply)? } else { backed_up(&reply) };
    output::print(&text)
}

/// Reads all that it has restored before it says that it is done.
pub fn restore(args: RestoreArgs) -> Result<ExitCode, Failure> {
    let config = configuration(&args.directory)?;
    let reply = backup::restore(&args.source, &config.data_dir)?;
    let disk = journal::FolderDisk::open(&config.data_dir)
        .map_err(|error| Failure::new(format!("{}: {error}", config.data_dir.display())))?;
    let checked = house::check(&disk);
    if let Some(found) = checked.findings.iter().find(|finding| finding.damage) {
        return Err(Failure::new(format!(
            "{} is restored, but damaged: {}: {}; `clicktally check` lists all",
            config.data_dir.display(),
            found.file,
            found.what
        )));
    }
    let has_secret = reply.has_secret || config.secret_file.is_some();
    let text = if args.directory.json { output::json(&reply)? } else { restored(&reply, has_secret) };
    output::print(&text)
}

/// A server has another working directory than its caller.
fn absolute(path: &Path) -> Result<String, Failure> {
    let whole = std::path::absolute(path).map_err(|error| Failure::new(error.to_string()))?;
    let named = whole.to_str().map(str::to_owned);
    named.ok_or_else(|| Failure::usage(format!("{}: a backup's path is UTF-8", path.display())))
}

fn figures(reply: &BackupReply) -> String {
    let BackupReply { files, bytes, kept, linked, .. } = reply;
    let number = output::thousands;
    format!(
        "{} files, {} bytes: {} were there, {} linked, {} copied",
        number(*files),
        number(*bytes),
        number(*kept),
        number(*linked),
        number(files - kept - linked)
    )
}

fn backed_up(reply: &BackupReply) -> String {
    let secret = if reply.has_secret {
        "the master secret is in it: whoever can read it can read every API key\n"
    } else {
        "the master secret is not in it: keep a copy of secret.key elsewhere, or the API keys can't be read after a restore\n"
    };
    format!("backed up to {}\n  {}\n{secret}", output::tame(&reply.directory), figures(reply))
}

fn restored(reply: &BackupReply, has_secret: bool) -> String {
    let directory = output::tame(&reply.directory);
    let next = if has_secret {
        format!("next: clicktally serve --data-dir {directory}\n")
    } else {
        format!(
            "the master secret was not in the backup: put secret.key into {directory}, or start with --secret-file\n"
        )
    };
    format!("restored to {directory}, and read to its end: all is well\n  {}\n{next}", figures(reply))
}
