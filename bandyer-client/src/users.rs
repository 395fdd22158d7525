//! Users: the people who may enter rooms.
//!
//! A *plus* user may create and join rooms and needs a licence while active. A *basic* user may join rooms, and may
//! create a room if one of its participants is a plus user. No personal data needs to be stored at the vendor.

mod json;
pub(crate) mod v1;
mod v1_only;
pub(crate) mod v2;

use crate::http::connection::Connection;
use crate::http::retry::RetryPolicy;
use std::time::Duration;

use jiff::Timestamp;

use crate::error::Result;
use crate::http::call::Unsendable;
use crate::http::connection::handle;
use crate::http::list::List;
use crate::http::request::{Limits, Request, Response, awaitable};
use crate::operations::Operation;
use crate::types::api_version::{ApiVersion, v2_only};
use crate::types::file::{Accepted, File};
use crate::types::ids::UserId;
use crate::types::model::model;
use crate::types::open_enum::open_enum;

pub use self::v1_only::V1Users;

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

model! {
    /// A user. Every field except the id is optional, because API versions and operations return different fields.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use bandyer_client::UserId;
    /// use bandyer_client::users::{Role, User};
    ///
    /// let user: User = serde_json::from_str(r#"{"id": "doc-0007", "role": "plus"}"#)?;
    /// let mut same = User::new(UserId::new("doc-0007")?);
    /// same.role = Some(Role::Plus);
    /// assert_eq!(user, same);
    /// # Ok(())
    /// # }
    /// ```
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct User {
        required {
            /// The id, unique in the company.
            id: UserId = "id" | "user_id",
        }
        optional {
            /// The role.
            role: Option<Role> = "role",
            /// The language of the user interface; `None` stands for the company's default.
            language: Option<Language> = "language",
            /// Whether the user may use a camera.
            camera: Option<bool> = "allow_camera" | "can_video",
            /// Whether the user may enter rooms at all. An inactive user keeps the id and the history.
            active: Option<bool> = "active",
            /// The address of the user's picture.
            avatar_url: Option<String> = "avatar_url",
            /// When the user was created.
            created_at: Option<Timestamp> = "creation_date",
        }
    }
}

handle! {
    /// Operations on users; from [`Client::users`](crate::Client::users).
    Users
}

impl Users {
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
    pub fn create(&self, role: Role) -> CreateUser {
        let limits = Limits::of(&self.connection);
        let new = NewUser { role, id: None, language: None, camera: None };
        CreateUser { connection: self.connection.clone(), new, limits }
    }

    /// Makes sure that there is a user with this id, and returns it: creates it with this role, or reads the existing one,
    /// whose role may be another.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use bandyer_client::UserId;
    /// use bandyer_client::users::Role;
    ///
    /// let doctor = client.users().ensure(&UserId::new("doc-0007")?, Role::Plus).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn ensure(&self, id: &UserId, role: Role) -> EnsureUser {
        EnsureUser(self.create(role).id(id.clone()))
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
    pub fn get(&self, id: &UserId) -> Request<User> {
        self.connection.request(Operation::GetUser, |version| match version {
            ApiVersion::V1 => v1::get(id),
            ApiVersion::V2 => v2::get(id),
        })
    }

    /// Lists the company's users. v1 returns all users in one page, and only their ids.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> bandyer_client::Result<()> {
    /// let users = client.users().list().into_stream().try_collect().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn list(&self) -> List<User> {
        List::new(&self.connection, Operation::ListUsers, (), |version, (), window| {
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
    pub fn update(&self, id: &UserId) -> UpdateUser {
        UpdateUser { connection: self.connection.clone(), id: id.clone(), change: UserChange::default() }
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
    pub fn delete(&self, id: &UserId) -> Request<()> {
        self.connection.request(Operation::DeleteUser, |version| match version {
            ApiVersion::V1 => v1::delete(id),
            ApiVersion::V2 => v2::delete(id),
        })
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
    pub fn set_avatar(&self, id: &UserId, picture: &File) -> Request<Option<String>> {
        self.connection.try_request(Operation::SetAvatar, |version| {
            picture.check_picture(Accepted::PORTRAIT)?;
            Ok(match version {
                ApiVersion::V1 => v1::set_avatar(id, picture),
                ApiVersion::V2 => v2::set_avatar(id, picture),
            })
        })
    }

    #[doc = v2_only!()]
    /// Removes a user's picture.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client, user: bandyer_client::UserId) -> bandyer_client::Result<()> {
    /// client.users().delete_avatar(&user).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn delete_avatar(&self, id: &UserId) -> Request<()> {
        self.connection.request(Operation::DeleteAvatar, |_| v2::delete_avatar(id))
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
#[must_use = "a request does nothing until it is awaited"]
pub struct CreateUser {
    connection: Connection,
    new: NewUser,
    limits: Limits,
}

impl CreateUser {
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

    /// Sets the timeout of one attempt, from connecting to the last byte of the response.
    pub const fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.limits.attempt_timeout = timeout;
        self
    }

    /// Sets the retry policy. Its total timeout also covers the read of an existing user.
    pub const fn retry(mut self, policy: RetryPolicy) -> Self {
        self.limits.retry = policy;
        self
    }

    /// Sends the request.
    ///
    /// # Errors
    ///
    /// [`Error::is_conflict`](crate::Error::is_conflict) if the id is already in use, even by an inactive user; otherwise as
    /// [`Request::send`].
    pub async fn send(self) -> Result<User> {
        Ok(self.send_with_response().await?.into_body())
    }

    /// Like [`send`](Self::send), but also returns the status, the headers and the number of attempts.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn send_with_response(self) -> Result<Response<User>> {
        let Self { connection, new, limits } = self;
        let (operation, limits) = (Operation::CreateUser.name(), limits.started());
        let request = connection.try_request(Operation::CreateUser, |version| {
            check_new_id(new.id.as_ref())?;
            Ok(match version {
                ApiVersion::V1 => v1::create(&new),
                ApiVersion::V2 => v2::create(&new),
            })
        });
        match (request.within(operation, limits).send_with_response().await, &new.id) {
            // An earlier attempt may have created the user although its response was lost. The existing user must match
            // the requested one; otherwise it is an older one, and the conflict is an error.
            (Err(conflict), Some(id)) if conflict.is_conflict() && conflict.earlier_outcome_unknown() => {
                let read = Users::new(connection).get(id).within(operation, limits);
                match read.send_with_response().await {
                    Ok(existing) if new.matches(existing.body()) => Ok(existing.after(conflict.attempts())),
                    _ => Err(conflict),
                }
            }
            (result, _) => result,
        }
    }
}

/// Creates a user or reads the existing one; from [`Users::ensure`].
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct EnsureUser(CreateUser);

impl EnsureUser {
    /// Sets the timeout of one attempt, from connecting to the last byte of the response.
    pub const fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.0.limits.attempt_timeout = timeout;
        self
    }

    /// Sets the retry policy. Its total timeout covers both requests.
    pub const fn retry(mut self, policy: RetryPolicy) -> Self {
        self.0.limits.retry = policy;
        self
    }

    /// Sends the requests.
    ///
    /// # Errors
    ///
    /// As [`Request::send`].
    pub async fn send(self) -> Result<User> {
        let mut create = self.0;
        create.limits = create.limits.started();
        let (connection, id, limits) = (create.connection.clone(), create.new.id.clone(), create.limits);
        match (create.send().await, id) {
            (Err(conflict), Some(id)) if conflict.is_conflict() => {
                Users::new(connection).get(&id).within(Operation::CreateUser.name(), limits).send().await
            }
            (result, _) => result,
        }
    }
}

awaitable!(CreateUser => User, EnsureUser => User, UpdateUser => User);

fn check_new_id(id: Option<&UserId>) -> Result<(), &'static str> {
    let Some(id) = id else { return Ok(()) };
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if id.as_str().len() > MAX_USER_ID_CHARS {
        return Err("the user id is longer than 128 characters");
    }
    if !id.as_str().bytes().all(allowed) {
        return Err("the user id contains characters other than `a-z A-Z 0-9 . _ -`");
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
#[must_use = "a request does nothing until it is awaited"]
pub struct UpdateUser {
    connection: Connection,
    id: UserId,
    change: UserChange,
}

impl UpdateUser {
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

    #[doc = v2_only!()]
    /// Activates or deactivates the user. On v1 the request fails with
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported).
    pub const fn active(mut self, active: bool) -> Self {
        self.change.active = Some(active);
        self
    }

    /// Converts this into a [`Request`], for example to set its timeout or retry policy.
    pub fn into_request(self) -> Request<User> {
        self.connection.try_request(Operation::UpdateUser, |version| match version {
            ApiVersion::V1 if self.change.active.is_some() => Err(Unsendable::Unsupported("change `active`")),
            ApiVersion::V1 => Ok(v1::update(&self.id, &self.change)),
            ApiVersion::V2 => Ok(v2::update(&self.id, &self.change)),
        })
    }

    /// Sends the request.
    ///
    /// # Errors
    ///
    /// [`Error::is_not_found`](crate::Error::is_not_found) if the user does not exist; otherwise as [`Request::send`].
    pub async fn send(self) -> Result<User> {
        self.into_request().send().await
    }
}
