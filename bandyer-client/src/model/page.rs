//! One page of a list.

use crate::wire::Window;

/// One page of a list, newest first.
///
/// To walk a list by hand, ask next for [`next_offset`](Self::next_offset) until there is none.
///
/// ```no_run
/// # async fn run(client: bandyer_client::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let mut next = Some(0);
/// while let Some(offset) = next {
///     let page = client.rooms().list().offset(offset).send().await?;
///     next = page.next_offset();
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page<T> {
    /// What the page holds. An empty page is not the end of the list: only `has_more` tells.
    pub items: Vec<T>,
    /// How many items come before this page.
    pub offset: u64,
    /// Whether the vendor has more items after this page.
    pub has_more: bool,
}

impl<T> Page<T> {
    /// A page of a list whose answers do not tell whether there is more: a full one is taken to be followed by another.
    pub(crate) fn guessed(items: Vec<T>, window: Window) -> Self {
        let has_more = window.page_size.is_some_and(|size| size > 0 && items.len() as u64 >= u64::from(size));
        Self { items, offset: window.offset, has_more }
    }

    /// All there is.
    pub(crate) const fn whole(items: Vec<T>) -> Self {
        Self { items, offset: 0, has_more: false }
    }

    /// Where the next page starts, or `None` after the last one.
    #[must_use]
    pub fn next_offset(&self) -> Option<u64> {
        // An empty page is passed by one place: asking for the same place again would give it again.
        self.has_more.then(|| self.offset.saturating_add((self.items.len() as u64).max(1)))
    }
}
