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
    /// How many items a page may hold: where to go on after an empty one.
    size: u64,
}

/// What the vendor puts into a page unless asked for another number.
const USUAL_SIZE: u64 = 20;

impl<T> Page<T> {
    /// A page of a list whose answers do not tell whether there is more: a full one is taken to be followed by another.
    pub(crate) fn guessed(items: Vec<T>, window: Window) -> Self {
        let asked = window.page_size.map(u64::from).filter(|size| *size > 0);
        let has_more = asked.is_some_and(|size| items.len() as u64 >= size);
        Self { items, offset: window.offset, has_more, size: asked.unwrap_or(USUAL_SIZE) }
    }

    /// The same page with what the vendor tells about it.
    pub(crate) fn told(self, offset: Option<u64>, size: Option<u64>, has_more: Option<bool>) -> Self {
        let size = size.filter(|size| *size > 0);
        // A page as full as its reported limit may be followed by another, also where no size was asked for.
        let full = size.map_or(self.has_more, |size| self.items.len() as u64 >= size);
        Self {
            offset: offset.unwrap_or(self.offset),
            has_more: has_more.unwrap_or(full),
            size: size.unwrap_or(self.size),
            items: self.items,
        }
    }

    /// All there is.
    pub(crate) const fn whole(items: Vec<T>) -> Self {
        Self { items, offset: 0, has_more: false, size: USUAL_SIZE }
    }

    /// Where the next page starts, or `None` after the last one.
    #[must_use]
    pub fn next_offset(&self) -> Option<u64> {
        self.next_after(self.offset)
    }

    /// The same for a page that was asked for at this offset, whatever it tells of itself.
    pub(crate) fn next_after(&self, offset: u64) -> Option<u64> {
        // The vendor may give fewer items than asked for, so it goes on after those that came. An empty page is passed by
        // its whole width, as the vendor's own app does: asking for the same place again would give it again.
        let step = if self.items.is_empty() { self.size } else { self.items.len() as u64 };
        self.has_more.then(|| offset.saturating_add(step))
    }
}

#[cfg(test)]
mod tests {
    use super::Page;
    use crate::wire::Window;

    #[test]
    fn a_page_as_full_as_its_reported_limit_has_a_next_one() {
        let page = |items: usize| Page::guessed(vec![(); items], Window::default());
        assert_eq!(page(20).told(None, Some(20), None).next_offset(), Some(20));
        assert_eq!(page(19).told(None, Some(20), None).next_offset(), None);
        assert_eq!(page(20).told(None, Some(20), Some(false)).next_offset(), None);
    }
}
