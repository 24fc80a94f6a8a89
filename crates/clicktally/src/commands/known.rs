//! `account`, `key`, `engine` and `erase`: what the server knows, and what it is to know no more.

use std::process::ExitCode;

use serde::Serialize;
use serde::de::DeserializeOwned;
use server::control::{AccountReply, Command, EngineReply, EraseReply, KeyReply, NewKeyReply};

use crate::cli::{AccountCommand, Directory, EngineCommand, EraseArgs, KeyCommand};
use crate::failure::Failure;
use crate::output;
use crate::reach::{Missing, Reached};

/// Has a command done and prints its reply: as JSON, or in words.
pub(super) fn done<T: DeserializeOwned + Serialize>(
    directory: &Directory,
    missing: Missing,
    command: Command,
    words: impl FnOnce(&T) -> String,
) -> Result<ExitCode, Failure> {
    let mut reached = Reached::directory(directory, missing)?;
    let reply = reached.ask::<T>(command);
    reached.close();
    let reply = reply?;
    let text = if directory.json { output::json(&reply)? } else { words(&reply) };
    output::print(&text)
}

pub fn account(command: AccountCommand) -> Result<ExitCode, Failure> {
    match command {
        AccountCommand::Create { name, directory } => {
            done(&directory, Missing::Make, Command::AccountCreate { name }, |made: &AccountReply| {
                format!(
                    "account {} ({})\nnext: clicktally engine create --account {0}\n      clicktally key create --account {0}\n",
                    made.account, made.account_code
                )
            })
        }
        AccountCommand::List { directory } => {
            done(&directory, Missing::Refuse, Command::AccountList, |list: &Vec<AccountReply>| {
                let row =
                    |account: &AccountReply| vec![account.account.clone(), account.account_code.clone()];
                output::table(&["account", "code"], &list.iter().map(row).collect::<Vec<_>>())
            })
        }
    }
}

/// What a `click` key without origins can't do.
const NO_ORIGINS: &str =
    "It lists no origin, so no page in a browser may use it: see `key create --origin`.\n";

pub fn key(command: KeyCommand) -> Result<ExitCode, Failure> {
    match command {
        KeyCommand::Create { account, scope, engines, origins, directory } => {
            let is_shut = scope.trim() == "click" && origins.is_empty();
            let command = Command::KeyCreate { account, scopes: scope, engines, origins };
            done(&directory, Missing::Make, command, |made: &NewKeyReply| {
                let warning = if is_shut { NO_ORIGINS } else { "" };
                format!(
                    "key {}\n    {}\nIt is shown this once. Send it as `Authorization: Token {1}`.\n{warning}",
                    made.id, made.key
                )
            })
        }
        KeyCommand::List { account, directory } => {
            done(&directory, Missing::Refuse, Command::KeyList { account }, |list: &Vec<KeyReply>| {
                let row = |key: &KeyReply| {
                    vec![
                        key.id.clone(),
                        key.account.clone(),
                        key.scopes.clone(),
                        output::time(key.created_at),
                        key.engines.join(" "),
                        key.origins.join(" "),
                    ]
                };
                output::table(
                    &["id", "account", "scopes", "created", "engines", "origins"],
                    &list.iter().map(row).collect::<Vec<_>>(),
                )
            })
        }
        KeyCommand::Revoke { id, directory } => {
            done(&directory, Missing::Refuse, Command::KeyRevoke { id }, |key: &KeyReply| {
                format!("key {} of account {} has ended\n", key.id, key.account)
            })
        }
    }
}

pub fn engine(command: EngineCommand) -> Result<ExitCode, Failure> {
    match command {
        EngineCommand::Create { account, hashid, name, indices, sites, directory } => {
            let command = Command::EngineCreate { account, hashid, name, indices, sites };
            done(&directory, Missing::Make, command, |made: &EngineReply| {
                format!("search engine {} ({})\n", made.hashid, made.name)
            })
        }
        EngineCommand::List { account, directory } => {
            done(&directory, Missing::Refuse, Command::EngineList { account }, |list: &Vec<EngineReply>| {
                let row = |engine: &EngineReply| {
                    vec![
                        engine.hashid.clone(),
                        engine.name.clone(),
                        engine.account.clone(),
                        engine.indices.join(" "),
                        engine.sites.join(" "),
                    ]
                };
                let head = ["hashid", "name", "account", "indices", "sites"];
                output::table(&head, &list.iter().map(row).collect::<Vec<_>>())
            })
        }
    }
}

/// What the command can't reach.
const NOT_ERASED: &str = "Backups and exports that were made before still have them: erase these yourself.
Clicks of others that were completed from these searches stay as they are.
";

pub fn erase(args: EraseArgs) -> Result<ExitCode, Failure> {
    let EraseArgs { account, user, directory } = args;
    done(&directory, Missing::Refuse, Command::Erase { account, user }, |gone: &EraseReply| {
        let (clicks, searches) = (output::thousands(gone.clicks), output::thousands(gone.searches));
        format!(
            "erased {clicks} clicks and {searches} searches of this visitor of account {}\n{NOT_ERASED}",
            gone.account
        )
    })
}
