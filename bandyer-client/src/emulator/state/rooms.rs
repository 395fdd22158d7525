//! Rooms and their participants.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};

use super::users::EmulatedUser;
use super::{Slice, Span, State, hex, known, slice};
use crate::emulator::refusal::Refusal;
use crate::rooms::{CallType, RecordingMode, RoomStatus, Tools};
use crate::sessions::ConnectionChange;
use crate::types::ids::{RoomId, SessionId, UserId};
use crate::types::secret::{JoinUrl, LinkToken};
use crate::users::Role;

/// Accepted number of participants.
const PARTICIPANTS: std::ops::RangeInclusive<usize> = 2..=25;
/// Minimum call time limit, in seconds.
const MIN_DURATION_SECONDS: u64 = 60;

/// A participant in the state of the emulator.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct EmulatedParticipant {
    /// The user.
    pub user_id: UserId,
    /// Whether the participant is an admin of the call.
    pub is_admin: bool,
    /// The tools that the participant may use.
    pub tools: Tools,
    /// The personal link in the format of v2.
    pub link: JoinUrl,
    pub(in crate::emulator) token: LinkToken,
}

/// A room in the state of the emulator.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct EmulatedRoom {
    /// The id.
    pub id: RoomId,
    /// The participants.
    pub participants: Vec<EmulatedParticipant>,
    /// The media with which a call starts.
    pub call_type: CallType,
    /// Whether it is recorded.
    pub recording: RecordingMode,
    /// The call time limit in seconds; `None` if unlimited.
    pub duration: Option<u64>,
    /// Whether opening a link rings the other participants.
    pub live: bool,
    /// The description set by the creator.
    pub description: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// Whether it is disabled.
    pub disabled: bool,
    /// Whether it is deleted.
    pub deleted: bool,
    /// Whether it was added by [`plant_room`](crate::emulator::Emulator::plant_room).
    pub planted: bool,
    /// Whether a recording is running.
    pub is_recording: bool,
    /// How often the participants were rung.
    pub rings: u32,
    /// The users in the call.
    pub connected: Vec<UserId>,
    /// The running session.
    pub session: Option<SessionId>,
    /// Whether its call time is used up.
    pub used_up: bool,
    pub(in crate::emulator) direct: bool,
    pub(in crate::emulator) transcribed: bool,
    /// Call time used before `counting_since`.
    pub(super) used: SignedDuration,
    /// Since when at least two users have been connected.
    pub(super) counting_since: Option<Timestamp>,
}

impl EmulatedRoom {
    pub(in crate::emulator) const fn status(&self) -> RoomStatus {
        if self.deleted || self.disabled || self.used_up {
            RoomStatus::Closed
        } else if self.session.is_some() {
            RoomStatus::Running
        } else {
            RoomStatus::NotRunning
        }
    }

    /// Call time used until `now`. Time counts while at least two users are connected.
    pub(in crate::emulator) fn used_at(&self, now: Timestamp) -> SignedDuration {
        self.used + self.counting_since.map_or(SignedDuration::ZERO, |since| now.duration_since(since))
    }
}

pub(in crate::emulator) struct NewRoom {
    pub(in crate::emulator) participants: Vec<NewParticipant>,
    pub(in crate::emulator) call_type: CallType,
    pub(in crate::emulator) recording: RecordingMode,
    pub(in crate::emulator) duration: Option<u64>,
    pub(in crate::emulator) live: bool,
    pub(in crate::emulator) description: Option<String>,
    pub(in crate::emulator) direct: bool,
    pub(in crate::emulator) transcribed: bool,
}

pub(in crate::emulator) struct NewParticipant {
    pub(in crate::emulator) user_id: String,
    pub(in crate::emulator) is_admin: bool,
    pub(in crate::emulator) tools: Tools,
}

pub(in crate::emulator) struct ParticipantChange {
    pub(in crate::emulator) is_admin: Option<bool>,
    pub(in crate::emulator) tools: Option<Tools>,
}

impl State {
    pub(in crate::emulator) fn rooms(&self) -> Vec<EmulatedRoom> {
        self.room_order.iter().filter_map(|id| self.rooms.get(id)).cloned().collect()
    }

    pub(in crate::emulator) fn create_room(&mut self, new: NewRoom) -> Result<EmulatedRoom, Refusal> {
        if !PARTICIPANTS.contains(&new.participants.len()) {
            return Err(Refusal::validation("invalid_participants_length", "A room has 2 to 25 participants"));
        }
        let mut seen = HashSet::new();
        for participant in &new.participants {
            if !seen.insert(&participant.user_id) {
                return Err(Refusal::validation("duplicate_participant", "A user is a participant twice"));
            }
            match self.users.get(&participant.user_id) {
                Some(user) if user.active => {}
                _ => return Err(Refusal::request("invalid_user_id", "A participant is not an active user")),
            }
        }
        let is_plus = |one: &NewParticipant| self.users.get(&one.user_id).is_some_and(|user| user.role == Role::Plus);
        if !new.participants.iter().any(is_plus) {
            return Err(Refusal::validation("no_plus_user_in_room", "At least one participant must be plus"));
        }
        if matches!(new.call_type, CallType::Unknown(_)) {
            return Err(Refusal::validation("invalid_call_type", "Unknown call_type"));
        }
        if matches!(new.recording, RecordingMode::Unknown(_)) {
            return Err(Refusal::validation("invalid_recording", "Unknown recording"));
        }
        if new.transcribed && !self.settings.transcription {
            return Err(Refusal::request("transcription_disabled", "Transcription is not enabled for the company"));
        }
        if new.duration.is_some_and(|seconds| seconds < MIN_DURATION_SECONDS) {
            return Err(Refusal::validation("invalid_duration", "The duration must be at least 60 seconds"));
        }
        Ok(self.add_room(new, false))
    }

    fn add_room(&mut self, new: NewRoom, planted: bool) -> EmulatedRoom {
        let id = format!("room_{}", hex(12));
        let participants: Vec<EmulatedParticipant> =
            new.participants.into_iter().map(|one| self.create_participant(&id, one)).collect();
        let room = EmulatedRoom {
            id: known(&id),
            participants,
            call_type: new.call_type,
            recording: new.recording,
            duration: new.duration,
            live: new.live,
            description: new.description,
            created_at: self.now(),
            disabled: false,
            deleted: false,
            planted,
            is_recording: false,
            rings: 0,
            connected: Vec::new(),
            session: None,
            used_up: false,
            direct: new.direct,
            transcribed: new.transcribed,
            used: SignedDuration::ZERO,
            counting_since: None,
        };
        self.rooms.insert(id.clone(), room.clone());
        self.room_order.push(id);
        self.report_room_created(&room);
        room
    }

    fn create_participant(&mut self, room: &str, one: NewParticipant) -> EmulatedParticipant {
        let token = hex(26);
        self.links.insert(token.clone(), room.to_owned());
        EmulatedParticipant {
            user_id: known(&one.user_id),
            is_admin: one.is_admin,
            tools: one.tools,
            link: JoinUrl::from(format!("{}/eu/direct-rest-call-handler/{token}", self.url)),
            token: LinkToken::from(token),
        }
    }

    pub(super) fn open_room(&mut self, id: &str) -> Result<&mut EmulatedRoom, Refusal> {
        let unknown = self.unknown_room();
        let room = self.rooms.get_mut(id).filter(|room| !room.deleted).ok_or(unknown)?;
        if room.disabled {
            return Err(Refusal::request("room_disabled", "The room is disabled"));
        }
        if room.used_up {
            return Err(Refusal::request("room_closed", "The call time of the room is used up"));
        }
        Ok(room)
    }

    pub(in crate::emulator) fn add_participant(
        &mut self,
        room: &str,
        new: NewParticipant,
    ) -> Result<EmulatedParticipant, Refusal> {
        let is_active = self.users.get(&new.user_id).is_some_and(|user| user.active);
        let open = self.open_room(room)?;
        if open.participants.len() >= *PARTICIPANTS.end() {
            return Err(Refusal::validation("invalid_participants_length", "A room has 2 to 25 participants"));
        }
        if open.participants.iter().any(|one| one.user_id == *new.user_id) {
            return Err(Refusal::validation("duplicate_participant", "The user is a participant already"));
        }
        if !is_active {
            return Err(Refusal::request("invalid_user_id", "The participant is not an active user"));
        }
        let participant = self.create_participant(room, new);
        self.open_room(room)?.participants.push(participant.clone());
        Ok(participant)
    }

    pub(in crate::emulator) fn participant(&self, room: &str, user: &str) -> Result<&EmulatedParticipant, Refusal> {
        self.room(room)?.participants.iter().find(|one| one.user_id == user).ok_or_else(unknown_participant)
    }

    pub(in crate::emulator) fn update_participant(
        &mut self,
        room: &str,
        user: &str,
        change: ParticipantChange,
    ) -> Result<EmulatedParticipant, Refusal> {
        let people = &mut self.open_room(room)?.participants;
        let one = people.iter_mut().find(|one| one.user_id == user).ok_or_else(unknown_participant)?;
        one.is_admin = change.is_admin.unwrap_or(one.is_admin);
        one.tools = change.tools.unwrap_or(one.tools);
        Ok(one.clone())
    }

    pub(in crate::emulator) fn remove_participant(&mut self, room: &str, user: &str) -> Result<(), Refusal> {
        let people = &mut self.open_room(room)?.participants;
        let position = people.iter().position(|one| one.user_id == user).ok_or_else(unknown_participant)?;
        let removed = people.remove(position);
        self.links.remove(removed.token.expose());
        // Fails if the user is not connected, and then there is nothing to do.
        let _ = self.leave(room, user, ConnectionChange::Disconnected);
        Ok(())
    }

    pub(in crate::emulator) fn record(&mut self, room: &str, on: bool) -> Result<(), Refusal> {
        let room = self.open_room(room)?;
        if room.recording == RecordingMode::Off {
            return Err(Refusal::request("room_no_recordable", "The room was created without recording"));
        }
        room.is_recording = on;
        let session = room.session.clone();
        if let Some(session) = session.filter(|_| on).and_then(|id| self.sessions.get_mut(id.as_str())) {
            session.was_recorded = true;
        }
        Ok(())
    }

    pub(in crate::emulator) fn ring(&mut self, room: &str) -> Result<(), Refusal> {
        self.open_room(room)?.rings += 1;
        Ok(())
    }

    /// A personal link in the format of v1.
    pub(in crate::emulator) fn v1_link(&self, room: &EmulatedRoom, participant: &EmulatedParticipant) -> String {
        let handler = if room.direct { "direct-rest-call-handler" } else { "rest-call-handler" };
        format!("{}/connect/{handler}/{}", self.url, participant.token.expose())
    }

    pub(in crate::emulator) fn room(&self, id: &str) -> Result<&EmulatedRoom, Refusal> {
        self.rooms.get(id).filter(|room| !room.deleted).ok_or_else(|| self.unknown_room())
    }

    fn unknown_room(&self) -> Refusal {
        let message = "The room does not exist";
        if self.settings.unknown_room_is_bad_request {
            Refusal::request("invalid_parameter", message)
        } else {
            Refusal::not_found("room_not_found", message)
        }
    }

    pub(in crate::emulator) fn disable_room(&mut self, id: &str) -> Result<(), Refusal> {
        self.room(id)?;
        self.end_session(id, self.now());
        let links = self.room_links(id);
        let unknown = self.unknown_room();
        self.rooms.get_mut(id).ok_or(unknown)?.disabled = true;
        self.report_room_closed(id, "on_room_disabled", "disabled", links);
        Ok(())
    }

    pub(in crate::emulator) fn delete_room(&mut self, id: &str) -> Result<(), Refusal> {
        self.room(id)?;
        self.end_session(id, self.now());
        let links = self.room_links(id);
        let unknown = self.unknown_room();
        self.rooms.get_mut(id).ok_or(unknown)?.deleted = true;
        self.report_room_closed(id, "on_room_deleted", "deleted", links);
        Ok(())
    }

    /// The users and their links; empty once the room is disabled.
    fn room_links(&self, id: &str) -> Vec<(String, String)> {
        let room = self.rooms.get(id).filter(|room| !room.disabled);
        let people = room.map(|room| room.participants.as_slice()).unwrap_or_default();
        people.iter().map(|one| (one.user_id.to_string(), one.link.expose().to_owned())).collect()
    }

    pub(in crate::emulator) fn list_rooms(&self, span: Span) -> Slice<&EmulatedRoom> {
        let room = |id: &String| self.rooms.get(id).filter(|room| !room.deleted);
        if self.settings.rooms_oldest_first {
            slice(self.room_order.iter().filter_map(room), span)
        } else {
            slice(self.room_order.iter().rev().filter_map(room), span)
        }
    }

    pub(in crate::emulator) fn rooms_of_user(&self, user: &str) -> Vec<&EmulatedRoom> {
        let all = self.list_rooms(Span::ALL).items;
        all.into_iter().filter(|room| room.participants.iter().any(|one| one.user_id == user)).collect()
    }

    pub(in crate::emulator) fn check_link(&self, token: &str) -> bool {
        self.find_by_link(token).is_some()
    }

    pub(in crate::emulator) fn revoke_link(&mut self, token: &str) -> Result<(), Refusal> {
        let known = self.links.remove(token);
        known.map(drop).ok_or_else(|| Refusal::not_found("token_not_found", "The token does not exist"))
    }

    /// The room, participant and user of a link that still works.
    pub(in crate::emulator) fn find_by_link(
        &self,
        token: &str,
    ) -> Option<(&EmulatedRoom, &EmulatedParticipant, &EmulatedUser)> {
        let room = self.rooms.get(self.links.get(token)?).filter(|room| !room.deleted && !room.disabled)?;
        let participant = room.participants.iter().find(|participant| participant.token.expose() == token)?;
        let user = self.users.get(participant.user_id.as_str()).filter(|user| user.active)?;
        Some((room, participant, user))
    }

    pub(in crate::emulator) fn plant_room(&mut self, description: &str) -> RoomId {
        let participants = [Role::Plus, Role::Basic]
            .into_iter()
            .map(|role| {
                let user = self.add_user(format!("usr_{}", hex(12)), role, None, None, true);
                NewParticipant { is_admin: user.role == Role::Plus, user_id: user.id.to_string(), tools: Tools::all() }
            })
            .collect();
        let new = NewRoom {
            participants,
            call_type: CallType::AudioVideo,
            recording: RecordingMode::Off,
            duration: None,
            live: false,
            description: Some(description.to_owned()),
            direct: false,
            transcribed: false,
        };
        self.add_room(new, true).id
    }
}

fn unknown_participant() -> Refusal {
    Refusal::not_found("participant_not_found", "The user is not a participant of the room")
}
