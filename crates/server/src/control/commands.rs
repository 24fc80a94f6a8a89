//! The commands and their replies: what both ends of the control socket speak, as JSON.

use std::sync::Arc;

use clicks::{AccountCode, Forget, Forgotten, Hashid, IndexName, UserCode};
use registry::{Confines, Engine, KeyId, KeyInfo, NewEngine, NewKey, Registry, RegistryError, Scopes};
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::control::state::{self, StateReply};
use crate::control::stats::{self, StatsAsk, StatsReply};
use crate::control::users::{self, Secret, UserReply};

/// What the command line asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Makes an account.
    AccountCreate {
        /// Its name, unique on the server.
        name: String,
    },
    /// Lists accounts.
    AccountList,
    /// Makes a key.
    KeyCreate {
        /// The account's name or code.
        account: String,
        /// What it may do, comma-separated.
        scopes: String,
        /// The search engines of a `click` key; none means all of the account's.
        #[serde(default)]
        engines: Vec<String>,
        /// The origins whose pages may use a `click` key.
        #[serde(default)]
        origins: Vec<String>,
    },
    /// Lists keys, without the keys themselves.
    KeyList {
        /// Of one account only: its name or code.
        account: Option<String>,
    },
    /// Ends a key.
    KeyRevoke {
        /// The key's id.
        id: String,
    },
    /// Makes a user of the dashboard.
    UserCreate {
        /// The account's name or code.
        account: String,
        /// Unique in the account.
        name: String,
        /// What it may do, comma-separated.
        scopes: String,
        /// 12 to 256 characters.
        password: Secret,
    },
    /// Lists users.
    UserList {
        /// Of one account only: its name or code.
        account: Option<String>,
    },
    /// Gives a user another password, which ends its sessions.
    UserPassword {
        /// The account's name or code.
        account: String,
        /// The user's name.
        name: String,
        /// 12 to 256 characters.
        password: Secret,
    },
    /// Removes a user, which ends its sessions.
    UserDelete {
        /// The account's name or code.
        account: String,
        /// The user's name.
        name: String,
    },
    /// Makes a search engine.
    EngineCreate {
        /// The account's name or code.
        account: String,
        /// 32 hexadecimal digits; random where not given.
        hashid: Option<String>,
        /// Shown to people.
        name: Option<String>,
        /// Its indices.
        indices: Vec<String>,
        /// The hosts whose clicks belong to it.
        sites: Vec<String>,
    },
    /// Lists search engines.
    EngineList {
        /// Of one account only: its name or code.
        account: Option<String>,
    },
    /// Counts clicks, searches and sessions.
    Stats(Box<StatsAsk>),
    /// Tells how the server is.
    State,
    /// Forgets all clicks and searches of one visitor.
    Erase {
        /// The account's name or code.
        account: String,
        /// The visitor's user code.
        user: String,
    },
    /// Verifies every file.
    Check,
    /// Copies the data directory, as it is at one moment.
    Backup(BackupAsk),
}

/// Where a backup goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupAsk {
    /// An absolute path: a new or empty directory, or an earlier backup.
    pub directory: String,
    /// Whether the master secret is put in it.
    pub with_secret: bool,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountReply {
    /// Its name.
    pub account: String,
    /// What tokens name it by.
    pub account_code: String,
}

/// A key that was just made: the only time it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewKeyReply {
    /// What `key revoke` takes.
    pub id: String,
    /// The key: 40 of `[a-z0-9]`.
    pub key: String,
    /// The account's name.
    pub account: String,
}

/// A key, without the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyReply {
    /// What `key revoke` takes.
    pub id: String,
    /// The account's name.
    pub account: String,
    /// What it may do.
    pub scopes: String,
    /// When it was made, in milliseconds since 1970-01-01 UTC.
    pub created_at: i64,
    /// The search engines that it may be used for; none means all of the account's.
    #[serde(default)]
    pub engines: Vec<String>,
    /// The origins whose pages may use it.
    #[serde(default)]
    pub origins: Vec<String>,
}

/// A search engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineReply {
    /// 32 hexadecimal digits.
    pub hashid: String,
    /// Shown to people.
    pub name: String,
    /// The account's name.
    pub account: String,
    /// Its indices.
    pub indices: Vec<String>,
    /// The hosts whose clicks belong to it.
    pub sites: Vec<String>,
}

/// One thing that a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The file, relative to the data directory.
    pub file: String,
    /// The byte at which it starts.
    pub offset: u64,
    /// What is wrong.
    pub what: String,
    /// False for what is no loss: the torn tail of a write that was never acknowledged.
    pub damage: bool,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CheckReply {
    /// Files read.
    pub files: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Records read.
    pub records: u64,
    /// What is wrong, by file.
    pub findings: Vec<Finding>,
}

/// What a backup came to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BackupReply {
    /// Where it is.
    pub directory: String,
    /// Files in it.
    pub files: u64,
    /// How many bytes they have.
    pub bytes: u64,
    /// Files that were there already.
    pub kept: u64,
    /// Files that are the same as those of the data directory, and take no room of their own.
    pub linked: u64,
    /// Whether the master secret is in it.
    pub has_secret: bool,
}

/// What was erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EraseReply {
    /// The account's name.
    pub account: String,
    /// Clicks that went.
    pub clicks: u64,
    /// Searches that went.
    pub searches: u64,
}

/// What is answered. Each command has one kind of reply, so a caller knows which to read.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
#[expect(missing_docs, reason = "each is what its type says")]
pub enum Reply {
    Account(AccountReply),
    Accounts(Vec<AccountReply>),
    NewKey(NewKeyReply),
    Keys(Vec<KeyReply>),
    Key(KeyReply),
    User(UserReply),
    Users(Vec<UserReply>),
    Engine(EngineReply),
    Engines(Vec<EngineReply>),
    Stats(StatsReply),
    State(StateReply),
    Check(CheckReply),
    Backup(BackupReply),
    Erase(EraseReply),
}

/// Why a command was not done, in words that say what to do next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ControlError(pub String);

impl From<RegistryError> for ControlError {
    fn from(error: RegistryError) -> Self {
        Self(error.to_string())
    }
}

/// What only the roof can do, since only it knows the files.
pub trait Maintenance: Send + Sync {
    /// Reads every file and reports what is wrong. Changes nothing.
    fn check(&self) -> CheckReply;

    /// Copies the data directory. What was recorded before the call is in the copy; recording goes on beside it.
    ///
    /// # Errors
    /// In words; an earlier backup in the same place still counts, or the same call again mends it.
    fn backup(&self, ask: &BackupAsk) -> Result<BackupReply, ControlError>;
}

/// Does what a command says. Returns only when it is on disk and in effect.
///
/// # Errors
/// [`ControlError`], in words.
pub async fn execute(
    app: &Arc<App>,
    maintenance: &Arc<dyn Maintenance>,
    command: Command,
) -> Result<Reply, ControlError> {
    match command {
        Command::Stats(ask) => Ok(Reply::Stats(stats::answer(app, *ask).await?)),
        Command::State => Ok(Reply::State(state::state(app))),
        Command::Check => {
            let maintenance = Arc::clone(maintenance);
            blocking(move || Ok(Reply::Check(maintenance.check()))).await
        }
        Command::Backup(ask) => {
            let maintenance = Arc::clone(maintenance);
            blocking(move || maintenance.backup(&ask).map(Reply::Backup)).await
        }
        Command::Erase { account, user } => {
            let app = Arc::clone(app);
            blocking(move || erase(&app, &account, &user)).await
        }
        Command::UserCreate { account, name, scopes, password } => {
            users::create(app, &account, &name, &scopes, password).await
        }
        Command::UserPassword { account, name, password } => {
            users::set_password(app, &account, &name, password).await
        }
        registry_command => {
            let (registry, now_ms) = (app.registry.clone(), app.clock.now_ms());
            blocking(move || registered(&registry, registry_command, now_ms)).await
        }
    }
}

fn erase(app: &App, account: &str, user: &str) -> Result<Reply, ControlError> {
    let account = account_of(&app.registry, account)?;
    let user = user.parse::<UserCode>().map_err(|error| ControlError(format!("--user: {error}")))?;
    let forgotten = app.store.forget(&Forget::Visitor { account, user });
    let Forgotten { clicks, searches } = forgotten
        .map_err(|error| ControlError(format!("{error}; give the command again once that is mended")))?;
    tracing::info!(clicks, searches, "a visitor was erased");
    Ok(Reply::Erase(EraseReply { account: account_name(&app.registry, account), clicks, searches }))
}

pub(super) async fn blocking(
    work: impl FnOnce() -> Result<Reply, ControlError> + Send + 'static,
) -> Result<Reply, ControlError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|failed| Err(ControlError(failed.to_string())))
}

fn registered(registry: &Registry, command: Command, now_ms: i64) -> Result<Reply, ControlError> {
    Ok(match command {
        Command::AccountCreate { name } => {
            let account = registry.create_account(&name)?;
            Reply::Account(AccountReply { account: name, account_code: account.code.to_string() })
        }
        Command::AccountList => Reply::Accounts(
            registry
                .accounts()
                .into_iter()
                .map(|account| AccountReply {
                    account: account.name.to_string(),
                    account_code: account.code.to_string(),
                })
                .collect(),
        ),
        Command::KeyCreate { account, scopes, engines, origins } => {
            let account = account_of(registry, &account)?;
            let made = create_key(registry, account, &scopes, &engines, &origins, now_ms)?;
            Reply::NewKey(NewKeyReply {
                id: made.info.id.to_string(),
                key: made.key,
                account: account_name(registry, account),
            })
        }
        Command::KeyList { account } => {
            let account = account.map(|name| account_of(registry, &name)).transpose()?;
            Reply::Keys(registry.keys(account).iter().map(|key| key_reply(registry, key)).collect())
        }
        Command::KeyRevoke { id } => {
            let id: KeyId = id.parse().map_err(|_| {
                ControlError(format!("`{id}` is not a key's id: `clicktally key list` shows them"))
            })?;
            Reply::Key(key_reply(registry, &registry.revoke_key(&id)?))
        }
        Command::UserList { account } => Reply::Users(users::list(registry, account.as_deref())?),
        Command::UserDelete { account, name } => Reply::User(users::delete(registry, &account, &name)?),
        Command::EngineCreate { account, hashid, name, indices, sites } => {
            let account = account_of(registry, &account)?;
            let hashid = hashid.map(|text| text.parse::<Hashid>()).transpose();
            let hashid = hashid.map_err(|error| ControlError(format!("--hashid: {error}")))?;
            let indices = indices.iter().map(|text| text.parse::<IndexName>()).collect::<Result<_, _>>();
            let indices = indices.map_err(|error| ControlError(format!("--index: {error}")))?;
            let engine = registry.create_engine(account, NewEngine { hashid, name, indices, sites })?;
            Reply::Engine(engine_reply(registry, &engine))
        }
        Command::EngineList { account } => {
            let account = account.map(|name| account_of(registry, &name)).transpose()?;
            Reply::Engines(
                registry.engines(account).iter().map(|engine| engine_reply(registry, engine)).collect(),
            )
        }
        Command::Stats(_)
        | Command::State
        | Command::Check
        | Command::Backup(_)
        | Command::Erase { .. }
        | Command::UserCreate { .. }
        | Command::UserPassword { .. } => {
            return Err(ControlError("not a command of the registry".to_owned()));
        }
    })
}

fn create_key(
    registry: &Registry,
    account: AccountCode,
    scopes: &str,
    engines: &[String],
    origins: &[String],
    now_ms: i64,
) -> Result<NewKey, ControlError> {
    let parsed: Scopes =
        scopes.parse().map_err(|error| ControlError(format!("--scope {scopes}: {error}")))?;
    if engines.is_empty() && origins.is_empty() {
        return Ok(registry.create_key(account, parsed, now_ms)?);
    }
    if parsed != Scopes::CLICK {
        return Err(ControlError(
            "--engine and --origin are for keys that stand in public pages: give them with --scope click"
                .to_owned(),
        ));
    }
    let engines = engines.iter().map(|text| text.parse::<Hashid>()).collect::<Result<Vec<_>, _>>();
    let engines = engines.map_err(|error| ControlError(format!("--engine: {error}")))?;
    let confines =
        Confines::new(&engines, origins).map_err(|error| ControlError(format!("--origin: {error}")))?;
    registry.create_page_key(account, confines, now_ms).map_err(|error| match error {
        RegistryError::NoEngine => ControlError(
            "--engine: not every one is a search engine of the account: `clicktally engine list` shows them"
                .to_owned(),
        ),
        error => error.into(),
    })
}

/// Finds an account by its name or its code.
pub(super) fn account_of(registry: &Registry, name: &str) -> Result<AccountCode, ControlError> {
    let by_code = || name.parse().ok().and_then(|code| registry.account(code));
    registry.account_named(name).or_else(by_code).map(|account| account.code).ok_or_else(|| {
        ControlError(format!("there is no account `{name}`: `clicktally account create {name}` makes it"))
    })
}

/// The account that is named, else the only one.
pub(super) fn account_or_only(registry: &Registry, name: Option<&str>) -> Result<AccountCode, ControlError> {
    match (name, registry.accounts().as_slice()) {
        (Some(name), _) => account_of(registry, name),
        (None, [only]) => Ok(only.code),
        (None, []) => Err(ControlError(
            "there is no account yet: `clicktally account create NAME` makes one".to_owned(),
        )),
        (None, _) => {
            Err(ControlError("there are several accounts: say which with --account NAME".to_owned()))
        }
    }
}

pub(super) fn account_name(registry: &Registry, code: AccountCode) -> String {
    registry.account(code).map_or_else(|| code.to_string(), |account| account.name.to_string())
}

fn key_reply(registry: &Registry, key: &KeyInfo) -> KeyReply {
    KeyReply {
        id: key.id.to_string(),
        account: account_name(registry, key.account),
        scopes: key.scopes.to_string(),
        created_at: key.created_ms,
        engines: key.confines.engines().iter().map(ToString::to_string).collect(),
        origins: key.confines.origins().iter().map(ToString::to_string).collect(),
    }
}

fn engine_reply(registry: &Registry, engine: &Engine) -> EngineReply {
    EngineReply {
        hashid: engine.hashid.to_string(),
        name: engine.name.to_string(),
        account: account_name(registry, engine.account),
        indices: engine.indices.iter().map(ToString::to_string).collect(),
        sites: engine.sites.clone(),
    }
}
