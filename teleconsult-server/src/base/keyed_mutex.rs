//! A mutex for each key.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OwnedMutexGuard;

/// Mutexes that exist while they are held or awaited.
#[derive(Debug)]
pub(crate) struct KeyedMutex<K>(Mutex<HashMap<K, Weak<tokio::sync::Mutex<()>>>>);

/// At how many mutexes unused ones are removed.
const PRUNE_AT: usize = 1024;

impl<K: Eq + Hash + Clone + Send + Sync> KeyedMutex<K> {
    /// Locks the mutex of a key. Dropping the guard unlocks it.
    pub(crate) async fn lock(&self, key: &K) -> OwnedMutexGuard<()> {
        let lock = {
            let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if locks.len() >= PRUNE_AT {
                locks.retain(|_, lock| lock.strong_count() > 0);
            }
            let existing = locks.get(key).and_then(Weak::upgrade);
            existing.unwrap_or_else(|| {
                let lock = Arc::default();
                locks.insert(key.clone(), Arc::downgrade(&lock));
                lock
            })
        };
        lock.lock_owned().await
    }
}

impl<K> Default for KeyedMutex<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::KeyedMutex;

    #[tokio::test]
    async fn the_same_key_waits_and_another_does_not() {
        let locks = KeyedMutex::default();
        let first = locks.lock(&"a").await;
        assert!(locks.lock(&"a").now_or_never().is_none());
        assert!(locks.lock(&"b").now_or_never().is_some());
        drop(first);
        assert!(locks.lock(&"a").now_or_never().is_some());
    }

    #[tokio::test]
    async fn unused_mutexes_are_removed() {
        let locks = KeyedMutex::default();
        for key in 0..5000 {
            drop(locks.lock(&key).await);
        }
        assert!(locks.0.lock().unwrap().len() <= super::PRUNE_AT);
    }
}
