//! The dialects: each speaks one public API, and translates it to drafts and questions and back. A new one is a folder,
//! a line in each of the three lists here, and a folder of golden exchanges.

pub mod doofinder;
pub mod fess;
pub mod insights;
pub mod native;
pub mod ubi;

use std::sync::Arc;

use axum::Router;
use axum::http::Uri;
use axum::response::Response;
use registry::MasterSecret;

use crate::app::App;
use crate::doors::{merged, stranger_refusal};
use crate::http::Trouble;

/// The routes of every dialect.
pub(crate) fn routes(app: &Arc<App>, secret: &MasterSecret) -> Router {
    Router::new()
        .merge(doofinder::routes(Arc::clone(app)))
        .merge(native::routes(Arc::clone(app)))
        .merge(insights::routes(Arc::clone(app)))
        .merge(ubi::routes(Arc::clone(app)))
        .merge(fess::routes(Arc::clone(app), secret))
}

/// What every dialect says about itself, as one OpenAPI document.
pub(crate) fn openapi(zone: &str) -> String {
    let ours = [
        doofinder::OPENAPI,
        doofinder::events::OPENAPI,
        doofinder::management::OPENAPI,
        native::OPENAPI,
        insights::OPENAPI,
        fess::OPENAPI,
    ];
    merged(zone, &ours)
}

/// The front's own refusals in the words of the dialect that the path belongs to.
pub(crate) fn refusal(uri: &Uri, trouble: Trouble) -> Response {
    let speaks: [fn(&Uri, Trouble) -> Option<Response>; 5] =
        [doofinder::refusal, native::refusal, insights::refusal, ubi::refusal, fess::refusal];
    speaks.iter().find_map(|refusal| refusal(uri, trouble)).unwrap_or_else(|| stranger_refusal(uri, trouble))
}
