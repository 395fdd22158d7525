//! Misbehaviour on purpose.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::StatusCode;

use super::calls::Operation;

/// What the emulator does instead of answering as usual.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// Answers this status.
    Status(StatusCode),
    /// Resets the connection and does nothing.
    ResetBefore,
    /// Carries the request out and resets the connection.
    ResetAfter,
    /// Waits, then answers as usual.
    Delay(Duration),
    /// Carries the request out and never answers.
    Stall,
    /// Answers one byte at a time, with this pause between them.
    SlowBody(Duration),
    /// Promises the whole answer and sends half.
    Truncate,
    /// Carries the request out and answers success with bytes that are no JSON.
    Garbage,
    /// Answers as a broken proxy does: 502 with a page of HTML.
    Html502,
    /// Carries the request out and answers success with this many bytes.
    HugeBody(u64),
    /// Sends the client elsewhere with this status, and does nothing.
    Redirect(u16, String),
}

/// A fault: for which calls, and what happens then.
///
/// ```
/// use bandyer_client::emulator::{Fault, Operation};
///
/// let second_room_is_lost = Fault::on(Operation::CreateRoom).nth(2).reset_after();
/// let outage = Fault::on_any().always().status(503).retry_after("2");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    operation: Option<Operation>,
    skip: u32,
    times: Option<u32>,
    action: Action,
    retry_after: Option<String>,
    after_effect: bool,
}

impl Fault {
    /// A fault of one operation. Without more, its next call is answered with 500, once.
    #[must_use]
    pub fn on(operation: Operation) -> Self {
        Self { operation: Some(operation), ..Self::on_any() }
    }

    /// A fault of all operations.
    #[must_use]
    pub const fn on_any() -> Self {
        Self {
            operation: None,
            skip: 0,
            times: Some(1),
            action: Action::Status(StatusCode::INTERNAL_SERVER_ERROR),
            retry_after: None,
            after_effect: false,
        }
    }

    /// Begins with the n-th call from now on; the first is 1.
    #[must_use]
    pub const fn nth(mut self, n: u32) -> Self {
        self.skip = n.saturating_sub(1);
        self
    }

    /// Holds for this many calls.
    #[must_use]
    pub const fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Holds until the faults are cleared.
    #[must_use]
    pub const fn always(mut self) -> Self {
        self.times = None;
        self
    }

    /// Answers this status; one that is none counts as 500. Nothing is carried out, unless
    /// [`after_effect`](Self::after_effect) says so.
    #[must_use]
    pub fn status(self, status: u16) -> Self {
        self.action(Action::Status(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)))
    }

    /// Adds a `retry-after` header to the status: seconds or an HTTP date.
    #[must_use]
    pub fn retry_after(mut self, text: impl Into<String>) -> Self {
        self.retry_after = Some(text.into());
        self
    }

    /// Carries the request out before answering the status.
    #[must_use]
    pub const fn after_effect(mut self) -> Self {
        self.after_effect = true;
        self
    }

    /// Resets the connection and does nothing.
    #[must_use]
    pub fn reset_before(self) -> Self {
        self.action(Action::ResetBefore)
    }

    /// Carries the request out and resets the connection.
    #[must_use]
    pub fn reset_after(self) -> Self {
        self.action(Action::ResetAfter)
    }

    /// Carries the request out and never answers.
    #[must_use]
    pub fn stall(self) -> Self {
        self.action(Action::Stall)
    }

    /// Does this.
    #[must_use]
    pub fn action(mut self, action: Action) -> Self {
        self.action = action;
        self
    }
}

/// What a fault asks of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Misbehaviour {
    pub(super) action: Action,
    pub(super) retry_after: Option<String>,
    after_effect: bool,
}

impl Misbehaviour {
    /// Whether the request is carried out.
    pub(super) fn has_effect(&self) -> bool {
        match self.action {
            Action::ResetBefore | Action::Html502 | Action::Redirect(..) => false,
            Action::Status(_) => self.after_effect,
            _ => true,
        }
    }
}

/// The faults of an emulator. A clone speaks of the same ones.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use bandyer_client::emulator::{Emulator, Fault, Operation};
///
/// let emulator = Emulator::start().await?;
/// emulator.faults().add(Fault::on(Operation::GetCompany).status(503));
/// // The client asks again, and the second answer is as usual.
/// assert_eq!(emulator.client()?.company().get().send_with_response().await?.attempts(), 2);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Faults(Arc<Mutex<Vec<Fault>>>);

impl Faults {
    fn list(&self) -> MutexGuard<'_, Vec<Fault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a fault. Of several that fit a call the oldest holds; the others do not count it.
    pub fn add(&self, fault: Fault) {
        self.list().push(fault);
    }

    /// Removes all faults.
    pub fn clear(&self) {
        self.list().clear();
    }

    /// Counts a call and tells how it is to go wrong, if it is.
    pub(super) fn strike(&self, operation: Operation) -> Option<Misbehaviour> {
        let mut faults = self.list();
        let fits = |fault: &&mut Fault| fault.operation.is_none_or(|of| of == operation) && fault.times != Some(0);
        let mut found = None;
        for fault in faults.iter_mut().filter_map(|fault| Some(fault).filter(fits)) {
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            fault.times = fault.times.map(|times| times - 1);
            found = Some(Misbehaviour {
                action: fault.action.clone(),
                retry_after: fault.retry_after.clone(),
                after_effect: fault.after_effect,
            });
            break;
        }
        faults.retain(|fault| fault.times != Some(0));
        found
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Faults").field(&*self.list()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::{Action, Fault, Faults};
    use crate::emulator::Operation;

    fn struck(faults: &Faults, operation: Operation, calls: usize) -> Vec<bool> {
        (0..calls).map(|_| faults.strike(operation).is_some()).collect()
    }

    #[test]
    fn a_fault_holds_for_its_calls_and_no_others() {
        let faults = Faults::default();
        faults.add(Fault::on(Operation::CreateRoom).nth(2).times(2).reset_after());
        assert_eq!(struck(&faults, Operation::GetRoom, 3), [false; 3]);
        assert_eq!(struck(&faults, Operation::CreateRoom, 5), [false, true, true, false, false]);
        assert!(faults.list().is_empty());
    }

    #[test]
    fn a_lasting_fault_ends_when_it_is_cleared() {
        let faults = Faults::default();
        faults.add(Fault::on_any().always().status(503));
        assert_eq!(struck(&faults, Operation::GetUser, 3), [true; 3]);
        faults.clear();
        assert_eq!(struck(&faults, Operation::GetUser, 1), [false]);
    }

    #[test]
    fn effects_happen_only_where_they_should() {
        for (fault, effect) in [
            (Fault::on_any().status(503), false),
            (Fault::on_any().status(503).after_effect(), true),
            (Fault::on_any().reset_before(), false),
            (Fault::on_any().reset_after(), true),
            (Fault::on_any().stall(), true),
            (Fault::on_any().action(Action::Html502), false),
            (Fault::on_any().action(Action::Garbage), true),
        ] {
            let faults = Faults::default();
            faults.add(fault.clone());
            assert_eq!(faults.strike(Operation::GetUser).unwrap().has_effect(), effect, "{fault:?}");
        }
    }
}
