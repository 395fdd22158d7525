//! The operations of the vendor's API: one table for the names, the requests of both API versions, the routes of the
//! emulator, and the table in the README.

use http::Method;
use serde::{Deserialize, Serialize};

use crate::types::api_version::ApiVersion;

/// The request of an operation in one API version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Route {
    /// Method and path template below the prefix of the API version: `GET /users/{id}`.
    pub(crate) template: &'static str,
    flags: &'static [Flag],
}

/// What the method does not say about a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(non_camel_case_types, reason = "as written in the table")]
enum Flag {
    /// No vendor page shows the path; other clients or names do.
    inferred,
    /// A POST that may be repeated.
    idempotent,
    /// A GET with an effect.
    not_idempotent,
}

impl Route {
    /// The method, and the path without its leading slash.
    fn method_and_path(self) -> (&'static str, &'static str) {
        self.template.split_once(" /").unwrap_or((self.template, ""))
    }

    pub(crate) fn method(self) -> Method {
        Method::from_bytes(self.method_and_path().0.as_bytes()).unwrap_or_default()
    }

    /// The segments of the path, some of which are parameters: `{id}`.
    pub(crate) fn segments(self) -> impl Iterator<Item = &'static str> {
        self.method_and_path().1.split('/')
    }

    /// Whether executing the request twice has the same effect as executing it once.
    pub(crate) fn is_idempotent(self) -> bool {
        let by_method = self.method().is_idempotent() && !self.flags.contains(&Flag::not_idempotent);
        by_method || self.flags.contains(&Flag::idempotent)
    }

    /// Whether executing the request has no effect.
    fn is_read_only(self) -> bool {
        self.method().is_safe() && self.is_idempotent()
    }

    /// Whether the path is inferred instead of documented.
    fn is_inferred(self) -> bool {
        self.flags.contains(&Flag::inferred)
    }
}

/// Whether a segment of a template stands for a value.
pub(crate) fn is_parameter(segment: &str) -> bool {
    segment.starts_with('{')
}

macro_rules! operations {
    ($($name:ident = $text:literal: $($version:ident $template:literal $([$($flag:ident),+])?),+;)+) => {
        /// An operation of the vendor's API. [`name`](Self::name) is equal to [`Error::operation`](crate::Error::operation).
        ///
        /// ```
        /// use bandyer_client::{ApiVersion, Operation};
        ///
        /// assert_eq!(Operation::GetUser.method_and_path(ApiVersion::V2), Some("GET /users/{id}"));
        /// assert_eq!(Operation::GetUser.method_and_path(ApiVersion::V1), Some("GET /user/list/{user_id}"));
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum Operation {
            $(
                #[doc = concat!("`", $text, "`")]
                $name,
            )+
        }

        impl Operation {
            /// All operations.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The name of the operation, such as `create user`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }

            /// The method and the path below the prefix of the API version, such as `GET /users/{id}`; `None` if the version
            /// does not have the operation.
            #[must_use]
            pub fn method_and_path(self, version: ApiVersion) -> Option<&'static str> {
                self.route(version).map(|route| route.template)
            }

            /// Whether the path is inferred: no page of the vendor shows it, but other clients or the names of pages do.
            #[must_use]
            pub fn is_inferred(self, version: ApiVersion) -> bool {
                self.route(version).is_some_and(Route::is_inferred)
            }

            /// Whether the operation only reads, in the API versions that have it.
            pub(crate) fn is_read_only(self) -> bool {
                [ApiVersion::V1, ApiVersion::V2].into_iter().filter_map(|version| self.route(version)).all(Route::is_read_only)
            }

            /// The request of this operation, if the API version has it.
            pub(crate) fn route(self, version: ApiVersion) -> Option<Route> {
                let routes: &[(&str, Route)] = match self {
                    $(Self::$name => &[$(
                        (stringify!($version), Route { template: $template, flags: &[$($(Flag::$flag),+)?] }),
                    )+],)+
                };
                routes.iter().find(|(name, _)| *name == version.name()).map(|(_, route)| *route)
            }
        }
    };
}

operations! {
    CreateUser = "create user": v1 "POST /user/create", v2 "POST /users";
    GetUser = "get user": v1 "GET /user/list/{user_id}", v2 "GET /users/{id}";
    ListUsers = "list users": v1 "GET /user/list", v2 "GET /users";
    UpdateUser = "update user": v1 "PUT /user/update/{user_id}", v2 "PUT /users/{id}";
    DeleteUser = "delete user": v1 "DELETE /user/delete/{user_id}", v2 "DELETE /users/{id}";
    SetAvatar = "set avatar": v1 "PUT /user/avatar/update/{user_id}", v2 "PUT /users/{id}/avatar";
    DeleteAvatar = "delete avatar": v2 "DELETE /users/{id}/avatar";
    SetCameraForAll = "set camera for all": v1 "PUT /user/update/all/permissions";
    ListUserRooms = "list user rooms": v1 "GET /user/room/list/{user_id}";
    ListUserBroadcasts = "list user broadcasts": v1 "GET /user/broadcast/list/{user_id}";
    ListUserChats = "list user chats": v1 "GET /user/{user_id}/chat/list";
    ListUserUploads = "list user uploads": v1 "GET /user/{user_id}/upload/list";
    ListUserSessions = "list user sessions": v1 "GET /user/{user_id}/session/list";
    CreateRoom = "create room": v1 "POST /room/create", v2 "POST /rooms";
    GetRoom = "get room": v1 "GET /room/info/{room_id}", v2 "GET /rooms/{id}";
    ListRooms = "list rooms": v1 "GET /room/list", v2 "GET /rooms";
    DisableRoom = "disable room": v1 "PUT /room/disable/{room_id}", v2 "PUT /rooms/{id}/disable";
    DeleteRoom = "delete room": v1 "DELETE /room/delete/{room_id}", v2 "DELETE /rooms/{id}";
    StartRecording = "start recording": v2 "POST /rooms/{id}/start-recording";
    StopRecording = "stop recording": v2 "POST /rooms/{id}/stop-recording";
    RingRoom = "ring room": v2 "POST /rooms/{id}/call";
    ListRoomUploads = "list room uploads": v1 "GET /room/{room_id}/upload/list";
    ListRoomEnvelopes = "list room envelopes": v1 "GET /room/{room_id}/envelope/list" [inferred];
    FastCall = "fast call": v1 "GET /call/{caller}" [not_idempotent];
    ListParticipants = "list participants": v2 "GET /rooms/{id}/participants" [inferred];
    AddParticipant = "add participant": v2 "POST /rooms/{id}/participants" [inferred];
    GetParticipant = "get participant": v2 "GET /rooms/{id}/participants/{user_id}";
    UpdateParticipant = "update participant": v2 "PUT /rooms/{id}/participants/{user_id}";
    RemoveParticipant = "remove participant": v2 "DELETE /rooms/{id}/participants/{user_id}";
    GetCompany = "get company": v1 "GET /company", v2 "GET /company";
    UpdateCompany = "update company": v1 "POST /company/update" [idempotent], v2 "PUT /company";
    GetTheme = "get theme": v1 "GET /company/theme", v2 "GET /company/theme";
    UpdateTheme = "update theme": v1 "POST /company/theme" [idempotent], v2 "PUT /company/theme";
    SetLogo = "set logo": v1 "POST /company/logo/update" [idempotent], v2 "PUT /company/theme/logo";
    ListBackgrounds = "list backgrounds": v1 "GET /company/virtual-backgrounds", v2 "GET /company/virtual-backgrounds";
    AddBackground = "add background": v1 "POST /company/virtual-background", v2 "POST /company/virtual-background";
    DeleteBackground = "delete background": v1 "DELETE /company/virtual-background", v2 "DELETE /company/virtual-background";
    ListTranslations = "list translations": v2 "GET /company/translations";
    SetTranslation = "set translation": v2 "PUT /company/translations/{language}";
    DeleteTranslation = "delete translation": v2 "DELETE /company/translations/{language}";
    GetRecordingSettings = "get recording settings": v1 "GET /recording/config", v2 "GET /company/recording-settings";
    UpdateRecordingSettings = "update recording settings": v1 "POST /recording/config" [idempotent], v2 "PUT /company/recording-settings";
    ListEncryptionKeys = "list encryption keys": v1 "GET /key/list", v2 "GET /company/encryption-keys";
    CreateEncryptionKey = "create encryption key": v1 "POST /key/create", v2 "POST /company/encryption-keys";
    GetEncryptionKey = "get encryption key": v1 "GET /key/{key_id}", v2 "GET /company/encryption-keys/{key_id}";
    ListSessions = "list sessions": v1 "GET /session/list", v2 "GET /sessions";
    GetSession = "get session": v1 "GET /session/{session_id}", v2 "GET /sessions/{id}";
    ListConnections = "list connections": v1 "GET /session/{session_id}/connection/list", v2 "GET /sessions/{id}/user-connections" [inferred];
    ListSessionUploads = "list session uploads": v1 "GET /session/{session_id}/upload/list";
    GetRecordingLink = "get recording link": v1 "GET /room/recording/{session_id}", v2 "GET /sessions/{id}/recording";
    GetBroadcastRecordingLink = "get broadcast recording link": v1 "GET /broadcast/recording/{session_id}";
    DeleteRecording = "delete recording": v2 "DELETE /sessions/{id}/recording";
    GetTranscription = "get transcription": v2 "GET /sessions/{id}/transcription" [inferred];
    DeleteTranscription = "delete transcription": v2 "DELETE /sessions/{id}/transcription" [inferred];
    GetSummarization = "get summarization": v2 "GET /sessions/{id}/summarization" [inferred];
    DeleteSummarization = "delete summarization": v2 "DELETE /sessions/{id}/summarization" [inferred];
    ListUploads = "list uploads": v1 "GET /upload/list", v2 "GET /uploads";
    GetUpload = "get upload": v1 "GET /upload/resource", v2 "GET /uploads/{key}";
    DeleteUpload = "delete upload": v1 "DELETE /upload/resource", v2 "DELETE /uploads/{key}";
    ListTags = "list tags": v1 "GET /tag/list", v2 "GET /tags" [inferred];
    CreateTags = "create tags": v1 "POST /tag/add", v2 "POST /tags" [inferred];
    DeleteTags = "delete tags": v1 "POST /tag/remove" [idempotent], v2 "DELETE /tags/{name}" [inferred];
    CreateChat = "create chat": v1 "POST /chat/add";
    RemoveChat = "remove chat": v1 "POST /chat/remove" [idempotent];
    SendChatMessage = "send chat message": v1 "POST /chat/messages";
    ListChatMessages = "list chat messages": v1 "GET /chat/messages";
    ListChannels = "list channels": v2 "GET /channels" [inferred];
    CreateChannel = "create channel": v2 "POST /channels" [inferred];
    GetChannel = "get channel": v2 "GET /channels/{channel_id}" [inferred];
    DeleteChannel = "delete channel": v2 "DELETE /channels/{channel_id}" [inferred];
    ListChannelMessages = "list channel messages": v2 "GET /channels/{channel_id}/messages" [inferred];
    SendChannelMessage = "send channel message": v2 "POST /channels/{channel_id}/messages" [inferred];
    CreateBroadcast = "create broadcast": v1 "POST /broadcast/create";
    GetBroadcast = "get broadcast": v1 "GET /broadcast/info/{broadcast_id}";
    ListBroadcasts = "list broadcasts": v1 "GET /broadcast/list";
    GetBroadcastLink = "get broadcast link": v1 "GET /call/{user_id}";
    CheckLink = "check link": v1 "GET /token/check/{token}";
    RevokeLink = "revoke link": v1 "DELETE /token/delete/{token}";
    ListActivity = "list activity": v1 "GET /activity";
    ConfigureWebhooks = "configure webhooks": v1 "POST /{version}/hook/configure" [idempotent];
    GetActiveWebhooks = "get active webhooks": v1 "GET /{version}/hook";
    ListWebhooks = "list webhooks": v2 "GET /webhooks";
    CreateWebhook = "create webhook": v2 "POST /webhooks";
    GetWebhook = "get webhook": v2 "GET /webhooks/{id}";
    UpdateWebhook = "update webhook": v2 "PUT /webhooks/{id}";
    DeleteWebhook = "delete webhook": v2 "DELETE /webhooks/{id}";
    RequestSignature = "request signature": v2 "POST /signatures" [inferred];
    ListEnvelopes = "list envelopes": v2 "GET /envelopes" [inferred];
    GetEnvelope = "get envelope": v2 "GET /envelopes/{id}" [inferred];
    ListSignatureTemplates = "list signature templates": v2 "GET /signature-templates" [inferred];
    CreateSignatureTemplate = "create signature template": v2 "POST /signature-templates" [inferred];
    GetSignatureTemplate = "get signature template": v2 "GET /signature-templates/{id}" [inferred];
    UpdateSignatureTemplate = "update signature template": v2 "PUT /signature-templates/{id}" [inferred];
    DeleteSignatureTemplate = "delete signature template": v2 "DELETE /signature-templates/{id}" [inferred];
    IssueCredential = "issue credential": v1 "POST /sdk/credentials" [idempotent], v2 "POST /sdk/credentials" [idempotent];
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::Operation;
    use crate::types::api_version::ApiVersion;

    const README: &str = include_str!("../README.md");

    /// The cells of the README's table, by operation.
    fn documented() -> BTreeMap<&'static str, [&'static str; 2]> {
        let table = README.split_once("| operation |").unwrap().1.split_once("</details>").unwrap().0;
        let rows = table.lines().skip(2).filter(|line| line.starts_with('|'));
        rows.map(|row| {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            (cells[1], [cells[3], cells[4]])
        })
        .collect()
    }

    #[test]
    fn the_table_of_the_readme_is_this_one() {
        let documented = documented();
        assert_eq!(documented.len(), Operation::ALL.len());
        let mut counts = [0, 0];
        for operation in Operation::ALL {
            let cells = documented[operation.name()];
            for (n, version) in [ApiVersion::V1, ApiVersion::V2].into_iter().enumerate() {
                match operation.route(version) {
                    Some(route) => {
                        let mark = if route.is_inferred() { r" \*" } else { "" };
                        assert_eq!(cells[n], format!("`{}`{mark}", route.template), "{}", operation.name());
                        counts[n] += 1;
                    }
                    None => assert!(!cells[n].contains('`'), "{}: {}", operation.name(), cells[n]),
                }
            }
        }
        let [v1, v2] = counts;
        let sentence = format!("{} operations, of which v1 has {v1} and v2 has {v2}", Operation::ALL.len());
        assert!(README.contains(&sentence), "the README does not say: {sentence}");
    }

    #[test]
    fn only_marked_posts_may_be_repeated_and_only_marked_gets_may_not() {
        let is_idempotent = |operation: Operation| operation.route(ApiVersion::V1).unwrap().is_idempotent();
        for (operation, expected) in [
            (Operation::CreateRoom, false),
            (Operation::GetRoom, true),
            (Operation::DeleteRoom, true),
            (Operation::UpdateCompany, true),
            (Operation::FastCall, false),
        ] {
            assert_eq!(is_idempotent(operation), expected, "{}", operation.name());
        }
    }

    /// The methods of a source file: the attributes and comments before each, and its text.
    fn methods(text: &str) -> impl Iterator<Item = (String, String)> {
        let lines: Vec<&str> = text.lines().collect();
        let is_start = |line: &str| line.starts_with("    pub fn ") || line.starts_with("    pub async fn ");
        let starts: Vec<usize> = (0..lines.len()).filter(|n| is_start(lines[*n])).collect();
        starts.into_iter().map(move |start| {
            let is_before = |line: &&&str| line.starts_with("    ///") || line.starts_with("    #[");
            let before = lines[..start].iter().rev().take_while(is_before).copied().collect::<String>();
            let body = lines[start..].iter().take_while(|line| **line != "    }").copied().collect::<String>();
            (before, body)
        })
    }

    #[test]
    fn methods_of_operations_that_one_version_lacks_have_its_badge() {
        let mut found = 0;
        for path in source_files(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))) {
            if path.components().any(|part| part.as_os_str() == "emulator") {
                continue;
            }
            for (before, body) in methods(&fs::read_to_string(&path).unwrap()) {
                let is_named = |operation: &&Operation| {
                    let name = format!("Operation::{operation:?}");
                    body.match_indices(&name).any(|(at, _)| !body[at + name.len()..].starts_with(char::is_alphanumeric))
                };
                let named: Vec<_> = Operation::ALL.iter().filter(is_named).collect();
                let [operation] = named[..] else { continue };
                let badge = match [ApiVersion::V1, ApiVersion::V2].map(|version| operation.route(version).is_some()) {
                    [true, false] => "v1_only!()",
                    [false, true] => "v2_only!()",
                    _ => continue,
                };
                found += 1;
                assert!(before.contains(badge), "{}: {operation:?} lacks {badge}", path.display());
            }
        }
        assert!(found > 40, "{found} methods");
    }

    fn source_files(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
        files.into_iter().chain(folders.iter().flat_map(|folder| source_files(folder))).collect()
    }
}
