//! Points at which tests break the process on purpose. They are not in a release build.
//!
//! `TELECONSULT_CRASH_POINTS` names what happens where, such as `C5=kill` or `C3=delay:500,C10=error@2`: `kill` ends the
//! process at once, `error` has the store fail there, `delay` waits so many milliseconds. `@2` means the second time the
//! point is reached; without it, every time. The points:
//!
//! | point | where |
//! |---|---|
//! | C0 | before a use case does anything |
//! | C1 | decided, users not made sure of yet |
//! | C2 | a vendor user is made and not remembered yet |
//! | C3 | the attempt is written down, the room not asked for yet |
//! | C4 | the vendor has answered, the answer is lost before anybody looks at it |
//! | C5 | the answer is read and not stored yet |
//! | C6 | everything is stored, the caller not told yet |
//! | C7 | a room is about to be deleted |
//! | C8 | a room is deleted, and that is not remembered yet |
//! | C9 | recovery or a sweep has found something and not acted on it yet |
//! | C10 | a transaction that writes is about to begin |
//! | C11 | the vendor has answered, and the leader may sleep past its lease |

#[cfg(all(feature = "crash-points", not(debug_assertions)))]
compile_error!("crash points must not be in a release build");

/// Reaches a crash point: `crash_point!("C5")`. An error is returned from the function around it.
macro_rules! crash_point {
    ($name:literal) => {
        #[cfg(feature = "crash-points")]
        $crate::base::crash_points::reach($name).await?;
    };
}
pub(crate) use crash_point;

#[cfg(feature = "crash-points")]
pub(crate) use armed::{arm, reach};

/// A request is here, so the service can be broken. Its start cannot: whoever breaks it waits for that.
#[cfg(not(feature = "crash-points"))]
pub(crate) const fn arm() {}

#[cfg(feature = "crash-points")]
mod armed {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use crate::store::StoreError;

    struct Armed {
        name: String,
        action: Action,
        /// Which time it acts; nothing means every time.
        nth: Option<u32>,
        reached: AtomicU32,
    }

    enum Action {
        Kill,
        Error,
        Delay(Duration),
    }

    static ARMED: OnceLock<Vec<Armed>> = OnceLock::new();

    pub(crate) fn arm() {
        ARMED.get_or_init(from_environment);
    }

    pub(crate) async fn reach(name: &str) -> Result<(), StoreError> {
        let Some(armed) = ARMED.get().and_then(|armed| armed.iter().find(|armed| armed.name == name)) else {
            return Ok(());
        };
        let time = armed.reached.fetch_add(1, Ordering::SeqCst) + 1;
        if armed.nth.is_some_and(|nth| nth != time) {
            return Ok(());
        }
        match armed.action {
            Action::Kill => std::process::abort(),
            Action::Error => Err(StoreError::corrupt("a crash point says so")),
            Action::Delay(wait) => {
                tokio::time::sleep(wait).await;
                Ok(())
            }
        }
    }

    #[expect(clippy::disallowed_methods, reason = "no configuration: it is there for tests alone")]
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
                _ => return None,
            };
            Some(Armed { name: name.to_owned(), action, nth, reached: AtomicU32::new(0) })
        };
        parsed().unwrap_or_else(|| panic!("TELECONSULT_CRASH_POINTS has {text:?}"))
    }
}
