use serde::Serialize;

use crate::channels::Channel;
use crate::chats::Message;
use crate::http::call::{Call, Wire};
use crate::http::decode::{json, nothing, page};
use crate::operations::Operation;
use crate::types::ids::{ChannelId, UserId};
use crate::types::page::Page;
use crate::types::page::Window;

#[derive(Serialize)]
struct Between<'a> {
    users: [&'a UserId; 2],
}

#[derive(Serialize)]
struct NewMessage<'a> {
    sender: &'a UserId,
    message: &'a str,
}

pub(crate) fn list(window: Window) -> Wire<Page<Channel>> {
    Call::v2(Operation::ListChannels, &[]).offset_and_limit(window).decode_with(page(window, "channels"))
}

pub(crate) fn create(one: &UserId, other: &UserId) -> Wire<Channel> {
    Call::v2(Operation::CreateChannel, &[]).json(&Between { users: [one, other] }).decode_with(json)
}

pub(crate) fn get(id: &ChannelId) -> Wire<Channel> {
    Call::v2(Operation::GetChannel, &[id.as_str()]).decode_with(json)
}

pub(crate) fn delete(id: &ChannelId) -> Wire<()> {
    Call::v2(Operation::DeleteChannel, &[id.as_str()]).decode_with(nothing)
}

pub(crate) fn messages(id: &ChannelId, window: Window) -> Wire<Page<Message>> {
    Call::v2(Operation::ListChannelMessages, &[id.as_str()])
        .offset_and_limit(window)
        .decode_with(page(window, "messages"))
}

pub(crate) fn send(id: &ChannelId, sender: &UserId, text: &str) -> Wire<Message> {
    Call::v2(Operation::SendChannelMessage, &[id.as_str()])
        .json(&NewMessage { sender, message: text })
        .decode_with(json)
}
