//! Sessions: connections, call time and recordings.

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};

use super::{Slice, Span, State, hex, known, slice};
use crate::activity::ActivityKind;
use crate::emulator::refusal::Refusal;
use crate::rooms::RecordingMode;
use crate::sessions::ConnectionChange;
use crate::types::api_version::ApiVersion;
use crate::types::ids::{RoomId, SessionId, UserId};

/// Maximum length of the activity log, so that a load test does not fill the memory.
const MAX_ACTIVITIES: usize = 10_000;

/// A session in the state of the emulator.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EmulatedSession {
    /// The id.
    pub id: SessionId,
    /// The room.
    pub room_id: RoomId,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended; `None` while it is running.
    pub ended_at: Option<Timestamp>,
    /// The users that joined, in order.
    pub participants: Vec<UserId>,
    /// The connection events, oldest first.
    pub connections: Vec<EmulatedConnection>,
    /// Whether a part of it was recorded.
    pub was_recorded: bool,
    /// Whether the recording was deleted.
    pub recording_deleted: bool,
    /// Whether a transcript exists.
    pub transcript: bool,
    /// Whether a summary exists.
    pub summary: bool,
}

impl EmulatedSession {
    /// The duration; `None` while it is running.
    #[must_use]
    pub fn duration(&self) -> Option<SignedDuration> {
        self.ended_at.map(|end| end.duration_since(self.started_at))
    }
}

/// A connection event of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EmulatedConnection {
    /// The user.
    pub user_id: UserId,
    /// The kind of event.
    pub change: ConnectionChange,
    /// When it happened.
    pub at: Timestamp,
}

/// An entry of the activity log.
#[derive(Debug, Clone)]
pub(in crate::emulator) struct Activity {
    pub(in crate::emulator) kind: ActivityKind,
    pub(in crate::emulator) user_id: String,
    pub(in crate::emulator) room_id: String,
    pub(in crate::emulator) at: Timestamp,
}

/// The simulated action is not possible, for example because the room is closed or the user is not invited.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the simulated action is not possible: {0}")]
pub struct SimulationError(pub(in crate::emulator) &'static str);

impl State {
    /// A user opens a link.
    pub(in crate::emulator) fn join(&mut self, room: &str, user: &str) -> Result<(), SimulationError> {
        self.close_expired_rooms();
        let now = self.now();
        if !self.users.get(user).is_some_and(|user| user.active) {
            return Err(SimulationError("the user is not active"));
        }
        let open = self.open_room(room).map_err(|_| SimulationError("the room is closed"))?;
        if !open.participants.iter().any(|one| one.user_id == user) {
            return Err(SimulationError("the user is not invited"));
        }
        if open.connected.iter().any(|one| one == user) {
            return Err(SimulationError("the user is already connected"));
        }
        let token = open.participants.iter().find(|one| one.user_id == user).map(|one| one.token.clone());
        if !token.is_some_and(|token| self.links.contains_key(token.expose())) {
            return Err(SimulationError("the link was revoked"));
        }
        let starts = self.rooms.get(room).is_some_and(|room| room.session.is_none());
        if starts {
            self.start_session(room, user, now);
        }
        let Some(open) = self.rooms.get_mut(room) else { return Ok(()) };
        open.connected.push(known(user));
        let count = open.connected.len();
        let resumes = count == 2 && !starts;
        if count == 2 {
            open.counting_since = Some(now);
        }
        let session = open.session.as_ref().map(SessionId::to_string).unwrap_or_default();
        let mut was_paused = false;
        if let Some(session) = self.sessions.get_mut(&session) {
            was_paused = session.participants.len() >= 2;
            if !session.participants.iter().any(|one| one == user) {
                session.participants.push(known(user));
            }
        }
        self.connection(&session, user, ConnectionChange::Connected, now);
        for kind in [ActivityKind::Connection, ActivityKind::CallIn] {
            self.log(kind, user, room, now);
        }
        self.report_user(room, &session, user, "on_user_connected", now);
        if starts {
            self.report_session(room, &session, "on_session_started", now);
        } else if resumes && was_paused {
            self.report_session(room, &session, "on_session_resumed", now);
        }
        Ok(())
    }

    fn start_session(&mut self, room: &str, user: &str, now: Timestamp) {
        let id = format!("session_{}", hex(12));
        let Some(open) = self.rooms.get_mut(room) else { return };
        open.session = Some(known(&id));
        if open.recording == RecordingMode::Automatic {
            open.is_recording = true;
        }
        let session = EmulatedSession {
            id: known(&id),
            room_id: known(room),
            started_at: now,
            ended_at: None,
            participants: Vec::new(),
            connections: Vec::new(),
            was_recorded: open.is_recording,
            recording_deleted: false,
            transcript: false,
            summary: false,
        };
        let rings = open.live;
        self.sessions.insert(id.clone(), session);
        self.session_order.push(id);
        if rings {
            self.log(ActivityKind::StartedCall, user, room, now);
            self.report_call_incoming(room, user, now);
        }
    }

    /// A user leaves or loses the connection.
    pub(in crate::emulator) fn leave(
        &mut self,
        room: &str,
        user: &str,
        change: ConnectionChange,
    ) -> Result<(), SimulationError> {
        self.close_expired_rooms();
        let now = self.now();
        let is_connected = |room: &&mut super::EmulatedRoom| room.connected.iter().any(|one| one == user);
        let open = self.rooms.get_mut(room).filter(is_connected).ok_or(SimulationError("the user is not connected"))?;
        open.connected.retain(|one| one != user);
        let left = open.connected.len();
        if left == 1 {
            open.used = open.used_at(now);
            open.counting_since = None;
        }
        let session = open.session.as_ref().map(SessionId::to_string).unwrap_or_default();
        // A ringing call ends with the second last user; without ringing, one user keeps the room running.
        let ends = left == 0 || (open.live && left == 1);
        self.record_departure(room, &session, user, change, now);
        if ends {
            self.end_session(room, now);
        } else if left == 1 {
            self.report_session(room, &session, "on_session_paused", now);
        }
        Ok(())
    }

    /// Disconnects a user from every call.
    pub(super) fn disconnect_everywhere(&mut self, user: &str) {
        let rooms = self.rooms.values().filter(|room| room.connected.iter().any(|one| one == user));
        for room in rooms.map(|room| room.id.clone()).collect::<Vec<_>>() {
            // Cannot fail: the user is connected.
            let _ = self.leave(room.as_str(), user, ConnectionChange::Disconnected);
        }
    }

    fn record_departure(&mut self, room: &str, session: &str, user: &str, change: ConnectionChange, now: Timestamp) {
        self.connection(session, user, change, now);
        for kind in [ActivityKind::CallOut, ActivityKind::Disconnection] {
            self.log(kind, user, room, now);
        }
        self.report_user(room, session, user, "on_user_disconnected", now);
    }

    fn connection(&mut self, session: &str, user: &str, change: ConnectionChange, at: Timestamp) {
        if let Some(session) = self.sessions.get_mut(session) {
            session.connections.push(EmulatedConnection { user_id: known(user), change, at });
        }
    }

    fn log(&mut self, kind: ActivityKind, user: &str, room: &str, at: Timestamp) {
        if self.activities.len() >= MAX_ACTIVITIES {
            self.activities.remove(0);
        }
        self.activities.push(Activity { kind, user_id: user.to_owned(), room_id: room.to_owned(), at });
    }

    /// Ends the running session of a room, if any.
    pub(super) fn end_session(&mut self, room: &str, at: Timestamp) {
        let Some(open) = self.rooms.get_mut(room) else { return };
        let Some(session) = open.session.as_ref().map(SessionId::to_string) else { return };
        open.used = open.used_at(at);
        open.counting_since = None;
        open.is_recording = false;
        let transcribed = open.transcribed;
        for user in std::mem::take(&mut open.connected) {
            self.record_departure(room, &session, user.as_str(), ConnectionChange::Disconnected, at);
        }
        if let Some(open) = self.rooms.get_mut(room) {
            open.session = None;
        }
        let mut recorded = false;
        if let Some(session) = self.sessions.get_mut(&session) {
            session.ended_at = Some(at);
            recorded = session.was_recorded;
            session.transcript = recorded && transcribed;
            session.summary = session.transcript;
        }
        self.report_session(room, &session, "on_session_ended", at);
        self.report_call_ended(room, at);
        if recorded {
            self.report_recording(room, &session, at);
        }
        if recorded && transcribed {
            self.report_transcription(room, &session, at);
        }
    }

    /// Closes the rooms whose call time is used up.
    pub(in crate::emulator) fn close_expired_rooms(&mut self) {
        let now = self.now();
        let expired = self.rooms.values().filter_map(|room| {
            let limit = SignedDuration::from_secs(i64::try_from(room.duration?).ok()?);
            let end = room.counting_since?.saturating_add(limit - room.used).ok()?;
            (end <= now).then(|| (room.id.to_string(), end))
        });
        let mut expired: Vec<(String, Timestamp)> = expired.collect();
        expired.sort_by_key(|(_, end)| *end);
        for (id, end) in expired {
            self.end_session(&id, end);
            if let Some(room) = self.rooms.get_mut(&id) {
                room.used_up = true;
            }
            for user in self.rooms.get(&id).map(|room| room.participants.clone()).unwrap_or_default() {
                self.log(ActivityKind::RoomEnded, user.user_id.as_str(), &id, end);
            }
        }
    }

    /// A user rates a call.
    pub(in crate::emulator) fn rate(&mut self, session: &str, user: &str, rating: u8) -> Result<(), SimulationError> {
        let rated = self.sessions.get(session).ok_or(SimulationError("the session does not exist"))?;
        if !rated.participants.iter().any(|one| one == user) {
            return Err(SimulationError("the user was not in the session"));
        }
        if !(1..=5).contains(&rating) {
            return Err(SimulationError("the rating must be from 1 to 5"));
        }
        let room = rated.room_id.clone();
        self.report_feedback(room.as_str(), session, user, rating);
        Ok(())
    }

    pub(in crate::emulator) fn session(&self, id: &str) -> Result<&EmulatedSession, Refusal> {
        self.sessions.get(id).ok_or_else(|| Refusal::not_found("session_not_found", "The session does not exist"))
    }

    /// All sessions, in the order in which they started.
    pub(in crate::emulator) fn all_sessions(&self) -> impl DoubleEndedIterator<Item = &EmulatedSession> {
        self.session_order.iter().filter_map(|id| self.sessions.get(id))
    }

    pub(in crate::emulator) fn list_sessions(
        &self,
        filter: impl Fn(&EmulatedSession) -> bool,
        span: Span,
    ) -> Slice<&EmulatedSession> {
        slice(self.all_sessions().rev().filter(|session| filter(session)), span)
    }

    pub(in crate::emulator) fn list_activities(
        &self,
        filter: impl Fn(&Activity) -> bool,
        span: Span,
    ) -> Vec<&Activity> {
        slice(self.activities.iter().rev().filter(|activity| filter(activity)), span).items
    }

    /// A link to a recording that is ready, not deleted and within its retention.
    pub(in crate::emulator) fn recording_link(
        &mut self,
        id: &str,
        lifetime: SignedDuration,
        version: ApiVersion,
    ) -> Result<String, Refusal> {
        let missing = || Refusal::request("recording_not_found", "The recording does not exist");
        let session = self.sessions.get(id).ok_or_else(missing)?;
        let recordable =
            self.rooms.get(session.room_id.as_str()).is_some_and(|room| room.recording != RecordingMode::Off);
        if !recordable {
            return Err(Refusal::request("room_no_recordable", "The room was created without recording"));
        }
        let ended = session.ended_at.filter(|_| session.was_recorded && !session.recording_deleted);
        let retention =
            SignedDuration::from_hours(24 * i64::try_from(self.company.retention_days).unwrap_or(i64::MAX / 24));
        // The meaning of zero days is not documented; the emulator keeps the recording indefinitely.
        if self.company.retention_days > 0 && self.now().duration_since(ended.ok_or_else(missing)?) > retention {
            return Err(match version {
                ApiVersion::V1 => missing(),
                ApiVersion::V2 => Refusal::precondition("recording_expired", "The recording is no longer available"),
            });
        }
        ended.ok_or_else(missing)?;
        let content = Bytes::from(format!("an emulated recording of {id}"));
        Ok(self.store_temporarily("video/mp4", content, lifetime))
    }

    pub(in crate::emulator) fn delete_recording(&mut self, id: &str) -> Result<(), Refusal> {
        let ready = |session: &&mut EmulatedSession| {
            session.was_recorded && session.ended_at.is_some() && !session.recording_deleted
        };
        let session = self.sessions.get_mut(id).filter(ready);
        session
            .ok_or_else(|| Refusal::not_found("recording_not_found", "The recording does not exist"))?
            .recording_deleted = true;
        Ok(())
    }

    /// Whether the transcript or summary of a session exists; an error if not.
    pub(in crate::emulator) fn text_of(&mut self, id: &str, summary: bool) -> Result<&mut bool, Refusal> {
        if !self.settings.transcription {
            return Err(Refusal::request("transcription_disabled", "Transcription is not enabled for the company"));
        }
        let session = self
            .sessions
            .get_mut(id)
            .ok_or_else(|| Refusal::not_found("session_not_found", "The session does not exist"))?;
        let exists = if summary { &mut session.summary } else { &mut session.transcript };
        if *exists {
            Ok(exists)
        } else {
            Err(Refusal::not_found("transcription_not_found", "The transcript does not exist"))
        }
    }
}
