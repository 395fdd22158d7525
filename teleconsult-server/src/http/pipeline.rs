//! One request from its head to its answer.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use hyper::body::Body as _;
use tracing::Instrument;

use super::access_log::{self, Seen};
use super::client_address::client_address;
use super::error::ApiError;
use super::multipart::{pass_over, read_picture};
use super::request::{Request, check_host, must_close_after, query_pairs, read_body};
use super::request_id::request_id;
use super::response::{Body, Reply};
use crate::api;
use crate::api::routes::{self as router, BodyKind};
use crate::api::state::App;
use crate::auth::Caller;
use crate::auth::user_id_path::RequestParts;
use crate::base::crash_points;
use crate::domain::ids::TeleconsultationId;
use crate::platform;

/// Answers a request. Never fails: whatever goes wrong becomes an answer and one line in the log.
pub async fn answer<B>(app: Arc<App>, request: http::Request<B>, peer: IpAddr) -> Response<Body>
where
    B: hyper::body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    crash_points::arm();
    let started = Instant::now();
    let span = tracing::info_span!("request", reqId = request_id(request.headers()));
    async move {
        let (head, body) = request.into_parts();
        let matched = router::find(&head.method, head.uri.path(), &app.settings.prefix);
        let route = matched.as_ref().map(|matched| matched.route);
        let seen = Seen {
            method: &head.method,
            route,
            id: matched.as_ref().and_then(|matched| TeleconsultationId::parse(matched.id.as_deref()?)),
            path: head.uri.path(),
            headers: &head.headers,
            client: client_address(peer, &head.headers, &app.settings.trusted_proxies),
            started,
        };
        access_log::arrived(&seen);
        let result = match check_host(head.version, &head.headers) {
            Err(error) => Err(error),
            Ok(()) => match matched {
                Some(matched) => {
                    let (query, mut headers) = (query_pairs(head.uri.query()), head.headers.clone());
                    let is_trusted = app.settings.identity.trusts_peer(peer);
                    if !is_trusted {
                        app.settings.identity.strip_identity(&mut headers);
                    }
                    respond(&app, matched, query, (headers, is_trusted), body).await
                }
                None => Err(ApiError::unrouted(&head.method, &access_log::shown_path(head.uri.path()))),
            },
        };
        let mut response = finish(&app, result, &seen);
        if must_close_after(&head.headers) {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
    .instrument(span)
    .await
}

async fn respond<B>(
    app: &Arc<App>,
    matched: router::Matched,
    query: Vec<(String, String)>,
    (headers, is_trusted): (HeaderMap, bool),
    body: B,
) -> Result<Reply, ApiError>
where
    B: hyper::body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let route = matched.route;
    let caller = if is_trusted {
        let params: Vec<_> = matched.id.iter().map(|id| ("roomId", id.clone())).collect();
        Caller::identify(&app.settings.identity, RequestParts { headers: &headers, query: &query, params: &params })
    } else {
        Caller::default()
    };
    let (body, picture) = match route.body() {
        BodyKind::None => (None, None),
        BodyKind::Fields => (read_body(&headers, body, &app.settings.limits).await?, None),
        BodyKind::Picture if caller.platform_user().is_none() => {
            // Ten megabytes are not kept for somebody who is refused.
            pass_over(body).await;
            return Err(ApiError::unauthorized().closing());
        }
        BodyKind::Picture => (None, Some(read_picture(&headers, body).await?)),
    };
    let (id, session) = (matched.id, matched.session);
    let request = Request { route, id, session, query, headers, body, picture, caller };
    let handled = {
        let app = Arc::clone(app);
        let forwarded = app.settings.forwarding.of(&request.headers, is_trusted);
        platform::forwarding(forwarded, async move { api::handle(&app, &request).await })
    };
    let answer = async {
        if route.has_effects() {
            // In a task of its own: a caller that leaves must not stop a change half-way. Shutdown waits for it.
            match app.tasks.spawn(handled.in_current_span()).await {
                Ok(result) => result,
                Err(error) => Err(ApiError::internal(format!("the handler stopped: {error}"))),
            }
        } else {
            handled.await
        }
    };
    tokio::time::timeout(app.settings.limits.request_timeout, answer).await.unwrap_or_else(|_| {
        let message = "the request took too long; it may still be carried out";
        Err(ApiError::coded(StatusCode::GATEWAY_TIMEOUT, "request_timeout", message))
    })
}

fn finish(app: &App, result: Result<Reply, ApiError>, seen: &Seen<'_>) -> Response<Body> {
    let (response, cause) = match result {
        Ok(reply) => (reply.into_response(), None),
        Err(error) => {
            if let Some(metrics) = app.metrics.as_ref().filter(|_| error.is_store_error()) {
                metrics.store_failed();
            }
            let cause = error.cause().map(str::to_owned);
            (error.into_response(seen.headers), cause)
        }
    };
    let bytes = response.body().size_hint().exact().filter(|bytes| *bytes > 0);
    if let Some(metrics) = &app.metrics {
        metrics.completed(seen.method, seen.route, response.status(), seen.started.elapsed());
    }
    access_log::completed(seen, response.status(), bytes, cause.as_deref());
    response
}
