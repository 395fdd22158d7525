//! Streams over the pages of a list.

use std::collections::VecDeque;

use futures_core::Stream;
use futures_util::stream;

use crate::error::{Error, ErrorKind, Result};
use crate::http::request::Request;
use crate::types::page::Page;

/// How many consecutive empty pages are skipped before the stream fails. Bounds a list that never ends.
const MAX_EMPTY_PAGES: u32 = 10;

struct State<T> {
    pending: VecDeque<T>,
    next_offset: Option<u64>,
    empty_pages: u32,
}

/// Streams all items from an offset on. Empty pages with `has_more` are skipped, up to [`MAX_EMPTY_PAGES`] in a row.
pub(crate) fn items<'a, T: Send + 'static>(
    operation: &'static str,
    offset: u64,
    page_at: impl Fn(u64) -> Request<'a, Page<T>> + Send + Sync + 'a,
) -> impl Stream<Item = Result<T>> + Send + 'a {
    let start = State { pending: VecDeque::new(), next_offset: Some(offset), empty_pages: 0 };
    stream::try_unfold((start, page_at), move |(mut state, page_at)| async move {
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
    })
}

fn count_empty_pages<T>(operation: &'static str, before: u32, items: &[T]) -> Result<u32> {
    match before {
        _ if !items.is_empty() => Ok(0),
        MAX_EMPTY_PAGES => Err(Error::new(ErrorKind::Decode, operation).detail("the list goes on without items")),
        _ => Ok(before + 1),
    }
}

/// Streams all items of a list whose pages refer to the next one by a cursor. Empty pages are skipped as in [`items`].
pub(crate) fn by_cursor<'a, T, C, F>(
    operation: &'static str,
    page_at: impl Fn(Option<C>) -> F + Send + Sync + 'a,
) -> impl Stream<Item = Result<T>> + Send + 'a
where
    T: Send + 'a,
    C: Send + PartialEq + Clone + 'a,
    F: Future<Output = Result<(Vec<T>, Option<C>)>> + Send + 'a,
{
    struct State<T, C> {
        pending: VecDeque<T>,
        /// The page to request next. `Some(None)` is the first page; `None` means that the list has ended.
        next: Option<Option<C>>,
        empty_pages: u32,
    }
    let start = State { pending: VecDeque::new(), next: Some(None), empty_pages: 0 };
    stream::try_unfold((start, page_at), move |(mut state, page_at)| async move {
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
    })
}
