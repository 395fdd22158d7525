//! The people who may enter rooms.
//!
//! A *plus* user may create and join rooms, and counts as a licence while active; a *basic* user may join, and may
//! create a room in which some participant is plus. Nothing personal needs to be stored with the vendor.

use std::fmt;

use futures_core::Stream;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::client::Client;
use crate::config::ApiVersion;
use crate::error::{Error, ErrorKind, Result};
use crate::http::request::Request;
use crate::model::ids::UserId;
use crate::model::open_enum::open_enum;
use crate::model::page::Page;
use crate::wire::{v1, v2};

/// Longest user id that the vendor accepts, in characters, of `[a-zA-Z0-9._-]`. Source: the vendor's user page.
const MAX_USER_ID_CHARS: usize = 128;

open_enum! {
    /// What a user may do.
    pub enum Role {
        /// May create and join rooms. Needs a licence while active.
        Plus = "plus",
        /// May join rooms.
        Basic = "basic",
    }
}

open_enum! {
    /// The language of the vendor's own texts. The list is the one of the v1.37 reference; later ones are unknown.
    pub enum Language {
        /// English.
        English = "en",
        /// Italian.
        Italian = "it",
        /// German.
        German = "de",
        /// French.
        French = "fr",
        /// Polish.
        Polish = "pl",
    }
}

/// A user. Everything but the id is optional, because generations and operations tell different parts.
///
/// ```
/// # fn main() -> Result<(), serde_json::Error> {
/// use bandyer_client::users::{Role, User};
///
/// let user: User = serde_json::from_str(r#"{"id": "doc-0007", "role": "plus"}"#)?;
/// assert_eq!(user.role, Some(Role::Plus));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct User {
    /// The id, unique in the company.
    pub id: UserId,
    /// What the user may do.
    #[serde(default)]
    pub role: Option<Role>,
    /// The language of the vendor's texts; the company's default when none.
    #[serde(default)]
    pub language: Option<Language>,
    /// Whether the user may use a camera.
    #[serde(default)]
    pub camera: Option<bool>,
    /// Whether the user may enter rooms at all. An inactive user keeps its id and history.
    #[serde(default)]
    pub active: Option<bool>,
    /// Where the user's picture is.
    #[serde(default)]
    pub avatar_url: Option<String>,
    /// When the user was created.
    #[serde(default)]
    pub created_at: Option<Timestamp>,
}

impl User {
    pub(crate) const fn bare(id: UserId) -> Self {
        Self { id, role: None, language: None, camera: None, active: None, avatar_url: None, created_at: None }
    }
}

/// Operations on users; from [`Client::users`].
#[derive(Debug, Clone, Copy)]
pub struct Users<'a> {
    client: &'a Client,
}

impl<'a> Users<'a> {
    pub(crate) const fn new(client: &'a Client) -> Self {
        Self { client }
    }

    /// Creates a user.
    ///
    /// Without an id the vendor makes one, and the request is then not repeated once it may have reached the vendor.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use bandyer_client::UserId;
    /// use bandyer_client::users::Role;
    ///
    /// let doctor = client.users().create(Role::Plus).id(UserId::new("doc-0007")?).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub const fn create(self, role: Role) -> CreateUser<'a> {
        CreateUser { client: self.client, new: NewUser { role, id: None, language: None, camera: None } }
    }

    /// Reads one user.
    pub fn get(self, id: &UserId) -> Request<'a, User> {
        let wire = match self.client.api_version() {
            ApiVersion::V1 => v1::users::get(id),
            ApiVersion::V2 => v2::users::get(id),
        };
        Request::new(self.client, "get user", Ok(wire))
    }

    /// Lists the company's users. v1 gives all ids in one page and nothing else about them.
    #[must_use = "a request does nothing until `.send()` is awaited"]
    pub const fn list(self) -> ListUsers<'a> {
        ListUsers { client: self.client, offset: 0, page_size: None }
    }

    /// Changes a user. What is not set stays as it is.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let id = bandyer_client::UserId::new("doc-0007")?;
    /// client.users().update(&id).active(false).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn update(self, id: &UserId) -> UpdateUser<'a> {
        UpdateUser { client: self.client, id: id.clone(), change: UserChange::default() }
    }

    /// Deletes a user. Whether the id can be used again is not documented.
    pub fn delete(self, id: &UserId) -> Request<'a, ()> {
        let wire = match self.client.api_version() {
            ApiVersion::V1 => v1::users::delete(id),
            ApiVersion::V2 => v2::users::delete(id),
        };
        Request::new(self.client, "delete user", Ok(wire))
    }
}

/// What a new user is made of.
#[derive(Debug, Clone)]
pub(crate) struct NewUser {
    pub(crate) role: Role,
    pub(crate) id: Option<UserId>,
    pub(crate) language: Option<Language>,
    pub(crate) camera: Option<bool>,
}

/// The creation of a user; from [`Users::create`].
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until `.send()` is awaited"]
pub struct CreateUser<'a> {
    client: &'a Client,
    new: NewUser,
}

impl<'a> CreateUser<'a> {
    /// Chooses the id: at most 128 characters of `[a-zA-Z0-9._-]`. It makes the request safe to repeat, and a repeat
    /// that is told "already exists" ends in the user.
    pub fn id(mut self, id: UserId) -> Self {
        self.new.id = Some(id);
        self
    }

    /// Chooses the language; the company's default unless set.
    pub fn language(mut self, language: Language) -> Self {
        self.new.language = Some(language);
        self
    }

    /// Allows or forbids the camera; allowed unless set.
    pub const fn camera(mut self, allowed: bool) -> Self {
        self.new.camera = Some(allowed);
        self
    }

    /// Makes it a [`Request`], for a time-out or retry policy of its own.
    pub fn into_request(self) -> Request<'a, User> {
        const OPERATION: &str = "create user";
        let client = self.client;
        let wire = check_new_id(OPERATION, self.new.id.as_ref()).map(|()| match client.api_version() {
            ApiVersion::V1 => v1::users::create(&self.new),
            ApiVersion::V2 => v2::users::create(&self.new),
        });
        let request = Request::new(client, OPERATION, wire);
        match &self.new.id {
            Some(id) => request.instead_of_conflict(client.users().get(id)),
            None => request,
        }
    }

    /// Sends it.
    ///
    /// # Errors
    ///
    /// [`Error::is_conflict`] when the id is taken, also by an inactive user; else as [`Request::send`].
    pub async fn send(self) -> Result<User> {
        self.into_request().send().await
    }
}

fn check_new_id(operation: &'static str, id: Option<&UserId>) -> Result<()> {
    let Some(id) = id else { return Ok(()) };
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if id.as_str().len() > MAX_USER_ID_CHARS {
        return Err(Error::invalid_request(operation, "the user id is longer than 128 characters"));
    }
    if !id.as_str().bytes().all(allowed) {
        return Err(Error::invalid_request(operation, "the user id holds characters beyond `a-z A-Z 0-9 . _ -`"));
    }
    Ok(())
}

/// What is to change about a user.
#[derive(Debug, Clone, Default)]
pub(crate) struct UserChange {
    pub(crate) role: Option<Role>,
    pub(crate) language: Option<Language>,
    pub(crate) camera: Option<bool>,
    pub(crate) active: Option<bool>,
}

/// A change to a user; from [`Users::update`].
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until `.send()` is awaited"]
pub struct UpdateUser<'a> {
    client: &'a Client,
    id: UserId,
    change: UserChange,
}

impl<'a> UpdateUser<'a> {
    /// Changes what the user may do. The vendor's pages disagree on whether this is possible.
    pub fn role(mut self, role: Role) -> Self {
        self.change.role = Some(role);
        self
    }

    /// Changes the language.
    pub fn language(mut self, language: Language) -> Self {
        self.change.language = Some(language);
        self
    }

    /// Allows or forbids the camera.
    pub const fn camera(mut self, allowed: bool) -> Self {
        self.change.camera = Some(allowed);
        self
    }

    /// Lets the user in or keeps the user out. v2 only: on v1 the request ends in [`ErrorKind::Unsupported`].
    pub const fn active(mut self, active: bool) -> Self {
        self.change.active = Some(active);
        self
    }

    /// Makes it a [`Request`], for a time-out or retry policy of its own.
    pub fn into_request(self) -> Request<'a, User> {
        const OPERATION: &str = "update user";
        let wire = match self.client.api_version() {
            ApiVersion::V1 if self.change.active.is_some() => {
                Err(Error::new(ErrorKind::Unsupported, OPERATION).detail("v1 cannot change `active`"))
            }
            ApiVersion::V1 => Ok(v1::users::update(&self.id, &self.change)),
            ApiVersion::V2 => Ok(v2::users::update(&self.id, &self.change)),
        };
        Request::new(self.client, OPERATION, wire)
    }

    /// Sends it.
    ///
    /// # Errors
    ///
    /// [`Error::is_not_found`] when there is no such user; else as [`Request::send`].
    pub async fn send(self) -> Result<User> {
        self.into_request().send().await
    }
}

/// A list of users; from [`Users::list`].
#[derive(Clone, Copy)]
#[must_use = "a request does nothing until `.send()` is awaited"]
pub struct ListUsers<'a> {
    client: &'a Client,
    offset: u64,
    page_size: Option<u32>,
}

impl<'a> ListUsers<'a> {
    /// Skips this many users. Ignored by v1.
    pub const fn offset(mut self, offset: u64) -> Self {
        self.offset = offset;
        self
    }

    /// Asks for this many users a page, at most 100. Ignored by v1.
    pub const fn page_size(mut self, size: u32) -> Self {
        self.page_size = Some(size);
        self
    }

    /// Makes it a [`Request`], for a time-out or retry policy of its own.
    pub fn into_request(self) -> Request<'a, Page<User>> {
        let wire = match self.client.api_version() {
            ApiVersion::V1 => v1::users::list(),
            ApiVersion::V2 => v2::users::list(self.offset, self.page_size),
        };
        Request::new(self.client, "list users", Ok(wire))
    }

    /// Reads one page.
    ///
    /// # Errors
    ///
    /// As [`Request::send`].
    pub async fn send(self) -> Result<Page<User>> {
        self.into_request().send().await
    }

    /// Reads all pages from here on, as they are needed. An error is given once and ends the stream.
    pub fn into_stream(self) -> impl Stream<Item = Result<User>> + Send + use<'a> {
        crate::http::paging::items(self.offset, move |offset| self.offset(offset).into_request())
    }
}

impl fmt::Debug for ListUsers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListUsers").field("offset", &self.offset).field("page_size", &self.page_size).finish()
    }
}
