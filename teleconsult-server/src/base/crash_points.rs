//! Points at which tests break the process on purpose. They are not in a release build.
//!
//! `TELECONSULT_CRASH_POINTS` names what happens where, such as `C5=kill` or `C3=delay:500,C10=error@2`: `kill` ends the
//! process immediately, `error` injects a failure of the store, `panic` panics, and `delay` waits so many milliseconds. `@2`
//! means the second time the point is reached; without it, every time. The points:
//!
//! | point | where |
//! |---|---|
//! | H0 | at the start of a handler |
//! | J0 | at the start of a run of a background job |
//! | C0 | before a use case does anything |
//! | C1 | decided, vendor users not ensured yet |
//! | C2 | a vendor user is created and not recorded yet |
//! | C3 | the attempt is recorded, the vendor not called yet |
//! | C4 | the vendor has responded, and the response is lost before it is read |
//! | C5 | the response is read and not stored yet |
//! | C6 | everything is stored, the caller has no response yet |
//! | C7 | a room is about to be deleted |
//! | C8 | a room is deleted, and that is not recorded yet |
//! | C9 | recovery or a sweep has found something and not acted on it yet |
//! | C10 | a transaction that writes is about to begin |
//! | C11 | the vendor has responded, and the lease may end before the response is stored |
//! | D1 | a write to the CRUD Service is recorded and not sent yet |
//! | D2 | the CRUD Service has responded, and that is not recorded yet |

#[cfg(all(feature = "crash-points", not(debug_assertions)))]
compile_error!("crash points must not be in a release build");

#[cfg(feature = "crash-points")]
pub(crate) use armed::{InjectedFailure, arm, reach};

/// A request has arrived, so crash points are in effect from now on. They are not while the service starts, because
/// tests wait for the start before they inject a failure.
#[cfg(not(feature = "crash-points"))]
pub(crate) const fn arm() {}

#[cfg(feature = "crash-points")]
mod armed {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    /// The failure that a crash point injects.
    #[derive(Debug, Clone, Copy)]
    pub(crate) struct InjectedFailure;

    struct Armed {
        name: String,
        action: Action,
        /// The n-th time that the point is reached; `None` means every time.
        nth: Option<u32>,
        reached: AtomicU32,
    }

    enum Action {
        Kill,
        Error,
        Panic,
        Delay(Duration),
    }

    static ARMED: OnceLock<Vec<Armed>> = OnceLock::new();

    pub(crate) fn arm() {
        ARMED.get_or_init(from_environment);
    }

    #[expect(clippy::panic, reason = "a test asks for it")]
    pub(crate) async fn reach(name: &str) -> Result<(), InjectedFailure> {
        let Some(armed) = ARMED.get().and_then(|armed| armed.iter().find(|armed| armed.name == name)) else {
            return Ok(());
        };
        let time = armed.reached.fetch_add(1, Ordering::SeqCst) + 1;
        if armed.nth.is_some_and(|nth| nth != time) {
            return Ok(());
        }
        match armed.action {
            Action::Kill => std::process::abort(),
            Action::Error => Err(InjectedFailure),
            Action::Panic => panic!("crash point {name}"),
            Action::Delay(wait) => {
                tokio::time::sleep(wait).await;
                Ok(())
            }
        }
    }

    #[expect(clippy::disallowed_methods, reason = "not a setting: only tests use it")]
    fn from_environment() -> Vec<Armed> {
        let text = std::env::var("TELECONSULT_CRASH_POINTS").unwrap_or_default();
        text.split(',').filter(|one| !one.is_empty()).map(armed).collect()
    }

    #[expect(clippy::panic, reason = "a test that arms nothing must not pass")]
    fn armed(text: &str) -> Armed {
        let parsed = || {
            let (name, rest) = text.split_once('=')?;
            let (action, nth) = match rest.split_once('@') {
                Some((action, nth)) => (action, Some(nth.parse().ok()?)),
                None => (rest, None),
            };
            let action = match action.split_once(':') {
                Some(("delay", millis)) => Action::Delay(Duration::from_millis(millis.parse().ok()?)),
                None if action == "kill" => Action::Kill,
                None if action == "error" => Action::Error,
                None if action == "panic" => Action::Panic,
                _ => return None,
            };
            Some(Armed { name: name.to_owned(), action, nth, reached: AtomicU32::new(0) })
        };
        parsed().unwrap_or_else(|| panic!("TELECONSULT_CRASH_POINTS has {text:?}"))
    }
}
