//! Users, as the command line makes and ends them. It must never repeat a password in a reply or a message.

use std::fmt;
use std::sync::Arc;

use registry::{PasswordHash, Registry, Scopes, UserInfo};
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::control::commands::{ControlError, Reply, account_name, account_of, blocking};

/// A password on its way to be hashed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A user, without the password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserReply {
    /// The account's name.
    pub account: String,
    /// Its name.
    pub user: String,
    /// What it may do.
    pub scopes: String,
    /// When it was made, in milliseconds since 1970-01-01 UTC.
    pub created_at: i64,
}

pub(super) async fn create(
    app: &Arc<App>,
    account: &str,
    name: &str,
    scopes: &str,
    password: Secret,
) -> Result<Reply, ControlError> {
    let account = account_of(&app.registry, account)?;
    let scopes: Scopes =
        scopes.parse().map_err(|error| ControlError(format!("--scope {scopes}: {error}")))?;
    let hash = hashed(app, password).await?;
    let (registry, name, now_ms) = (app.registry.clone(), name.to_owned(), app.clock.now_ms());
    blocking(move || {
        let made = registry.create_user(account, &name, hash, scopes, now_ms)?;
        Ok(Reply::User(reply(&registry, &made)))
    })
    .await
}

pub(super) async fn set_password(
    app: &Arc<App>,
    account: &str,
    name: &str,
    password: Secret,
) -> Result<Reply, ControlError> {
    let account = account_of(&app.registry, account)?;
    let hash = hashed(app, password).await?;
    let (registry, name) = (app.registry.clone(), name.to_owned());
    blocking(move || Ok(Reply::User(reply(&registry, &registry.set_password(account, &name, hash)?)))).await
}

pub(super) fn list(registry: &Registry, account: Option<&str>) -> Result<Vec<UserReply>, ControlError> {
    let account = account.map(|name| account_of(registry, name)).transpose()?;
    Ok(registry.users(account).iter().map(|user| reply(registry, user)).collect())
}

pub(super) fn delete(registry: &Registry, account: &str, name: &str) -> Result<UserReply, ControlError> {
    let gone = registry.delete_user(account_of(registry, account)?, name)?;
    Ok(reply(registry, &gone))
}

async fn hashed(app: &App, password: Secret) -> Result<PasswordHash, ControlError> {
    Ok(app.passwords.hash(password.0).await?)
}

fn reply(registry: &Registry, user: &UserInfo) -> UserReply {
    UserReply {
        account: account_name(registry, user.account),
        user: user.name.to_string(),
        scopes: user.scopes.to_string(),
        created_at: user.created_ms,
    }
}
