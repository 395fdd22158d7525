//! Accepts connections, handles requests and applies faults.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinSet;

use super::calls::{Calls, MAX_BODY_BYTES as MAX_BODY_BYTES_KEPT};
use super::faults::{Action, ActiveFault, Faults};
use super::input::Form;
use super::rate_limit::RateLimit;
use super::refusal::Refusal;
use super::resources::{self, ApiResponse, Call, ResponseBody};
use super::routes;
use super::state::{Delivery, State};
use super::webhook_sender::Deliveries;
use super::{control, links};
use crate::config::ApiKey;

mod body;

pub(super) use body::EmulatedBody;

/// Largest request body, in bytes: a background picture of 16 MB in its form.
const MAX_BODY_BYTES: usize = 20 * 1024 * 1024;
/// Timeout for the head of a request, so that an idle client does not hold its connection indefinitely.
const HEADER_TIMEOUT: Duration = Duration::from_secs(75);
/// Pause after a failed `accept`.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How often rooms are checked for used-up call time, so that they also close without a request.
const EXPIRY_INTERVAL: Duration = Duration::from_millis(200);

/// State shared by all connections.
pub(super) struct Shared {
    key: ApiKey,
    state: Mutex<State>,
    pub(super) calls: Calls,
    pub(super) faults: Faults,
    pub(super) deliveries: Arc<Deliveries>,
    rate_limit: Option<RateLimit>,
    outbox: UnboundedSender<Delivery>,
}

impl Shared {
    pub(super) fn new(
        key: ApiKey,
        state: State,
        deliveries: Arc<Deliveries>,
        rate_limit: Option<RateLimit>,
        outbox: UnboundedSender<Delivery>,
    ) -> Self {
        Self {
            key,
            state: Mutex::new(state),
            calls: Calls::default(),
            faults: Faults::default(),
            deliveries,
            rate_limit,
            outbox,
        }
    }

    /// The guard is never held across an await.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request. Returns the seconds until the next window if the request exceeds the quota.
    fn over_quota(&self) -> Option<i64> {
        let limit = self.rate_limit.as_ref()?;
        limit.admit(self.state().now()).err()
    }

    /// Passes pending webhook deliveries to the sender.
    pub(super) fn flush_outbox(&self) {
        for delivery in self.state().take_outbox() {
            // Fails only while the emulator stops, and then the delivery is no longer needed.
            let _ = self.outbox.send(delivery);
        }
    }

    pub(super) fn reset(&self) {
        self.state().reset();
        self.calls.clear();
        self.faults.clear();
        self.deliveries.clear();
    }
}

pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut expiry = tokio::time::interval(EXPIRY_INTERVAL);
    // Dropping this task drops the set and closes every connection.
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
            _ = expiry.tick() => {
                shared.state().close_expired_rooms();
                shared.flush_outbox();
                continue;
            }
        };
        match accepted {
            Ok((stream, _)) => {
                connections.spawn(serve_connection(stream, Arc::clone(&shared)));
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn serve_connection(stream: TcpStream, shared: Arc<Shared>) {
    // A failure only costs latency.
    let _ = stream.set_nodelay(true);
    let reset = Arc::new(AtomicBool::new(false));
    let stream = ResettableStream { stream, reset: Arc::clone(&reset) };
    let service = service_fn(move |request| {
        let (shared, reset) = (Arc::clone(&shared), Arc::clone(&reset));
        async move {
            handle_request(&shared, request).await.map_err(|Reset| {
                reset.store(true, Ordering::Relaxed);
                io::Error::from(io::ErrorKind::ConnectionReset)
            })
        }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    // An error here concerns this client only, and the client has already seen it.
    let _ = serving.await;
}

/// The connection must be reset.
struct Reset;

async fn handle_request(shared: &Shared, request: Request<Incoming>) -> Result<Response<EmulatedBody>, Reset> {
    let (head, body) = request.into_parts();
    let segments = decoded_segments(head.uri.path());
    let query = head.uri.query();
    if let Some(page) = links::call_page_response(shared, &head.method, &segments, query) {
        return Ok(page);
    }
    if let Some(file) = links::file(shared, &head.method, &segments) {
        return Ok(file);
    }
    let is_control = segments.first().is_some_and(|first| first == "_emulator");
    let key = head.headers.get("apikey").map(HeaderValue::as_bytes);
    if !is_control && key != Some(shared.key.expose().as_bytes()) {
        return Ok(error_response(&Refusal::invalid_key()));
    }
    let Ok(body) = Limited::new(body, MAX_BODY_BYTES).collect().await else {
        return Ok(error_response(&Refusal::too_large()));
    };
    let body = body.to_bytes();
    if is_control {
        let response = control::handle(shared, &head.method, &segments, &body);
        shared.flush_outbox();
        return Ok(response);
    }
    let Some(route) = routes::find(&head.method, &segments, query) else {
        return Ok(error_response(&Refusal::no_endpoint()));
    };
    let content_type = head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let form = match Form::read(content_type, body.clone()).await {
        Ok(form) => form,
        Err(refusal) => return Ok(error_response(&refusal)),
    };
    let is_form_encoded = content_type.is_some_and(|text| text.starts_with("application/x-www-form-urlencoded"));
    let body = if is_form_encoded && route.accepts_form_encoding() { form_encoding_as_json(&body) } else { body };
    let call = Call { route: &route, query, body: &body, form: form.as_ref(), key: &shared.key };
    run_operation(shared, &call).await
}

/// Converts a form-encoded body, which a known v1 client sends.
fn form_encoding_as_json(body: &[u8]) -> Bytes {
    let pairs = url::form_urlencoded::parse(body).map(|(name, value)| (name.into_owned(), value.into_owned().into()));
    Value::Object(pairs.collect()).to_string().into()
}

/// Runs an operation, or the fault that applies to it.
async fn run_operation(shared: &Shared, call: &Call<'_>) -> Result<Response<EmulatedBody>, Reset> {
    let operation = call.route.operation;
    shared.calls.arrived(operation);
    let kept = Mutex::new(None);
    let mut record = CallRecord { shared, call, response: &kept, recorded: false };
    let respond = || {
        let result = resources::handle(&mut shared.state(), call);
        shared.flush_outbox();
        match result {
            Ok(response) => {
                keep(&kept, &response);
                response.into()
            }
            Err(refusal) => error_response(&refusal),
        }
    };
    let response = match (shared.faults.take(operation), shared.over_quota()) {
        (Some(fault), _) => {
            if fault.action == Action::Stall {
                // The response is never sent, so the effect and the record must happen before the stall.
                let _ = fault.has_effect().then(&respond);
                record.finish(None);
                std::future::pending::<Infallible>().await;
            }
            apply_fault(&fault, respond).await
        }
        (None, None) => Ok(respond()),
        (None, Some(seconds)) => {
            let mut response = error_response(&Refusal::too_many());
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            Ok(response)
        }
    };
    let status = response.as_ref().ok().map(|response| response.status().as_u16());
    record.finish(status);
    response
}

/// Records a call exactly once, also when the client disconnects before the response.
struct CallRecord<'a> {
    shared: &'a Shared,
    call: &'a Call<'a>,
    response: &'a Mutex<Option<Value>>,
    recorded: bool,
}

/// Keeps a response for its record.
fn keep(kept: &Mutex<Option<Value>>, response: &ApiResponse) {
    if let ResponseBody::Json(body) = &response.body
        && body.to_string().len() <= MAX_BODY_BYTES_KEPT
    {
        *kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(body.clone());
    }
}

impl CallRecord<'_> {
    fn finish(&mut self, status: Option<u16>) {
        let route = self.call.route;
        let response = self.response.lock().unwrap_or_else(PoisonError::into_inner).take();
        tracing::info!(operation = route.operation.name(), route = route.template, api = %route.version, status);
        self.shared.calls.completed(route, status, self.call.content(response));
        self.recorded = true;
    }
}

impl Drop for CallRecord<'_> {
    fn drop(&mut self) {
        if !self.recorded {
            self.finish(None);
        }
    }
}

async fn apply_fault(
    fault: &ActiveFault,
    respond: impl Fn() -> Response<EmulatedBody>,
) -> Result<Response<EmulatedBody>, Reset> {
    if let Action::Delay(pause) = fault.action {
        tokio::time::sleep(pause).await;
    }
    let response = fault.has_effect().then(&respond);
    let or_null =
        |response: Option<Response<EmulatedBody>>| response.unwrap_or_else(|| json(StatusCode::OK, &Value::Null));
    match &fault.action {
        Action::Status(status) => {
            let mut response = error_response(&Refusal::fault(*status));
            let retry_after = fault.retry_after.as_deref().map(HeaderValue::from_str);
            if let Some(Ok(retry_after)) = retry_after {
                response.headers_mut().insert(header::RETRY_AFTER, retry_after);
            }
            Ok(response)
        }
        Action::ResetBefore | Action::ResetAfter => Err(Reset),
        Action::Delay(_) => Ok(or_null(response)),
        Action::Stall => Err(Reset),
        Action::SlowBody(pause) => Ok(or_null(response).map(|body| body.slow(*pause))),
        Action::Truncate => Ok(or_null(response).map(EmulatedBody::truncated)),
        Action::Garbage => Ok(or_null(response).map(|_| EmulatedBody::full("\u{1}\u{2}<not json>".into()))),
        Action::Html502 => {
            let page = "<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>";
            let mut response = Response::new(EmulatedBody::full(page.into()));
            *response.status_mut() = StatusCode::BAD_GATEWAY;
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
            Ok(response)
        }
        Action::Redirect(status, to) => {
            let mut response = Response::new(EmulatedBody::full(Bytes::new()));
            *response.status_mut() = StatusCode::from_u16(*status).unwrap_or(StatusCode::FOUND);
            if let Ok(to) = HeaderValue::from_str(to) {
                response.headers_mut().insert(header::LOCATION, to);
            }
            Ok(response)
        }
        Action::HugeBody(bytes) => Ok(or_null(response).map(|_| EmulatedBody::huge(*bytes))),
    }
}

fn decoded_segments(path: &str) -> Vec<String> {
    let path = path.strip_prefix('/').unwrap_or(path);
    path.split('/').map(|part| percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned()).collect()
}

pub(super) fn json(status: StatusCode, body: &Value) -> Response<EmulatedBody> {
    let mut response = Response::new(EmulatedBody::full(body.to_string().into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    let id = format!("emu-{:016x}", fastrand::u64(..));
    if let Ok(id) = HeaderValue::try_from(id) {
        headers.insert("x-request-id", id);
    }
    response
}

impl From<ApiResponse> for Response<EmulatedBody> {
    fn from(response: ApiResponse) -> Self {
        match response.body {
            ResponseBody::Json(body) => json(response.status, &body),
            ResponseBody::File { content_type, bytes } => file(response.status, content_type, bytes),
        }
    }
}

pub(super) fn file(status: StatusCode, content_type: &str, bytes: Bytes) -> Response<EmulatedBody> {
    let mut response = Response::new(EmulatedBody::full(bytes));
    *response.status_mut() = status;
    let content_type = HeaderValue::try_from(content_type);
    let unknown = HeaderValue::from_static("application/octet-stream");
    response.headers_mut().insert(header::CONTENT_TYPE, content_type.unwrap_or(unknown));
    response
}

fn error_response(refusal: &Refusal) -> Response<EmulatedBody> {
    json(refusal.status, &refusal.body())
}

/// Whether a method only reads.
pub(super) fn is_read_only(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// A socket that can close with a reset instead of an orderly shutdown.
struct ResettableStream {
    stream: TcpStream,
    reset: Arc<AtomicBool>,
}

impl Drop for ResettableStream {
    fn drop(&mut self) {
        if self.reset.load(Ordering::Relaxed) {
            // On failure the connection closes in order, which the client also treats as lost.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for ResettableStream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for ResettableStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.reset.load(Ordering::Relaxed) {
            // An orderly shutdown now would prevent the reset that `drop` sends.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut this.stream).poll_shutdown(context)
    }
}

impl From<Refusal> for Response<EmulatedBody> {
    fn from(refusal: Refusal) -> Self {
        error_response(&refusal)
    }
}

/// An HTML page.
pub(super) fn html(status: StatusCode, page: String) -> Response<EmulatedBody> {
    let mut response = Response::new(EmulatedBody::full(Bytes::from(page)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
