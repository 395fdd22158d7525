//! Calls: who comes and goes, how long it takes, and what is recorded.

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};

use super::{Slice, Span, State, hex, slice};
use crate::activity::ActivityKind;
use crate::config::ApiVersion;
use crate::emulator::refusal::Refusal;
use crate::rooms::Recording;
use crate::sessions::ConnectionChange;

/// How many entries of the activity log are kept. A load test must not fill the memory.
const KEPT_ACTIVITIES: usize = 10_000;

/// A session as the emulator remembers it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EmulatedSession {
    /// The id.
    pub id: String,
    /// The room.
    pub room_id: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; none while it goes on.
    pub ended_at: Option<Timestamp>,
    /// Who was there, in the order in which they came.
    pub participants: Vec<String>,
    /// Who came and left, oldest first.
    pub connections: Vec<EmulatedConnection>,
    /// Whether a part of it was recorded.
    pub was_recorded: bool,
    /// Whether the recording was deleted.
    pub recording_deleted: bool,
    /// Whether there is a transcript.
    pub transcript: bool,
    /// Whether there is a summary.
    pub summary: bool,
}

impl EmulatedSession {
    /// How long it took; none while it goes on.
    #[must_use]
    pub fn duration(&self) -> Option<SignedDuration> {
        self.ended_at.map(|end| end.duration_since(self.started_at))
    }
}

/// Somebody who came or left.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EmulatedConnection {
    /// Who.
    pub user_id: String,
    /// What happened.
    pub change: ConnectionChange,
    /// When.
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

/// What was to be simulated cannot happen: the room is closed, say, or the user is not invited.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this cannot happen: {0}")]
pub struct SimulationError(pub(in crate::emulator) &'static str);

impl State {
    /// Somebody opens a link.
    pub(in crate::emulator) fn join(&mut self, room: &str, user: &str) -> Result<(), SimulationError> {
        self.settle();
        let now = self.now();
        if !self.users.get(user).is_some_and(|user| user.active) {
            return Err(SimulationError("the user is not active"));
        }
        let open = self.open_room(room).map_err(|_| SimulationError("the room is closed"))?;
        if !open.participants.iter().any(|one| one.user_id == user) {
            return Err(SimulationError("the user is not invited"));
        }
        if open.connected.iter().any(|one| one == user) {
            return Err(SimulationError("the user is there already"));
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
        open.connected.push(user.to_owned());
        let count = open.connected.len();
        let resumes = count == 2 && !starts;
        if count == 2 {
            open.counting_since = Some(now);
        }
        let session = open.session.clone().unwrap_or_default();
        let mut was_paused = false;
        if let Some(session) = self.sessions.get_mut(&session) {
            was_paused = session.participants.len() >= 2;
            if !session.participants.iter().any(|one| one == user) {
                session.participants.push(user.to_owned());
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
        open.session = Some(id.clone());
        if open.recording == Recording::Automatic {
            open.is_recording = true;
        }
        let session = EmulatedSession {
            id: id.clone(),
            room_id: room.to_owned(),
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

    /// Somebody leaves, or is lost.
    pub(in crate::emulator) fn leave(
        &mut self,
        room: &str,
        user: &str,
        change: ConnectionChange,
    ) -> Result<(), SimulationError> {
        self.settle();
        let now = self.now();
        let there = |room: &&mut super::EmulatedRoom| room.connected.iter().any(|one| one == user);
        let open = self.rooms.get_mut(room).filter(there).ok_or(SimulationError("the user is not there"))?;
        open.connected.retain(|one| one != user);
        let left = open.connected.len();
        if left == 1 {
            open.used = open.used_by(now);
            open.counting_since = None;
        }
        let session = open.session.clone().unwrap_or_default();
        // A ringing call ends with the second last; without ringing the last one keeps the room running.
        let ends = left == 0 || (open.live && left == 1);
        self.depart(room, &session, user, change, now);
        if ends {
            self.end_session(room, now);
        } else if left == 1 {
            self.report_session(room, &session, "on_session_paused", now);
        }
        Ok(())
    }

    /// Takes somebody who is no longer welcome out of every call.
    pub(super) fn throw_out(&mut self, user: &str) {
        let rooms = self.rooms.values().filter(|room| room.connected.iter().any(|one| one == user));
        for room in rooms.map(|room| room.id.clone()).collect::<Vec<_>>() {
            // They are there, so nothing speaks against their leaving.
            let _ = self.leave(&room, user, ConnectionChange::Disconnected);
        }
    }

    fn depart(&mut self, room: &str, session: &str, user: &str, change: ConnectionChange, now: Timestamp) {
        self.connection(session, user, change, now);
        for kind in [ActivityKind::CallOut, ActivityKind::Disconnection] {
            self.log(kind, user, room, now);
        }
        self.report_user(room, session, user, "on_user_disconnected", now);
    }

    fn connection(&mut self, session: &str, user: &str, change: ConnectionChange, at: Timestamp) {
        if let Some(session) = self.sessions.get_mut(session) {
            session.connections.push(EmulatedConnection { user_id: user.to_owned(), change, at });
        }
    }

    fn log(&mut self, kind: ActivityKind, user: &str, room: &str, at: Timestamp) {
        if self.activities.len() >= KEPT_ACTIVITIES {
            self.activities.remove(0);
        }
        self.activities.push(Activity { kind, user_id: user.to_owned(), room_id: room.to_owned(), at });
    }

    /// Ends what goes on in a room, if anything does.
    pub(super) fn end_session(&mut self, room: &str, at: Timestamp) {
        let Some(open) = self.rooms.get_mut(room) else { return };
        let Some(session) = open.session.clone() else { return };
        open.used = open.used_by(at);
        open.counting_since = None;
        open.is_recording = false;
        let transcribed = open.transcribed;
        for user in std::mem::take(&mut open.connected) {
            self.depart(room, &session, &user, ConnectionChange::Disconnected, at);
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

    /// Closes the rooms whose call time is used up by now.
    pub(in crate::emulator) fn settle(&mut self) {
        let now = self.now();
        let expired = self.rooms.values().filter_map(|room| {
            let limit = SignedDuration::from_secs(i64::try_from(room.duration?).ok()?);
            let end = room.counting_since?.saturating_add(limit - room.used).ok()?;
            (end <= now).then(|| (room.id.clone(), end))
        });
        let mut expired: Vec<(String, Timestamp)> = expired.collect();
        expired.sort_by_key(|(_, end)| *end);
        for (id, end) in expired {
            self.end_session(&id, end);
            if let Some(room) = self.rooms.get_mut(&id) {
                room.used_up = true;
            }
            for user in self.rooms.get(&id).map(|room| room.participants.clone()).unwrap_or_default() {
                self.log(ActivityKind::RoomEnded, &user.user_id, &id, end);
            }
        }
    }

    /// Somebody rates a call.
    pub(in crate::emulator) fn rate(&mut self, session: &str, user: &str, rating: u8) -> Result<(), SimulationError> {
        let of = self.sessions.get(session).ok_or(SimulationError("there is no such session"))?;
        if !of.participants.iter().any(|one| one == user) {
            return Err(SimulationError("the user was not there"));
        }
        if !(1..=5).contains(&rating) {
            return Err(SimulationError("a rating is from 1 to 5"));
        }
        let room = of.room_id.clone();
        self.report_feedback(&room, session, user, rating);
        Ok(())
    }

    pub(in crate::emulator) fn session(&self, id: &str) -> Result<&EmulatedSession, Refusal> {
        self.sessions.get(id).ok_or_else(|| Refusal::not_found("session_not_found", "There is no such session"))
    }

    /// All sessions, in the order in which they began.
    pub(in crate::emulator) fn all_sessions(&self) -> impl DoubleEndedIterator<Item = &EmulatedSession> {
        self.session_order.iter().filter_map(|id| self.sessions.get(id))
    }

    pub(in crate::emulator) fn list_sessions(
        &self,
        fits: impl Fn(&EmulatedSession) -> bool,
        span: Span,
    ) -> Slice<&EmulatedSession> {
        slice(self.all_sessions().rev().filter(|session| fits(session)), span)
    }

    pub(in crate::emulator) fn list_activities(&self, fits: impl Fn(&Activity) -> bool, span: Span) -> Vec<&Activity> {
        slice(self.activities.iter().rev().filter(|activity| fits(activity)), span).items
    }

    /// A link to a recording that is ready, not deleted and within its retention.
    pub(in crate::emulator) fn recording_link(
        &mut self,
        id: &str,
        lifetime: SignedDuration,
        version: ApiVersion,
    ) -> Result<String, Refusal> {
        let missing = || Refusal::request("recording_not_found", "There is no such recording");
        let session = self.sessions.get(id).ok_or_else(missing)?;
        let recordable = self.rooms.get(&session.room_id).is_some_and(|room| room.recording != Recording::Off);
        if !recordable {
            return Err(Refusal::request("room_no_recordable", "The room was created without recording"));
        }
        let ended = session.ended_at.filter(|_| session.was_recorded && !session.recording_deleted);
        let kept = SignedDuration::from_hours(24 * i64::try_from(self.company.retention_days).unwrap_or(i64::MAX / 24));
        // What zero days mean is not documented; here it means for ever.
        if self.company.retention_days > 0 && self.now().duration_since(ended.ok_or_else(missing)?) > kept {
            return Err(match version {
                ApiVersion::V1 => missing(),
                ApiVersion::V2 => Refusal::precondition("recording_expired", "The recording is no longer available"),
            });
        }
        ended.ok_or_else(missing)?;
        let content = Bytes::from(format!("an emulated recording of {id}"));
        Ok(self.lend("video/mp4", content, lifetime))
    }

    pub(in crate::emulator) fn delete_recording(&mut self, id: &str) -> Result<(), Refusal> {
        let ready = |session: &&mut EmulatedSession| {
            session.was_recorded && session.ended_at.is_some() && !session.recording_deleted
        };
        let session = self.sessions.get_mut(id).filter(ready);
        session
            .ok_or_else(|| Refusal::not_found("recording_not_found", "There is no such recording"))?
            .recording_deleted = true;
        Ok(())
    }

    /// The transcript or the summary of a session.
    pub(in crate::emulator) fn text_of(&mut self, id: &str, summary: bool) -> Result<&mut bool, Refusal> {
        if !self.settings.transcription {
            return Err(Refusal::request("transcription_disabled", "Transcription is not switched on for the company"));
        }
        let session = self
            .sessions
            .get_mut(id)
            .ok_or_else(|| Refusal::not_found("session_not_found", "There is no such session"))?;
        let there = if summary { &mut session.summary } else { &mut session.transcript };
        if *there {
            Ok(there)
        } else {
            Err(Refusal::not_found("transcription_not_found", "There is no such transcript"))
        }
    }
}
