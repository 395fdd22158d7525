//! Chats. Both API versions share them: v1 identifies a chat by its members, v2 by the channel id.

use jiff::Timestamp;

use super::{Slice, Span, State, hex, slice};
use crate::emulator::refusal::Refusal;

#[derive(Debug, Clone)]
pub(in crate::emulator) struct Chat {
    pub(in crate::emulator) channel_id: String,
    /// Sorted: a chat is the set of its users.
    pub(in crate::emulator) users: Vec<String>,
    pub(in crate::emulator) created_at: Timestamp,
    pub(in crate::emulator) messages: Vec<ChatMessage>,
}

#[derive(Debug, Clone)]
pub(in crate::emulator) struct ChatMessage {
    pub(in crate::emulator) id: String,
    pub(in crate::emulator) index: usize,
    pub(in crate::emulator) sender: String,
    pub(in crate::emulator) text: String,
    pub(in crate::emulator) sent_at: Timestamp,
}

impl State {
    /// Creates a chat, or returns the existing one.
    pub(in crate::emulator) fn create_chat(&mut self, users: &[String]) -> Result<Chat, Refusal> {
        let users = self.members(users)?;
        if let Some(chat) = self.chats.iter().find(|chat| chat.users == users) {
            return Ok(chat.clone());
        }
        let channel_id = format!("CH{}", hex(32));
        let chat = Chat { channel_id, users, created_at: self.now(), messages: Vec::new() };
        self.chats.push(chat.clone());
        Ok(chat)
    }

    fn members(&self, users: &[String]) -> Result<Vec<String>, Refusal> {
        let mut users = users.to_vec();
        users.sort_unstable();
        users.dedup();
        if users.len() < 2 || !users.iter().all(|user| self.users.contains_key(user)) {
            return Err(Refusal::request("invalid_users_length", "A chat has at least two valid users"));
        }
        Ok(users)
    }

    /// The channel of a set of users.
    pub(in crate::emulator) fn channel_of(&self, users: &[String]) -> Result<String, Refusal> {
        let users = self.members(users)?;
        let chat = self.chats.iter().find(|chat| chat.users == users);
        chat.map(|chat| chat.channel_id.clone())
            .ok_or_else(|| Refusal::request("chat_not_found", "The chat does not exist"))
    }

    pub(in crate::emulator) fn chat(&self, channel: &str) -> Result<&Chat, Refusal> {
        self.chats.iter().find(|chat| chat.channel_id == channel).ok_or_else(unknown_channel)
    }

    pub(in crate::emulator) fn delete_chat(&mut self, channel: &str) -> Result<(), Refusal> {
        let place = self.chats.iter().position(|chat| chat.channel_id == channel).ok_or_else(unknown_channel)?;
        self.chats.remove(place);
        Ok(())
    }

    pub(in crate::emulator) fn write(
        &mut self,
        channel: &str,
        sender: &str,
        text: &str,
    ) -> Result<ChatMessage, Refusal> {
        let sent_at = self.now();
        let chat = self.chats.iter_mut().find(|chat| chat.channel_id == channel).ok_or_else(unknown_channel)?;
        if !chat.users.iter().any(|user| user == sender) {
            return Err(Refusal::request("user_not_a_member", "The sender is not part of the chat"));
        }
        let message = ChatMessage {
            id: format!("IM{}", hex(32)),
            index: chat.messages.len(),
            sender: sender.to_owned(),
            text: text.to_owned(),
            sent_at,
        };
        chat.messages.push(message.clone());
        let chat = chat.clone();
        self.report_message(&chat, &message);
        Ok(message)
    }

    pub(in crate::emulator) fn list_chats(&self, span: Span) -> Slice<&Chat> {
        slice(self.chats.iter().rev(), span)
    }

    pub(in crate::emulator) fn chats_of<'a>(&'a self, user: &'a str) -> impl Iterator<Item = &'a Chat> {
        self.chats.iter().rev().filter(move |chat| chat.users.iter().any(|one| one == user))
    }
}

fn unknown_channel() -> Refusal {
    Refusal::not_found("channel_not_found", "The channel does not exist")
}
