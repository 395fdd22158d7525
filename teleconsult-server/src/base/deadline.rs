//! The moment at which a request is answered, whether its work is done or not.
//!
//! It is a task-local value while the request is handled, so that the layer that calls the vendor can check it although the
//! rules and the rooms know nothing of it. As a parameter it would pass through every function in between, and a forgotten
//! one would not be noticed. Background work has none.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

tokio::task_local! {
    static CURRENT: Deadline;
}

/// The latest moment of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline(Instant);

/// The deadline has passed: the request was answered, and nothing more may be begun for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request took too long")]
pub struct Passed;

impl Deadline {
    /// This much time from now.
    #[must_use]
    pub fn after(time: Duration) -> Self {
        // A time that no clock can show is as good as never.
        let never = || Instant::now() + Duration::from_secs(3600 * 24 * 365);
        Self(Instant::now().checked_add(time).unwrap_or_else(never))
    }

    /// Handles a request that has this deadline.
    pub fn scope<F: Future>(self, work: F) -> impl Future<Output = F::Output> {
        CURRENT.scope(self, work)
    }

    /// Waits for a future until the deadline.
    ///
    /// # Errors
    ///
    /// [`Passed`]. The future is dropped then.
    pub async fn bound<T>(self, work: impl Future<Output = T>) -> Result<T, Passed> {
        tokio::time::timeout_at(self.0, work).await.map_err(|_| Passed)
    }
}

/// Checks that the request that is being handled still waits for its response.
///
/// # Errors
///
/// [`Passed`]; never in the background.
pub fn check() -> Result<(), Passed> {
    match CURRENT.try_with(|deadline| *deadline) {
        Ok(Deadline(moment)) if Instant::now() >= moment => Err(Passed),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Waits for a future until the deadline of the request that is being handled; without a limit in the background.
///
/// # Errors
///
/// [`Passed`]. The future is dropped then.
pub async fn bound<T>(work: impl Future<Output = T>) -> Result<T, Passed> {
    match CURRENT.try_with(|deadline| *deadline) {
        Ok(deadline) => deadline.bound(work).await,
        Err(_) => Ok(work.await),
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::time::Duration;

    use super::{Deadline, Passed, bound, check};

    const LONG: Duration = Duration::from_secs(3600);

    #[tokio::test(start_paused = true)]
    async fn nothing_is_begun_after_the_deadline() {
        let seen = Deadline::after(LONG)
            .scope(async {
                let before = check();
                tokio::time::advance(LONG).await;
                (before, check())
            })
            .await;
        assert_eq!(seen, (Ok(()), Err(Passed)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_ends_at_the_deadline() {
        let seen = Deadline::after(LONG).scope(async { (bound(ready(1)).await, bound(pending::<()>()).await) }).await;
        assert_eq!(seen, (Ok(1), Err(Passed)));
        assert_eq!(Deadline::after(Duration::MAX).bound(ready(1)).await, Ok(1));
    }

    #[tokio::test]
    async fn background_work_has_no_deadline() {
        let spawned = Deadline::after(Duration::ZERO).scope(async { tokio::spawn(async { check() }).await.unwrap() });
        assert_eq!((spawned.await, bound(ready(1)).await), (Ok(()), Ok(1)));
    }
}
