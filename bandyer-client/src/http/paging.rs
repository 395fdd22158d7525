//! Walks a list page by page.

use std::collections::VecDeque;

use futures_core::Stream;
use futures_util::stream;

use crate::error::{Error, ErrorKind, Result};
use crate::http::request::Request;
use crate::model::page::Page;

/// How many empty pages in a row are passed over before a list that never ends is given up.
const MAX_EMPTY_PAGES: u32 = 10;

struct Walk<T> {
    pending: VecDeque<T>,
    next_offset: Option<u64>,
    empty_pages: u32,
}

/// All items from an offset on. An empty page that says `has_more` is passed over a few times, and then it is an error
/// rather than a loop.
pub(crate) fn items<'a, T: Send + 'static>(
    operation: &'static str,
    offset: u64,
    page_at: impl Fn(u64) -> Request<'a, Page<T>> + Send + Sync + 'a,
) -> impl Stream<Item = Result<T>> + Send + 'a {
    let start = Walk { pending: VecDeque::new(), next_offset: Some(offset), empty_pages: 0 };
    stream::try_unfold((start, page_at), move |(mut walk, page_at)| async move {
        loop {
            if let Some(item) = walk.pending.pop_front() {
                return Ok(Some((item, (walk, page_at))));
            }
            let Some(offset) = walk.next_offset else { return Ok(None) };
            let page = page_at(offset).send().await?;
            walk.empty_pages = empty_in_a_row(operation, walk.empty_pages, &page.items)?;
            walk.next_offset = page.next_after(offset);
            walk.pending = page.items.into();
        }
    })
}

fn empty_in_a_row<T>(operation: &'static str, before: u32, items: &[T]) -> Result<u32> {
    match before {
        _ if !items.is_empty() => Ok(0),
        MAX_EMPTY_PAGES => Err(Error::new(ErrorKind::Decode, operation).detail("the list goes on without items")),
        _ => Ok(before + 1),
    }
}

/// All items of a list whose pages name the next one. Empty pages are passed over as in [`items`].
pub(crate) fn by_cursor<'a, T, C, F>(
    operation: &'static str,
    page_at: impl Fn(Option<C>) -> F + Send + Sync + 'a,
) -> impl Stream<Item = Result<T>> + Send + 'a
where
    T: Send + 'a,
    C: Send + PartialEq + Clone + 'a,
    F: Future<Output = Result<(Vec<T>, Option<C>)>> + Send + 'a,
{
    struct Walk<T, C> {
        pending: VecDeque<T>,
        /// The page to ask for: the first, one that was named, or none.
        next: Option<Option<C>>,
        empty_pages: u32,
    }
    let start = Walk { pending: VecDeque::new(), next: Some(None), empty_pages: 0 };
    stream::try_unfold((start, page_at), move |(mut walk, page_at)| async move {
        loop {
            if let Some(item) = walk.pending.pop_front() {
                return Ok(Some((item, (walk, page_at))));
            }
            let Some(asked) = walk.next.take() else { return Ok(None) };
            let (items, next) = page_at(asked.clone()).await?;
            if next.is_some() && next == asked {
                return Err(Error::new(ErrorKind::Decode, operation).detail("a page names itself as the next one"));
            }
            walk.empty_pages = empty_in_a_row(operation, walk.empty_pages, &items)?;
            walk.next = next.map(Some);
            walk.pending = items.into();
        }
    })
}
