//! A small HTTP server that stands in for a platform service: it records every call and can inject faults.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

/// A call as it arrived. Path segments and query are decoded after splitting.
#[derive(Debug, Clone)]
pub struct Call {
    pub method: Method,
    /// Path and query, as they were sent.
    pub raw: String,
    pub segments: Vec<String>,
    pub query: Vec<(String, String)>,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Call {
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// A fault, injected once.
#[derive(Debug, Clone, Copy)]
pub enum Wrong {
    /// The call has no effect, and the response has this status.
    Status(u16),
    /// The call has no effect, and the connection is closed.
    ResetBefore,
    /// The call takes effect, and the connection is closed.
    ResetAfter,
    /// The call takes effect, and the response has this body instead of its own.
    Message(&'static str),
    /// The connection is closed, and the call takes effect only when [`StandIn::deliver`] is called.
    Late,
}

type Fault = (Method, &'static str, Wrong);

#[derive(Default)]
struct Shared {
    calls: Vec<Call>,
    faults: VecDeque<Fault>,
    late: Vec<Call>,
}

type Handler = dyn Fn(&Call) -> (u16, Value) + Send + Sync;

pub struct StandIn {
    pub url: String,
    shared: Arc<Mutex<Shared>>,
    handler: Arc<Handler>,
    task: JoinHandle<()>,
}

impl StandIn {
    /// Starts it; `handler` returns status and body.
    pub async fn start(handler: impl Fn(&Call) -> (u16, Value) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::<Mutex<Shared>>::default();
        let handler: Arc<Handler> = Arc::new(handler);
        let (handles, seen) = (Arc::clone(&handler), Arc::clone(&shared));
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (handler, seen) = (Arc::clone(&handles), Arc::clone(&seen));
                let service = hyper::service::service_fn(move |request| {
                    let (handler, seen) = (Arc::clone(&handler), Arc::clone(&seen));
                    async move { respond(request, &*handler, &seen).await }
                });
                connections.spawn(async move {
                    let io = TokioIo::new(stream);
                    let _ = hyper::server::conn::http1::Builder::new().serve_connection(io, service).await;
                });
            }
        });
        Self { url, shared, handler, task }
    }

    pub fn calls(&self) -> Vec<Call> {
        self.shared.lock().unwrap().calls.clone()
    }

    pub fn forget_calls(&self) {
        self.shared.lock().unwrap().calls.clear();
    }

    /// Whether every injected fault has been used.
    pub fn has_failed_as_configured(&self) -> bool {
        self.shared.lock().unwrap().faults.is_empty()
    }

    /// Carries out the calls that are late, and returns the statuses that no caller receives any more.
    pub fn deliver(&self) -> Vec<u16> {
        let late = std::mem::take(&mut self.shared.lock().unwrap().late);
        late.iter().map(|call| (self.handler)(call).0).collect()
    }

    /// Injects a fault into the next call with this method and this text in its path.
    pub fn fail(&self, method: Method, path: &'static str, wrong: Wrong) {
        self.shared.lock().unwrap().faults.push_back((method, path, wrong));
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn decoded(text: &str) -> String {
    let pair = format!("x={}", text.replace('+', "%2B"));
    reqwest::Url::parse(&format!("http://x/?{pair}")).unwrap().query_pairs().next().unwrap().1.into_owned()
}

async fn respond(
    request: Request<Incoming>,
    handler: &Handler,
    shared: &Mutex<Shared>,
) -> std::io::Result<Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(std::io::Error::other)?.to_bytes();
    let path = head.uri.path().trim_start_matches('/');
    let query = head.uri.query().unwrap_or_default();
    let url = reqwest::Url::parse(&format!("http://x/?{query}")).unwrap();
    let call = Call {
        raw: head.uri.to_string(),
        segments: path.split('/').map(decoded).collect(),
        query: url.query_pairs().into_owned().collect(),
        method: head.method,
        headers: head.headers,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    let wrong = {
        let mut shared = shared.lock().unwrap();
        shared.calls.push(call.clone());
        let found =
            shared.faults.iter().position(|(method, path, _)| *method == call.method && call.raw.contains(path));
        found.and_then(|index| shared.faults.remove(index)).map(|(_, _, wrong)| wrong)
    };
    let (status, body) = match wrong {
        Some(Wrong::Message(text)) => {
            let (status, _) = handler(&call);
            return Ok(Response::builder().status(status).body(Full::from(text)).unwrap());
        }
        Some(Wrong::Status(status)) => (status, serde_json::json!({"message": "canary of an upstream"})),
        Some(Wrong::Late) => {
            shared.lock().unwrap().late.push(call);
            return Err(std::io::ErrorKind::ConnectionReset.into());
        }
        Some(Wrong::ResetBefore) => return Err(std::io::ErrorKind::ConnectionReset.into()),
        Some(Wrong::ResetAfter) => {
            handler(&call);
            return Err(std::io::ErrorKind::ConnectionReset.into());
        }
        None => handler(&call),
    };
    let text = if body.is_null() { String::new() } else { body.to_string() };
    Ok(Response::builder().status(StatusCode::from_u16(status).unwrap()).body(Full::from(text)).unwrap())
}
