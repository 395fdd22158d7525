//! Remembers answers for a moment, and asks once for many who want the same.

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::keyed_mutex::KeyedMutex;

/// How many answers are kept before stale ones are swept out; beyond it none is added.
const MOST: usize = 4096;

/// Answers that serve for a moment. That somebody is not there is never kept: they may just be on their way.
pub(crate) struct TtlCache<K, V> {
    fresh: Duration,
    kept: Mutex<HashMap<K, (Instant, V)>>,
    asking: KeyedMutex<K>,
}

impl<K: Eq + Hash + Clone + Send + Sync, V: Clone> TtlCache<K, V> {
    pub(crate) fn new(fresh: Duration) -> Self {
        Self { fresh, kept: Mutex::default(), asking: KeyedMutex::default() }
    }

    pub(crate) async fn get<E>(&self, key: K, ask: impl Future<Output = Result<Option<V>, E>>) -> Result<Option<V>, E> {
        if let Some(value) = self.kept(&key) {
            return Ok(Some(value));
        }
        let _alone = self.asking.lock(&key).await;
        if let Some(value) = self.kept(&key) {
            return Ok(Some(value));
        }
        let answer = ask.await?;
        if let Some(value) = &answer {
            self.keep(key, value.clone());
        }
        Ok(answer)
    }

    fn kept(&self, key: &K) -> Option<V> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(key).filter(|(since, _)| since.elapsed() < self.fresh).map(|(_, value)| value.clone())
    }

    fn keep(&self, key: K, value: V) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST {
            kept.retain(|_, (since, _)| since.elapsed() < self.fresh);
        }
        if kept.len() < MOST {
            kept.insert(key, (Instant::now(), value));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::TtlCache;

    #[tokio::test]
    async fn an_answer_serves_again_and_an_absence_does_not() {
        let brief = TtlCache::new(Duration::from_secs(60));
        assert_eq!(brief.get("a", async { Ok::<_, ()>(None) }).await, Ok(None));
        assert_eq!(brief.get("a", async { Ok::<_, ()>(Some(1)) }).await, Ok(Some(1)));
        assert_eq!(brief.get("a", async { Err::<Option<i32>, _>(()) }).await, Ok(Some(1)));
        let never = TtlCache::new(Duration::ZERO);
        assert_eq!(never.get("a", async { Ok::<_, ()>(Some(1)) }).await, Ok(Some(1)));
        assert_eq!(never.get("a", async { Ok::<_, ()>(Some(2)) }).await, Ok(Some(2)));
    }
}
