//! A cache whose entries expire, with one lookup at a time for each key.

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::keyed_mutex::KeyedMutex;

/// Number of entries at which expired ones are removed; if there are still that many, no entry is added.
const MAX_ENTRIES: usize = 4096;

/// Values by key. An absence is not cached, because what is missing may be about to be created.
pub(crate) struct TtlCache<K, V> {
    ttl: Duration,
    entries: Mutex<HashMap<K, (Instant, V)>>,
    lookups: KeyedMutex<K>,
}

impl<K: Eq + Hash + Clone + Send + Sync, V: Clone> TtlCache<K, V> {
    pub(crate) fn new(ttl: Duration) -> Self {
        Self { ttl, entries: Mutex::default(), lookups: KeyedMutex::default() }
    }

    /// The cached value, or that of `lookup`. Concurrent callers with the same key wait for one lookup.
    pub(crate) async fn get<E>(
        &self,
        key: K,
        lookup: impl Future<Output = Result<Option<V>, E>>,
    ) -> Result<Option<V>, E> {
        if let Some(value) = self.cached(&key) {
            return Ok(Some(value));
        }
        let _guard = self.lookups.lock(&key).await;
        if let Some(value) = self.cached(&key) {
            return Ok(Some(value));
        }
        let found = lookup.await?;
        if let Some(value) = &found {
            self.insert(key, value.clone());
        }
        Ok(found)
    }

    fn cached(&self, key: &K) -> Option<V> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.get(key).filter(|(since, _)| since.elapsed() < self.ttl).map(|(_, value)| value.clone())
    }

    fn insert(&self, key: K, value: V) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MAX_ENTRIES {
            entries.retain(|_, (since, _)| since.elapsed() < self.ttl);
        }
        if entries.len() < MAX_ENTRIES {
            entries.insert(key, (Instant::now(), value));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::TtlCache;

    #[tokio::test]
    async fn a_value_is_cached_and_an_absence_is_not() {
        let cache = TtlCache::new(Duration::from_secs(60));
        assert_eq!(cache.get("a", async { Ok::<_, ()>(None) }).await, Ok(None));
        assert_eq!(cache.get("a", async { Ok::<_, ()>(Some(1)) }).await, Ok(Some(1)));
        assert_eq!(cache.get("a", async { Err::<Option<i32>, _>(()) }).await, Ok(Some(1)));
        let never = TtlCache::new(Duration::ZERO);
        assert_eq!(never.get("a", async { Ok::<_, ()>(Some(1)) }).await, Ok(Some(1)));
        assert_eq!(never.get("a", async { Ok::<_, ()>(Some(2)) }).await, Ok(Some(2)));
    }
}
