//! Operations on rooms that v1 alone has.

use super::v1;
use crate::http::connection::handle;
use crate::http::list::List;
use crate::http::request::Request;
use crate::operations::Operation;
use crate::signatures::Envelope;
use crate::types::api_version::v1_only;
use crate::types::ids::{RoomId, UserId};
use crate::types::secret::JoinUrl;

handle! {
    #[doc = v1_only!()]
    /// Operations on rooms that v1 alone has; from [`V1::rooms`](crate::V1::rooms).
    V1Rooms
}

impl V1Rooms {
    #[doc = v1_only!()]
    /// Lists the signature envelopes of one room. The path is inferred from a route in a third-party client,
    /// and so is the shape of the response.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client, room: bandyer_client::RoomId) -> bandyer_client::Result<()> {
    /// let envelopes = client.v1().rooms().envelopes(&room).send().await?.items;
    /// # Ok(())
    /// # }
    /// ```
    pub fn envelopes(&self, id: &RoomId) -> List<Envelope, RoomId> {
        List::new(&self.connection, Operation::ListRoomEnvelopes, id.clone(), |_, id, window| {
            Ok(crate::signatures::v1::envelopes_of_room(id, window))
        })
    }

    #[doc = v1_only!()]
    /// Starts a call between users without creating a room first, and returns the caller's access link.
    ///
    /// The encoding of several callees, separated by commas, is inferred. Not retried once it may have reached the
    /// vendor.
    ///
    /// ```no_run
    /// # use bandyer_client::{Client, UserId};
    /// # async fn run(client: Client, doctor: UserId, patient: UserId) -> bandyer_client::Result<()> {
    /// # #[expect(deprecated, reason = "the example is about it")]
    /// let link = client.v1().rooms().fast_call(&doctor, &[patient], false).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[deprecated(note = "the vendor deprecates Fast Call; create a room instead")]
    pub fn fast_call(&self, caller: &UserId, callees: &[UserId], record: bool) -> Request<JoinUrl> {
        self.connection.request(Operation::FastCall, |_| v1::fast_call(caller, callees, record))
    }
}
