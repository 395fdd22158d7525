//! Sockets and bytes: takes requests, answers them, and carries faults out.

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

use super::calls::Calls;
use super::courier::Deliveries;
use super::faults::{Action, Faults, Misbehaviour};
use super::input::Form;
use super::rate_limit::RateLimit;
use super::refusal::Refusal;
use super::resources::{self, Answer, AnswerBody, Call};
use super::routes;
use super::state::{Delivery, State};
use super::{control, links};
use crate::config::ApiKey;

mod body;

pub(super) use body::EmulatedBody;

/// Largest body that is read, in bytes: a background of 16 MB and its form.
const MAX_BODY_BYTES: usize = 20 * 1024 * 1024;
/// Time for a head; without it a silent client would stay for ever.
const HEADER_TIMEOUT: Duration = Duration::from_secs(75);
/// Pause after the system refused a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How often rooms are looked at that nobody asks for: their call time may be used up.
const BEAT: Duration = Duration::from_millis(200);

/// What all connections share.
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

    /// Never held while waiting.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request, and tells when to come back if it is one too many.
    fn over_quota(&self) -> Option<i64> {
        let limit = self.rate_limit.as_ref()?;
        limit.admit(self.state().now()).err()
    }

    /// Hands what is to be reported to the courier.
    pub(super) fn post(&self) {
        for delivery in self.state().take_outbox() {
            // The courier ends with the emulator, and then nobody waits for it.
            let _ = self.outbox.send(delivery);
        }
    }

    pub(super) fn reset(&self) {
        self.state().forget();
        self.calls.clear();
        self.faults.clear();
        self.deliveries.clear();
    }
}

pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    // Dropped with this task, and with it every connection.
    let mut beat = tokio::time::interval(BEAT);
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
            _ = beat.tick() => {
                shared.state().settle();
                shared.post();
                continue;
            }
        };
        match accepted {
            Ok((stream, _)) => {
                connections.spawn(connection(stream, Arc::clone(&shared)));
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    // Failing to say so only costs time.
    let _ = stream.set_nodelay(true);
    let reset = Arc::new(AtomicBool::new(false));
    let stream = ResettableStream { stream, reset: Arc::clone(&reset) };
    let service = service_fn(move |request| {
        let (shared, reset) = (Arc::clone(&shared), Arc::clone(&reset));
        async move {
            answer(&shared, request).await.map_err(|Reset| {
                reset.store(true, Ordering::Relaxed);
                io::Error::from(io::ErrorKind::ConnectionReset)
            })
        }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    // However it ends, the client has seen it.
    let _ = serving.await;
}

/// The connection is to be reset.
struct Reset;

async fn answer(shared: &Shared, request: Request<Incoming>) -> Result<Response<EmulatedBody>, Reset> {
    let (head, body) = request.into_parts();
    let segments = decoded_segments(head.uri.path());
    let query = head.uri.query();
    if let Some(page) = links::answer(shared, &head.method, &segments, query) {
        return Ok(page);
    }
    if let Some(file) = links::file(shared, &head.method, &segments) {
        return Ok(file);
    }
    let is_control = segments.first().is_some_and(|first| first == "_emulator");
    let key = head.headers.get("apikey").map(HeaderValue::as_bytes);
    if !is_control && key != Some(shared.key.expose().as_bytes()) {
        return Ok(refused(&Refusal::invalid_key()));
    }
    let Ok(body) = Limited::new(body, MAX_BODY_BYTES).collect().await else {
        return Ok(refused(&Refusal::too_large()));
    };
    let body = body.to_bytes();
    if is_control {
        let answer = control::answer(shared, &head.method, &segments, &body);
        shared.post();
        return Ok(answer);
    }
    let Some(route) = routes::find(&head.method, &segments, query) else {
        return Ok(refused(&Refusal::no_endpoint()));
    };
    let content_type = head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let form = match Form::read(content_type, body.clone()).await {
        Ok(form) => form,
        Err(refusal) => return Ok(refused(&refusal)),
    };
    let is_pairs = content_type.is_some_and(|text| text.starts_with("application/x-www-form-urlencoded"));
    let body = if is_pairs && route.takes_pairs() { pairs_as_json(&body) } else { body };
    let call = Call { route: &route, query, body: &body, form: form.as_ref(), key: &shared.key };
    operate(shared, &call).await
}

/// A body of pairs, as a known client of v1 sends it.
fn pairs_as_json(body: &[u8]) -> Bytes {
    let pairs = url::form_urlencoded::parse(body).map(|(name, value)| (name.into_owned(), value.into_owned().into()));
    Value::Object(pairs.collect()).to_string().into()
}

/// Carries out an operation, with the fault that strikes it, if one does.
async fn operate(shared: &Shared, call: &Call<'_>) -> Result<Response<EmulatedBody>, Reset> {
    let operation = call.route.operation;
    shared.calls.arrived(operation);
    let mut answer = Unanswered { shared, call, told: false };
    let usual = || {
        let result = resources::answer(&mut shared.state(), call);
        shared.post();
        match result {
            Ok(answer) => answered(answer),
            Err(refusal) => refused(&refusal),
        }
    };
    let response = match (shared.faults.strike(operation), shared.over_quota()) {
        (Some(misbehaviour), _) => {
            if misbehaviour.action == Action::Stall {
                // Nobody is ever answered, so what there is to do is done now.
                let _ = misbehaviour.has_effect().then(&usual);
                answer.tell(None);
                std::future::pending::<Infallible>().await;
            }
            misbehave(&misbehaviour, usual).await
        }
        (None, None) => Ok(usual()),
        (None, Some(seconds)) => {
            let mut response = refused(&Refusal::too_many());
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            Ok(response)
        }
    };
    let status = response.as_ref().ok().map(|response| response.status().as_u16());
    answer.tell(status);
    response
}

/// A call that is recorded in any case, also when the client leaves before it is answered.
struct Unanswered<'a> {
    shared: &'a Shared,
    call: &'a Call<'a>,
    told: bool,
}

impl Unanswered<'_> {
    fn tell(&mut self, status: Option<u16>) {
        let route = self.call.route;
        tracing::info!(operation = route.operation.name(), route = route.template, api = %route.version, status);
        self.shared.calls.answered(route, status);
        self.told = true;
    }
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        if !self.told {
            self.tell(None);
        }
    }
}

async fn misbehave(
    misbehaviour: &Misbehaviour,
    usual: impl Fn() -> Response<EmulatedBody>,
) -> Result<Response<EmulatedBody>, Reset> {
    if let Action::Delay(pause) = misbehaviour.action {
        tokio::time::sleep(pause).await;
    }
    let done = misbehaviour.has_effect().then(&usual);
    let done_or_empty =
        |done: Option<Response<EmulatedBody>>| done.unwrap_or_else(|| json(StatusCode::OK, &Value::Null));
    match &misbehaviour.action {
        Action::Status(status) => {
            let mut response = refused(&Refusal::fault(*status));
            let retry_after = misbehaviour.retry_after.as_deref().map(HeaderValue::from_str);
            if let Some(Ok(retry_after)) = retry_after {
                response.headers_mut().insert(header::RETRY_AFTER, retry_after);
            }
            Ok(response)
        }
        Action::ResetBefore | Action::ResetAfter => Err(Reset),
        Action::Delay(_) => Ok(done_or_empty(done)),
        Action::Stall => Err(Reset),
        Action::SlowBody(pause) => Ok(done_or_empty(done).map(|body| body.slow(*pause))),
        Action::Truncate => Ok(done_or_empty(done).map(EmulatedBody::truncated)),
        Action::Garbage => Ok(done_or_empty(done).map(|_| EmulatedBody::full("\u{1}\u{2}<not json>".into()))),
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
        Action::HugeBody(bytes) => Ok(done_or_empty(done).map(|_| EmulatedBody::huge(*bytes))),
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

fn answered(answer: Answer) -> Response<EmulatedBody> {
    match answer.body {
        AnswerBody::Json(body) => json(answer.status, &body),
        AnswerBody::File { content_type, bytes } => file(answer.status, content_type, bytes),
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

fn refused(refusal: &Refusal) -> Response<EmulatedBody> {
    json(refusal.status, &refusal.body())
}

/// Whether a method only looks.
pub(super) fn only_looks(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// A socket that can end with a reset in place of a polite goodbye.
struct ResettableStream {
    stream: TcpStream,
    reset: Arc<AtomicBool>,
}

impl Drop for ResettableStream {
    fn drop(&mut self) {
        if self.reset.load(Ordering::Relaxed) {
            // If it fails the connection closes politely, which the client takes for lost all the same.
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
            // A polite goodbye now would spoil the reset that `drop` is about to send.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut this.stream).poll_shutdown(context)
    }
}

impl From<Refusal> for Response<EmulatedBody> {
    fn from(refusal: Refusal) -> Self {
        refused(&refusal)
    }
}

/// A page for people.
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
