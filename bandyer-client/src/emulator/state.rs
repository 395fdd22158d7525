//! What the vendor remembers, and what it allows. Knows nothing of paths and field names.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use serde::Serialize;

use super::refusal::Refusal;
use crate::config::ApiVersion;
use crate::model::secret::JoinUrl;
use crate::rooms::{CallType, Recording, RoomStatus, Tools};
use crate::users::{Language, Role};

/// Longest user id, in characters.
const MAX_USER_ID_CHARS: usize = 128;
/// Fewest and most participants.
const PARTICIPANTS: std::ops::RangeInclusive<usize> = 2..=25;
/// Shortest call time, in seconds.
const MIN_DURATION_SECONDS: u64 = 60;
/// What the company speaks unless told otherwise.
const DEFAULT_LANGUAGE: Language = Language::English;

/// A user as the emulator remembers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct EmulatedUser {
    /// The id.
    pub id: String,
    /// The role.
    pub role: Role,
    /// The language.
    pub language: Language,
    /// Whether the camera is allowed.
    pub camera: bool,
    /// Whether the user may enter rooms.
    pub active: bool,
    /// When it was created.
    pub created_at: Timestamp,
    /// Whether it was planted.
    pub planted: bool,
}

/// A participant as the emulator remembers it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct EmulatedParticipant {
    /// Who.
    pub user_id: String,
    /// Whether this person leads the call.
    pub is_admin: bool,
    /// What this person may use.
    pub tools: Tools,
    /// The personal link, as v2 writes it.
    pub link: JoinUrl,
    pub(super) token: String,
}

/// A room as the emulator remembers it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct EmulatedRoom {
    /// The id.
    pub id: String,
    /// Who may enter.
    pub participants: Vec<EmulatedParticipant>,
    /// What the call starts with.
    pub call_type: CallType,
    /// Whether it is recorded.
    pub recording: Recording,
    /// Longest call time in seconds; none when unlimited.
    pub duration: Option<u64>,
    /// Whether links make the others ring.
    pub live: bool,
    /// What the creator wrote.
    pub description: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// Whether it can no longer be used.
    pub disabled: bool,
    /// Whether it is gone.
    pub deleted: bool,
    /// Whether it was planted.
    pub planted: bool,
    /// Whether a recording goes on.
    pub is_recording: bool,
    /// How often its people's devices were made to ring.
    pub rings: u32,
    pub(super) direct: bool,
}

impl EmulatedRoom {
    pub(super) const fn status(&self) -> RoomStatus {
        if self.deleted || self.disabled { RoomStatus::Closed } else { RoomStatus::NotRunning }
    }
}

pub(super) struct NewUser {
    pub(super) id: Option<String>,
    pub(super) role: Role,
    pub(super) language: Option<Language>,
    pub(super) camera: Option<bool>,
}

pub(super) struct UserChange {
    pub(super) role: Option<Role>,
    pub(super) language: Option<Language>,
    pub(super) camera: Option<bool>,
    pub(super) active: Option<bool>,
}

pub(super) struct NewRoom {
    pub(super) participants: Vec<NewParticipant>,
    pub(super) call_type: CallType,
    pub(super) recording: Recording,
    pub(super) duration: Option<u64>,
    pub(super) live: bool,
    pub(super) description: Option<String>,
    pub(super) direct: bool,
}

pub(super) struct NewParticipant {
    pub(super) user_id: String,
    pub(super) is_admin: bool,
    pub(super) tools: Tools,
}

pub(super) struct ParticipantChange {
    pub(super) is_admin: Option<bool>,
    pub(super) tools: Option<Tools>,
}

/// Part of a list, newest first.
pub(super) struct Slice<T> {
    pub(super) items: Vec<T>,
    pub(super) has_more: bool,
}

pub(super) struct State {
    url: String,
    users: HashMap<String, EmulatedUser>,
    user_order: Vec<String>,
    rooms: HashMap<String, EmulatedRoom>,
    room_order: Vec<String>,
    /// The room behind each link.
    links: HashMap<String, String>,
}

fn hex(digits: usize) -> String {
    (0..digits).map(|_| char::from_digit(fastrand::u32(0..16), 16).unwrap_or('0')).collect()
}

impl State {
    pub(super) fn new(url: String) -> Self {
        Self {
            url,
            users: HashMap::new(),
            user_order: Vec::new(),
            rooms: HashMap::new(),
            room_order: Vec::new(),
            links: HashMap::new(),
        }
    }

    pub(super) fn forget(&mut self) {
        *self = Self::new(std::mem::take(&mut self.url));
    }

    pub(super) fn users(&self) -> Vec<EmulatedUser> {
        self.user_order.iter().filter_map(|id| self.users.get(id)).cloned().collect()
    }

    pub(super) fn rooms(&self) -> Vec<EmulatedRoom> {
        self.room_order.iter().filter_map(|id| self.rooms.get(id)).cloned().collect()
    }

    pub(super) fn user(&self, id: &str, version: ApiVersion) -> Result<&EmulatedUser, Refusal> {
        self.users.get(id).ok_or_else(|| unknown_user(version))
    }

    pub(super) fn create_user(&mut self, new: NewUser) -> Result<EmulatedUser, Refusal> {
        check_role(&new.role)?;
        new.language.as_ref().map_or(Ok(()), check_language)?;
        let id = new.id.unwrap_or_else(|| format!("usr_{}", hex(12)));
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if id.is_empty() || id.len() > MAX_USER_ID_CHARS || !id.bytes().all(allowed) {
            return Err(Refusal::validation("id_validation_error", "id must be 1 to 128 of [a-zA-Z0-9._-]"));
        }
        if self.users.contains_key(&id) {
            return Err(Refusal::request("user_id_already_exists", "A user with this id already exists"));
        }
        Ok(self.add_user(id, new.role, new.language, new.camera, false))
    }

    fn add_user(
        &mut self,
        id: String,
        role: Role,
        language: Option<Language>,
        camera: Option<bool>,
        planted: bool,
    ) -> EmulatedUser {
        let user = EmulatedUser {
            id: id.clone(),
            role,
            language: language.unwrap_or(DEFAULT_LANGUAGE),
            camera: camera.unwrap_or(true),
            active: true,
            created_at: Timestamp::now(),
            planted,
        };
        if self.users.insert(id.clone(), user.clone()).is_none() {
            self.user_order.push(id);
        }
        user
    }

    pub(super) fn update_user(
        &mut self,
        id: &str,
        change: UserChange,
        version: ApiVersion,
    ) -> Result<EmulatedUser, Refusal> {
        let user = self.users.get_mut(id).ok_or_else(|| unknown_user(version))?;
        change.role.as_ref().map_or(Ok(()), check_role)?;
        change.language.as_ref().map_or(Ok(()), check_language)?;
        user.role = change.role.unwrap_or_else(|| user.role.clone());
        user.language = change.language.unwrap_or_else(|| user.language.clone());
        user.camera = change.camera.unwrap_or(user.camera);
        user.active = change.active.unwrap_or(user.active);
        Ok(user.clone())
    }

    pub(super) fn delete_user(&mut self, id: &str, version: ApiVersion) -> Result<(), Refusal> {
        self.users.remove(id).ok_or_else(|| unknown_user(version))?;
        self.user_order.retain(|known| known != id);
        Ok(())
    }

    pub(super) fn list_users(&self, offset: usize, limit: usize) -> Slice<&EmulatedUser> {
        let mut rest = self.user_order.iter().rev().filter_map(|id| self.users.get(id)).skip(offset);
        let items = rest.by_ref().take(limit).collect();
        Slice { items, has_more: rest.next().is_some() }
    }

    pub(super) fn create_room(&mut self, new: NewRoom) -> Result<EmulatedRoom, Refusal> {
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
                _ => return Err(Refusal::request("invalid_user_id", "A participant is no active user")),
            }
        }
        let is_plus = |one: &NewParticipant| self.users.get(&one.user_id).is_some_and(|user| user.role == Role::Plus);
        if !new.participants.iter().any(is_plus) {
            return Err(Refusal::validation("no_plus_user_in_room", "At least one participant must be plus"));
        }
        if matches!(new.call_type, CallType::Unknown(_)) {
            return Err(Refusal::validation("invalid_call_type", "Unknown call_type"));
        }
        if matches!(new.recording, Recording::Unknown(_)) {
            return Err(Refusal::validation("invalid_recording", "Unknown recording"));
        }
        if new.duration.is_some_and(|seconds| seconds < MIN_DURATION_SECONDS) {
            return Err(Refusal::validation("invalid_duration", "The duration must be at least 60 seconds"));
        }
        Ok(self.add_room(new, false))
    }

    fn add_room(&mut self, new: NewRoom, planted: bool) -> EmulatedRoom {
        let id = format!("room_{}", hex(12));
        let participants: Vec<EmulatedParticipant> =
            new.participants.into_iter().map(|one| self.with_link(&id, one)).collect();
        let room = EmulatedRoom {
            id: id.clone(),
            participants,
            call_type: new.call_type,
            recording: new.recording,
            duration: new.duration,
            live: new.live,
            description: new.description,
            created_at: Timestamp::now(),
            disabled: false,
            deleted: false,
            planted,
            is_recording: false,
            rings: 0,
            direct: new.direct,
        };
        self.rooms.insert(id.clone(), room.clone());
        self.room_order.push(id);
        room
    }

    fn with_link(&mut self, room: &str, one: NewParticipant) -> EmulatedParticipant {
        let token = hex(26);
        self.links.insert(token.clone(), room.to_owned());
        EmulatedParticipant {
            user_id: one.user_id,
            is_admin: one.is_admin,
            tools: one.tools,
            link: JoinUrl::from(format!("{}/eu/direct-rest-call-handler/{token}", self.url)),
            token,
        }
    }

    fn open_room(&mut self, id: &str) -> Result<&mut EmulatedRoom, Refusal> {
        let room = self.rooms.get_mut(id).filter(|room| !room.deleted).ok_or_else(unknown_room)?;
        if room.disabled { Err(Refusal::request("room_disabled", "The room is disabled")) } else { Ok(room) }
    }

    pub(super) fn add_participant(&mut self, room: &str, new: NewParticipant) -> Result<EmulatedParticipant, Refusal> {
        let is_active = self.users.get(&new.user_id).is_some_and(|user| user.active);
        let open = self.open_room(room)?;
        if open.participants.len() >= *PARTICIPANTS.end() {
            return Err(Refusal::validation("invalid_participants_length", "A room has 2 to 25 participants"));
        }
        if open.participants.iter().any(|one| one.user_id == new.user_id) {
            return Err(Refusal::validation("duplicate_participant", "The user is a participant already"));
        }
        if !is_active {
            return Err(Refusal::request("invalid_user_id", "The participant is no active user"));
        }
        let participant = self.with_link(room, new);
        self.open_room(room)?.participants.push(participant.clone());
        Ok(participant)
    }

    pub(super) fn participant(&self, room: &str, user: &str) -> Result<&EmulatedParticipant, Refusal> {
        self.room(room)?.participants.iter().find(|one| one.user_id == user).ok_or_else(unknown_participant)
    }

    pub(super) fn update_participant(
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

    pub(super) fn remove_participant(&mut self, room: &str, user: &str) -> Result<(), Refusal> {
        let people = &mut self.open_room(room)?.participants;
        let position = people.iter().position(|one| one.user_id == user).ok_or_else(unknown_participant)?;
        people.remove(position);
        Ok(())
    }

    pub(super) fn record(&mut self, room: &str, on: bool) -> Result<(), Refusal> {
        let room = self.open_room(room)?;
        if room.recording == Recording::Off {
            return Err(Refusal::request("room_no_recordable", "The room was created without recording"));
        }
        room.is_recording = on;
        Ok(())
    }

    pub(super) fn ring(&mut self, room: &str) -> Result<(), Refusal> {
        self.open_room(room)?.rings += 1;
        Ok(())
    }

    /// A link in the form of the first generation.
    pub(super) fn v1_link(&self, room: &EmulatedRoom, participant: &EmulatedParticipant) -> String {
        let handler = if room.direct { "direct-rest-call-handler" } else { "rest-call-handler" };
        format!("{}/connect/{handler}/{}", self.url, participant.token)
    }

    pub(super) fn room(&self, id: &str) -> Result<&EmulatedRoom, Refusal> {
        self.rooms.get(id).filter(|room| !room.deleted).ok_or_else(unknown_room)
    }

    pub(super) fn disable_room(&mut self, id: &str) -> Result<(), Refusal> {
        self.rooms.get_mut(id).filter(|room| !room.deleted).ok_or_else(unknown_room)?.disabled = true;
        Ok(())
    }

    pub(super) fn delete_room(&mut self, id: &str) -> Result<(), Refusal> {
        self.rooms.get_mut(id).filter(|room| !room.deleted).ok_or_else(unknown_room)?.deleted = true;
        Ok(())
    }

    pub(super) fn list_rooms(&self, offset: usize, limit: usize) -> Slice<&EmulatedRoom> {
        let present = self.room_order.iter().rev().filter_map(|id| self.rooms.get(id)).filter(|room| !room.deleted);
        let mut rest = present.skip(offset);
        let items = rest.by_ref().take(limit).collect();
        Slice { items, has_more: rest.next().is_some() }
    }

    /// The room, participant and role behind a link that still works.
    pub(super) fn behind_link(&self, token: &str) -> Option<(&EmulatedRoom, &EmulatedParticipant, &EmulatedUser)> {
        let room = self.rooms.get(self.links.get(token)?).filter(|room| !room.deleted && !room.disabled)?;
        let participant = room.participants.iter().find(|participant| participant.token == token)?;
        let user = self.users.get(&participant.user_id).filter(|user| user.active)?;
        Some((room, participant, user))
    }

    pub(super) fn role_of(&self, user: &str) -> Option<&Role> {
        self.users.get(user).map(|user| &user.role)
    }

    pub(super) fn plant_user(&mut self, id: &str, role: Role) {
        self.add_user(id.to_owned(), role, None, None, true);
    }

    pub(super) fn plant_room(&mut self, description: &str) -> String {
        let participants = [Role::Plus, Role::Basic]
            .into_iter()
            .map(|role| {
                let user = self.add_user(format!("usr_{}", hex(12)), role, None, None, true);
                NewParticipant { is_admin: user.role == Role::Plus, user_id: user.id, tools: Tools::all() }
            })
            .collect();
        let new = NewRoom {
            participants,
            call_type: CallType::AudioVideo,
            recording: Recording::Off,
            duration: None,
            live: false,
            description: Some(description.to_owned()),
            direct: false,
        };
        self.add_room(new, true).id
    }
}

fn unknown_user(version: ApiVersion) -> Refusal {
    match version {
        // A 400 and not a 404, as the v1 reference documents.
        ApiVersion::V1 => Refusal::request("invalid_user_id", "There is no such user"),
        ApiVersion::V2 => Refusal::not_found("user_not_found", "There is no such user"),
    }
}

fn unknown_participant() -> Refusal {
    Refusal::not_found("participant_not_found", "The user is no participant of the room")
}

fn unknown_room() -> Refusal {
    Refusal::not_found("room_not_found", "There is no such room")
}

fn check_role(role: &Role) -> Result<(), Refusal> {
    match role {
        Role::Plus | Role::Basic => Ok(()),
        Role::Unknown(_) => {
            Err(Refusal::validation("role_validation_error", "Invalid role, available options are basic or plus"))
        }
    }
}

fn check_language(language: &Language) -> Result<(), Refusal> {
    match language {
        Language::Unknown(_) => {
            Err(Refusal::validation("invalid_language", "Invalid language, available options are en, it, de, fr, pl"))
        }
        _ => Ok(()),
    }
}
