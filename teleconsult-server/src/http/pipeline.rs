//! One request from its head to its response.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use hyper::body::Body as _;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use super::access_log::{self, Entry};
use super::body::{BodyLimits, read_fields};
use super::client_address::client_address;
use super::error::ApiError;
use super::multipart::{discard, read_file};
use super::origins::{self, Origins};
use super::policy::{BodyKind, Effect, HasPolicy, Policy};
use super::request::{ReceivedBody, Request, check_host, must_close_after, query_pairs};
use super::request_id::request_id;
use super::response::{Response, ResponseBody};
use crate::base::deadline::Deadline;
use crate::base::networks::Networks;
use crate::base::{crash_points, panics};

/// What nginx calls "client closed request": the caller left before there was a response.
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// What is served: the routes with their policies, and the handlers.
pub trait Application: Send + Sync + 'static {
    /// A route and the values in the path of a request.
    type Target: HasPolicy;

    /// The target of a request, unless there is no such route.
    fn find(&self, method: &Method, path: &str) -> Option<Self::Target>;

    /// Decides whether the body of a request is read, and removes headers that the peer may not send.
    ///
    /// # Errors
    ///
    /// The response to a caller who is refused whatever the body holds.
    fn admit(&self, target: &Self::Target, peer: IpAddr, headers: &mut HeaderMap) -> Result<(), ApiError>;

    /// Carries out what a request asks for.
    fn handle(
        self: Arc<Self>,
        request: Request<Self::Target>,
    ) -> impl Future<Output = Result<Response, ApiError>> + Send + 'static;

    /// Records the end of a request.
    fn record(&self, completed: &Completed<'_>);
}

/// The end of a request.
#[derive(Debug)]
pub struct Completed<'a> {
    /// The method.
    pub method: &'a Method,
    /// The template of the route, if there is one.
    pub template: Option<&'static str>,
    /// The status of the response; 499 when the caller left before.
    pub status: StatusCode,
    /// How long it took.
    pub duration: Duration,
}

/// What holds for all requests.
#[derive(Debug, Clone)]
pub struct RequestSettings {
    /// Proxies whose `x-forwarded-for` is trusted.
    pub trusted_proxies: Networks,
    /// Origins whose pages may call (`TELECONSULT_ALLOWED_ORIGINS`).
    pub origins: Origins,
    /// Limits for JSON bodies and form fields.
    pub body: BodyLimits,
    /// Time for a response.
    pub timeout: Duration,
}

impl Default for RequestSettings {
    fn default() -> Self {
        let trusted_proxies = Networks::default();
        // Above what all calls of one request may take, so that the response is not a gateway's.
        let timeout = Duration::from_secs(90);
        Self { trusted_proxies, origins: Origins::default(), body: BodyLimits::default(), timeout }
    }
}

/// Takes requests to an application.
pub struct Pipeline<A> {
    application: Arc<A>,
    settings: RequestSettings,
    /// Handlers that run to their end when their caller leaves.
    tasks: TaskTracker,
    /// Ends those handlers, when the service cannot wait for them any longer.
    end: CancellationToken,
}

impl<A: Application> Pipeline<A> {
    /// Puts a pipeline in front of an application. Handlers with effects are tracked in `tasks`, until `end` is cancelled.
    pub const fn new(
        application: Arc<A>,
        settings: RequestSettings,
        tasks: TaskTracker,
        end: CancellationToken,
    ) -> Self {
        Self { application, settings, tasks, end }
    }

    /// Responds to a request. Never fails: whatever goes wrong becomes a response and one line in the log.
    ///
    /// The request counts as received with the call, not with the first poll: hyper may notice that the caller has left
    /// before it polls at all, and drops the future then.
    pub fn respond<B>(
        self: Arc<Self>,
        request: http::Request<B>,
        peer: IpAddr,
    ) -> impl Future<Output = http::Response<ResponseBody>> + Send + use<A, B>
    where
        B: hyper::body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        crash_points::arm();
        let span = tracing::info_span!("request", reqId = request_id(request.headers()));
        let (head, body) = request.into_parts();
        let (target, pending) = span.in_scope(|| self.receive(head, peer));
        let response = async move {
            let result = panics::catch(self.process(&pending.entry.head, target, body, peer)).await;
            pending
                .complete(result.unwrap_or_else(|panicked| Err(ApiError::internal(format!("the pipeline {panicked}")))))
        };
        // Dropped, it is inside its span too, so the line about a caller that left has the request's id.
        response.instrument(span)
    }

    fn receive(&self, head: Parts, peer: IpAddr) -> (Option<A::Target>, Pending<A>) {
        let target = self.application.find(&head.method, head.uri.path());
        let entry = Entry {
            client: client_address(peer, &head.headers, &self.settings.trusted_proxies),
            policy: target.as_ref().map(|target| *target.policy()),
            room_id: target.as_ref().and_then(HasPolicy::room_id).map(str::to_owned),
            started: Instant::now(),
            head,
        };
        access_log::incoming(&entry);
        let allowed_origin = self.settings.origins.listed(&entry.head.headers).cloned();
        let application = Arc::clone(&self.application);
        (target, Pending { application, entry, allowed_origin, is_completed: false })
    }

    async fn process<B>(
        &self,
        head: &Parts,
        target: Option<A::Target>,
        body: B,
        peer: IpAddr,
    ) -> Result<Response, ApiError>
    where
        B: hyper::body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        check_host(head.version, &head.headers)?;
        let Some(target) = target else {
            if let Some(response) = self.settings.origins.preflight(&head.method, &head.headers) {
                return Ok(response);
            }
            return Err(ApiError::unrouted(&head.method, &access_log::shown_path(head.uri.path())));
        };
        let policy = *target.policy();
        let mut headers = head.headers.clone();
        let is_proxy_trusted = self.settings.trusted_proxies.contains(peer);
        let checked = match policy.effect {
            Effect::None => Ok(()),
            Effect::Changes => self.settings.origins.check(&headers, is_proxy_trusted),
        };
        if let Err(refusal) = checked.and_then(|()| self.application.admit(&target, peer, &mut headers)) {
            // A large body is not kept for a caller who is refused.
            if let BodyKind::File(form) = policy.body {
                discard(body, form).await;
            }
            return Err(refusal.closing());
        }
        let body = match policy.body {
            BodyKind::None => ReceivedBody::None,
            BodyKind::Fields => {
                read_fields(&headers, body, self.settings.body).await?.map_or(ReceivedBody::None, ReceivedBody::Fields)
            }
            BodyKind::File(form) => ReceivedBody::File(read_file(&headers, body, form).await?),
        };
        let request = Request { target, query: query_pairs(head.uri.query()), headers, body, peer };
        let deadline = Deadline::after(self.settings.timeout);
        deadline
            .bound(self.handle(request, head.method.clone(), policy, deadline))
            .await
            .unwrap_or_else(|_| Err(timed_out()))
    }

    async fn handle(
        &self,
        request: Request<A::Target>,
        method: Method,
        policy: Policy,
        deadline: Deadline,
    ) -> Result<Response, ApiError> {
        let application = Arc::clone(&self.application);
        let handled = async move {
            let caught = panics::catch(deadline.scope(application.handle(request))).await;
            caught.unwrap_or_else(|panicked| Err(ApiError::internal(format!("the handler {panicked}"))))
        };
        match policy.effect {
            Effect::None => handled.await,
            // A task outlives a caller that leaves, so that no change stops half-way. Shutdown waits for it.
            Effect::Changes => {
                let (sender, receiver) = oneshot::channel();
                let end = self.end.clone();
                let task = async move {
                    let Some(outcome) = end.run_until_cancelled(handled).await else {
                        return access_log::unfinished(&method, &policy);
                    };
                    if let Err(outcome) = sender.send(outcome) {
                        access_log::unseen(&method, &policy, &outcome);
                    }
                };
                self.tasks.spawn(task.in_current_span());
                receiver.await.unwrap_or_else(|_| Err(ApiError::internal("the handler was stopped")))
            }
        }
    }
}

/// The response did not come in time.
pub(crate) fn timed_out() -> ApiError {
    let message = "the request took too long; it may still be carried out";
    ApiError::coded(StatusCode::GATEWAY_TIMEOUT, "request_timeout", message)
}

/// A request without a response. Dropped as such, it is recorded as one whose caller left.
struct Pending<A: Application> {
    application: Arc<A>,
    entry: Entry,
    /// The origin of the page that sent it, if its pages may call.
    allowed_origin: Option<HeaderValue>,
    is_completed: bool,
}

impl<A: Application> Pending<A> {
    fn complete(mut self, result: Result<Response, ApiError>) -> http::Response<ResponseBody> {
        self.is_completed = true;
        let request = &self.entry.head.headers;
        let (mut response, error) = match result {
            Ok(response) => (response.into_http(), None),
            Err(error) => (error.to_http(request), Some(error)),
        };
        if let Some(origin) = &self.allowed_origin {
            origins::allow(origin, response.headers_mut());
        }
        if must_close_after(request) {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        let bytes = response.body().size_hint().exact().filter(|bytes| *bytes > 0);
        self.record(response.status(), bytes, error.as_ref());
        response
    }

    fn record(&self, status: StatusCode, bytes: Option<u64>, error: Option<&ApiError>) {
        let entry = &self.entry;
        self.application.record(&Completed {
            method: &entry.head.method,
            template: entry.policy.map(|policy| policy.template),
            status,
            duration: entry.started.elapsed(),
        });
        access_log::completed(entry, status, bytes, error.and_then(ApiError::cause));
    }
}

impl<A: Application> Drop for Pending<A> {
    fn drop(&mut self) {
        if !self.is_completed
            && let Ok(status) = StatusCode::from_u16(CLIENT_CLOSED_REQUEST)
        {
            self.record(status, None, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::{Arc, Mutex};

    use bytes::Bytes;
    use http::{HeaderMap, Method, StatusCode};
    use http_body_util::{BodyExt, Full};
    use tokio::sync::{Notify, Semaphore};
    use tokio_util::sync::CancellationToken;
    use tokio_util::task::TaskTracker;

    use super::{Application, Completed, Pipeline, RequestSettings};
    use crate::http::error::ApiError;
    use crate::http::policy::{AccessLog, BodyKind, Effect, HasPolicy, Policy};
    use crate::http::request::Request;
    use crate::http::response::Response;

    const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    struct Path(Policy, String);

    impl HasPolicy for Path {
        fn policy(&self) -> &Policy {
            &self.0
        }

        fn room_id(&self) -> Option<&str> {
            None
        }
    }

    /// GET has no effect, the other methods have one. `/panic` panics, `/wait` waits for a permit.
    #[derive(Default)]
    struct Site {
        recorded: Mutex<Vec<(Method, u16)>>,
        waiting: Notify,
        permits: Option<Semaphore>,
        finished: Notify,
    }

    impl Application for Site {
        type Target = Path;

        fn find(&self, method: &Method, path: &str) -> Option<Path> {
            let effect = if method == Method::GET { Effect::None } else { Effect::Changes };
            let policy = Policy { template: "/:any", body: BodyKind::None, effect, log: AccessLog::All };
            Some(Path(policy, path.to_owned()))
        }

        fn admit(&self, _: &Path, _: IpAddr, _: &mut HeaderMap) -> Result<(), ApiError> {
            Ok(())
        }

        async fn handle(self: Arc<Self>, request: Request<Path>) -> Result<Response, ApiError> {
            assert_ne!(request.target.1, "/panic", "canary");
            self.waiting.notify_one();
            if let Some(permits) = &self.permits {
                permits.acquire().await.unwrap().forget();
            }
            self.finished.notify_one();
            Ok(Response::empty(StatusCode::NO_CONTENT))
        }

        fn record(&self, completed: &Completed<'_>) {
            self.recorded.lock().unwrap().push((completed.method.clone(), completed.status.as_u16()));
        }
    }

    fn pipeline(site: &Arc<Site>) -> Arc<Pipeline<Site>> {
        Arc::new(Pipeline::new(
            Arc::clone(site),
            RequestSettings::default(),
            TaskTracker::new(),
            CancellationToken::new(),
        ))
    }

    fn request(method: &Method, path: &str) -> http::Request<Full<Bytes>> {
        http::Request::builder().method(method).uri(path).header("host", "x").body(Full::default()).unwrap()
    }

    #[tokio::test]
    async fn a_panic_is_a_response_with_and_without_effects() {
        let site = Arc::new(Site::default());
        let pipeline = pipeline(&site);
        for method in [Method::GET, Method::POST] {
            let response = Arc::clone(&pipeline).respond(request(&method, "/panic"), PEER).await;
            assert_eq!(response.status(), 500);
            let body = response.into_body().collect().await.unwrap().to_bytes();
            let expected = r#"{"statusCode":500,"error":"Internal Server Error","message":"Something went wrong"}"#;
            assert_eq!(body, expected);
            assert_eq!(Arc::clone(&pipeline).respond(request(&method, "/"), PEER).await.status(), 204);
        }
        let recorded = [(Method::GET, 500), (Method::GET, 204), (Method::POST, 500), (Method::POST, 204)];
        assert_eq!(*site.recorded.lock().unwrap(), recorded);
    }

    #[tokio::test]
    async fn a_caller_who_leaves_before_the_first_poll_is_recorded() {
        let site = Arc::new(Site::default());
        drop(pipeline(&site).respond(request(&Method::POST, "/"), PEER));
        assert_eq!(*site.recorded.lock().unwrap(), [(Method::POST, 499)]);
    }

    #[tokio::test]
    async fn a_caller_who_leaves_is_recorded_and_an_effect_is_finished() {
        for method in [Method::GET, Method::PATCH] {
            let site = Arc::new(Site { permits: Some(Semaphore::new(0)), ..Site::default() });
            let pipeline = pipeline(&site);
            {
                let response = pipeline.respond(request(&method, "/wait"), PEER);
                tokio::select! {
                    _ = response => panic!("the handler waits"),
                    () = site.waiting.notified() => {}
                }
            }
            assert_eq!(*site.recorded.lock().unwrap(), [(method.clone(), 499)]);
            site.permits.as_ref().unwrap().add_permits(1);
            if method == Method::PATCH {
                site.finished.notified().await;
            }
            let left = usize::from(method == Method::GET);
            assert_eq!(site.permits.as_ref().unwrap().available_permits(), left, "{method}");
        }
    }
}
