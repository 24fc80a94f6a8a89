//! `/v1/engines` and `/v1/keys`: what an account has. Engines are made and removed by Management. It must never tell a key but
//! in the answer that makes it.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use clicks::{Hashid, IndexName};
use registry::{Confines, KeyId, KeyInfo, NewKey, Registry, RegistryError, Scope, Scopes};
use serde::Serialize;

use super::events::Desk;
use super::refusals::Refusal;
use crate::access::Caller;
use crate::http::{BodyTimeout, read_body};
use crate::json::{Json, in_place};
use crate::media_type::is_json;

/// The largest body, in bytes.
pub const KEY_BODY_BYTES_MAX: usize = 262_144;
/// How long it may take where the front does not say.
const BODY_TIME_MAX: Duration = Duration::from_secs(30);

#[derive(Serialize)]
struct Engines {
    engines: Vec<EngineTold>,
}

#[derive(Serialize)]
struct EngineTold {
    hashid: String,
    name: String,
    indices: Vec<String>,
    sites: Vec<String>,
}

#[derive(Serialize)]
struct Keys {
    keys: Vec<KeyTold>,
}

#[derive(Serialize)]
struct KeyTold {
    id: String,
    scopes: Vec<&'static str>,
    hashids: Vec<String>,
    origins: Vec<String>,
    created_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

impl From<KeyInfo> for KeyTold {
    fn from(key: KeyInfo) -> Self {
        Self {
            id: key.id.to_string(),
            scopes: key.scopes.iter().map(Scope::as_str).collect(),
            hashids: key.confines.engines().iter().map(ToString::to_string).collect(),
            origins: key.confines.origins().iter().map(ToString::to_string).collect(),
            created_at: key.created_ms,
            key: None,
        }
    }
}

/// `GET /v1/engines`.
pub(super) async fn engines(State(desk): State<Arc<Desk>>, request: Request) -> Result<Response, Refusal> {
    const SCOPE: &str = "this key has neither the scope `read` nor `manage`";
    let caller = desk.app.asking(&request)?;
    let may = caller.needs(Scope::Read).or_else(|_| caller.needs(Scope::Manage));
    may.map_err(|_| Refusal::AccessDenied(SCOPE))?;
    let engines = desk.app.registry.engines(Some(caller.account));
    let told = engines.iter().map(|engine| EngineTold {
        hashid: engine.hashid.to_string(),
        name: engine.name.to_string(),
        indices: engine.indices.iter().map(IndexName::to_string).collect(),
        sites: engine.sites.clone(),
    });
    json(StatusCode::OK, &Engines { engines: told.collect() })
}

/// `GET /v1/keys`.
pub(super) async fn keys(State(desk): State<Arc<Desk>>, request: Request) -> Result<Response, Refusal> {
    let caller = manager(&desk, &request)?;
    let keys = desk.app.registry.keys(Some(caller.account)).into_iter().map(KeyTold::from);
    json(StatusCode::OK, &Keys { keys: keys.collect() })
}

/// `POST /v1/keys`. Nobody makes a key that may do more than they may themselves; one for public pages may do less.
pub(super) async fn make_key(State(desk): State<Arc<Desk>>, request: Request) -> Result<Response, Refusal> {
    const MEDIA_TYPE: &str = "Content-Type: must be application/json, in UTF-8 if it names a charset";
    const MORE: &str = "scopes: a key can't be given a scope that its maker lacks";
    const CONFINED: &str = "hashids, origins: only a key with the scope `click` is held to some";
    let caller = manager(&desk, &request)?;
    if !is_json(request.headers()) {
        return Err(Refusal::UnsupportedMediaType(MEDIA_TYPE));
    }
    let time_max = request.extensions().get::<BodyTimeout>().map_or(BODY_TIME_MAX, |timeout| timeout.0);
    let body = read_body(request.into_body(), KEY_BODY_BYTES_MAX, time_max).await;
    let body = body.map_err(|error| Refusal::of_body(error.into(), KEY_BODY_BYTES_MAX))?;
    let bytes = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&body);
    let told = in_place(bytes).map_err(|error| Refusal::BadQuestion(error.to_string()))?;
    if !matches!(told, Json::Object(_)) {
        return Err(Refusal::BadParams("the body must be a JSON object"));
    }
    let scopes: Scopes = list(&told, "scopes")?
        .join(",")
        .parse()
        .map_err(|error| Refusal::BadQuestion(format!("scopes: {error}")))?;
    let (hashids, origins) = (list(&told, "hashids")?, list(&told, "origins")?);
    let (account, now_ms) = (caller.account, desk.app.clock.now_ms());
    let made = if scopes == Scopes::CLICK {
        let engines = hashids.iter().map(|hashid| hashid.parse::<Hashid>()).collect::<Result<Vec<_>, _>>();
        let engines = engines.map_err(|error| Refusal::BadQuestion(format!("hashids: {error}")))?;
        let confines = Confines::new(&engines, &origins).map_err(refused)?;
        desk.ask(move |registry| registry.create_page_key(account, confines, now_ms)).await?
    } else {
        if !(hashids.is_empty() && origins.is_empty()) {
            return Err(Refusal::BadParams(CONFINED));
        }
        if scopes.iter().any(|scope| caller.needs(scope).is_err()) {
            return Err(Refusal::AccessDenied(MORE));
        }
        desk.ask(move |registry| registry.create_key(account, scopes, now_ms)).await?
    };
    let NewKey { info, key } = made;
    json(StatusCode::CREATED, &KeyTold { key: Some(key), ..KeyTold::from(info) })
}

/// `DELETE /v1/keys/{id}`.
pub(super) async fn revoke_key(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let caller = manager(&desk, &request)?;
    let id: KeyId = id.parse().map_err(|_| Refusal::NotFound)?;
    // Another account's key is as good as none.
    let is_own = desk.app.registry.key(&id).is_some_and(|key| key.account == caller.account);
    if !is_own {
        return Err(Refusal::NotFound);
    }
    desk.ask(move |registry| registry.revoke_key(&id)).await?;
    Ok((StatusCode::NO_CONTENT, [(CACHE_CONTROL, "no-store")]).into_response())
}

fn manager(desk: &Desk, request: &Request) -> Result<Caller, Refusal> {
    const SCOPE: &str = "this key lacks the scope `manage`";
    let caller = desk.app.asking(request)?;
    caller.needs(Scope::Manage).map_err(|_| Refusal::AccessDenied(SCOPE))?;
    Ok(caller)
}

/// A list of texts; one that is not told is empty.
fn list(told: &Json<'_>, name: &str) -> Result<Vec<String>, Refusal> {
    let wrong = || Refusal::BadQuestion(format!("{name}: must be a list of strings"));
    match told.get(name) {
        None => Ok(Vec::new()),
        Some(Json::Array(entries)) => {
            entries.iter().map(|entry| entry.text().map(str::to_owned).ok_or_else(wrong)).collect()
        }
        Some(_) => Err(wrong()),
    }
}

impl Desk {
    /// Asks the registry what needs a disk, where no other connection waits for it.
    async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Registry) -> Result<T, RegistryError> + Send + 'static,
    ) -> Result<T, Refusal> {
        let registry = self.app.registry.clone();
        let done = tokio::task::spawn_blocking(move || work(&registry)).await;
        done.map_err(|_panicked| Refusal::Internal)?.map_err(refused)
    }
}

fn refused(error: RegistryError) -> Refusal {
    match error {
        RegistryError::NoKey => Refusal::NotFound,
        RegistryError::NoEngine => Refusal::Missing(format!("hashids: {error}")),
        RegistryError::NotWritten(_) | RegistryError::Stopped(_) => {
            tracing::warn!(%error, "the registry could not record a change");
            Refusal::Unavailable
        }
        RegistryError::Damaged(_) => Refusal::Internal,
        other => Refusal::BadQuestion(other.to_string()),
    }
}

fn json(status: StatusCode, told: &impl Serialize) -> Result<Response, Refusal> {
    let body = serde_json::to_vec(told).map_err(|_| Refusal::Internal)?;
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
    Ok((status, headers, body).into_response())
}
