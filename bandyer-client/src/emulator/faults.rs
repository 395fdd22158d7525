//! Fault injection.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::StatusCode;

use crate::operations::Operation;

/// The parameters of an action in the control API.
#[derive(Debug, Default)]
pub(super) struct Parameters {
    pub(super) status: Option<u16>,
    pub(super) pause_ms: Option<u64>,
    pub(super) bytes: Option<u64>,
    pub(super) location: Option<String>,
}

impl Parameters {
    fn pause(&self) -> Option<Duration> {
        self.pause_ms.map(Duration::from_millis)
    }
}

/// An action in the control API.
pub(super) struct NamedAction {
    pub(super) name: &'static str,
    /// The names of the parameters it needs.
    pub(super) parameters: &'static [&'static str],
    /// `None` if a parameter is missing or impossible.
    pub(super) read: fn(&Parameters) -> Option<Action>,
}

macro_rules! actions {
    ($( $(#[$docs:meta])* $variant:ident $(($($type:ty),+))? = $name:literal, [$($parameter:literal),*], $read:expr; )+) => {
        /// What the emulator does instead of a normal response.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Action {
            $(
                $(#[$docs])*
                #[doc = concat!("In the control API: `", $name, "`" $(, ", with `", $parameter, "`")*, ".")]
                $variant $(($($type),+))?,
            )+
        }

        impl Action {
            pub(super) const ALL: &[NamedAction] =
                &[$( NamedAction { name: $name, parameters: &[$($parameter),*], read: $read } ),+];
        }
    };
}

actions! {
    /// Responds with this status.
    Status(StatusCode) = "status", ["status"], |given| {
        let status = StatusCode::from_u16(given.status.filter(|status| *status >= 200)?).ok()?;
        Some(Action::Status(status))
    };
    /// Resets the connection without executing the request.
    ResetBefore = "reset_before", [], |_| Some(Action::ResetBefore);
    /// Executes the request and resets the connection.
    ResetAfter = "reset_after", [], |_| Some(Action::ResetAfter);
    /// Waits, then responds normally.
    Delay(Duration) = "delay", ["pause_ms"], |given| given.pause().map(Action::Delay);
    /// Executes the request and never responds.
    Stall = "stall", [], |_| Some(Action::Stall);
    /// Sends the body one byte at a time, with this pause before each byte.
    SlowBody(Duration) = "slow_body", ["pause_ms"], |given| given.pause().map(Action::SlowBody);
    /// Declares the full content length and sends half of the body.
    Truncate = "truncate", [], |_| Some(Action::Truncate);
    /// Executes the request and responds with success and a body that is not JSON.
    Garbage = "garbage", [], |_| Some(Action::Garbage);
    /// Responds like a broken proxy: 502 with an HTML page.
    Html502 = "html502", [], |_| Some(Action::Html502);
    /// Executes the request and responds with success and this many bytes.
    HugeBody(u64) = "huge_body", ["bytes"], |given| given.bytes.map(Action::HugeBody);
    /// Redirects to this location with this status, without executing the request.
    Redirect(u16, String) = "redirect", ["status", "location"], |given| {
        let status = given.status.filter(|status| (300..400).contains(status))?;
        Some(Action::Redirect(status, given.location.clone()?))
    };
}

/// A fault: the calls it applies to, and the action.
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
    /// A fault of one operation. By default the next call fails with 500, once.
    #[must_use]
    pub fn on(operation: Operation) -> Self {
        Self { operation: Some(operation), ..Self::on_any() }
    }

    /// A fault of any operation.
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

    /// Starts at the n-th call from now on, counted from 1.
    #[must_use]
    pub const fn nth(mut self, n: u32) -> Self {
        self.skip = n.saturating_sub(1);
        self
    }

    /// Applies to this many calls.
    #[must_use]
    pub const fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Applies until the faults are cleared.
    #[must_use]
    pub const fn always(mut self) -> Self {
        self.times = None;
        self
    }

    /// Responds with this status; an invalid status becomes 500. The request is not executed unless
    /// [`after_effect`](Self::after_effect) is set.
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

    /// Executes the request before responding with the status.
    #[must_use]
    pub const fn after_effect(mut self) -> Self {
        self.after_effect = true;
        self
    }

    /// Resets the connection without executing the request.
    #[must_use]
    pub fn reset_before(self) -> Self {
        self.action(Action::ResetBefore)
    }

    /// Executes the request and resets the connection.
    #[must_use]
    pub fn reset_after(self) -> Self {
        self.action(Action::ResetAfter)
    }

    /// Executes the request and never responds.
    #[must_use]
    pub fn stall(self) -> Self {
        self.action(Action::Stall)
    }

    /// Sets the action.
    #[must_use]
    pub fn action(mut self, action: Action) -> Self {
        self.action = action;
        self
    }
}

/// A fault that applies to the current call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ActiveFault {
    pub(super) action: Action,
    pub(super) retry_after: Option<String>,
    after_effect: bool,
}

impl ActiveFault {
    /// Whether the request is executed.
    pub(super) fn has_effect(&self) -> bool {
        match self.action {
            Action::ResetBefore | Action::Html502 | Action::Redirect(..) => false,
            Action::Status(_) => self.after_effect,
            _ => true,
        }
    }
}

/// The faults of an emulator. Clones share the same faults.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use bandyer_client::emulator::{Emulator, Fault, Operation};
///
/// let emulator = Emulator::start().await?;
/// emulator.faults().add(Fault::on(Operation::GetCompany).status(503));
/// // The client retries, and the second attempt succeeds.
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

    /// Adds a fault. If several match a call, only the oldest applies and counts it.
    pub fn add(&self, fault: Fault) {
        self.list().push(fault);
    }

    /// Removes all faults.
    pub fn clear(&self) {
        self.list().clear();
    }

    /// Counts a call and returns the fault that applies to it, if any.
    pub(super) fn take(&self, operation: Operation) -> Option<ActiveFault> {
        let mut faults = self.list();
        let matches =
            |fault: &&mut Fault| fault.operation.is_none_or(|expected| expected == operation) && fault.times != Some(0);
        let mut found = None;
        for fault in faults.iter_mut().filter_map(|fault| Some(fault).filter(matches)) {
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            fault.times = fault.times.map(|times| times - 1);
            found = Some(ActiveFault {
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
    use super::{Action, Fault, Faults, Parameters};
    use crate::emulator::Operation;

    fn applied(faults: &Faults, operation: Operation, calls: usize) -> Vec<bool> {
        (0..calls).map(|_| faults.take(operation).is_some()).collect()
    }

    #[test]
    fn a_fault_applies_only_to_its_own_calls() {
        let faults = Faults::default();
        faults.add(Fault::on(Operation::CreateRoom).nth(2).times(2).reset_after());
        assert_eq!(applied(&faults, Operation::GetRoom, 3), [false; 3]);
        assert_eq!(applied(&faults, Operation::CreateRoom, 5), [false, true, true, false, false]);
        assert!(faults.list().is_empty());
    }

    #[test]
    fn every_action_can_be_named_with_its_parameters() {
        let given = Parameters { status: Some(302), pause_ms: Some(1), bytes: Some(1), location: Some("/".into()) };
        for action in Action::ALL {
            assert!((action.read)(&given).is_some(), "{}", action.name);
            let without = (action.read)(&Parameters::default());
            assert_eq!(without.is_some(), action.parameters.is_empty(), "{}", action.name);
        }
    }

    #[test]
    fn a_permanent_fault_ends_when_it_is_cleared() {
        let faults = Faults::default();
        faults.add(Fault::on_any().always().status(503));
        assert_eq!(applied(&faults, Operation::GetUser, 3), [true; 3]);
        faults.clear();
        assert_eq!(applied(&faults, Operation::GetUser, 1), [false]);
    }

    #[test]
    fn each_action_executes_the_request_or_not_as_documented() {
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
            assert_eq!(faults.take(Operation::GetUser).unwrap().has_effect(), effect, "{fault:?}");
        }
    }
}
