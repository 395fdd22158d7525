//! The exact request of each operation in each API version, and a response that is parsed. `coverage.rs` compares this table
//! with the one in the README.

use std::pin::Pin;
use std::time::Duration;

use bandyer_client::activity::ActivityKind;
use bandyer_client::chats::MessageOrder;
use bandyer_client::company::{Color, LogoTheme, Palette};
use bandyer_client::rooms::{CallType, NewParticipant, RecordingMode, Tools};
use bandyer_client::signatures::{NewSignature, Signer};
use bandyer_client::uploads::UploadKind;
use bandyer_client::users::{Language, Role};
use bandyer_client::webhooks::{WebhookEvent, WebhookVersion};
use bandyer_client::{
    ApiVersion, BackgroundAlias, BroadcastId, ChannelId, Client, EncryptionKeyId, EnvelopeId, Error, ErrorKind, File,
    JoinUrl, LinkToken, SessionId, TemplateId, UploadKey, UserId, WebhookId,
};
use httpmock::{HttpMockRequest, MockServer};
use serde_json::{Value, json};

use crate::support::{KEY, client_of, room, user};

type Sending<'a> = Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'a>>;

/// An operation, called the same way in both API versions.
pub struct Case {
    pub name: &'static str,
    pub v1: Option<Sent>,
    pub v2: Option<Sent>,
    call: for<'a> fn(&'a Client) -> Sending<'a>,
}

/// The expected request and its response.
pub struct Sent {
    pub method: &'static str,
    pub path: &'static str,
    pub query: Vec<(&'static str, &'static str)>,
    pub body: Body,
    response: Value,
}

pub enum Body {
    None,
    Json(Value),
    /// Parts that the form contains, in order.
    Form(&'static [&'static str]),
}

fn sent(line: &'static str, response: Value) -> Option<Sent> {
    let (method, path) = line.split_once(' ').unwrap();
    Some(Sent { method, path, query: Vec::new(), body: Body::None, response })
}

trait SentExt {
    fn json(self, body: Value) -> Self;
    fn form(self, parts: &'static [&'static str]) -> Self;
    fn query(self, name: &'static str, value: &'static str) -> Self;
}

impl SentExt for Option<Sent> {
    fn json(self, body: Value) -> Self {
        self.map(|sent| Sent { body: Body::Json(body), ..sent })
    }

    fn form(self, parts: &'static [&'static str]) -> Self {
        self.map(|sent| Sent { body: Body::Form(parts), ..sent })
    }

    fn query(self, name: &'static str, value: &'static str) -> Self {
        self.map(|mut sent| {
            sent.query.push((name, value));
            sent
        })
    }
}

macro_rules! cases {
    ($($name:literal, $v1:expr, $v2:expr, |$client:ident| $call:expr;)+) => {
        pub fn cases() -> Vec<Case> {
            vec![$(
                Case {
                    name: $name,
                    v1: $v1,
                    v2: $v2,
                    call: |$client| Box::pin(async move { $call.send().await.map(drop) }),
                },
            )+]
        }
    };
}

fn png() -> File {
    File::png(b"\x89PNG\r\n\x1a\nrest".as_slice()).unwrap()
}

fn jpeg() -> File {
    File::jpeg(b"\xff\xd8\xffrest".as_slice()).unwrap()
}

fn session() -> SessionId {
    SessionId::new("s").unwrap()
}

fn key() -> UploadKey {
    UploadKey::new("env/company/u/1-2").unwrap()
}

fn pair() -> [UserId; 2] {
    [user("d"), user("p")]
}

fn channel() -> ChannelId {
    ChannelId::new("CH1").unwrap()
}

fn webhook() -> WebhookId {
    WebhookId::new("w").unwrap()
}

fn template() -> TemplateId {
    TemplateId::new("t").unwrap()
}

fn token() -> LinkToken {
    JoinUrl::from("https://h/connect/rest-call-handler/0011?l=it").token().unwrap()
}

fn palette() -> Palette {
    Palette::new(Color::rgb(0, 0, 0), Color::rgb(255, 255, 255))
}

fn signature(phone: &str) -> NewSignature {
    let signer = Signer::new("p@example.org", phone, "M.", "Rossi").tax_code("X");
    NewSignature::new("consent", room("r"), File::new("consent.pdf", "application/pdf", "%PDF").unwrap())
        .operator(user("d"))
        .client(user("p"), signer.copy_to("a@example.org").copy_to("b@example.org"))
        .template(template())
}

fn people() -> Value {
    json!([{"user_id": "d", "is_admin": true}, {"user_id": "p", "is_admin": false}])
}

cases! {
    // Users
    "create user",
        sent("POST /user/create", json!({"user": {"id": "d"}, "id": "d"}))
            .json(json!({"id": "d", "role": "plus", "language": "it", "can_video": false})),
        sent("POST /users", json!({"id": "d"}))
            .json(json!({"id": "d", "role": "plus", "language": "it", "allow_camera": false})),
        |c| c.users().create(Role::Plus).id(user("d")).language(Language::Italian).camera(false);
    "get user",
        sent("GET /user/list/d", json!({"user": {"id": "d"}})), sent("GET /users/d", json!({"id": "d"})),
        |c| c.users().get(&user("d"));
    "list users",
        sent("GET /user/list", json!({"user_id_list": []})), sent("GET /users", json!({"users": []})),
        |c| c.users().list();
    "update user",
        sent("PUT /user/update/d", json!({"user": {"id": "d"}})).json(json!({"role": "basic"})),
        sent("PUT /users/d", json!({"id": "d"})).json(json!({"role": "basic"})),
        |c| c.users().update(&user("d")).role(Role::Basic);
    "delete user",
        sent("DELETE /user/delete/d", json!({"id": "d", "message": "user deleted"})), sent("DELETE /users/d", json!({})),
        |c| c.users().delete(&user("d"));
    "set avatar",
        sent("PUT /user/avatar/update/d", json!({"avatar_url": "https://h/a"}))
            .form(&["name=\"avatar\"; filename=\"picture.png\"", "content-type: image/png"]),
        sent("PUT /users/d/avatar", json!({})).form(&["name=\"avatar\""]),
        |c| c.users().set_avatar(&user("d"), &png());
    "delete avatar", None, sent("DELETE /users/d/avatar", json!({})), |c| c.users().delete_avatar(&user("d"));
    "set camera for all",
        sent("PUT /user/update/all/permissions", json!({"users": {"count": 241, "can_video": 1}})).json(json!({"can_video": true})),
        None, |c| c.v1().users().set_camera_for_all(true);
    "list user rooms",
        sent("GET /user/room/list/d", json!({"room_list": [{"room_id": "r", "creation_date": "2024-03-05T09:12:30.000Z"}]}))
            .query("filter[limit]", "5"),
        None, |c| c.v1().users().rooms(&user("d")).page_size(5);
    "list user broadcasts",
        sent("GET /user/broadcast/list/d", json!({"broadcast_list": [{"id": "b"}]})).query("filter[skip]", "2"),
        None, |c| c.v1().users().broadcasts(&user("d")).offset(2);
    "list user chats",
        sent("GET /user/d/chat/list", json!({"user_id": "d", "chat_list": [{"users": ["d", "p"], "channel_id": "CH1",
            "unread_messages_count": 1, "last_message": {"message_id": "IM1", "body": "x", "from": "p",
            "date": "2024-03-05T09:12:30.000Z", "type": "text"}}]})),
        None, |c| c.v1().users().chats(&user("d"));
    "list user uploads", sent("GET /user/d/upload/list", json!({"uploads": []})), None, |c| c.v1().users().uploads(&user("d"));
    "list user sessions",
        sent("GET /user/d/session/list", json!({"sessions": [{"session_id": "s", "duration": null, "room_id": "r"}]})),
        None, |c| c.v1().users().sessions(&user("d"));

    // Rooms
    "create room",
        sent("POST /room/create", json!({"room": {"room_id": "r"}})).json(json!({"participants": people(),
            "recording": true, "recording_type": "manual", "call_type": "audio_only", "live": true, "duration": 90,
            "description": "x"})),
        sent("POST /rooms", json!({"id": "r"})).json(json!({"participants": people(), "recording": "manual",
            "call_type": "audio_only", "live": true, "duration": 90, "description": "x"})),
        |c| c.rooms().create([NewParticipant::new(user("d")).admin(true), NewParticipant::new(user("p"))])
            .recording(RecordingMode::Manual).call_type(CallType::AudioOnly).live(true)
            .max_duration(Duration::from_secs(90)).description("x");
    "get room",
        sent("GET /room/info/r", json!({"room": {"room_id": "r"}})), sent("GET /rooms/r", json!({"id": "r"})),
        |c| c.rooms().get(&room("r"));
    "list rooms",
        sent("GET /room/list", json!({"rooms": []})).query("skip", "40").query("limit", "10"),
        sent("GET /rooms", json!({"rooms": []})).query("offset", "40").query("limit", "10"),
        |c| c.rooms().list().offset(40).page_size(10);
    "disable room",
        sent("PUT /room/disable/r", json!({})), sent("PUT /rooms/r/disable", json!({})),
        |c| c.rooms().disable(&room("r"));
    "delete room",
        sent("DELETE /room/delete/r", json!({})), sent("DELETE /rooms/r", json!({})),
        |c| c.rooms().delete(&room("r"));
    "start recording", None, sent("POST /rooms/r/start-recording", json!({})), |c| c.rooms().start_recording(&room("r"));
    "stop recording", None, sent("POST /rooms/r/stop-recording", json!({})), |c| c.rooms().stop_recording(&room("r"));
    "ring room", None, sent("POST /rooms/r/call", json!({})), |c| c.rooms().ring(&room("r"));
    "list room uploads",
        sent("GET /room/r/upload/list", json!({"uploads": []})),
        sent("GET /uploads", json!({"uploads": []})).query("room_id", "r"),
        |c| c.rooms().uploads(&room("r"));
    "list room envelopes",
        sent("GET /room/r/envelope/list", json!({"envelopes": [{"id": "e"}]})), None,
        |c| c.v1().rooms().envelopes(&room("r"));
    "fast call",
        sent("GET /call/d", json!({"url": "https://h/x"})).query("callee", "p").query("record", "0"), None,
        |c| { #[expect(deprecated, reason = "it is covered like the rest")] c.v1().rooms().fast_call(&user("d"), &[user("p")], false) };

    // Participants
    "list participants", None,
        sent("GET /rooms/r/participants", json!({"participants": [{"user_id": "d"}]})).query("is_admin", "true"),
        |c| c.rooms().participants(&room("r")).list().admin(true);
    "add participant", None,
        sent("POST /rooms/r/participants", json!({"user_id": "q"})).json(json!({"user_id": "q", "is_admin": true})),
        |c| c.rooms().participants(&room("r")).add(NewParticipant::new(user("q")).admin(true));
    "get participant", None,
        sent("GET /rooms/r/participants/d", json!({"user_id": "d", "url": "https://h/x"})),
        |c| c.rooms().participants(&room("r")).get(&user("d"));
    "update participant", None,
        sent("PUT /rooms/r/participants/d", json!({"user_id": "d"})).json(json!({"is_admin": false})),
        |c| c.rooms().participants(&room("r")).update(&user("d")).admin(false);
    "remove participant", None, sent("DELETE /rooms/r/participants/d", json!({})),
        |c| c.rooms().participants(&room("r")).remove(&user("d"));

    // Company
    "get company",
        sent("GET /company", json!({"company": {"name": "x", "default_background": {"alias": "a"}}})),
        sent("GET /company", json!({"name": "x", "default_background": "a"})), |c| c.company().get();
    "update company",
        sent("POST /company/update", json!({"company": {}}))
            .json(json!({"name": "x", "end_call_redirect_url": null, "end_call_redirect_timeout_ms": 1500})),
        sent("PUT /company", json!({}))
            .json(json!({"name": "x", "end_call_redirect_url": null, "end_call_redirect_timeout_ms": 1500})),
        |c| c.company().update().name("x").no_end_call_redirect().end_call_redirect_delay(Duration::from_millis(1500));
    "get theme",
        sent("GET /company/theme", json!({"theme": {"light": {"primary_color": "#000000", "accent_color": "#ffffff"}}})),
        sent("GET /company/theme", json!({"light": null})), |c| c.company().theme();
    "update theme",
        sent("POST /company/theme", json!({"theme": {}}))
            .json(json!({"light": {"primary_color": "#000000", "accent_color": "#ffffff"}, "dark": null})),
        sent("PUT /company/theme", json!({}))
            .json(json!({"light": {"primary_color": "#000000", "accent_color": "#ffffff"}, "dark": null})),
        |c| c.company().update_theme().light(palette()).reset_dark();
    "set logo",
        sent("POST /company/logo/update", json!({"logo_url": "https://h/l", "logo_dark_url": "https://h/d"}))
            .form(&["name=\"theme\"\r\n\r\ndark", "name=\"logo\""]),
        sent("PUT /company/theme/logo", json!({})).form(&["name=\"logo\""]),
        |c| c.company().set_logo(&png()).theme(LogoTheme::Dark);
    "list backgrounds",
        sent("GET /company/virtual-backgrounds", json!({"virtual_backgrounds": {"default_background": {}, "backgrounds": []}})),
        sent("GET /company/virtual-backgrounds", json!({"backgrounds": []})), |c| c.company().backgrounds();
    "add background",
        sent("POST /company/virtual-background", json!({"virtual_background": {"background_alias": "a"}}))
            .form(&["name=\"virtual_background\"", "content-type: image/jpeg"]),
        sent("POST /company/virtual-background", json!({"background_alias": "a"})).form(&["name=\"virtual_background\""]),
        |c| c.company().add_background(&jpeg());
    "delete background",
        sent("DELETE /company/virtual-background", json!({})).json(json!({"background_alias": "a"})),
        sent("DELETE /company/virtual-background", json!({})).json(json!({"background_alias": "a"})),
        |c| c.company().delete_background(&BackgroundAlias::new("a").unwrap());
    "list translations", None, sent("GET /company/translations", json!({"translations": [{"language": "it"}]})),
        |c| c.company().translations();
    "set translation", None,
        sent("PUT /company/translations/it", json!({})).form(&["name=\"translation\"; filename=\"it.json\""]),
        |c| c.company().set_translation(&Language::Italian, &File::new("it.json", "application/json", "{}").unwrap());
    "delete translation", None, sent("DELETE /company/translations/it", json!({})),
        |c| c.company().delete_translation(&Language::Italian);
    "get recording settings",
        sent("GET /recording/config", json!({"retention_days": 30, "compression": true, "encryption_key_id": null})),
        sent("GET /company/recording-settings", json!({})), |c| c.company().recording_settings();
    "update recording settings",
        sent("POST /recording/config", json!({})).json(json!({"compression": true, "retention_days": 30, "encryption_key_id": null})),
        sent("PUT /company/recording-settings", json!({}))
            .json(json!({"compression": true, "retention_days": 30, "encryption_key_id": null})),
        |c| c.company().update_recording_settings(true).retention_days(30).no_encryption();
    "list encryption keys",
        sent("GET /key/list", json!({"keys": [{"key_id": "pk_1"}]})),
        sent("GET /company/encryption-keys", json!({"keys": [{"id": "pk_1"}]})), |c| c.company().encryption_keys();
    "create encryption key",
        sent("POST /key/create", json!({"key_id": "pk_1"})).json(json!({"public_key": "PEM"})),
        sent("POST /company/encryption-keys", json!({"key_id": "pk_1"})).json(json!({"public_key": "PEM"})),
        |c| c.company().create_encryption_key("PEM");
    "get encryption key",
        sent("GET /key/pk_1", json!({"key_id": "pk_1"})), sent("GET /company/encryption-keys/pk_1", json!({"id": "pk_1"})),
        |c| c.company().encryption_key(&EncryptionKeyId::new("pk_1").unwrap());

    // Sessions
    "list sessions",
        sent("GET /session/list", json!({"sessions": [{"session_id": "s", "room_id": null, "broadcast_id": "b"}]})),
        sent("GET /sessions", json!({"sessions": [{"id": "s", "duration": 12}]})), |c| c.sessions().list();
    "get session",
        sent("GET /session/s", json!({"session_id": "s"})), sent("GET /sessions/s", json!({"id": "s"})),
        |c| c.sessions().get(&session());
    "list connections",
        sent("GET /session/s/connection/list", json!({"connection_events": [{"user_id": "d", "event": "user_connect"}]})),
        sent("GET /sessions/s/user-connections", json!({"user_connections": []})), |c| c.sessions().connections(&session());
    "list session uploads",
        sent("GET /session/s/upload/list", json!({"uploads": []})).query("upload_type", "snapshot"), None,
        |c| c.v1().sessions().uploads(&session()).kind(UploadKind::Snapshot);

    // Recordings and transcripts
    "get recording link",
        sent("GET /room/recording/s", json!({"url": "https://h/x"})).query("expire_time", "60000"),
        sent("GET /sessions/s/recording", json!({"url": "https://h/x"})).query("expire_time", "60"),
        |c| c.recordings().link(&session()).valid_for(Duration::from_secs(60));
    "get broadcast recording link", sent("GET /broadcast/recording/s", json!({"url": "https://h/x"})), None,
        |c| c.v1().recordings().broadcast_link(&session());
    "delete recording", None, sent("DELETE /sessions/s/recording", json!({})), |c| c.recordings().delete(&session());
    "get transcription", None, sent("GET /sessions/s/transcription", json!({})), |c| c.transcripts().download(&session());
    "delete transcription", None, sent("DELETE /sessions/s/transcription", json!({})), |c| c.transcripts().delete(&session());
    "get summarization", None, sent("GET /sessions/s/summarization", json!({})),
        |c| c.transcripts().download_summary(&session());
    "delete summarization", None, sent("DELETE /sessions/s/summarization", json!({})),
        |c| c.transcripts().delete_summary(&session());

    // Uploads and tags
    "list uploads",
        sent("GET /upload/list", json!({"uploads": []})), sent("GET /uploads", json!({"uploads": []})),
        |c| c.uploads().list();
    "get upload",
        sent("GET /upload/resource", json!({"url": "https://h/x", "upload_type": "generic"})).query("upload_key", "env/company/u/1-2"),
        sent("GET /uploads/env%2Fcompany%2Fu%2F1-2", json!({"url": "https://h/x"})), |c| c.uploads().get(&key());
    "delete upload",
        sent("DELETE /upload/resource", json!({})).json(json!({"upload_key": "env/company/u/1-2"})),
        sent("DELETE /uploads/env%2Fcompany%2Fu%2F1-2", json!({})), |c| c.uploads().delete(&key());
    "list tags",
        sent("GET /tag/list", json!({"tags": [{"tag": "a"}]})), sent("GET /tags", json!({"tags": [{"name": "a"}]})),
        |c| c.tags().list();
    "create tags",
        sent("POST /tag/add", json!({"added_tags": [{"tag": "a"}]})).json(json!({"tags": ["a"]})),
        sent("POST /tags", json!({})).json(json!({"name": "a"})), |c| c.tags().create(["a"]);
    "delete tags",
        sent("POST /tag/remove", json!({"removed_tags": []})).json(json!({"tags": ["a"]})),
        sent("DELETE /tags/a", json!({})), |c| c.tags().delete(["a"]);

    // Chats and channels
    "create chat", sent("POST /chat/add", json!({})).json(json!({"users": ["d", "p"]})), None, |c| c.v1().chats().create(&pair());
    "remove chat", sent("POST /chat/remove", json!({})).json(json!({"users": ["d", "p"]})), None,
        |c| c.v1().chats().remove(&pair());
    "send chat message",
        sent("POST /chat/messages", json!({"users": ["d", "p"], "sender": "d", "index": 0, "message": "x"}))
            .json(json!({"users": ["d", "p"], "sender": "d", "message": "x"})),
        None, |c| c.v1().chats().send_message(&pair(), &user("d"), "x");
    "list chat messages",
        sent("GET /chat/messages", json!({"meta": {"next": null}, "messages": []}))
            .query("users", "d").query("users", "p").query("order", "desc").query("page_size", "10"),
        None, |c| c.v1().chats().messages(&pair()).order(MessageOrder::NewestFirst).page_size(10);
    "list channels", None, sent("GET /channels", json!({"channels": [{"channel_id": "CH1"}]})), |c| c.channels().list();
    "create channel", None, sent("POST /channels", json!({"id": "CH1"})).json(json!({"users": ["d", "p"]})),
        |c| c.channels().create(&user("d"), &user("p"));
    "get channel", None, sent("GET /channels/CH1", json!({"id": "CH1"})), |c| c.channels().get(&channel());
    "delete channel", None, sent("DELETE /channels/CH1", json!({})), |c| c.channels().delete(&channel());
    "list channel messages", None, sent("GET /channels/CH1/messages", json!({"messages": []})),
        |c| c.channels().messages(&channel());
    "send channel message", None,
        sent("POST /channels/CH1/messages", json!({"body": "x"})).json(json!({"sender": "d", "message": "x"})),
        |c| c.channels().send_message(&channel(), &user("d"), "x");

    // Broadcasts, links and the activity log
    "create broadcast",
        sent("POST /broadcast/create", json!({"broadcast_id": "b", "publisher_id": "d"})).json(json!({"publisher_id": "d",
            "description": "x", "panelists": [{"user_id": "p"}], "chat": false, "record": "1"})),
        None, |c| c.v1().broadcasts().create(&user("d"), "x").panelists([user("p")]).chat(false).recording(true);
    "get broadcast", sent("GET /broadcast/info/b", json!({"broadcast": {"id": "b", "publisher": {"id": "d"}}})), None,
        |c| c.v1().broadcasts().get(&BroadcastId::new("b").unwrap());
    "list broadcasts", sent("GET /broadcast/list", json!({"broadcasts": []})), None, |c| c.v1().broadcasts().list();
    "get broadcast link",
        sent("GET /call/p", json!({"url": "https://h/x"})).query("broadcast_id", "b").query("direct", "true"), None,
        |c| c.v1().broadcasts().join_link(&BroadcastId::new("b").unwrap(), &user("p"), true);
    "check link", sent("GET /token/check/0011", json!({"code": "ACTIVE_TOKEN"})), None, |c| c.v1().links().is_active(&token());
    "revoke link", sent("DELETE /token/delete/0011", json!({})), None, |c| c.v1().links().revoke(&token());
    "list activity",
        sent("GET /activity", json!({"activities": [{"activity_type": "user_call_in", "user_alias": "d",
            "room": {"room_alias": "r", "recording": false, "users": ["d"], "initiator": "d", "call_type": "audio_only"}}]}))
            .query("filter[user_alias]", "d").query("filter[activity_type]", "user_call_in")
            .query("filter[date_from]", "1970-01-01T00:00:00.000Z"),
        None, |c| c.v1().activity().list().user(&user("d")).kind(ActivityKind::CallIn).from(jiff::Timestamp::UNIX_EPOCH);

    // Webhooks
    "configure webhooks",
        sent("POST /v1/hook/configure", json!({"active_webhooks": [{"post_event_webhook_url": "https://me", "event": "on_room_created"}]}))
            .json(json!({"post_event_webhook_url": "https://me", "webhook_method": "POST", "webhook_filters": ["on_room_created"]})),
        None, |c| c.v1().webhooks().configure(WebhookVersion::V1, "https://me", &[WebhookEvent::RoomCreated]);
    "get active webhooks",
        sent("GET /v0/hook", json!({"active_webhooks": {"https://me": [{"event": "on_room_created", "event_version": "0"}]}})),
        None, |c| c.v1().webhooks().active(WebhookVersion::V0);
    "list webhooks", None, sent("GET /webhooks", json!({"webhooks": [{"id": "w", "version": 1}]})), |c| c.webhooks().list();
    "create webhook", None,
        sent("POST /webhooks", json!({"id": "w"})).json(json!({"url": "https://me", "event": "on_room_created", "version": "0.1"})),
        |c| c.webhooks().create("https://me", &WebhookEvent::RoomCreated, WebhookVersion::V0);
    "get webhook", None, sent("GET /webhooks/w", json!({"id": "w"})), |c| c.webhooks().get(&webhook());
    "update webhook", None, sent("PUT /webhooks/w", json!({"id": "w"})).json(json!({"url": "https://you"})),
        |c| c.webhooks().update(&webhook()).url("https://you");
    "delete webhook", None, sent("DELETE /webhooks/w", json!({})), |c| c.webhooks().delete(&webhook());

    // Credentials
    "issue credential",
        sent("POST /sdk/credentials", json!({"access_token": "t", "expires_at": "2024-03-05T10:12:30.000Z", "user_id": "d"}))
            .json(json!({"user_id": "d", "expires_in": 360})),
        sent("POST /sdk/credentials", json!({"access_token": "t", "expires_at": "2024-03-05T10:12:30.000Z", "user_id": "d"}))
            .json(json!({"user_id": "d", "expires_in": 360})),
        |c| c.credentials().issue(&user("d")).expires_in(Duration::from_secs(360));

    // Signatures
    "request signature", None,
        sent("POST /signatures", json!({"provider_id": "x"})).form(&["name=\"envelope_name\"\r\n\r\nconsent",
            "name=\"room_id\"\r\n\r\nr", "name=\"phone\"\r\n\r\n+390255500000", "name=\"tax_code\"\r\n\r\nX",
            "name=\"extra_emails\"\r\n\r\na@example.org,b@example.org", "name=\"document\"; filename=\"consent.pdf\""]),
        |c| c.signatures().request(&signature("+390255500000"));
    "list envelopes", None, sent("GET /envelopes", json!({"envelopes": []})), |c| c.signatures().envelopes();
    "get envelope", None, sent("GET /envelopes/e", json!({"id": "e"})),
        |c| c.signatures().envelope(&EnvelopeId::new("e").unwrap());
    "list signature templates", None, sent("GET /signature-templates", json!({"templates": []})),
        |c| c.signatures().templates();
    "create signature template", None, sent("POST /signature-templates", json!({"id": "t"})).json(json!({"name": "x"})),
        |c| c.signatures().create_template(&json!({"name": "x"}));
    "get signature template", None, sent("GET /signature-templates/t", json!({"id": "t"})),
        |c| c.signatures().template(&template());
    "update signature template", None, sent("PUT /signature-templates/t", json!({"id": "t"})).json(json!({"name": "y"})),
        |c| c.signatures().update_template(&template(), &json!({"name": "y"}));
    "delete signature template", None, sent("DELETE /signature-templates/t", json!({})),
        |c| c.signatures().delete_template(&template());
}

fn differences(sent: &Sent, prefix: &str, request: &HttpMockRequest) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut same = |what: &str, given: String, expected: String| {
        if given != expected {
            wrong.push(format!("{what}: {given}, not {expected}"));
        }
    };
    let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let uri = request.uri();
    same("method", request.method().to_string(), sent.method.to_owned());
    same("path", uri.path().to_owned(), format!("{prefix}{}", sent.path));
    let query: Vec<(String, String)> =
        url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    same("query", format!("{query:?}"), format!("{:?}", sent.query));
    same("key", format!("{:?}", header("apikey")), format!("{:?}", Some(KEY)));
    let content_type = header("content-type");
    match &sent.body {
        Body::None => {
            same("body", String::from_utf8_lossy(request.body_ref()).into_owned(), String::new());
            same("content type", format!("{content_type:?}"), "None".to_owned());
        }
        Body::Json(expected) => {
            same("content type", format!("{content_type:?}"), format!("{:?}", Some("application/json")));
            let given: Value = serde_json::from_slice(request.body_ref()).unwrap_or_default();
            same("body", given.to_string(), expected.to_string());
        }
        Body::Form(parts) => {
            let is_form =
                content_type.as_deref().is_some_and(|text| text.starts_with("multipart/form-data; boundary="));
            same("form", is_form.to_string(), true.to_string());
            let body = String::from_utf8_lossy(request.body_ref()).into_owned();
            let mut rest = body.as_str();
            for part in *parts {
                match rest.split_once(part) {
                    Some((_, after)) => rest = after,
                    None => wrong.push(format!("the form lacks {part:?}")),
                }
            }
        }
    }
    wrong
}

async fn check(case: &Case, version: ApiVersion) {
    let about = format!("{} on {version}", case.name);
    let (sent, prefix) = match version {
        ApiVersion::V1 => (&case.v1, "/rest"),
        _ => (&case.v2, "/v2"),
    };
    let server = MockServer::start_async().await;
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let (keep, response) = (seen.clone(), sent.as_ref().map(|sent| sent.response.clone()).unwrap_or_default());
    let any = server
        .mock_async(move |when, then| {
            when.is_true(move |request| {
                keep.lock().unwrap().push(request.clone());
                true
            });
            then.status(200).json_body(response);
        })
        .await;
    let client = client_of(&server, version);
    let result = (case.call)(&client).await;
    match sent {
        None => {
            let error = result.expect_err(&about);
            assert_eq!(
                (error.kind(), error.operation(), error.attempts()),
                (ErrorKind::Unsupported, case.name, 0),
                "{about}"
            );
            assert!(error.to_string().ends_with(&format!("{version} has no such operation")), "{error}");
            any.assert_calls_async(0).await;
        }
        Some(sent) => {
            result.unwrap_or_else(|error| panic!("{about}: {error}"));
            any.assert_calls_async(1).await;
            let request = seen.lock().unwrap().pop().unwrap();
            assert_eq!(differences(sent, prefix, &request), Vec::<String>::new(), "{about}");
            let refusing = MockServer::start_async().await;
            refusing
                .mock_async(|_, then| {
                    then.status(418);
                })
                .await;
            let error = (case.call)(&client_of(&refusing, version)).await.expect_err(&about);
            // v2 narrows the list of all uploads.
            let is_narrowed = (case.name, version) == ("list room uploads", ApiVersion::V2);
            assert_eq!(error.operation(), if is_narrowed { "list uploads" } else { case.name });
        }
    }
}

#[tokio::test]
async fn every_v1_operation_sends_the_documented_request() {
    for case in cases() {
        check(&case, ApiVersion::V1).await;
    }
}

#[tokio::test]
async fn every_v2_operation_sends_the_documented_request() {
    for case in cases() {
        check(&case, ApiVersion::V2).await;
    }
}

#[tokio::test]
async fn unsupported_options_fail_before_anything_is_sent() {
    let server = MockServer::start_async().await;
    let any = server
        .mock_async(|_, then| {
            then.status(200);
        })
        .await;
    let (v1, v2) = (client_of(&server, ApiVersion::V1), client_of(&server, ApiVersion::V2));
    let pair = || [NewParticipant::new(user("d")), NewParticipant::new(user("p")).tools(Tools::none())];
    for (error, text) in [
        (v1.users().update(&user("d")).active(true).send().await.unwrap_err(), "v1 cannot change `active`"),
        (v1.rooms().create(pair()).offline_transcription(true).send().await.unwrap_err(), "v1 cannot transcribe"),
        (
            v2.rooms().create(pair()).skip_landing_page(true).send().await.unwrap_err(),
            "v2 cannot skip the landing page",
        ),
        (v2.rooms().create(pair()).initiator(user("d")).send().await.unwrap_err(), "v2 cannot name an initiator"),
        (v1.sessions().list().room(&room("r")).send().await.unwrap_err(), "v1 cannot list the sessions of one room"),
        (
            v2.sessions().list().from(jiff::Timestamp::UNIX_EPOCH).send().await.unwrap_err(),
            "v2 cannot list the sessions of a time, as far as is documented",
        ),
        (
            v2.uploads().list().kind(UploadKind::Generic).send().await.unwrap_err(),
            "v2 cannot list the uploads of one kind, as far as is documented",
        ),
        (v2.tags().create(["a", "b"]).send().await.unwrap_err(), "v2 cannot change several tags at once"),
    ] {
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Unsupported, 0), "{error}");
        assert!(error.to_string().ends_with(text), "{error}");
    }
    any.assert_calls_async(0).await;
}

#[tokio::test]
async fn documented_limits_are_checked_before_anything_is_sent() {
    let server = MockServer::start_async().await;
    let any = server
        .mock_async(|_, then| {
            then.status(200);
        })
        .await;
    for version in [ApiVersion::V1, ApiVersion::V2] {
        let c = client_of(&server, version);
        let huge = File::png([b"\x89PNG\r\n\x1a\n".as_slice(), &[0; 500 * 1024]].concat()).unwrap();
        let mut calls: Vec<(Error, &str)> = vec![
            (c.users().set_avatar(&user("d"), &huge).send().await.unwrap_err(), "at most 512000 are accepted"),
            (c.company().set_logo(&huge).send().await.unwrap_err(), "at most 512000 are accepted"),
            (c.company().add_background(&png()).send().await.unwrap_err(), "the picture is no JPEG"),
            (c.company().update_theme().send().await.unwrap_err(), "neither the light nor the dark mode is mentioned"),
            (
                c.company().update().end_call_redirect_delay(Duration::from_millis(60_001)).send().await.unwrap_err(),
                "the wait before the redirect is longer than 60 seconds",
            ),
            (
                c.company().update_recording_settings(true).retention_days(16).send().await.unwrap_err(),
                "recordings are kept for 0 to 15, 30, 60, 90, 120, 180 or 365 days",
            ),
            (c.tags().create(["a b"]).send().await.unwrap_err(), "and at least one is required"),
            (c.tags().delete([""; 0]).send().await.unwrap_err(), "and at least one is required"),
        ];
        if version == ApiVersion::V1 {
            let chat = c.v1().chats().create(&[user("d")]).await.unwrap_err();
            let broadcast =
                c.v1().broadcasts().create(&user("d"), "x").panelists(vec![user("p"); 7]).await.unwrap_err();
            calls.push((chat, "a chat has at least two users"));
            calls.push((broadcast, "a broadcast has at most 6 panelists"));
        } else {
            for bad in [Duration::from_secs(29), Duration::from_secs(3601), Duration::from_millis(30_500)] {
                let error = c.recordings().link(&session()).valid_for(bad).send().await.unwrap_err();
                calls.push((error, "a link works for whole seconds, from 30 to 3600"));
            }
            for phone in ["0255500000", "+12345", "+123456789012345678901", "+12345x"] {
                let error = c.signatures().request(&signature(phone)).send().await.unwrap_err();
                calls.push((error, "the telephone number is not `+` or `00` and 6 to 20 digits"));
            }
        }
        for (error, text) in calls {
            assert_eq!((error.kind(), error.attempts()), (ErrorKind::InvalidRequest, 0), "{error}");
            assert!(error.to_string().ends_with(text), "{error}");
        }
    }
    any.assert_calls_async(0).await;
}

/// Adds an unknown field to every object.
fn with_unknown_fields(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.values_mut().for_each(with_unknown_fields);
            fields.insert("brand_new".to_owned(), json!([{"deep": 1.5}]));
        }
        Value::Array(items) => items.iter_mut().for_each(with_unknown_fields),
        _ => {}
    }
}

#[tokio::test]
async fn unknown_fields_are_ignored_in_every_response() {
    for case in cases() {
        for (version, sent) in [(ApiVersion::V1, &case.v1), (ApiVersion::V2, &case.v2)] {
            // v1 returns webhooks as an object keyed by URL, where an additional field would be a URL.
            let Some(sent) = sent.as_ref().filter(|_| case.name != "get active webhooks") else { continue };
            let mut response = sent.response.clone();
            with_unknown_fields(&mut response);
            let server = MockServer::start_async().await;
            server
                .mock_async(|_, then| {
                    then.status(200).json_body(response);
                })
                .await;
            let client = client_of(&server, version);
            (case.call)(&client).await.unwrap_or_else(|error| panic!("{} on {version}: {error}", case.name));
        }
    }
}
