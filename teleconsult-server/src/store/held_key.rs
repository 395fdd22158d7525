//! The idempotency key that the present request holds.
//!
//! The CRUD Service chooses the ids of new documents, so nothing in a document keeps a holder whose key was taken over from
//! creating a second one. The journal does: it records the write of a new document only for the holder of the key. The key is
//! passed in a task-local variable and not through each signature, because nothing in between has to do with it.

use std::future::Future;

use super::{KeyedRequest, Result, Tx};

tokio::task_local! {
    static HELD: (KeyedRequest, i64);
}

/// Runs the work of a keyed request.
pub(crate) async fn scope<F: Future>(request: KeyedRequest, fence: i64, work: F) -> F::Output {
    HELD.scope((request, fence), work).await
}

/// A key that is held, or none.
#[derive(Clone)]
pub(super) struct HeldKey(Option<(KeyedRequest, i64)>);

impl HeldKey {
    pub(super) fn current() -> Self {
        Self(HELD.try_with(Clone::clone).ok())
    }

    /// Whether the request still holds its key, if it has one. It does until the transaction ends.
    pub(super) async fn is_held(&self, tx: &mut Tx) -> Result<bool> {
        match &self.0 {
            Some((request, fence)) => tx.holds_key(request, *fence).await,
            None => Ok(true),
        }
    }
}
