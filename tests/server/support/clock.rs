//! A clock that tests set.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use teleconsult_server::base::clock::Clock;

/// The system's clock, set forward or back. Clones are the same clock.
#[derive(Clone, Default)]
pub struct TestClock(Arc<AtomicI64>);

impl TestClock {
    /// Sets it this far before the system's clock.
    pub fn set_ahead(&self, by: SignedDuration) {
        self.0.store(by.as_millis().try_into().unwrap(), Ordering::SeqCst);
    }

    pub fn source(&self) -> Clock {
        let ahead = Arc::clone(&self.0);
        Clock::from_fn(move || Timestamp::now() + SignedDuration::from_millis(ahead.load(Ordering::SeqCst)))
    }
}
