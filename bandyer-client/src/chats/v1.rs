use serde::{Deserialize, Deserializer, Serialize};

use super::json::MessageRecord;
use crate::chats::{Message, MessageCursor, MessagePage, MessageQuery, UserChat};
use crate::http::call::{Call, Wire};
use crate::http::decode::{json, json_as, nothing};
use crate::operations::Operation;
use crate::types::ids::{ChannelId, UserId};

#[derive(Serialize)]
struct Between<'a> {
    users: &'a [UserId],
}

#[derive(Serialize)]
struct NewMessage<'a> {
    users: &'a [UserId],
    sender: &'a UserId,
    message: &'a str,
}

#[derive(Deserialize)]
struct CursorRecord {
    #[serde(deserialize_with = "text_or_number")]
    page_number: Option<String>,
    #[serde(default, deserialize_with = "text_or_number")]
    page_size: Option<String>,
    #[serde(default, deserialize_with = "text_or_number")]
    page_token: Option<String>,
}

impl From<CursorRecord> for Option<MessageCursor> {
    fn from(record: CursorRecord) -> Self {
        Some(MessageCursor { number: record.page_number?, size: record.page_size, token: record.page_token })
    }
}

/// The numbers of a cursor are strings in the vendor's sample. They are sent back unchanged.
fn text_or_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Text(String),
        Number(u64),
        Other(serde::de::IgnoredAny),
    }
    Ok(match Written::deserialize(deserializer)? {
        Written::Text(text) => Some(text),
        Written::Number(number) => Some(number.to_string()),
        Written::Other(_) => None,
    })
}

pub(crate) fn create(users: &[UserId]) -> Wire<()> {
    Call::v1(Operation::CreateChat, &[]).json(&Between { users }).decode_with(nothing)
}

pub(crate) fn remove(users: &[UserId]) -> Wire<()> {
    Call::v1(Operation::RemoveChat, &[]).json(&Between { users }).decode_with(nothing)
}

pub(crate) fn send(users: &[UserId], sender: &UserId, text: &str) -> Wire<Message> {
    let body = NewMessage { users, sender, message: text };
    Call::v1(Operation::SendChatMessage, &[]).json(&body).decode_with(json_as::<MessageRecord, _>)
}

pub(crate) fn messages(users: &[UserId], query: &MessageQuery) -> Wire<MessagePage> {
    #[derive(Deserialize)]
    struct Listed {
        #[serde(default)]
        meta: Meta,
        messages: Vec<MessageRecord>,
    }
    #[derive(Default, Deserialize)]
    struct Meta {
        #[serde(default)]
        next: Option<CursorRecord>,
        #[serde(default)]
        previous: Option<CursorRecord>,
    }
    let mut call = Call::v1(Operation::ListChatMessages, &[]);
    for user in users {
        call = call.query("users", Some(user));
    }
    let cursor = query.cursor.as_ref();
    let size = query.page_size.map(|size| size.to_string());
    call.query("order", query.order.as_ref())
        .query("page_number", cursor.map(|cursor| &cursor.number))
        .query("page_size", cursor.and_then(|cursor| cursor.size.as_ref()).or(size.as_ref()))
        .query("page_token", cursor.and_then(|cursor| cursor.token.as_ref()))
        .decode_with(|body| {
            let Listed { meta, messages } = json(body)?;
            Ok(MessagePage {
                items: messages.into_iter().map(Message::from).collect(),
                next: meta.next.and_then(Option::from),
                previous: meta.previous.and_then(Option::from),
            })
        })
}

pub(crate) fn of_user(user: &UserId) -> Wire<Vec<UserChat>> {
    #[derive(Deserialize)]
    struct Listed {
        chat_list: Vec<ChatRecord>,
    }
    #[derive(Deserialize)]
    struct ChatRecord {
        #[serde(default)]
        users: Vec<UserId>,
        channel_id: Option<ChannelId>,
        unread_messages_count: Option<u64>,
        last_message: Option<MessageRecord>,
    }
    Call::v1(Operation::ListUserChats, &[user.as_str()]).decode_with(|body| {
        let Listed { chat_list } = json(body)?;
        let chat = |record: ChatRecord| UserChat {
            users: record.users,
            channel_id: record.channel_id,
            unread: record.unread_messages_count,
            last_message: record.last_message.map(Message::from),
        };
        Ok(chat_list.into_iter().map(chat).collect())
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::chats::MessageQuery;
    use crate::types::ids::UserId;

    #[test]
    fn cursor_is_sent_back_unchanged() {
        let users = [UserId::new("a").unwrap(), UserId::new("b").unwrap()];
        let wire = super::messages(&users, &MessageQuery::default());
        let response = json!({"meta": {"page_number": 0, "page_size": 10, "page_token": "t",
            "next": {"page_number": "2", "page_size": 10, "page_token": "n"}, "previous": null},
            "messages": [{"index": 3, "body": "hello", "from": "a", "date": "2024-03-05T09:12:30.000Z", "type": "text"}]});
        let page = (wire.decoder)(response.to_string().as_bytes()).unwrap();
        assert_eq!((page.items[0].text.as_str(), page.items[0].index), ("hello", Some(3)));
        assert_eq!(page.previous, None);
        let query = MessageQuery { page_size: Some(50), cursor: page.next, ..MessageQuery::default() };
        let sent = super::messages(&users, &query).call.query;
        let expected = [("users", "a"), ("users", "b"), ("page_number", "2"), ("page_size", "10"), ("page_token", "n")];
        assert_eq!(sent, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}
