//! Lists: one page, or a stream of all items.

use std::fmt;

use futures_core::Stream;

use crate::client::Client;
use crate::config::ApiVersion;
use crate::error::Result;
use crate::http::call::Offer;
use crate::http::paging;
use crate::http::request::Request;
use crate::types::page::Page;
use crate::types::page::Window;

/// A list request that is ready to be sent; `F` is its filter.
///
/// ```no_run
/// use futures_util::TryStreamExt;
///
/// # async fn run(client: bandyer_client::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let first = client.rooms().list().page_size(50).send().await?;
/// let all: Vec<_> = client.rooms().list().into_stream().try_collect().await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a list does nothing until `.send()` is awaited or its stream is polled"]
pub struct List<'a, T, F = ()> {
    client: &'a Client,
    operation: &'static str,
    pub(crate) filter: F,
    window: Window,
    offer: fn(ApiVersion, &F, Window) -> Offer<Page<T>>,
}

impl<'a, T, F> List<'a, T, F> {
    pub(crate) const fn new(
        client: &'a Client,
        operation: &'static str,
        filter: F,
        offer: fn(ApiVersion, &F, Window) -> Offer<Page<T>>,
    ) -> Self {
        Self { client, operation, filter, window: Window { offset: 0, page_size: None }, offer }
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

    /// Converts this into a [`Request`] for one page, for example to set its timeout or retry policy.
    pub fn into_request(self) -> Request<'a, Page<T>> {
        self.request_at(self.window.offset)
    }

    fn request_at(&self, offset: u64) -> Request<'a, Page<T>> {
        let window = Window { offset, ..self.window };
        self.client.offered(self.operation, |version| (self.offer)(version, &self.filter, window))
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

    /// Streams all items from here on and requests each page when it is needed. An error ends the stream. An empty page
    /// does not, as long as the vendor reports that there are more items.
    pub fn into_stream(self) -> impl Stream<Item = Result<T>> + Send + use<'a, T, F>
    where
        T: Send + 'static,
        F: Send + Sync + 'a,
    {
        paging::items(self.operation, self.window.offset, move |offset| self.request_at(offset))
    }
}

impl<T, F: Clone> Clone for List<'_, T, F> {
    fn clone(&self) -> Self {
        Self { filter: self.filter.clone(), ..*self }
    }
}

/// Leaves the filter out, because ids are personal data.
impl<T, F> fmt::Debug for List<'_, T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("List").field("operation", &self.operation).field("window", &self.window).finish_non_exhaustive()
    }
}
