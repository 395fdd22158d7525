//! Chats, channels and broadcasts.

use serde_json::{Value, json};

use super::{ApiResponse, Call, list_response};
use crate::emulator::Operation;
use crate::emulator::refusal::Refusal;
use crate::emulator::state::{Chat, ChatMessage, EmulatedBroadcast, NewBroadcast, Span, State, slice};
use crate::types::api_version::ApiVersion;

/// Default page size of v1 messages.
const DEFAULT_PAGE: u64 = 50;

pub(super) fn handle(state: &mut State, call: &Call<'_>) -> Result<Option<ApiResponse>, Refusal> {
    Ok(Some(match call.operation() {
        Operation::CreateChat => {
            let chat = state.create_chat(&call.input()?.texts("users")?)?;
            ApiResponse::ok(json!({"chat": {"users": chat.users}, "message": "Chat added"}))
        }
        Operation::RemoveChat => {
            let users = call.input()?.texts("users")?;
            let channel = state.channel_of(&users)?;
            state.delete_chat(&channel)?;
            ApiResponse::ok(json!({"chat": {"users": users}, "message": "Chat removed"}))
        }
        Operation::SendChatMessage => {
            let input = call.input()?;
            let users = input.texts("users")?;
            let channel = state.channel_of(&users)?;
            let sent = state.write(&channel, input.required("sender")?, input.required("message")?)?;
            ApiResponse::ok(json!({
                "users": users, "sender": sent.sender, "index": sent.index, "message": sent.text,
                "timestamp": format!("{:.3}", sent.sent_at),
            }))
        }
        Operation::ListChatMessages => chat_messages(state, call)?,
        Operation::ListUserChats => {
            let user = call.id(0);
            state.user(user, ApiVersion::V1)?;
            let chats: Vec<Value> = state.chats_of(user).map(user_chat).collect();
            ApiResponse::ok(json!({"user_id": user, "chat_list": chats}))
        }
        _ => return channels(state, call),
    }))
}

fn message(message: &ChatMessage) -> Value {
    json!({
        "message_id": message.id, "index": message.index, "body": message.text, "from": message.sender,
        "date": format!("{:.3}", message.sent_at), "type": "text",
    })
}

fn user_chat(chat: &Chat) -> Value {
    json!({
        "users": chat.users, "channel_id": chat.channel_id, "unread_messages_count": chat.messages.len(),
        "last_message": chat.messages.last().map(message),
    })
}

fn chat_messages(state: &State, call: &Call<'_>) -> Result<ApiResponse, Refusal> {
    let query = call.query();
    let channel = state.channel_of(&query.all("users"))?;
    let (number, size) =
        (query.number("page_number")?.unwrap_or(0), query.number("page_size")?.unwrap_or(DEFAULT_PAGE));
    let newest_first = match query.text("order").as_deref() {
        None | Some("asc") => false,
        Some("desc") => true,
        Some(_) => return Err(Refusal::request("invalid_param", "order must be asc or desc")),
    };
    if size == 0 || number.checked_mul(size).is_none() {
        return Err(Refusal::request("invalid_param", "page_size must be at least 1"));
    }
    let whole = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let span = Span { offset: whole(number * size), limit: whole(size) };
    let messages = &state.chat(&channel)?.messages;
    let page = if newest_first { slice(messages.iter().rev(), span) } else { slice(messages.iter(), span) };
    // Strings, as in the vendor's sample.
    let cursor = |number: u64| json!({"page_number": number.to_string(), "page_size": size.to_string(), "page_token": format!("page-{number}")});
    let items: Vec<Value> = page.items.into_iter().map(message).collect();
    Ok(ApiResponse::ok(json!({
        "meta": {
            "page_number": number, "page_size": size, "page_token": format!("page-{number}"),
            "next": page.has_more.then(|| cursor(number + 1)),
            "previous": (number > 0).then(|| cursor(number - 1)),
        },
        "messages": items,
    })))
}

fn channel(chat: &Chat) -> Value {
    json!({"id": chat.channel_id, "users": chat.users, "creation_date": format!("{:.3}", chat.created_at)})
}

fn channels(state: &mut State, call: &Call<'_>) -> Result<Option<ApiResponse>, Refusal> {
    let id = call.id(0);
    Ok(Some(match call.operation() {
        Operation::ListChannels => {
            let span = call.span()?;
            list_response(ApiVersion::V2, "channels", span, state.list_chats(span), channel)
        }
        Operation::CreateChannel => {
            let chat = state.create_chat(&call.input()?.texts("users")?)?;
            ApiResponse::created(ApiVersion::V2, channel(&chat))
        }
        Operation::GetChannel => ApiResponse::ok(channel(state.chat(id)?)),
        Operation::DeleteChannel => {
            state.delete_chat(id)?;
            ApiResponse::ok(json!({"id": id}))
        }
        Operation::ListChannelMessages => {
            let span = call.span()?;
            let messages = slice(state.chat(id)?.messages.iter().rev(), span);
            list_response(ApiVersion::V2, "messages", span, messages, message)
        }
        Operation::SendChannelMessage => {
            let input = call.input()?;
            let sent = state.write(id, input.required("sender")?, input.required("message")?)?;
            ApiResponse::created(ApiVersion::V2, message(&sent))
        }
        _ => return broadcasts(state, call),
    }))
}

fn broadcasts(state: &mut State, call: &Call<'_>) -> Result<Option<ApiResponse>, Refusal> {
    Ok(Some(match call.operation() {
        Operation::CreateBroadcast => {
            let input = call.input()?;
            let new = NewBroadcast {
                publisher: input.required("publisher_id")?.to_owned(),
                description: input.required("description")?.to_owned(),
                panelists: input.user_ids("panelists")?,
                chat: input.flag("chat")?.unwrap_or(true),
                recording: input
                    .flag("record")?
                    .ok_or_else(|| crate::emulator::input::invalid("record", "is required"))?,
            };
            let made = state.create_broadcast(new)?;
            ApiResponse::ok(json!({
                "broadcast_id": made.id, "description": made.description, "chat": made.chat,
                "recording": made.recording, "publisher_id": made.publisher, "panelists": made.panelists,
            }))
        }
        Operation::GetBroadcast => {
            let mut body = broadcast(state.broadcast(call.id(0))?);
            body["dialInfo"] = json!({"numberOfSessions": 0, "totalDurationTime": "00:00:00", "sessions": []});
            ApiResponse::ok(json!({"broadcast": body}))
        }
        Operation::ListBroadcasts => {
            let span = call.span()?;
            list_response(ApiVersion::V1, "broadcasts", span, state.list_broadcasts(None, span), broadcast)
        }
        Operation::ListUserBroadcasts => {
            let span = call.query().filter_span()?;
            let found = state.list_broadcasts(Some(call.id(0)), span).items;
            ApiResponse::ok(json!({"broadcast_list": found.into_iter().map(broadcast).collect::<Vec<_>>()}))
        }
        Operation::GetBroadcastLink => {
            let query = call.query();
            state.user(call.id(0), ApiVersion::V1)?;
            state.broadcast(&query.text("broadcast_id").unwrap_or_default())?;
            ApiResponse::ok(json!({"url": state.call_link(query.flag("direct")?.unwrap_or(false))}))
        }
        _ => return Ok(None),
    }))
}

fn broadcast(one: &EmulatedBroadcast) -> Value {
    json!({
        "id": one.id, "status": "NOT_RUNNING", "record": one.recording, "chat": one.chat,
        "description": one.description, "creationDate": format!("{:.3}", one.created_at),
        "publisher": {"id": one.publisher, "firstName": "", "lastName": "", "email": ""},
        "panelists": one.panelists.iter().map(|user| json!({"user_id": user})).collect::<Vec<_>>(),
    })
}
