//! `POST /api/v2/click`: one click of one visitor, from the first check to the durable record. The order of the checks is
//! part of the API. This room must never look at a body before it knows that the click would be logged.

use std::sync::Arc;
use std::time::Duration;

use axum::http::header::HeaderName;
use axum::response::Response;
use clicks::{Outcome, ProductType};

use super::click_body::{CLICK_BODY_BYTES_MAX, ClickBody, idempotency_key};
use super::refusal::Refusal;
use super::request_body::RequestBody;
use super::session::Session;
use super::{Call, Fess, envelope, visitor};
use crate::app::App;
use crate::browser::{self, Wish, wish};
use crate::counts::Fate;
use crate::http::{BodyTimeout, rate_key};
use crate::intake::Draft;
use crate::live::Source;
use crate::media_type::is_json;
use crate::origins::sole;
use crate::received::Received;
use crate::settings::OptOut;

/// How long a body may take where the front does not say.
const BODY_TIME_MAX: Duration = Duration::from_secs(30);

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// What the checks before the registries make of a click.
enum Checked {
    /// It is well-formed.
    Draft(Draft),
    /// It is not to be logged, which is no error.
    NotLogged(Fate),
}

/// Answers a click. `logged:true` only when it is on disk and counted by the next statistics call.
pub(super) async fn answer(
    fess: &Arc<Fess>,
    call: &Call,
    body: &mut RequestBody,
) -> Result<Response, Refusal> {
    let answer = taken(fess, call, body).await;
    if let Err(refusal) = &answer {
        tell(&fess.app, call, refusal);
    }
    answer
}

/// Shows a refusal to those who watch: the account of the site, or the only one.
fn tell(app: &App, call: &Call, refusal: &Refusal) {
    let site = app.registry.site(call.facts.host_name());
    let only = || app.registry.only_account().map(|account| account.code);
    if let Some(account) = site.as_ref().map(|engine| engine.account).or_else(only) {
        let (_, code, message) = refusal.words();
        let engine = site.map(|engine| engine.hashid);
        app.live.refused(account, Source::Fess, app.clock.now_ms(), code, &message, engine);
    }
}

async fn taken(fess: &Arc<Fess>, call: &Call, body: &mut RequestBody) -> Result<Response, Refusal> {
    let received = Received::new(&fess.app);
    match check(fess, call, body).await {
        Ok(Checked::Draft(draft)) => {
            record(received, draft, call.facts.host_name().to_owned()).await.map(envelope::logged)
        }
        Ok(Checked::NotLogged(fate)) => {
            received.met(fate);
            Ok(envelope::logged(false))
        }
        Err(refusal) => {
            received.met(refusal.fate());
            Err(refusal)
        }
    }
}

/// The checks that need nothing but the request, in their order.
async fn check(fess: &Fess, call: &Call, body: &mut RequestBody) -> Result<Checked, Refusal> {
    let (app, headers) = (&fess.app, &call.parts.headers);
    let admitted = fess.click_rate.admit(&rate_key(call.facts.client), app.clock.running_ns());
    admitted.map_err(Refusal::RateLimited)?;
    let session = fess.guard(call)?;
    if !app.settings.click_log {
        return Ok(Checked::NotLogged(Fate::SwitchedOff));
    }
    let user = match (
        wants(app.settings.opt_out, Some(&session), call),
        visitor::user_code(&call.parts.uri, headers),
    ) {
        (Wish::NotLogged, _) => return Ok(Checked::NotLogged(Fate::OptedOut)),
        (Wish::NotNamed, _) => None,
        (Wish::Nothing, None) => return Ok(Checked::NotLogged(Fate::Anonymous)),
        (Wish::Nothing, user) => user,
    };
    if !is_json(headers) {
        return Err(Refusal::BadMediaType);
    }
    let time_max = call.parts.extensions.get::<BodyTimeout>().map_or(BODY_TIME_MAX, |timeout| timeout.0);
    let bytes = body.read(CLICK_BODY_BYTES_MAX, time_max).await?;
    let ClickBody { doc_id, query_id, searched_ms, rank } = ClickBody::parse(&bytes)?;
    let idempotency_key = match headers.contains_key(IDEMPOTENCY_KEY) {
        true => Some(idempotency_key(sole(headers, &IDEMPOTENCY_KEY).unwrap_or_default())?),
        false => None,
    };
    let (device, product_type) = (browser::device(headers), ProductType::Search);
    Ok(Checked::Draft(Draft {
        doc_id,
        query_id,
        rank,
        searched_ms,
        device,
        product_type,
        user,
        idempotency_key,
    }))
}

/// What the visitor's wish not to be tracked comes to: said by the browser now, or when its session began.
pub(super) fn wants(opt_out: OptOut, session: Option<&Session>, call: &Call) -> Wish {
    wish(
        opt_out,
        session.is_some_and(|session| session.opted_out)
            || browser::asks_not_to_be_tracked(&call.parts.headers),
    )
}

/// Records a draft in a task of its own: a client that goes away in the meantime can't make the click half done, nor its
/// count wrong. Whether it is kept: it is not where the server's clock shows a day that was removed.
async fn record(received: Received, draft: Draft, host: String) -> Result<bool, Refusal> {
    let app = Arc::clone(received.app());
    let work = tokio::spawn(async move {
        let result = app.record(draft, &host).await.map_err(Refusal::from);
        received.met(match &result {
            Ok(Outcome::Recorded) => Fate::Recorded,
            Ok(Outcome::Duplicate) => Fate::Duplicate,
            Ok(Outcome::Conflict) => Fate::Conflict,
            Ok(Outcome::Expired) => Fate::Expired,
            Err(refusal) => refusal.fate(),
        });
        result.map(|outcome| outcome != Outcome::Expired)
    });
    work.await.unwrap_or_else(|failed| {
        tracing::error!(error = %failed, "recording a click panicked");
        Err(Refusal::Internal)
    })
}
