//! The HTTP API: one file for each group of routes, with its types, its documentation and its handlers.

use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderMap, Method};

use crate::auth;
use crate::auth::user_id_path::RequestParts;
use crate::http::error::ApiError;
use crate::http::policy::BodyKind;
use crate::http::response::Response;
use crate::http::{self as pipeline, Application, Completed};
use crate::platform;
use crate::store::crash_point;

pub mod documentation;
pub mod metrics;
pub mod routes;
pub mod state;

mod credentials;
mod errors;
mod idempotency;
mod openapi;
mod participants;
mod settings;
mod status;
mod teleconsultations;
mod transcriptions;
mod uploads;
mod values;

use errors::HandlerError;
use routes::{Caller, Target};
use state::ApiState;

type Request = pipeline::request::Request<Target>;
type Result<T = Response> = std::result::Result<T, HandlerError>;

impl Application for ApiState {
    type Target = Target;

    fn find(&self, method: &Method, path: &str) -> Option<Target> {
        routes::find(method, path, &self.settings.prefix)
    }

    /// Removes headers that say who calls where the peer may not say so.
    fn admit(&self, target: &Target, peer: IpAddr, headers: &mut HeaderMap) -> std::result::Result<(), ApiError> {
        if !self.settings.identity.trusts_peer(peer) {
            self.settings.identity.disregard(headers);
        }
        // A file is not kept for a caller who is refused.
        let reads_file = matches!(target.route.policy.body, BodyKind::File(_));
        if reads_file && target.route.caller == Caller::User {
            auth::platform_user(&self.settings.identity, headers).ok_or_else(errors::unauthorized)?;
        }
        Ok(())
    }

    async fn handle(self: Arc<Self>, request: Request) -> std::result::Result<Response, ApiError> {
        let is_trusted = self.settings.identity.trusts_peer(request.peer);
        let forwarded = self.settings.forwarding.of(&request.headers, is_trusted);
        let handled = platform::forwarding(forwarded, dispatch(&self, &request)).await;
        handled.map_err(|error| errors::response(error, &request.target))
    }

    fn record(&self, completed: &Completed<'_>) {
        if let Some(metrics) = &self.metrics {
            metrics.record(completed);
        }
    }
}

async fn dispatch(api: &Arc<ApiState>, request: &Request) -> Result {
    crash_point!("H0");
    request.target.route.handle(api, request).await
}

/// The parts of a request in which a participant's id may be. A peer that is not trusted can name none.
fn request_parts<'a>(api: &ApiState, request: &'a Request, params: &'a [(&'static str, String)]) -> RequestParts<'a> {
    let is_trusted = api.settings.identity.trusts_peer(request.peer);
    let (query, params) = if is_trusted { (request.query.as_slice(), params) } else { Default::default() };
    RequestParts { headers: &request.headers, query, params }
}
