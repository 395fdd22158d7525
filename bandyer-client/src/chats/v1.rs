use serde::Serialize;

use crate::chats::{CursorPart, Message, MessagePage, MessageQuery, UserChat};
use crate::http::call::{Call, Wire};
use crate::http::decode::{all_items, items, json, nothing};
use crate::operations::Operation;
use crate::types::ids::UserId;
use crate::types::model::Fields;

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

pub(crate) fn create(users: &[UserId]) -> Wire<()> {
    Call::v1(Operation::CreateChat, &[]).json(&Between { users }).decode_with(nothing)
}

pub(crate) fn remove(users: &[UserId]) -> Wire<()> {
    Call::v1(Operation::RemoveChat, &[]).json(&Between { users }).decode_with(nothing)
}

pub(crate) fn send(users: &[UserId], sender: &UserId, text: &str) -> Wire<Message> {
    let body = NewMessage { users, sender, message: text };
    Call::v1(Operation::SendChatMessage, &[]).json(&body).decode_with(json)
}

pub(crate) fn messages(users: &[UserId], query: &MessageQuery) -> Wire<MessagePage> {
    let mut call = Call::v1(Operation::ListChatMessages, &[]);
    for user in users {
        call = call.query("users", Some(user));
    }
    let cursor = query.cursor.as_ref();
    let size = query.page_size.map(|size| CursorPart::from(size.to_string().as_str()));
    call.query("order", query.order.as_ref())
        .query("page_number", cursor.map(|cursor| &cursor.number))
        .query("page_size", cursor.and_then(|cursor| cursor.size.as_ref()).or(size.as_ref()))
        .query("page_token", cursor.and_then(|cursor| cursor.token.as_ref()))
        .decode_with(|body| {
            let fields: Fields = json(body)?;
            let (messages, _) = items(&fields, &["messages"])?;
            let meta: Fields = fields.first(&["meta"]).unwrap_or_default();
            Ok(MessagePage { items: messages, next: meta.first(&["next"]), previous: meta.first(&["previous"]) })
        })
}

pub(crate) fn of_user(user: &UserId) -> Wire<Vec<UserChat>> {
    Call::v1(Operation::ListUserChats, &[user.as_str()]).decode_with(|body| all_items(body, "chat_list"))
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
