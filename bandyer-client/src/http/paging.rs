//! Streams over the pages of a list.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::error::{Error, ErrorKind, Result};
use crate::http::request::Request;
use crate::types::page::Page;

/// How many consecutive empty pages are skipped before the stream fails. Bounds a list that never ends.
const MAX_EMPTY_PAGES: u32 = 10;

/// A stream of the items of a list, which requests each page when it is needed; from
/// [`List::into_stream`](crate::List::into_stream).
///
/// It owns what it needs, and it is `Unpin`, so it can be returned, stored and spawned. It implements
/// [`Stream`](futures_core::Stream) for the combinators of other crates.
///
/// ```no_run
/// # async fn run(client: bandyer_client::Client) -> bandyer_client::Result<()> {
/// let mut rooms = client.rooms().list().into_stream();
/// while let Some(room) = rooms.next().await {
///     println!("{:?}", room?.status);
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "a stream does nothing until it is polled"]
pub struct Items<T>(Pin<Box<dyn Stream<Item = Result<T>> + Send>>);

impl<T> Items<T> {
    /// The next item, or `None` at the end of the list. Dropping the future loses no item.
    pub async fn next(&mut self) -> Option<Result<T>> {
        StreamExt::next(&mut self.0).await
    }

    /// Reads the rest of the list into memory.
    ///
    /// # Errors
    ///
    /// The first error; the items before it are dropped.
    pub async fn try_collect(self) -> Result<Vec<T>> {
        TryStreamExt::try_collect(self.0).await
    }
}

impl<T> Stream for Items<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        self.0.as_mut().poll_next(context)
    }
}

impl<T> fmt::Debug for Items<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items").finish_non_exhaustive()
    }
}

struct State<T> {
    pending: VecDeque<T>,
    next_offset: Option<u64>,
    empty_pages: u32,
}

/// Streams all items from an offset on. Empty pages with `has_more` are skipped, up to [`MAX_EMPTY_PAGES`] in a row.
pub(crate) fn items<T: Send + 'static>(
    operation: &'static str,
    offset: u64,
    page_at: impl Fn(u64) -> Request<Page<T>> + Send + Sync + 'static,
) -> Items<T> {
    let start = State { pending: VecDeque::new(), next_offset: Some(offset), empty_pages: 0 };
    Items(Box::pin(stream::try_unfold((start, page_at), move |(mut state, page_at)| async move {
        loop {
            if let Some(item) = state.pending.pop_front() {
                return Ok(Some((item, (state, page_at))));
            }
            let Some(offset) = state.next_offset else { return Ok(None) };
            let page = page_at(offset).send().await?;
            state.empty_pages = count_empty_pages(operation, state.empty_pages, &page.items)?;
            state.next_offset = page.next_after(offset);
            state.pending = page.items.into();
        }
    })))
}

fn count_empty_pages<T>(operation: &'static str, before: u32, items: &[T]) -> Result<u32> {
    match before {
        _ if !items.is_empty() => Ok(0),
        MAX_EMPTY_PAGES => Err(Error::new(ErrorKind::Decode, operation).detail("the list goes on without items")),
        _ => Ok(before + 1),
    }
}

/// Streams all items of a list whose pages refer to the next one by a cursor. Empty pages are skipped as in [`items`].
pub(crate) fn by_cursor<T, C, F>(
    operation: &'static str,
    page_at: impl Fn(Option<C>) -> F + Send + Sync + 'static,
) -> Items<T>
where
    T: Send + 'static,
    C: Send + PartialEq + Clone + 'static,
    F: Future<Output = Result<(Vec<T>, Option<C>)>> + Send + 'static,
{
    struct State<T, C> {
        pending: VecDeque<T>,
        /// The page to request next. `Some(None)` is the first page; `None` means that the list has ended.
        next: Option<Option<C>>,
        empty_pages: u32,
    }
    let start = State { pending: VecDeque::new(), next: Some(None), empty_pages: 0 };
    Items(Box::pin(stream::try_unfold((start, page_at), move |(mut state, page_at)| async move {
        loop {
            if let Some(item) = state.pending.pop_front() {
                return Ok(Some((item, (state, page_at))));
            }
            let Some(cursor) = state.next.take() else { return Ok(None) };
            let (items, next) = page_at(cursor.clone()).await?;
            if next.is_some() && next == cursor {
                return Err(Error::new(ErrorKind::Decode, operation).detail("a page names itself as the next one"));
            }
            state.empty_pages = count_empty_pages(operation, state.empty_pages, &items)?;
            state.next = next.map(Some);
            state.pending = items.into();
        }
    })))
}
