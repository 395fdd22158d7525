//! Users and their rules.

use jiff::Timestamp;
use serde::Serialize;

use super::files::{Limits, Sent};
use super::{Slice, Span, State, hex, known, slice};
use crate::emulator::refusal::Refusal;
use crate::types::api_version::ApiVersion;
use crate::types::ids::UserId;
use crate::users::{Language, Role};

/// Maximum length of a user id, in characters.
const MAX_USER_ID_CHARS: usize = 128;

/// A user in the state of the emulator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct EmulatedUser {
    /// The id.
    pub id: UserId,
    /// The role.
    pub role: Role,
    /// The language.
    pub language: Language,
    /// Whether the camera is allowed.
    pub camera: bool,
    /// Whether the user is active. Only active users can enter rooms.
    pub active: bool,
    /// When it was created.
    pub created_at: Timestamp,
    /// The URL of the picture.
    pub avatar_url: Option<String>,
    /// Whether it was added by [`plant_user`](crate::emulator::Emulator::plant_user) or
    /// [`plant_room`](crate::emulator::Emulator::plant_room).
    pub planted: bool,
}

pub(in crate::emulator) struct NewUser {
    pub(in crate::emulator) id: Option<String>,
    pub(in crate::emulator) role: Role,
    pub(in crate::emulator) language: Option<Language>,
    pub(in crate::emulator) camera: Option<bool>,
}

pub(in crate::emulator) struct UserChange {
    pub(in crate::emulator) role: Option<Role>,
    pub(in crate::emulator) language: Option<Language>,
    pub(in crate::emulator) camera: Option<bool>,
    pub(in crate::emulator) active: Option<bool>,
}

impl State {
    pub(in crate::emulator) fn users(&self) -> Vec<EmulatedUser> {
        self.user_order.iter().filter_map(|id| self.users.get(id)).cloned().collect()
    }

    pub(in crate::emulator) fn user(&self, id: &str, version: ApiVersion) -> Result<&EmulatedUser, Refusal> {
        self.users.get(id).ok_or_else(|| unknown_user(version))
    }

    pub(in crate::emulator) fn create_user(&mut self, new: NewUser) -> Result<EmulatedUser, Refusal> {
        check_role(&new.role)?;
        new.language.as_ref().map_or(Ok(()), check_language)?;
        let id = new.id.unwrap_or_else(|| format!("usr_{}", hex(12)));
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if UserId::new(id.as_str()).is_err() || id.len() > MAX_USER_ID_CHARS || !id.bytes().all(allowed) {
            return Err(Refusal::validation("id_validation_error", "id must be 1 to 128 of [a-zA-Z0-9._-]"));
        }
        if self.users.contains_key(&id) {
            return Err(Refusal::request("user_id_already_exists", "A user with this id already exists"));
        }
        Ok(self.add_user(id, new.role, new.language, new.camera, false))
    }

    pub(super) fn add_user(
        &mut self,
        id: String,
        role: Role,
        language: Option<Language>,
        camera: Option<bool>,
        planted: bool,
    ) -> EmulatedUser {
        let user = EmulatedUser {
            id: known(&id),
            role,
            language: language.unwrap_or_else(|| self.company.default_language.clone()),
            camera: camera.unwrap_or(true),
            active: true,
            created_at: self.now(),
            avatar_url: None,
            planted,
        };
        if self.users.insert(id.clone(), user.clone()).is_none() {
            self.user_order.push(id);
        }
        user
    }

    pub(in crate::emulator) fn update_user(
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
        let user = user.clone();
        if !user.active {
            self.disconnect_everywhere(id);
        }
        Ok(user)
    }

    pub(in crate::emulator) fn delete_user(&mut self, id: &str, version: ApiVersion) -> Result<(), Refusal> {
        self.users.remove(id).ok_or_else(|| unknown_user(version))?;
        self.disconnect_everywhere(id);
        self.user_order.retain(|known| known != id);
        Ok(())
    }

    pub(in crate::emulator) fn list_users(&self, span: Span) -> Slice<&EmulatedUser> {
        slice(self.user_order.iter().rev().filter_map(|id| self.users.get(id)), span)
    }

    pub(in crate::emulator) fn set_avatar(
        &mut self,
        id: &str,
        picture: &Sent,
        version: ApiVersion,
    ) -> Result<String, Refusal> {
        self.user(id, version)?;
        picture.check(&Limits { png: true, max_bytes: 500 * 1024, min_side: 0 })?;
        let url = self.store_permanently(picture);
        let replaced = self.users.get_mut(id).and_then(|user| user.avatar_url.replace(url.clone()));
        self.remove_file(replaced.as_deref());
        Ok(url)
    }

    pub(in crate::emulator) fn delete_avatar(&mut self, id: &str) -> Result<(), Refusal> {
        let user = self.users.get_mut(id).ok_or_else(|| unknown_user(ApiVersion::V2))?;
        let removed = user.avatar_url.take();
        self.remove_file(removed.as_deref());
        Ok(())
    }

    /// Returns the number of users.
    pub(in crate::emulator) fn set_camera_for_all(&mut self, allowed: bool) -> usize {
        self.users.values_mut().for_each(|user| user.camera = allowed);
        self.users.len()
    }

    pub(in crate::emulator) fn role_of(&self, user: &str) -> Option<&Role> {
        self.users.get(user).map(|user| &user.role)
    }

    pub(in crate::emulator) fn plant_user(&mut self, id: &str, role: Role) {
        self.add_user(id.to_owned(), role, None, None, true);
    }
}

fn unknown_user(version: ApiVersion) -> Refusal {
    match version {
        // 400 instead of 404, as documented in the v1 reference.
        ApiVersion::V1 => Refusal::request("invalid_user_id", "The user does not exist"),
        ApiVersion::V2 => Refusal::not_found("user_not_found", "The user does not exist"),
    }
}

fn check_role(role: &Role) -> Result<(), Refusal> {
    match role {
        Role::Plus | Role::Basic => Ok(()),
        Role::Unknown(_) => {
            Err(Refusal::validation("role_validation_error", "Invalid role, available options are basic or plus"))
        }
    }
}

pub(in crate::emulator) fn check_language(language: &Language) -> Result<(), Refusal> {
    match language {
        Language::Unknown(_) => {
            Err(Refusal::validation("invalid_language", "Invalid language, available options are en, it, de, fr, pl"))
        }
        _ => Ok(()),
    }
}
