//! Lists: one page, or a stream of all items.

use std::fmt;
use std::time::Duration;

use crate::error::Result;
use crate::http::call::Offer;
use crate::http::connection::Connection;
use crate::http::paging::{self, Items};
use crate::http::request::{Limits, Request, Sending};
use crate::http::retry::RetryPolicy;
use crate::operations::Operation;
use crate::types::api_version::ApiVersion;
use crate::types::page::Page;
use crate::types::page::Window;

/// The largest page that the vendor returns, in items.
const MAX_PAGE_SIZE: u32 = 100;

/// A list request that is ready to be sent; `F` is its filter.
///
/// ```no_run
/// # async fn run(client: bandyer_client::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let first = client.rooms().list().page_size(50).await?;
/// let all = client.rooms().list().into_stream().try_collect().await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a list does nothing until it is awaited or its stream is polled"]
pub struct List<T, F = ()> {
    connection: Connection,
    operation: Operation,
    pub(crate) filter: F,
    window: Window,
    limits: Limits,
    offer: fn(ApiVersion, &F, Window) -> Offer<Page<T>>,
}

impl<T, F> List<T, F> {
    pub(crate) fn new(
        connection: &Connection,
        operation: Operation,
        filter: F,
        offer: fn(ApiVersion, &F, Window) -> Offer<Page<T>>,
    ) -> Self {
        let limits = Limits::of(connection);
        let window = Window { offset: 0, page_size: None };
        Self { connection: connection.clone(), operation, filter, window, limits, offer }
    }

    /// Skips this many items. Lists that the vendor does not page ignore it.
    pub const fn offset(mut self, offset: u64) -> Self {
        self.window.offset = offset;
        self
    }

    /// Sets the number of items per page, at most 100. The vendor's default is 20. Lists that the vendor does not page
    /// ignore it.
    pub const fn page_size(mut self, size: u32) -> Self {
        self.window.page_size = Some(size);
        self
    }

    /// Sets the timeout of one attempt at a page, from connecting to the last byte of the response.
    pub const fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.limits.attempt_timeout = timeout;
        self
    }

    /// Sets the retry policy of the request for each page.
    pub const fn retry(mut self, policy: RetryPolicy) -> Self {
        self.limits.retry = policy;
        self
    }

    /// Converts this into a [`Request`] for one page, for example to read the headers of the response.
    pub fn into_request(self) -> Request<Page<T>> {
        self.request_at(self.window)
    }

    fn request_at(&self, window: Window) -> Request<Page<T>> {
        let request =
            self.connection.try_request(self.operation, |version| (self.offer)(version, &self.filter, window));
        request.within(self.operation.name(), self.limits)
    }

    /// Reads one page.
    ///
    /// # Errors
    ///
    /// As [`Request::send`].
    pub async fn send(self) -> Result<Page<T>>
    where
        F: Sync + Send,
    {
        self.into_request().send().await
    }

    /// Streams all items from here on and requests each page when it is needed: of 100 items, unless
    /// [`page_size`](Self::page_size) says otherwise. An error ends the stream. An empty page does not, as long as the
    /// vendor reports that there are more items.
    ///
    /// The vendor counts items from the newest one. An item that is deleted while the stream is read moves the later ones
    /// forward, so that as many of them are skipped: collect first, and delete afterwards.
    pub fn into_stream(self) -> Items<T>
    where
        T: Send + 'static,
        F: Send + Sync + 'static,
    {
        let window = Window { page_size: self.window.page_size.or(Some(MAX_PAGE_SIZE)), ..self.window };
        paging::items(self.operation.name(), window.offset, move |offset| self.request_at(Window { offset, ..window }))
    }
}

impl<T: Send + 'static, F> IntoFuture for List<T, F> {
    type Output = Result<Page<T>>;
    type IntoFuture = Sending<Page<T>>;

    fn into_future(self) -> Sending<Page<T>> {
        self.into_request().into_future()
    }
}

impl<T, F: Clone> Clone for List<T, F> {
    fn clone(&self) -> Self {
        Self { connection: self.connection.clone(), filter: self.filter.clone(), ..*self }
    }
}

/// Leaves the filter out, because ids are personal data.
impl<T, F> fmt::Debug for List<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("List")
            .field("operation", &self.operation.name())
            .field("window", &self.window)
            .finish_non_exhaustive()
    }
}
