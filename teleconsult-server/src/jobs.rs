//! Background jobs, and the runner that repeats them.
//!
//! The runner waits between runs, adds jitter so that instances do not run in step, backs off after failures, and claims the
//! lease of a job that one instance runs for all. A job that panics ends the process: it would never run again otherwise, and
//! no one would notice.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use metrics::Counter;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::base::backoff::Backoff;
use crate::base::panics;
use crate::rooms::RunError;
use crate::store::{Store, StoreError, crash_point};

mod branding;
mod key_expiry;
mod metrics_upkeep;
mod recovery;
mod retention;
mod retirement;
mod sweep;

pub use branding::Branding;
pub use key_expiry::KeyExpiry;
pub use metrics_upkeep::MetricsUpkeep;
pub use recovery::Recovery;
pub use retention::Retention;
pub use retirement::RoomRetirement;
pub use sweep::Sweep;

/// When a job runs for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstRun {
    /// With the start of the process.
    Immediately,
    /// After one interval, because the start has enough to do.
    AfterInterval,
}

/// When a job runs next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// After its interval.
    AfterInterval,
    /// After this time, or earlier if it is woken.
    After(Duration),
    /// Never: its work is done.
    Never,
}

/// Why a run failed. The job is run again.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another cause.
    #[error(transparent)]
    Other(Box<dyn std::error::Error + Send + Sync>),
}

impl From<RunError> for JobError {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Store(error) => Self::Store(error),
            RunError::Vendor(error) => Self::Other(Box::new(error)),
        }
    }
}

/// Work that is repeated in the background.
pub trait Job: Send + Sync + 'static {
    /// Its name in log messages, and of its lease.
    const NAME: &'static str;

    /// Whether one instance runs it for all.
    const SHARED: bool = false;

    /// When it runs for the first time.
    const FIRST_RUN: FirstRun = FirstRun::Immediately;

    /// The time between two runs.
    fn interval(&self) -> Duration;

    /// The wait after failed runs.
    fn backoff(&self) -> Backoff {
        Backoff::new(self.interval(), self.interval())
    }

    /// Ends the wait for the next run.
    fn wake_up(&self) -> Option<Arc<Notify>> {
        None
    }

    /// Runs it once. A long run ends early if `stop` is cancelled.
    fn run(&self, stop: &CancellationToken) -> impl Future<Output = Result<Next, JobError>> + Send;
}

/// Spawns jobs.
pub struct Runner {
    store: Store,
    store_errors: Counter,
    stop: CancellationToken,
    failed: watch::Sender<Option<&'static str>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Runner {
    /// Jobs stop when `stop` is cancelled.
    #[must_use]
    pub fn new(store: Store, store_errors: Counter, stop: CancellationToken) -> Self {
        Self { store, store_errors, stop, failed: watch::Sender::new(None), tasks: Vec::new() }
    }

    /// Starts a job.
    pub fn spawn<J: Job>(&mut self, job: J) {
        let lease = JobLease { store: self.store.clone() };
        let (store_errors, stop, failed) = (self.store_errors.clone(), self.stop.clone(), self.failed.clone());
        self.tasks.push(tokio::spawn(async move {
            let repeated = repeat(&job, &lease, &store_errors, &stop);
            if let Err(panicked) = panics::catch(repeated).await {
                tracing::error!(job = J::NAME, cause = %panicked, "a background job panicked; the process ends");
                failed.send_replace(Some(J::NAME));
            }
        }));
    }

    /// Resolves with the name of a job once it has panicked.
    pub fn failure(&self) -> impl Future<Output = &'static str> + Send + use<> {
        let mut failed = self.failed.subscribe();
        async move {
            match failed.wait_for(Option::is_some).await.map(|name| *name) {
                Ok(Some(name)) => name,
                Ok(None) | Err(_) => std::future::pending().await,
            }
        }
    }

    /// Waits until `deadline` for running jobs to end, then aborts the rest.
    ///
    /// Returns the name of a job that has panicked.
    pub async fn end(self, deadline: tokio::time::Instant) -> Option<&'static str> {
        for mut task in self.tasks {
            if tokio::time::timeout_at(deadline, &mut task).await.is_err() {
                task.abort();
                // The error only says that it was aborted.
                let _ = task.await;
            }
        }
        *self.failed.borrow()
    }
}

struct JobLease {
    store: Store,
}

impl JobLease {
    /// Whether this instance runs the job now.
    async fn claim<J: Job>(&self, job: &J) -> Result<bool, StoreError> {
        if !J::SHARED {
            return Ok(true);
        }
        let interval = SignedDuration::try_from(job.interval()).unwrap_or(SignedDuration::MAX);
        // Slightly less than the interval, so that the next claim of the same instance does not come a moment too early.
        let due_again = interval * 9 / 10;
        self.store.write(move |tx| Box::pin(async move { tx.claim_job(J::NAME, due_again).await })).await
    }
}

async fn repeat<J: Job>(job: &J, lease: &JobLease, store_errors: &Counter, stop: &CancellationToken) {
    let mut wait = match J::FIRST_RUN {
        FirstRun::Immediately => Duration::ZERO,
        FirstRun::AfterInterval => job.interval(),
    };
    let mut failures = 0;
    let wake_up = job.wake_up();
    loop {
        let woken = async {
            match &wake_up {
                Some(wake_up) => wake_up.notified().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = woken => {}
            () = tokio::time::sleep(wait) => {}
        }
        wait = match run_once(job, lease, stop).await {
            Ok(Next::Never) => return,
            Ok(Next::After(pause)) => {
                failures = 0;
                pause
            }
            Ok(Next::AfterInterval) => {
                failures = 0;
                with_jitter(job.interval())
            }
            Err(error) => {
                if matches!(error, JobError::Store(_)) {
                    store_errors.increment(1);
                }
                tracing::warn!(job = J::NAME, error = %crate::base::error_chain::chain(&error), "{} failed, will retry", J::NAME);
                let pause = job.backoff().after(failures);
                failures = failures.saturating_add(1);
                with_jitter(pause)
            }
        };
    }
}

async fn run_once<J: Job>(job: &J, lease: &JobLease, stop: &CancellationToken) -> Result<Next, JobError> {
    crash_point!("J0");
    if !lease.claim(job).await? {
        return Ok(Next::AfterInterval);
    }
    job.run(stop).await
}

/// Up to a tenth less, so that instances that started together do not stay in step.
fn with_jitter(wait: Duration) -> Duration {
    wait.mul_f64(1.0 - 0.1 * fastrand::f64())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use metrics::Counter;
    use tokio_util::sync::CancellationToken;

    use super::{Job, JobError, Next, Runner};
    use crate::base::clock::Clock;
    use crate::store::Store;
    use crate::store::engine::Database;

    struct PanicsInTheDrain(CancellationToken);

    impl Job for PanicsInTheDrain {
        const NAME: &'static str = "panics_in_the_drain";

        fn interval(&self) -> Duration {
            Duration::MAX
        }

        async fn run(&self, stop: &CancellationToken) -> Result<Next, JobError> {
            self.0.cancel();
            stop.cancelled().await;
            panic!("in the drain")
        }
    }

    #[tokio::test]
    async fn a_panic_in_the_drain_is_reported() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(Database::open_sqlite(folder.path(), Clock::system()).await.unwrap());
        let (started, stop) = (CancellationToken::new(), CancellationToken::new());
        let mut jobs = Runner::new(store, Counter::noop(), stop.clone());
        jobs.spawn(PanicsInTheDrain(started.clone()));
        started.cancelled().await;
        stop.cancel();
        let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
        assert_eq!(jobs.end(deadline).await, Some("panics_in_the_drain"));
    }
}
