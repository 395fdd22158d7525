use serde::Serialize;
use serde_with::skip_serializing_none;

use crate::broadcasts::{Broadcast, NewBroadcast};
use crate::http::call::{Call, Wire};
use crate::http::decode::{json, json_at, link as read_link, page, page_named};
use crate::operations::Operation;
use crate::types::ids::{BroadcastId, UserId};
use crate::types::page::Page;
use crate::types::page::Window;
use crate::types::secret::JoinUrl;

#[skip_serializing_none]
#[derive(Serialize)]
struct Body<'a> {
    publisher_id: &'a UserId,
    description: &'a str,
    panelists: Vec<Panelist<'a>>,
    chat: Option<bool>,
    /// `"0"` or `"1"`; required.
    record: &'a str,
}

#[derive(Serialize)]
struct Panelist<'a> {
    user_id: &'a UserId,
}

pub(crate) fn create(new: &NewBroadcast) -> Wire<Broadcast> {
    let body = Body {
        publisher_id: &new.publisher,
        description: &new.description,
        panelists: new.panelists.iter().map(|user_id| Panelist { user_id }).collect(),
        chat: new.chat,
        record: if new.recording { "1" } else { "0" },
    };
    Call::v1(Operation::CreateBroadcast, &[]).json(&body).decode_with(json)
}

pub(crate) fn get(id: &BroadcastId) -> Wire<Broadcast> {
    Call::v1(Operation::GetBroadcast, &[id.as_str()]).decode_with(|body| json_at(body, "broadcast"))
}

pub(crate) fn list(window: Window) -> Wire<Page<Broadcast>> {
    Call::v1(Operation::ListBroadcasts, &[]).skip_and_limit(window).decode_with(page(window, "broadcasts"))
}

/// The name of the array is inferred from the list of a user's rooms; that of the company's list is accepted too.
pub(crate) fn of_user(user: &UserId, window: Window) -> Wire<Page<Broadcast>> {
    Call::v1(Operation::ListUserBroadcasts, &[user.as_str()])
        .filter_window(window)
        .decode_with(page_named(window, &["broadcast_list", "broadcasts"]))
}

pub(crate) fn join_link(id: &BroadcastId, user: &UserId, direct: bool) -> Wire<JoinUrl> {
    Call::v1(Operation::GetBroadcastLink, &[user.as_str()])
        .query("broadcast_id", Some(id))
        .query("direct", direct.then_some(true))
        .decode_with(read_link)
}
