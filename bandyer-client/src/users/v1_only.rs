//! Operations on users that v1 alone has.

use super::v1;
use crate::broadcasts::Broadcast;
use crate::chats::UserChat;
use crate::http::connection::handle;
use crate::http::list::List;
use crate::http::request::Request;
use crate::operations::Operation;
use crate::rooms::Room;
use crate::sessions::Session;
use crate::types::api_version::v1_only;
use crate::types::ids::UserId;
use crate::uploads::{Scope, Upload, UploadFilter};

handle! {
    #[doc = v1_only!()]
    /// Operations on users that v1 alone has; from [`V1::users`](crate::V1::users).
    V1Users
}

impl V1Users {
    #[doc = v1_only!()]
    /// Allows or forbids the camera for all users of the company, and returns their number.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> bandyer_client::Result<()> {
    /// let changed = client.v1().users().set_camera_for_all(true).send().await?;
    /// println!("{changed} users may use their camera");
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_camera_for_all(&self, allowed: bool) -> Request<u64> {
        self.connection.request(Operation::SetCameraForAll, |_| v1::set_camera_for_all(allowed))
    }

    #[doc = v1_only!()]
    /// Lists the rooms of one user, with id, creation date and whether they are disabled.
    ///
    /// The response does not say whether there are more items. If a page size is set, a full page is therefore assumed
    /// to be followed by another one. For an unknown user the list is empty.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client, user: bandyer_client::UserId) -> bandyer_client::Result<()> {
    /// let rooms = client.v1().users().rooms(&user).page_size(20).send().await?.items;
    /// # Ok(())
    /// # }
    /// ```
    pub fn rooms(&self, id: &UserId) -> List<Room, UserId> {
        List::new(&self.connection, Operation::ListUserRooms, id.clone(), |_, id, window| {
            Ok(crate::rooms::v1::of_user(id, window))
        })
    }

    #[doc = v1_only!()]
    /// Lists the broadcasts of one user, paged like [`rooms`](Self::rooms). The shape of the response is
    /// inferred.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client, user: bandyer_client::UserId) -> bandyer_client::Result<()> {
    /// let broadcasts = client.v1().users().broadcasts(&user).send().await?.items;
    /// # Ok(())
    /// # }
    /// ```
    pub fn broadcasts(&self, id: &UserId) -> List<Broadcast, UserId> {
        List::new(&self.connection, Operation::ListUserBroadcasts, id.clone(), |_, id, window| {
            Ok(crate::broadcasts::v1::of_user(id, window))
        })
    }

    #[doc = v1_only!()]
    /// Lists the chats of one user.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client, user: bandyer_client::UserId) -> bandyer_client::Result<()> {
    /// let unread: u64 = client.v1().users().chats(&user).send().await?.iter().filter_map(|chat| chat.unread).sum();
    /// # Ok(())
    /// # }
    /// ```
    pub fn chats(&self, id: &UserId) -> Request<Vec<UserChat>> {
        self.connection.request(Operation::ListUserChats, |_| crate::chats::v1::of_user(id))
    }

    #[doc = v1_only!()]
    /// Lists the uploads of one user.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client, user: bandyer_client::UserId) -> bandyer_client::Result<()> {
    /// let uploads = client.v1().users().uploads(&user).send().await?.items;
    /// # Ok(())
    /// # }
    /// ```
    pub fn uploads(&self, id: &UserId) -> List<Upload, UploadFilter> {
        UploadFilter::of(Scope::User(id.clone())).list(&self.connection, Operation::ListUserUploads)
    }

    #[doc = v1_only!()]
    /// Lists the sessions of one user.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client, user: bandyer_client::UserId) -> bandyer_client::Result<()> {
    /// let newest = client.v1().users().sessions(&user).page_size(1).send().await?.items.pop();
    /// # Ok(())
    /// # }
    /// ```
    pub fn sessions(&self, id: &UserId) -> List<Session, UserId> {
        List::new(&self.connection, Operation::ListUserSessions, id.clone(), |_, id, window| {
            Ok(crate::sessions::v1::of_user(id, window))
        })
    }
}
