//! Lists: one page, or all items as they are needed.

use std::fmt;

use futures_core::Stream;

use crate::client::Client;
use crate::config::ApiVersion;
use crate::error::Result;
use crate::http::paging;
use crate::http::request::Request;
use crate::model::page::Page;
use crate::wire::{Offer, Window};

/// A list that is ready to be read; `F` is what it is narrowed to.
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

    /// Skips this many items. Lists that the vendor gives whole ignore it.
    pub const fn offset(mut self, offset: u64) -> Self {
        self.window.offset = offset;
        self
    }

    /// Asks for this many items a page, at most 100; the vendor gives 20 unless set. Lists that the vendor gives whole
    /// ignore it.
    pub const fn page_size(mut self, size: u32) -> Self {
        self.window.page_size = Some(size);
        self
    }

    /// Makes it a [`Request`] for one page, for a time-out or retry policy of its own.
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

    /// Reads all items from here on, page by page as they are needed. An error is given once and ends the stream; an empty
    /// page does not, as long as the vendor says that there is more.
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

/// Without the filter: ids are personal data.
impl<T, F> fmt::Debug for List<'_, T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("List").field("operation", &self.operation).field("window", &self.window).finish_non_exhaustive()
    }
}
