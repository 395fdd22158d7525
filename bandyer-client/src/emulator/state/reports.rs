//! Reports for webhooks, in the shapes of the vendor's event table.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::webhooks::Report;
use super::{Chat, ChatMessage, EmulatedRoom, EnvelopeState, State};
use crate::rooms::{RecordingMode, Tools, Whiteboard};

impl State {
    pub(super) fn report_room_created(&mut self, room: &EmulatedRoom) {
        let at = self.now();
        let person = |link: String, one: &super::EmulatedParticipant| json!({"user": one.user_id, "url": link, "tools": expand_tools(&one.tools), "is_admin": one.is_admin});
        let v0: Vec<Value> = room.participants.iter().map(|one| person(self.v1_link(room, one), one)).collect();
        let v1: Vec<Value> = room.participants.iter().map(|one| person(one.link.expose().to_owned(), one)).collect();
        let recorded = room.recording != RecordingMode::Off;
        self.report(
            at,
            &Report {
                event: "on_room_created",
                namespace: "room",
                room_id: room.id.to_string(),
                v0_in_text: true,
                v0: Some(json!({
                    // A string here, as in the vendor's sample.
                    "room_id": room.id, "record": recorded.to_string(), "recording_type": room.recording,
                    "duration": room.duration.unwrap_or(0), "live": room.live, "directCall": room.direct,
                    "description": room.description, "user_urls": v0,
                })),
                v1: Some(json!({
                    "room_id": room.id, "recording": u8::from(recorded), "recording_type": room.recording,
                    "duration": room.duration.unwrap_or(0), "call_type": room.call_type, "live": room.live,
                    "description": room.description, "participants": v1,
                })),
            },
        );
    }

    /// `what` is `disabled` or `deleted`; `links` are the links that stop working.
    pub(super) fn report_room_closed(
        &mut self,
        room: &str,
        event: &'static str,
        what: &str,
        links: Vec<(String, String)>,
    ) {
        let at = self.now();
        let links: Vec<Value> = links.into_iter().map(|(user, link)| json!({"user_id": user, "link": link})).collect();
        let mut v1 = json!({"room_id": room});
        v1[format!("{what}_links")] = links.into();
        self.report(
            at,
            &Report {
                event,
                namespace: "room",
                room_id: room.to_owned(),
                v0_in_text: true,
                v0: Some(
                    json!({"room_id": room, "message": format!("Room {room} and all user links associated {what}")}),
                ),
                v1: Some(v1),
            },
        );
    }

    pub(super) fn report_call_incoming(&mut self, room: &str, initiator: &str, at: Timestamp) {
        let Some(rung) = self.rooms.get(room) else { return };
        let users: Vec<Value> = rung
            .participants
            .iter()
            .filter(|one| one.user_id != initiator)
            .map(|one| json!({"user": {"userAlias": one.user_id}, "status": "invited"}))
            .collect();
        let v0 = json!({
            "initiator": initiator, "users": users, "roomAlias": room,
            "options": {
                "duration": rung.duration.unwrap_or(0), "record": rung.recording != RecordingMode::Off,
                "recordingType": rung.recording, "creationDate": format!("{:.3}", rung.created_at),
                "callType": rung.call_type, "live": rung.live,
            },
        });
        self.report(at, &call_report("on_call_incoming", room, v0));
    }

    pub(super) fn report_call_ended(&mut self, room: &str, at: Timestamp) {
        self.report(at, &call_report("on_call_ended", room, json!({"room_id": room})));
    }

    pub(super) fn report_session(&mut self, room: &str, session: &str, event: &'static str, at: Timestamp) {
        let Some(reported) = self.rooms.get(room) else { return };
        let mut v0 =
            json!({"room_id": room, "connected_users": reported.connected.len(), "timestamp": format!("{at:.3}")});
        let mut v1 = json!({"room_id": room, "session_id": session, "timestamp": format!("{at:.3}")});
        if matches!(event, "on_session_started" | "on_session_resumed") {
            v1["connected_participants"] = json!(reported.connected);
        }
        if let Some(total) = reported.duration {
            let used = u64::try_from(reported.used_at(at).as_secs()).unwrap_or_default();
            v0["duration"] = json!({"total_duration": total, "duration_remained": total.saturating_sub(used)});
            v1["duration"] = json!({"total_duration": total, "elapsed_time": used});
        }
        self.report(
            at,
            &Report {
                event,
                namespace: "session",
                room_id: room.to_owned(),
                v0_in_text: false,
                v0: Some(v0),
                v1: Some(v1),
            },
        );
    }

    pub(super) fn report_user(&mut self, room: &str, session: &str, user: &str, event: &'static str, at: Timestamp) {
        let count = self.rooms.get(room).map_or(0, |room| room.connected.len());
        let now = format!("{at:.3}");
        self.report(
            at,
            &Report {
                event,
                namespace: "user",
                room_id: room.to_owned(),
                v0_in_text: false,
                v0: Some(json!({
                    "user_id": user, "first_name": "", "last_name": "", "email": "",
                    "room": {"room_id": room, "connected_users": count}, "timestamp": now,
                })),
                v1: Some(json!({
                    "room_id": room, "session_id": session, "user_id": user, "connected_users_count": count,
                })),
            },
        );
    }

    pub(super) fn report_recording(&mut self, room: &str, session: &str, at: Timestamp) {
        let now = format!("{at:.3}");
        self.report(
            at,
            &Report {
                event: "on_recording_available",
                namespace: "recording",
                room_id: room.to_owned(),
                v0_in_text: true,
                v0: Some(json!({"room_id": room, "session_id": session, "creationDate": now})),
                v1: Some(json!({"room_id": room, "session_id": session})),
            },
        );
    }

    /// The content is not documented; the emulator uses that of a recording.
    pub(super) fn report_transcription(&mut self, room: &str, session: &str, at: Timestamp) {
        self.report(
            at,
            &Report {
                event: "on_transcription_available",
                namespace: "recording",
                room_id: room.to_owned(),
                v0_in_text: false,
                v0: None,
                v1: Some(json!({"room_id": room, "session_id": session})),
            },
        );
    }

    pub(super) fn report_message(&mut self, chat: &Chat, message: &ChatMessage) {
        let at = self.now();
        self.report(
            at,
            &Report {
                event: "on_message_sent",
                namespace: "chat",
                room_id: String::new(),
                v0_in_text: false,
                v0: None,
                v1: Some(json!({
                    "id": message.id, "channel_id": chat.channel_id, "participants": chat.users, "body": message.text,
                    "type": "text", "creation_date": format!("{:.3}", message.sent_at), "sender": message.sender,
                    "index": message.index, "attributes": "{}",
                })),
            },
        );
    }

    /// A user rated a call.
    pub(super) fn report_feedback(&mut self, room: &str, session: &str, user: &str, rating: u8) {
        let at = self.now();
        let data = json!({"room_id": room, "session_id": session, "user_id": user, "rating": rating});
        self.report(
            at,
            &Report {
                event: "on_room_new_feedback",
                namespace: "room",
                room_id: room.to_owned(),
                v0_in_text: true,
                v0: Some(data.clone()),
                v1: Some(data),
            },
        );
    }

    /// The content is not documented.
    pub(super) fn report_envelope(&mut self, envelope: &EnvelopeState) {
        let at = self.now();
        self.report(
            at,
            &Report {
                event: "on_signature_enveloped_inserted",
                namespace: "signature",
                room_id: envelope.room_id.clone(),
                v0_in_text: false,
                v0: None,
                v1: Some(json!({
                    "envelope_id": envelope.id, "provider_id": envelope.provider_id, "room_id": envelope.room_id,
                })),
            },
        );
    }
}

fn call_report(event: &'static str, room: &str, v0: Value) -> Report {
    Report { event, namespace: "room", room_id: room.to_owned(), v0_in_text: false, v0: Some(v0), v1: None }
}

/// Tools as the vendor writes them: an enabled whiteboard is an object of six flags, a disabled one is `false`.
pub(in crate::emulator) fn expand_tools(tools: &Tools) -> Value {
    let mut body = serde_json::to_value(tools).unwrap_or_default();
    let board = tools.whiteboard;
    if board != Whiteboard::none() {
        body["whiteboard"] = json!({
            "wb_add_file": board.add_file,
            "wb_cursor": board.cursor,
            "wb_text": board.text,
            "wb_shape": board.shape,
            "wb_pen": board.pen,
            "wb_eraser": board.eraser,
        });
    }
    body
}
