//! Turns a panic into an error that says where it happened.
//!
//! The message of a panic may quote any value, personal data among them, so it is neither logged nor printed.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::poll_fn;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Once;
use std::task::Poll;

thread_local! {
    /// Whether a panic on this thread is caught by [`catch`].
    static CATCHING: Cell<bool> = const { Cell::new(false) };
    /// Where the last caught panic happened.
    static LOCATION: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// A panic that was caught.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Panicked {
    location: Option<String>,
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "panicked at {}", self.location.as_deref().unwrap_or("an unknown place"))
    }
}

/// Awaits a future and catches its panic.
pub(crate) async fn catch<F: Future>(future: F) -> Result<F::Output, Panicked> {
    install_hook();
    let mut future = pin!(future);
    poll_fn(move |context| {
        let outer = CATCHING.replace(true);
        // Whatever the future holds is dropped with it, so a broken invariant is seen by no one else.
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        CATCHING.set(outer);
        match polled {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Err(_) => Poll::Ready(Err(Panicked { location: LOCATION.take() })),
        }
    })
    .await
}

/// Awaits work that no one waits for, and logs its panic.
pub(crate) async fn log<F: Future<Output = ()>>(work: &'static str, future: F) {
    if let Err(panicked) = catch(future).await {
        tracing::error!(work, cause = %panicked, "background work panicked");
    }
}

/// Other panics keep the hook that was there before.
fn install_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if CATCHING.get() {
                LOCATION.set(info.location().map(|place| format!("{}:{}", place.file(), place.line())));
            } else {
                previous(info);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::catch;

    #[tokio::test]
    async fn a_caught_panic_says_where_and_nothing_else() {
        let panicked = catch(async {
            tokio::task::yield_now().await;
            panic!("canary")
        });
        let text = panicked.await.map(|(): ()| ()).unwrap_err().to_string();
        assert!(text.contains("panics.rs:") && !text.contains("canary"), "{text}");
        assert_eq!(catch(async { 5 }).await, Ok(5));
    }
}
