//! Broadcasts. They are created, listed and joined, but have no viewers and no sessions.

use jiff::Timestamp;

use super::{Slice, Span, State, hex, slice};
use crate::emulator::refusal::Refusal;
use crate::types::api_version::ApiVersion;

/// Maximum number of panelists.
const MAX_PANELISTS: usize = 6;

#[derive(Debug, Clone)]
pub(in crate::emulator) struct EmulatedBroadcast {
    pub(in crate::emulator) id: String,
    pub(in crate::emulator) publisher: String,
    pub(in crate::emulator) panelists: Vec<String>,
    pub(in crate::emulator) description: String,
    pub(in crate::emulator) chat: bool,
    pub(in crate::emulator) recording: bool,
    pub(in crate::emulator) created_at: Timestamp,
}

pub(in crate::emulator) struct NewBroadcast {
    pub(in crate::emulator) publisher: String,
    pub(in crate::emulator) panelists: Vec<String>,
    pub(in crate::emulator) description: String,
    pub(in crate::emulator) chat: bool,
    pub(in crate::emulator) recording: bool,
}

impl State {
    pub(in crate::emulator) fn create_broadcast(&mut self, new: NewBroadcast) -> Result<EmulatedBroadcast, Refusal> {
        for user in new.panelists.iter().chain([&new.publisher]) {
            self.user(user, ApiVersion::V1)?;
        }
        if new.panelists.len() > MAX_PANELISTS {
            return Err(Refusal::validation("invalid_panelists_count", "A broadcast has at most 6 panelists"));
        }
        let broadcast = EmulatedBroadcast {
            id: format!("bro_{}", hex(12)),
            publisher: new.publisher,
            panelists: new.panelists,
            description: new.description,
            chat: new.chat,
            recording: new.recording,
            created_at: self.now(),
        };
        self.broadcasts.push(broadcast.clone());
        Ok(broadcast)
    }

    pub(in crate::emulator) fn broadcast(&self, id: &str) -> Result<&EmulatedBroadcast, Refusal> {
        let found = self.broadcasts.iter().find(|broadcast| broadcast.id == id);
        found.ok_or_else(|| Refusal::not_found("invalid_broadcast_id", "The broadcast does not exist"))
    }

    pub(in crate::emulator) fn list_broadcasts(&self, of_user: Option<&str>, span: Span) -> Slice<&EmulatedBroadcast> {
        let takes_part = |one: &&EmulatedBroadcast| {
            of_user.is_none_or(|user| one.publisher == user || one.panelists.iter().any(|panelist| panelist == user))
        };
        slice(self.broadcasts.iter().rev().filter(takes_part), span)
    }

    /// A link into a broadcast, or into a call without a room. The emulator serves no page for it.
    pub(in crate::emulator) fn call_link(&self, direct: bool) -> String {
        let handler = if direct { "direct-rest-call-handler" } else { "rest-call-handler" };
        format!("{}/connect/{handler}/{}", self.url, hex(26))
    }
}
