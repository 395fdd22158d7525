//! Users: the people who may enter rooms.
//!
//! A *plus* user may create and join rooms and needs a licence while active. A *basic* user may join rooms, and may
//! create a room if one of its participants is a plus user. No personal data needs to be stored at the vendor.

mod json;
pub(crate) mod v1;
pub(crate) mod v2;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::broadcasts::Broadcast;
use crate::chats::UserChat;
use crate::client::{Client, handle};
use crate::config::ApiVersion;
use crate::error::{Error, Result};
use crate::http::call::Lacking;
use crate::http::list::List;
use crate::http::request::Request;
use crate::rooms::Room;
use crate::sessions::Session;
use crate::types::file::{Accepted, File};
use crate::types::ids::UserId;
use crate::types::open_enum::open_enum;
use crate::uploads::{Scope, Upload, UploadFilter};

/// Maximum length of a user id, in characters of `[a-zA-Z0-9._-]`. Source: the vendor's user page.
const MAX_USER_ID_CHARS: usize = 128;

open_enum! {
    /// The role of a user.
    pub enum Role {
        /// May create and join rooms. Needs a licence while active.
        Plus = "plus",
        /// May join rooms.
        Basic = "basic",
    }
}

open_enum! {
    /// The language of the vendor's user interface. The list is that of the v1.37 reference; later languages are `Unknown`.
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

/// A user. Every field except the id is optional, because API versions and operations return different fields.
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
    /// The role.
    #[serde(default)]
    pub role: Option<Role>,
    /// The language of the user interface; `None` stands for the company's default.
    #[serde(default)]
    pub language: Option<Language>,
    /// Whether the user may use a camera.
    #[serde(default)]
    pub camera: Option<bool>,
    /// Whether the user may enter rooms at all. An inactive user keeps the id and the history.
    #[serde(default)]
    pub active: Option<bool>,
    /// The address of the user's picture.
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

handle! {
    /// Operations on users; from [`Client::users`].
    Users
}

impl<'a> Users<'a> {
    /// Creates a user.
    ///
    /// If no id is set, the vendor generates one, and the request is not retried once it may have reached the vendor.
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
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client, user: bandyer_client::UserId) -> bandyer_client::Result<()> {
    /// let doctor = client.users().get(&user).send().await?;
    /// println!("{:?} {:?}", doctor.role, doctor.active);
    /// # Ok(())
    /// # }
    /// ```
    pub fn get(self, id: &UserId) -> Request<'a, User> {
        self.client.both("get user", || v1::get(id), || v2::get(id))
    }

    /// Lists the company's users. v1 returns all users in one page, and only their ids.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> bandyer_client::Result<()> {
    /// use futures_util::TryStreamExt;
    ///
    /// let users: Vec<_> = client.users().list().into_stream().try_collect().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub const fn list(self) -> List<'a, User> {
        List::new(self.client, "list users", (), |version, (), window| {
            Ok(match version {
                ApiVersion::V1 => v1::list(),
                ApiVersion::V2 => v2::list(window),
            })
        })
    }

    /// Changes a user. Fields that are not set stay unchanged.
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

    /// Deletes a user. It is not documented whether the id can be used again.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client, user: bandyer_client::UserId) -> bandyer_client::Result<()> {
    /// match client.users().delete(&user).send().await {
    ///     Err(error) if error.is_not_found() => println!("already deleted"),
    ///     result => result?,
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn delete(self, id: &UserId) -> Request<'a, ()> {
        self.client.both("delete user", || v1::delete(id), || v2::delete(id))
    }

    /// Sets a user's picture: PNG or JPEG, at most 500 KB. 300 × 300 pixels are recommended; other sizes are
    /// resized. Returns the address of the picture, if the response contains it.
    ///
    /// ```no_run
    /// # use bandyer_client::{Client, UserId};
    /// # async fn run(client: Client, user: UserId) -> Result<(), Box<dyn std::error::Error>> {
    /// let picture = bandyer_client::File::png(std::fs::read("doctor.png")?)?;
    /// let address = client.users().set_avatar(&user, &picture).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_avatar(self, id: &UserId, picture: &File) -> Request<'a, Option<String>> {
        const OPERATION: &str = "set avatar";
        match picture.check_picture(Accepted::PORTRAIT) {
            Ok(()) => self.client.both(OPERATION, || v1::set_avatar(id, picture), || v2::set_avatar(id, picture)),
            Err(detail) => Request::new(self.client, OPERATION, Err(Error::invalid_request(OPERATION, detail))),
        }
    }

    /// Removes a user's picture. v2 only.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client, user: bandyer_client::UserId) -> bandyer_client::Result<()> {
    /// client.users().delete_avatar(&user).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn delete_avatar(self, id: &UserId) -> Request<'a, ()> {
        self.client.only(ApiVersion::V2, "delete avatar", || v2::delete_avatar(id))
    }

    /// Allows or forbids the camera for all users of the company, and returns their number. v1 only.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> bandyer_client::Result<()> {
    /// let changed = client.users().set_camera_for_all(true).send().await?;
    /// println!("{changed} users may use their camera");
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_camera_for_all(self, allowed: bool) -> Request<'a, u64> {
        self.client.only(ApiVersion::V1, "set camera for all", || v1::set_camera_for_all(allowed))
    }

    /// Lists the rooms of one user, with id, creation date and whether they are disabled. v1 only.
    ///
    /// The response does not say whether there are more items. If a page size is set, a full page is therefore assumed
    /// to be followed by another one. For an unknown user the list is empty.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client, user: bandyer_client::UserId) -> bandyer_client::Result<()> {
    /// let rooms = client.users().rooms(&user).page_size(20).send().await?.items;
    /// # Ok(())
    /// # }
    /// ```
    pub fn rooms(self, id: &UserId) -> List<'a, Room, UserId> {
        List::new(self.client, "list user rooms", id.clone(), |version, id, window| match version {
            ApiVersion::V1 => Ok(crate::rooms::v1::of_user(id, window)),
            ApiVersion::V2 => Err(Lacking::Operation),
        })
    }

    /// Lists the broadcasts of one user. v1 only; paged like [`rooms`](Self::rooms). The shape of the response is
    /// inferred.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client, user: bandyer_client::UserId) -> bandyer_client::Result<()> {
    /// let broadcasts = client.users().broadcasts(&user).send().await?.items;
    /// # Ok(())
    /// # }
    /// ```
    pub fn broadcasts(self, id: &UserId) -> List<'a, Broadcast, UserId> {
        List::new(self.client, "list user broadcasts", id.clone(), |version, id, window| match version {
            ApiVersion::V1 => Ok(crate::broadcasts::v1::of_user(id, window)),
            ApiVersion::V2 => Err(Lacking::Operation),
        })
    }

    /// Lists the chats of one user. v1 only.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client, user: bandyer_client::UserId) -> bandyer_client::Result<()> {
    /// let unread: u64 = client.users().chats(&user).send().await?.iter().filter_map(|chat| chat.unread).sum();
    /// # Ok(())
    /// # }
    /// ```
    pub fn chats(self, id: &UserId) -> Request<'a, Vec<UserChat>> {
        self.client.only(ApiVersion::V1, "list user chats", || crate::chats::v1::of_user(id))
    }

    /// Lists the uploads of one user. v1 only.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client, user: bandyer_client::UserId) -> bandyer_client::Result<()> {
    /// let uploads = client.users().uploads(&user).send().await?.items;
    /// # Ok(())
    /// # }
    /// ```
    pub fn uploads(self, id: &UserId) -> List<'a, Upload, UploadFilter> {
        UploadFilter::of(Scope::User(id.clone())).list(self.client, "list user uploads")
    }

    /// Lists the sessions of one user. v1 only.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client, user: bandyer_client::UserId) -> bandyer_client::Result<()> {
    /// let newest = client.users().sessions(&user).page_size(1).send().await?.items.pop();
    /// # Ok(())
    /// # }
    /// ```
    pub fn sessions(self, id: &UserId) -> List<'a, Session, UserId> {
        List::new(self.client, "list user sessions", id.clone(), |version, id, window| match version {
            ApiVersion::V1 => Ok(crate::sessions::v1::of_user(id, window)),
            ApiVersion::V2 => Err(Lacking::Operation),
        })
    }
}

/// The fields of a new user.
#[derive(Debug, Clone)]
pub(crate) struct NewUser {
    pub(crate) role: Role,
    pub(crate) id: Option<UserId>,
    pub(crate) language: Option<Language>,
    pub(crate) camera: Option<bool>,
}

impl NewUser {
    /// Whether an existing user may be the result of this request. Fields that are missing on either side are ignored.
    fn matches(&self, existing: &User) -> bool {
        fn same<T: PartialEq>(requested: Option<&T>, existing: Option<&T>) -> bool {
            requested.is_none() || existing.is_none() || requested == existing
        }
        same(Some(&self.role), existing.role.as_ref())
            && same(self.language.as_ref(), existing.language.as_ref())
            && same(self.camera.as_ref(), existing.camera.as_ref())
    }
}

/// The creation of a user; from [`Users::create`].
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until `.send()` is awaited"]
pub struct CreateUser<'a> {
    client: &'a Client,
    new: NewUser,
}

impl<'a> CreateUser<'a> {
    /// Sets the id: at most 128 characters of `[a-zA-Z0-9._-]`. This makes the request safe to retry: if a retry fails
    /// because the user already exists, it returns the existing user, provided that role, language and camera match the
    /// request.
    pub fn id(mut self, id: UserId) -> Self {
        self.new.id = Some(id);
        self
    }

    /// Sets the language; the company's default unless set.
    pub fn language(mut self, language: Language) -> Self {
        self.new.language = Some(language);
        self
    }

    /// Allows or forbids the camera; allowed by default.
    pub const fn camera(mut self, allowed: bool) -> Self {
        self.new.camera = Some(allowed);
        self
    }

    /// Converts this into a [`Request`], for example to set its timeout or retry policy.
    pub fn into_request(self) -> Request<'a, User> {
        const OPERATION: &str = "create user";
        let client = self.client;
        let wire = check_new_id(OPERATION, self.new.id.as_ref()).map(|()| match client.api_version() {
            ApiVersion::V1 => v1::create(&self.new),
            ApiVersion::V2 => v2::create(&self.new),
        });
        let request = Request::new(client, OPERATION, wire);
        match &self.new.id {
            Some(id) => {
                let read = client.users().get(id);
                let new = self.new;
                request.on_conflict(read, move |existing| new.matches(existing))
            }
            None => request,
        }
    }

    /// Sends the request.
    ///
    /// # Errors
    ///
    /// [`Error::is_conflict`] if the id is already in use, even by an inactive user; otherwise as [`Request::send`].
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
        return Err(Error::invalid_request(
            operation,
            "the user id contains characters other than `a-z A-Z 0-9 . _ -`",
        ));
    }
    Ok(())
}

/// The fields of a user that change.
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
    /// Changes the role. The vendor's documentation is contradictory about whether this is possible.
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

    /// Activates or deactivates the user. v2 only: on v1 the request fails with
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported).
    pub const fn active(mut self, active: bool) -> Self {
        self.change.active = Some(active);
        self
    }

    /// Converts this into a [`Request`], for example to set its timeout or retry policy.
    pub fn into_request(self) -> Request<'a, User> {
        self.client.offered("update user", |version| match version {
            ApiVersion::V1 if self.change.active.is_some() => Err(Lacking::Part("change `active`")),
            ApiVersion::V1 => Ok(v1::update(&self.id, &self.change)),
            ApiVersion::V2 => Ok(v2::update(&self.id, &self.change)),
        })
    }

    /// Sends the request.
    ///
    /// # Errors
    ///
    /// [`Error::is_not_found`] if the user does not exist; otherwise as [`Request::send`].
    pub async fn send(self) -> Result<User> {
        self.into_request().send().await
    }
}
