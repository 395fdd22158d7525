//! The idempotency key that the present request holds.
//!
//! The CRUD Service chooses the ids of new documents, so nothing in a document keeps a holder whose key was taken over from
//! creating a second one. The journal does: it records the write of a new document only for the holder of the key. The key is
//! passed in a task-local variable and not through each signature, because nothing in between has to do with it.

use std::future::Future;

use super::{KeyedRequest, Result, Tx};
use crate::domain::ids::TeleconsultationId;

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

    /// The teleconsultation that the key is about, if the request has a key and still holds it. It does until the
    /// transaction ends.
    pub(super) async fn teleconsultation(&self, tx: &mut Tx) -> Result<Option<TeleconsultationId>> {
        match &self.0 {
            Some((request, fence)) => tx.held_key(request, *fence).await,
            None => Ok(None),
        }
    }

    /// Whether the request may add a document for this new teleconsultation: it has no key, or one that it still holds and
    /// that no document was found for in the meantime.
    pub(super) async fn admits(&self, tx: &mut Tx, new: &TeleconsultationId) -> Result<bool> {
        Ok(self.0.is_none() || self.teleconsultation(tx).await?.as_ref() == Some(new))
    }
}
