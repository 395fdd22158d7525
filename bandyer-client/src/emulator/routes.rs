//! The routes of both API versions.

use http::Method;

use super::calls::Operation::{self, *};
use crate::config::ApiVersion;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) version: ApiVersion,
    pub(super) operation: Operation,
    /// Method and path as in the table.
    pub(super) template: &'static str,
    /// The values of the path parameters, decoded.
    ids: Vec<String>,
}

impl Route {
    /// Whether a form-encoded body is accepted as well as JSON.
    pub(super) fn accepts_form_encoding(&self) -> bool {
        self.version == ApiVersion::V1 && self.operation == IssueCredential
    }

    /// The n-th path parameter, or an empty string.
    pub(super) fn id(&self, n: usize) -> &str {
        self.ids.get(n).map_or("", String::as_str)
    }
}

type Table = &'static [(&'static str, Operation)];

/// Sorted so that a literal segment precedes a parameter in the same position.
const V1: Table = &[
    ("GET /company", GetCompany),
    ("POST /company/update", UpdateCompany),
    ("POST /company/logo/update", SetLogo),
    ("POST /company/virtual-background", AddBackground),
    ("DELETE /company/virtual-background", DeleteBackground),
    ("GET /company/virtual-backgrounds", ListBackgrounds),
    ("GET /company/theme", GetTheme),
    ("POST /company/theme", UpdateTheme),
    ("POST /user/create", CreateUser),
    ("PUT /user/update/all/permissions", SetCameraForAll),
    ("PUT /user/update/{user_id}", UpdateUser),
    ("PUT /user/avatar/update/{user_id}", SetAvatar),
    ("DELETE /user/delete/{user_id}", DeleteUser),
    ("GET /user/list", ListUsers),
    ("GET /user/list/{user_id}", GetUser),
    ("GET /user/room/list/{user_id}", ListUserRooms),
    ("GET /user/broadcast/list/{user_id}", ListUserBroadcasts),
    ("GET /user/{user_id}/chat/list", ListUserChats),
    ("GET /user/{user_id}/upload/list", ListUserUploads),
    ("GET /user/{user_id}/session/list", ListUserSessions),
    ("POST /room/create", CreateRoom),
    ("GET /room/list", ListRooms),
    ("GET /room/info/{room_id}", GetRoom),
    ("GET /room/recording/{session_id}", GetRecordingLink),
    ("PUT /room/disable/{room_id}", DisableRoom),
    ("DELETE /room/delete/{room_id}", DeleteRoom),
    ("GET /room/{room_id}/upload/list", ListRoomUploads),
    ("GET /room/{room_id}/envelope/list", ListRoomEnvelopes),
    ("POST /broadcast/create", CreateBroadcast),
    ("GET /broadcast/list", ListBroadcasts),
    ("GET /broadcast/info/{broadcast_id}", GetBroadcast),
    ("GET /broadcast/recording/{session_id}", GetBroadcastRecordingLink),
    // Also `FAST_CALL`: the query decides between the two.
    ("GET /call/{user_id}", GetBroadcastLink),
    ("GET /session/list", ListSessions),
    ("GET /session/{session_id}", GetSession),
    ("GET /session/{session_id}/connection/list", ListConnections),
    ("GET /session/{session_id}/upload/list", ListSessionUploads),
    ("GET /recording/config", GetRecordingSettings),
    ("POST /recording/config", UpdateRecordingSettings),
    ("POST /key/create", CreateEncryptionKey),
    ("GET /key/list", ListEncryptionKeys),
    ("GET /key/{key_id}", GetEncryptionKey),
    ("GET /token/check/{token}", CheckLink),
    ("DELETE /token/delete/{token}", RevokeLink),
    ("GET /upload/resource", GetUpload),
    ("DELETE /upload/resource", DeleteUpload),
    ("GET /upload/list", ListUploads),
    ("GET /tag/list", ListTags),
    ("POST /tag/add", CreateTags),
    ("POST /tag/remove", DeleteTags),
    ("GET /chat/messages", ListChatMessages),
    ("POST /chat/messages", SendChatMessage),
    ("POST /chat/add", CreateChat),
    ("POST /chat/remove", RemoveChat),
    ("GET /activity", ListActivity),
    // The vendor's page shows GET in a sample and POST elsewhere.
    ("POST /activity", ListActivity),
    ("POST /sdk/credentials", IssueCredential),
    ("POST /hook/configure", ConfigureWebhooks),
    ("POST /{version}/hook/configure", ConfigureWebhooks),
    ("GET /hook", GetActiveWebhooks),
    ("GET /{version}/hook", GetActiveWebhooks),
];

const FAST_CALL: (&str, Operation) = ("GET /call/{caller}", FastCall);

const V2: Table = &[
    ("GET /company", GetCompany),
    ("PUT /company", UpdateCompany),
    ("GET /company/theme", GetTheme),
    ("PUT /company/theme", UpdateTheme),
    ("PUT /company/theme/logo", SetLogo),
    ("GET /company/virtual-backgrounds", ListBackgrounds),
    ("POST /company/virtual-background", AddBackground),
    ("DELETE /company/virtual-background", DeleteBackground),
    ("GET /company/translations", ListTranslations),
    ("PUT /company/translations/{language}", SetTranslation),
    ("DELETE /company/translations/{language}", DeleteTranslation),
    ("GET /company/recording-settings", GetRecordingSettings),
    ("PUT /company/recording-settings", UpdateRecordingSettings),
    ("GET /company/encryption-keys", ListEncryptionKeys),
    ("POST /company/encryption-keys", CreateEncryptionKey),
    ("GET /company/encryption-keys/{key_id}", GetEncryptionKey),
    ("GET /users", ListUsers),
    ("POST /users", CreateUser),
    ("GET /users/{id}", GetUser),
    ("PUT /users/{id}", UpdateUser),
    ("DELETE /users/{id}", DeleteUser),
    ("PUT /users/{id}/avatar", SetAvatar),
    ("DELETE /users/{id}/avatar", DeleteAvatar),
    ("GET /rooms", ListRooms),
    ("POST /rooms", CreateRoom),
    ("GET /rooms/{id}", GetRoom),
    ("DELETE /rooms/{id}", DeleteRoom),
    ("PUT /rooms/{id}/disable", DisableRoom),
    ("POST /rooms/{id}/start-recording", StartRecording),
    ("POST /rooms/{id}/stop-recording", StopRecording),
    ("POST /rooms/{id}/call", RingRoom),
    ("GET /rooms/{id}/participants", ListParticipants),
    ("POST /rooms/{id}/participants", AddParticipant),
    // A known client misspells the collection, so the misspelling is served too.
    ("GET /rooms/{id}/partecipants", ListParticipants),
    ("POST /rooms/{id}/partecipants", AddParticipant),
    ("GET /rooms/{id}/participants/{user_id}", GetParticipant),
    ("PUT /rooms/{id}/participants/{user_id}", UpdateParticipant),
    ("DELETE /rooms/{id}/participants/{user_id}", RemoveParticipant),
    ("GET /sessions", ListSessions),
    ("GET /sessions/{id}", GetSession),
    ("GET /sessions/{id}/recording", GetRecordingLink),
    ("DELETE /sessions/{id}/recording", DeleteRecording),
    ("GET /sessions/{id}/user-connections", ListConnections),
    ("GET /sessions/{id}/transcription", GetTranscription),
    ("DELETE /sessions/{id}/transcription", DeleteTranscription),
    ("GET /sessions/{id}/summarization", GetSummarization),
    ("DELETE /sessions/{id}/summarization", DeleteSummarization),
    ("GET /channels", ListChannels),
    ("POST /channels", CreateChannel),
    ("GET /channels/{channel_id}", GetChannel),
    ("DELETE /channels/{channel_id}", DeleteChannel),
    ("GET /channels/{channel_id}/messages", ListChannelMessages),
    ("POST /channels/{channel_id}/messages", SendChannelMessage),
    ("GET /uploads", ListUploads),
    ("GET /uploads/{key}", GetUpload),
    ("DELETE /uploads/{key}", DeleteUpload),
    ("GET /tags", ListTags),
    ("POST /tags", CreateTags),
    ("DELETE /tags/{name}", DeleteTags),
    ("POST /sdk/credentials", IssueCredential),
    ("GET /envelopes", ListEnvelopes),
    ("GET /envelopes/{id}", GetEnvelope),
    ("GET /webhooks", ListWebhooks),
    ("POST /webhooks", CreateWebhook),
    ("GET /webhooks/{id}", GetWebhook),
    ("PUT /webhooks/{id}", UpdateWebhook),
    ("DELETE /webhooks/{id}", DeleteWebhook),
    ("GET /signature-templates", ListSignatureTemplates),
    ("POST /signature-templates", CreateSignatureTemplate),
    ("GET /signature-templates/{id}", GetSignatureTemplate),
    ("PUT /signature-templates/{id}", UpdateSignatureTemplate),
    ("DELETE /signature-templates/{id}", DeleteSignatureTemplate),
    ("POST /signatures", RequestSignature),
];

/// Segments are decoded one by one, so an encoded slash is part of an id and never changes the route.
pub(super) fn find(method: &Method, segments: &[String], query: Option<&str>) -> Option<Route> {
    let (first, rest) = segments.split_first()?;
    let (version, table) = match first.as_str() {
        "rest" => (ApiVersion::V1, V1),
        "v2" => (ApiVersion::V2, V2),
        _ => return None,
    };
    let (entry, ids) = table.iter().find_map(|entry| Some((entry, match_template(entry.0, method, rest)?)))?;
    let is_fast_call = entry.1 == GetBroadcastLink && !query.unwrap_or_default().contains("broadcast_id=");
    let (template, operation) = if is_fast_call { FAST_CALL } else { *entry };
    Some(Route { version, operation, template, ids })
}

/// The values of the path parameters, if the request matches the template.
fn match_template(template: &str, method: &Method, segments: &[String]) -> Option<Vec<String>> {
    let (template_method, path) = template.split_once(" /")?;
    let mut segments = segments.iter();
    let mut ids = Vec::new();
    if template_method != method.as_str() {
        return None;
    }
    for part in path.split('/') {
        let segment = segments.next()?;
        if part.starts_with('{') {
            ids.push(segment.clone());
        } else if part != segment {
            return None;
        }
    }
    segments.next().is_none().then_some(ids)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use http::Method;

    use super::{FAST_CALL, V1, V2, find};
    use crate::emulator::Operation;

    fn found(method: &str, path: &str, query: Option<&str>) -> Option<(Operation, String)> {
        let segments: Vec<String> = path.split('/').map(str::to_owned).collect();
        let route = find(&Method::from_bytes(method.as_bytes()).unwrap(), &segments, query)?;
        Some((route.operation, route.ids.join(",")))
    }

    #[test]
    fn every_operation_has_a_route_and_literals_precede_parameters() {
        let reached: HashSet<Operation> = V1.iter().chain(V2).chain([&FAST_CALL]).map(|entry| entry.1).collect();
        assert_eq!(reached.len(), Operation::ALL.len());
        for (method, path, query, operation, ids) in [
            ("GET", "rest/session/list", None, Operation::ListSessions, ""),
            ("GET", "rest/session/s", None, Operation::GetSession, "s"),
            ("GET", "rest/call/d", Some("broadcast_id=b"), Operation::GetBroadcastLink, "d"),
            ("GET", "rest/call/d", Some("callee=p"), Operation::FastCall, "d"),
            ("GET", "v2/rooms/r/participants/d", None, Operation::GetParticipant, "r,d"),
            ("GET", "rest/v1/hook", None, Operation::GetActiveWebhooks, "v1"),
        ] {
            assert_eq!(found(method, path, query), Some((operation, ids.to_owned())), "{path}");
        }
        for (method, path) in [("GET", "rest"), ("PATCH", "v2/users"), ("GET", "v3/users"), ("GET", "v2/users/a/b")] {
            assert_eq!(found(method, path, None), None);
        }
    }
}
