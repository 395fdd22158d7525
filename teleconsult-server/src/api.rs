//! The HTTP API: one file for each group of routes, with its types, its documentation and its handlers.

use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderMap, Method};

use crate::auth::Caller;
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
use routes::{CallerPolicy, Target};
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
            self.settings.identity.strip_identity(headers);
        }
        // A file is not kept for a caller who is refused.
        let reads_file = matches!(target.route.policy.body, BodyKind::File(_));
        if reads_file && target.route.caller == CallerPolicy::User {
            let parts = RequestParts { headers, query: &[], params: &[] };
            let caller = Caller::identify(&self.settings.identity, parts);
            caller.platform_user().ok_or_else(errors::unauthorized)?;
        }
        Ok(())
    }

    async fn handle(self: Arc<Self>, request: Request) -> std::result::Result<Response, ApiError> {
        let is_trusted = self.settings.identity.trusts_peer(request.peer);
        let forwarded = self.settings.forwarding.of(&request.headers, is_trusted);
        let handled = platform::forwarding(forwarded, dispatch(&self, &request)).await;
        let response = handled.map_err(|error| errors::response(error, &request.target));
        // Counted here and not with the response, which a caller that has left does not get.
        if let (Some(metrics), Err(error)) = (&self.metrics, &response) {
            metrics.count_failure(error);
        }
        response
    }

    fn record(&self, completed: &Completed<'_>) {
        if let Some(metrics) = &self.metrics {
            metrics.record(completed);
        }
    }
}

async fn dispatch(api: &Arc<ApiState>, request: &Request) -> Result {
    crash_point!("H0");
    let route = request.target.route;
    if route.caller == CallerPolicy::User && caller(api, request).platform_user().is_none() {
        return Err(errors::unauthorized().into());
    }
    route.handle(api, request).await
}

/// The caller of a request. Only a trusted peer can name one.
fn caller(api: &ApiState, request: &Request) -> Caller {
    let params = [("roomId", request.target.raw_room_id().to_owned())];
    let is_trusted = api.settings.identity.trusts_peer(request.peer);
    let (query, params) = if is_trusted { (request.query.as_slice(), params.as_slice()) } else { Default::default() };
    Caller::identify(&api.settings.identity, RequestParts { headers: &request.headers, query, params })
}
