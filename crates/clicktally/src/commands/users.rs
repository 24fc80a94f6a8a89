//! `user`: people who sign in to the dashboard with a password.

use std::process::ExitCode;

use server::control::{Command, Secret, UserReply};

use super::known::done;
use crate::cli::{PasswordFrom, UserCommand, Who};
use crate::failure::Failure;
use crate::output;
use crate::password;
use crate::reach::Missing;

pub fn user(command: UserCommand) -> Result<ExitCode, Failure> {
    match command {
        UserCommand::Create { who, scope, password, directory } => {
            // Asked for before the directory is opened, so that no server waits for who types.
            let (Who { account, name }, password) = (who, told(&password)?);
            let command = Command::UserCreate { account, name, scopes: scope, password };
            done(&directory, Missing::Make, command, |made: &UserReply| {
                format!("user {} of account {} may {}\n", made.user, made.account, made.scopes)
            })
        }
        UserCommand::List { account, directory } => {
            done(&directory, Missing::Refuse, Command::UserList { account }, |list: &Vec<UserReply>| {
                let row = |user: &UserReply| {
                    let created = output::time(user.created_at);
                    vec![user.user.clone(), user.account.clone(), user.scopes.clone(), created]
                };
                output::table(
                    &["user", "account", "scopes", "created"],
                    &list.iter().map(row).collect::<Vec<_>>(),
                )
            })
        }
        UserCommand::Password { who, password, directory } => {
            let (Who { account, name }, password) = (who, told(&password)?);
            let command = Command::UserPassword { account, name, password };
            done(&directory, Missing::Refuse, command, |user: &UserReply| {
                format!(
                    "user {} of account {} has another password; sessions have ended\n",
                    user.user, user.account
                )
            })
        }
        UserCommand::Delete { who: Who { account, name }, directory } => {
            let command = Command::UserDelete { account, name };
            done(&directory, Missing::Refuse, command, |user: &UserReply| {
                format!("user {} of account {} is gone; sessions have ended\n", user.user, user.account)
            })
        }
    }
}

fn told(from: &PasswordFrom) -> Result<Secret, Failure> {
    password::read(from.password_file.as_deref()).map(Secret)
}
