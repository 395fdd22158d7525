//! Files and snapshots that participants uploaded in rooms.

mod json;
pub(crate) mod v1;
pub(crate) mod v2;

use crate::http::connection::Connection;
use jiff::Timestamp;

use crate::http::call::Unsendable;
use crate::http::connection::handle;
use crate::http::download::DownloadRequest;
use crate::http::list::List;
use crate::http::request::Request;
use crate::operations::Operation;
use crate::types::api_version::{ApiVersion, v1_only};
use crate::types::ids::{RoomId, SessionId, UploadKey, UserId};
use crate::types::model::model;
use crate::types::open_enum::open_enum;
use crate::types::secret::FileUrl;

open_enum! {
    /// The kind of an upload.
    pub enum UploadKind {
        /// A file that a participant sent.
        File = "file_upload",
        /// Any other upload.
        Generic = "generic",
        /// A snapshot of the call.
        Snapshot = "snapshot",
    }
}

model! {
    /// A file that was uploaded in a room.
    #[derive(Debug, Clone)]
    pub struct Upload {
        required {
            /// The key. On v1 a single upload is returned without its key, so this is the requested one.
            key: UploadKey = "key" | "upload_key",
        }
        optional {
            /// The kind.
            kind: Option<UploadKind> = "upload_type",
            /// The user who sent it.
            user_id: Option<UserId> = "user_id",
            /// The session in which it was sent.
            session_id: Option<SessionId> = "session_id",
            /// The room in which it was sent.
            room_id: Option<RoomId> = "room_id",
            /// When it was sent.
            created_at: Option<Timestamp> = "creation_date",
            /// The download link; `None` in lists.
            url: Option<FileUrl> = "url",
        }
    }
}

/// The scope of a list of uploads.
#[derive(Debug, Clone)]
pub(crate) enum Scope {
    Company,
    User(UserId),
    Room(RoomId),
    Session(SessionId),
}

/// The filter of a list of uploads.
#[derive(Debug, Clone)]
pub struct UploadFilter {
    pub(crate) scope: Scope,
    pub(crate) kind: Option<UploadKind>,
}

impl UploadFilter {
    pub(crate) const fn of(scope: Scope) -> Self {
        Self { scope, kind: None }
    }

    pub(crate) fn list(self, connection: &Connection, operation: Operation) -> List<Upload, Self> {
        List::new(connection, operation, self, |version, filter, window| match version {
            ApiVersion::V1 => Ok(v1::list(filter, window)),
            ApiVersion::V2 if filter.kind.is_some() => {
                Err(Unsendable::Unsupported("list the uploads of one kind, as far as is documented"))
            }
            ApiVersion::V2 => Ok(v2::list(filter, window)),
        })
    }
}

impl List<Upload, UploadFilter> {
    #[doc = v1_only!()]
    /// Limits the list to one kind of upload.
    pub fn kind(mut self, kind: UploadKind) -> Self {
        self.filter.kind = Some(kind);
        self
    }
}

handle! {
    /// Operations on uploads; from [`Client::uploads`](crate::Client::uploads).
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// for upload in client.uploads().list().page_size(100).send().await?.items {
    ///     let content = client.uploads().download(&upload.key).max_bytes(10 << 20).send().await?.bytes().await?;
    ///     client.uploads().delete(&upload.key).send().await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    Uploads
}

impl Uploads {
    /// Lists the uploads of all rooms, newest first. See also [`Rooms::uploads`](crate::rooms::Rooms::uploads),
    /// [`V1Sessions::uploads`](crate::sessions::V1Sessions::uploads) and [`V1Users::uploads`](crate::users::V1Users::uploads).
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> bandyer_client::Result<()> {
    /// let uploads = client.uploads().list().page_size(100).into_stream().try_collect().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn list(&self) -> List<Upload, UploadFilter> {
        UploadFilter::of(Scope::Company).list(&self.connection, Operation::ListUploads)
    }

    /// Reads one upload, with its download link.
    ///
    /// On v2 the key is sent as one escaped path segment; the vendor does not document how to encode its slashes.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client, key: bandyer_client::UploadKey) -> bandyer_client::Result<()> {
    /// let link = client.uploads().get(&key).send().await?.url;
    /// # Ok(())
    /// # }
    /// ```
    pub fn get(&self, key: &UploadKey) -> Request<Upload> {
        self.connection.request(Operation::GetUpload, |version| match version {
            ApiVersion::V1 => v1::get(key),
            ApiVersion::V2 => v2::get(key),
        })
    }

    /// Downloads one upload. The API key is not sent to the host of the file.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client, key: bandyer_client::UploadKey) -> bandyer_client::Result<()> {
    /// let content = client.uploads().download(&key).max_bytes(10 << 20).send().await?.bytes().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn download(&self, key: &UploadKey) -> DownloadRequest {
        let (connection, key) = (self.connection.clone(), key.clone());
        DownloadRequest::of_link(self.connection.clone(), "download upload", move || {
            connection.request(Operation::GetUpload, |version| match version {
                ApiVersion::V1 => v1::link(&key),
                ApiVersion::V2 => v2::link(&key),
            })
        })
    }

    /// Deletes one upload. Fails if it does not exist, which is also the case for a retry after a lost response.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client, key: bandyer_client::UploadKey) -> bandyer_client::Result<()> {
    /// client.uploads().delete(&key).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn delete(&self, key: &UploadKey) -> Request<()> {
        self.connection.request(Operation::DeleteUpload, |version| match version {
            ApiVersion::V1 => v1::delete(key),
            ApiVersion::V2 => v2::delete(key),
        })
    }
}
