//! One page of a list.

/// One page of a list, newest first.
///
/// To read a list page by page, continue at [`next_offset`](Self::next_offset) until it is `None`.
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
    /// The items of the page. An empty page is not necessarily the last one; see `has_more`.
    pub items: Vec<T>,
    /// The number of items before this page.
    pub offset: u64,
    /// Whether there are more items after this page.
    pub has_more: bool,
    /// The number of items that could not be read and are missing in `items`, because their id is missing for instance.
    pub skipped: u64,
    /// The maximum number of items per page; determines the next offset after an empty page.
    size: u64,
}

/// The vendor's default page size.
const DEFAULT_SIZE: u64 = 20;

impl<T> Page<T> {
    /// Creates the only page of a list, for tests of code that uses this crate.
    #[must_use]
    pub const fn new(items: Vec<T>) -> Self {
        Self::complete(items, 0)
    }

    /// A page of a list whose responses do not say whether there are more items: a full page is assumed to be followed
    /// by another one.
    pub(crate) fn inferred(items: Vec<T>, skipped: u64, window: Window) -> Self {
        let requested = window.page_size.map(u64::from).filter(|size| *size > 0);
        let has_more = requested.is_some_and(|size| items.len() as u64 + skipped >= size);
        Self { items, offset: window.offset, has_more, skipped, size: requested.unwrap_or(DEFAULT_SIZE) }
    }

    /// Replaces the inferred values by those of the response.
    pub(crate) fn with_reported(self, offset: Option<u64>, size: Option<u64>, has_more: Option<bool>) -> Self {
        let size = size.filter(|size| *size > 0);
        // A page as full as its reported limit may be followed by another, even if no size was requested.
        let full = size.map_or(self.has_more, |size| self.told() >= size);
        Self {
            offset: offset.unwrap_or(self.offset),
            has_more: has_more.unwrap_or(full),
            size: size.unwrap_or(self.size),
            ..self
        }
    }

    /// The number of items in the response.
    fn told(&self) -> u64 {
        self.items.len() as u64 + self.skipped
    }

    /// A page with all items of the list.
    pub(crate) const fn complete(items: Vec<T>, skipped: u64) -> Self {
        Self { items, offset: 0, has_more: false, skipped, size: DEFAULT_SIZE }
    }

    pub(crate) fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        let Self { items, offset, has_more, skipped, size } = self;
        Page { items: items.into_iter().map(change).collect(), offset, has_more, skipped, size }
    }

    /// The offset of the next page, or `None` after the last page.
    #[must_use]
    pub fn next_offset(&self) -> Option<u64> {
        self.next_after(self.offset)
    }

    /// The same for a page that was requested at this offset, ignoring the offset in the response.
    pub(crate) fn next_after(&self, offset: u64) -> Option<u64> {
        // The vendor may return fewer items than requested, so the next page starts after the returned ones. An empty
        // page is skipped by the page size, as the vendor's own app does; the same offset would return the same page.
        let step = if self.told() == 0 { self.size } else { self.told() };
        self.has_more.then(|| offset.saturating_add(step))
    }
}

/// The requested part of a list.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Window {
    pub(crate) offset: u64,
    pub(crate) page_size: Option<u32>,
}

impl Window {
    pub(crate) fn offset_if_any(self) -> Option<u64> {
        (self.offset > 0).then_some(self.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::Page;
    use super::Window;

    #[test]
    fn a_page_as_full_as_its_reported_limit_has_a_next_one() {
        let page = |items: usize| Page::inferred(vec![(); items], 0, Window::default());
        assert_eq!(page(20).with_reported(None, Some(20), None).next_offset(), Some(20));
        assert_eq!(page(19).with_reported(None, Some(20), None).next_offset(), None);
        assert_eq!(page(20).with_reported(None, Some(20), Some(false)).next_offset(), None);
    }
}
