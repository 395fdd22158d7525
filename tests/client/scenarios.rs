//! The lifecycle of every resource against the emulator, in both API versions. `coverage.rs` runs all scenarios and checks
//! which operations they reach.

use std::pin::Pin;
use std::time::Duration;

use bandyer_client::activity::ActivityKind;
use bandyer_client::chats::MessageOrder;
use bandyer_client::company::{Color, LogoTheme, Palette};
use bandyer_client::emulator::Emulator;
use bandyer_client::rooms::{NewParticipant, RecordingMode, RoomStatus, Tools};
use bandyer_client::sessions::ConnectionChange;
use bandyer_client::signatures::{NewSignature, Signer};
use bandyer_client::uploads::UploadKind;
use bandyer_client::users::{Language, Role};
use bandyer_client::webhooks::{WebhookEvent, WebhookVersion};
use bandyer_client::{ApiVersion, BackgroundAlias, Client, Error, File, LinkToken, RoomId, SessionId, UploadKey};
use serde_json::json;

use crate::support::{jpeg, png, user};

/// An emulator with the plus user `d` and the basic user `p`.
pub struct World {
    pub emulator: Emulator,
    pub client: Client,
    pub version: ApiVersion,
}

impl World {
    pub async fn new(version: ApiVersion) -> Self {
        let emulator = Emulator::start().await.unwrap();
        let client = emulator.client_for(version).unwrap();
        client.users().create(Role::Plus).id(user("d")).send().await.unwrap();
        client.users().create(Role::Basic).id(user("p")).send().await.unwrap();
        Self { emulator, client, version }
    }

    fn is_v1(&self) -> bool {
        self.version == ApiVersion::V1
    }

    async fn recorded_room(&self) -> RoomId {
        let create = self.client.rooms().create(pair()).recording(RecordingMode::Automatic);
        let create = if self.is_v1() { create } else { create.offline_transcription(true) };
        create.send().await.unwrap().id
    }

    /// A call of both users with this length.
    async fn call(&self, room: &RoomId, length: Duration) -> SessionId {
        self.emulator.join(room, &user("d")).unwrap();
        self.emulator.join(room, &user("p")).unwrap();
        self.emulator.advance(length);
        self.emulator.crash(room, &user("p")).unwrap();
        self.emulator.leave(room, &user("d")).unwrap();
        self.emulator.sessions().pop().unwrap().id
    }
}

fn pair() -> [NewParticipant; 2] {
    [NewParticipant::new(user("d")).admin(true), NewParticipant::new(user("p"))]
}

fn code(result: Result<(), Error>) -> String {
    result.unwrap_err().code().unwrap().to_owned()
}

pub type Scenario = for<'a> fn(&'a World) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

macro_rules! scenarios {
    ($($name:ident)+) => {
        pub const ALL: &[Scenario] = &[$(|world| Box::pin($name(world)),)+];

        mod v1 {
            $(
                #[tokio::test]
                async fn $name() {
                    super::$name(&super::World::new(bandyer_client::ApiVersion::V1).await).await;
                }
            )+
        }

        mod v2 {
            $(
                #[tokio::test]
                async fn $name() {
                    super::$name(&super::World::new(bandyer_client::ApiVersion::V2).await).await;
                }
            )+
        }
    };
}

scenarios! {
    users_are_created_changed_and_deleted
    rooms_are_created_found_disabled_and_deleted
    participants_are_added_and_removed
    company_settings_and_theme_are_changed
    backgrounds_and_translations_are_added_and_deleted
    recording_settings_are_changed
    a_call_is_recorded_as_session_connections_and_activity
    a_recording_can_be_downloaded_until_it_is_deleted
    transcripts_can_be_read_and_deleted
    uploads_are_listed_everywhere_they_belong
    tags_are_created_and_deleted
    messages_are_sent_and_read
    broadcasts_are_created_and_joined
    links_can_be_checked_and_revoked
    webhooks_are_configured_and_deleted
    signatures_are_requested_in_a_running_room
}

async fn users_are_created_changed_and_deleted(w: &World) {
    let c = &w.client;
    let made = c.users().create(Role::Basic).language(Language::Polish).send().await.unwrap().id;
    assert_eq!(c.users().update(&made).camera(false).send().await.unwrap().camera, Some(false));
    let url = c.users().set_avatar(&made, &png(300, 300)).send().await.unwrap().unwrap();
    assert_eq!(reqwest::get(&url).await.unwrap().bytes().await.unwrap(), png(300, 300).bytes());
    let refused = c.users().set_avatar(&user("unknown"), &png(300, 300)).send().await.unwrap_err();
    assert!(refused.is_not_found());
    if w.is_v1() {
        assert_eq!(c.v1().users().set_camera_for_all(true).send().await.unwrap(), 3);
        assert_eq!(c.users().get(&made).send().await.unwrap().camera, Some(true));
    } else {
        assert_eq!(c.users().get(&made).send().await.unwrap().avatar_url, Some(url));
        c.users().delete_avatar(&made).send().await.unwrap();
        assert_eq!(c.users().get(&made).send().await.unwrap().avatar_url, None);
    }
    assert_eq!(c.users().list().into_stream().try_collect().await.unwrap().len(), 3);
    c.users().delete(&made).send().await.unwrap();
    assert!(c.users().get(&made).send().await.unwrap_err().is_not_found());
    let credential = c.credentials().issue(&user("p")).send().await.unwrap();
    assert_eq!(credential.user_id, "p");
}

async fn rooms_are_created_found_disabled_and_deleted(w: &World) {
    let c = &w.client;
    let create = c.rooms().create(pair()).max_duration(Duration::from_secs(90));
    let create = if w.is_v1() { create.skip_landing_page(true).initiator(user("d")) } else { create };
    let room = create.send().await.unwrap().id;
    assert_eq!(c.rooms().get(&room).send().await.unwrap().participants.len(), 2);
    assert_eq!(c.rooms().list().send().await.unwrap().items.len(), 1);
    if w.is_v1() {
        let other = c.rooms().create(pair()).send().await.unwrap().id;
        let of_user: Vec<_> = c.v1().users().rooms(&user("p")).page_size(1).into_stream().try_collect().await.unwrap();
        assert_eq!(of_user.iter().map(|room| &room.id).collect::<Vec<_>>(), [&other, &room]);
        assert!(c.v1().users().rooms(&user("unknown")).send().await.unwrap().items.is_empty());
        #[expect(deprecated, reason = "it is covered like the rest")]
        let link = c.v1().rooms().fast_call(&user("d"), &[user("p")], false).send().await.unwrap();
        assert!(link.expose().contains("/connect/rest-call-handler/"));
        assert!(c.v1().rooms().envelopes(&room).send().await.unwrap().items.is_empty());
    }
    c.rooms().disable(&room).send().await.unwrap();
    assert_eq!(c.rooms().get(&room).send().await.unwrap().status, Some(RoomStatus::Closed));
    c.rooms().delete(&room).send().await.unwrap();
    assert!(c.rooms().get(&room).send().await.unwrap_err().is_not_found());
}

async fn participants_are_added_and_removed(w: &World) {
    if w.is_v1() {
        return;
    }
    let c = &w.client;
    let room = c.rooms().create(pair()).recording(RecordingMode::Manual).send().await.unwrap().id;
    let people = c.rooms().participants(&room);
    c.users().create(Role::Basic).id(user("q")).send().await.unwrap();
    people.add(NewParticipant::new(user("q"))).send().await.unwrap();
    people.clone().update(&user("q")).admin(true).send().await.unwrap();
    assert_eq!(people.get(&user("q")).send().await.unwrap().is_admin, Some(true));
    let admins: Vec<_> = people.clone().list().admin(true).into_stream().try_collect().await.unwrap();
    assert_eq!(admins.len(), 2);
    people.remove(&user("q")).send().await.unwrap();
    c.rooms().start_recording(&room).send().await.unwrap();
    assert!(w.emulator.rooms()[0].is_recording);
    c.rooms().stop_recording(&room).send().await.unwrap();
    c.rooms().ring(&room).send().await.unwrap();
    assert_eq!(w.emulator.rooms()[0].rings, 1);
}

async fn company_settings_and_theme_are_changed(w: &World) {
    let company = w.client.company();
    let delay = Duration::from_millis(1500);
    let changed = company
        .update()
        .name("Ospedale")
        .default_language(Language::Italian)
        .end_call_redirect("https://me.example/bye")
        .end_call_redirect_delay(delay)
        .user_details_provider("https://me.example/who")
        .send()
        .await
        .unwrap();
    assert_eq!(changed.end_call_redirect_delay, Some(delay));
    let cleared = company.update().no_end_call_redirect().send().await.unwrap();
    assert_eq!((cleared.name.as_deref(), cleared.end_call_redirect_url), (Some("Ospedale"), None));
    let made = w.client.users().create(Role::Basic).send().await.unwrap();
    assert_eq!(made.language, Some(Language::Italian));
    for (code, update) in [
        ("invalid_company_name", company.update().name("<script>")),
        ("invalid_language", company.update().default_language(Language::from("xx"))),
        ("invalid_end_call_redirect_url", company.update().end_call_redirect("nowhere")),
        ("invalid_user_details_provider_url", company.update().user_details_provider("nowhere")),
        ("invalid_background_alias", company.update().background(BackgroundAlias::new("none").unwrap())),
    ] {
        assert_eq!(update.send().await.unwrap_err().code(), Some(code));
    }
    let palette = Palette::new(Color::rgb(0x48, 0x0c, 0xa8), Color::rgb(0, 0, 0));
    let theme = company.update_theme().light(palette.clone()).dark(palette.clone()).send().await.unwrap();
    assert_eq!(theme.dark, Some(palette.clone()));
    company.update_theme().reset_dark().send().await.unwrap();
    let theme = company.theme().send().await.unwrap();
    assert_eq!((theme.light, theme.dark), (Some(palette), None));
    let small = company.set_logo(&png(199, 300)).send().await.unwrap_err();
    assert_eq!(small.code(), Some("wrong_file_dimension"));
    let logos = company.set_logo(&png(300, 300)).theme(LogoTheme::Dark).send().await.unwrap();
    assert!(logos.light_url.is_none() && logos.dark_url.is_some());
    let profile = company.get().send().await.unwrap();
    assert_eq!(profile.logos.unwrap(), logos);
}

async fn backgrounds_and_translations_are_added_and_deleted(w: &World) {
    let company = w.client.company();
    let small = company.add_background(&jpeg(1280, 1279)).send().await.unwrap_err();
    assert_eq!(small.code(), Some("wrong_file_dimension"));
    let mut aliases = Vec::new();
    for _ in 0..10 {
        aliases.push(company.add_background(&jpeg(1280, 1280)).send().await.unwrap().alias);
    }
    let eleventh = company.add_background(&jpeg(1280, 1280)).send().await.unwrap_err();
    assert_eq!(eleventh.code(), Some("exceeded_background_limit"));
    company.update().background(aliases[3].clone()).send().await.unwrap();
    let all = company.backgrounds().send().await.unwrap();
    assert_eq!((all.items.len(), all.default.unwrap().alias), (10, aliases[3].clone()));
    assert!(all.items[0].created_at.is_some());
    company.delete_background(&aliases[3]).send().await.unwrap();
    assert_eq!(code(company.delete_background(&aliases[3]).send().await), "background_not_found");
    assert!(company.get().send().await.unwrap().default_background.is_none());
    if !w.is_v1() {
        let file = File::new("it.json", "application/json", "{}").unwrap();
        company.set_translation(&Language::Italian, &file).send().await.unwrap();
        let all = company.translations().send().await.unwrap();
        assert_eq!(all.iter().map(|one| &one.language).collect::<Vec<_>>(), [&Language::Italian]);
        company.delete_translation(&Language::Italian).send().await.unwrap();
        assert_eq!(code(company.delete_translation(&Language::Italian).send().await), "translation_not_found");
    }
}

async fn recording_settings_are_changed(w: &World) {
    let company = w.client.company();
    let bad = company.create_encryption_key("no key").send().await.unwrap_err();
    assert_eq!(bad.code(), Some("invalid_public_key_error"));
    let pem = "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----";
    let key = company.create_encryption_key(pem).send().await.unwrap();
    assert_eq!(company.encryption_key(&key.id).send().await.unwrap(), key);
    assert_eq!(company.encryption_keys().send().await.unwrap().items, std::slice::from_ref(&key));
    let set = company.update_recording_settings(true).retention_days(15).encryption_key(key.id.clone());
    assert_eq!(set.send().await.unwrap().encryption_key, Some(key.id.clone()));
    let kept = company.update_recording_settings(false).send().await.unwrap();
    assert_eq!((kept.compression, kept.retention_days, kept.encryption_key), (Some(false), Some(15), Some(key.id)));
    company.update_recording_settings(false).no_encryption().send().await.unwrap();
    assert_eq!(company.recording_settings().send().await.unwrap().encryption_key, None);
}

async fn a_call_is_recorded_as_session_connections_and_activity(w: &World) {
    let c = &w.client;
    let room = c.rooms().create(pair()).max_duration(Duration::from_secs(90)).send().await.unwrap().id;
    let session = w.call(&room, Duration::from_secs(60)).await;
    let used = c.rooms().get(&room).send().await.unwrap();
    assert_eq!((used.used_duration, used.status), (Some(Duration::from_secs(60)), Some(RoomStatus::NotRunning)));
    let read = c.sessions().get(&session).send().await.unwrap();
    assert_eq!((read.duration, read.room_id.as_ref()), (Some(Duration::from_secs(60)), Some(&room)));
    assert_eq!(read.participants, [user("d"), user("p")]);
    let events: Vec<_> = c.sessions().connections(&session).into_stream().try_collect().await.unwrap();
    let changes: Vec<_> = events.iter().map(|one| (one.user_id.as_str(), &one.change)).collect();
    assert_eq!(
        changes,
        [
            ("d", &ConnectionChange::Disconnected),
            ("p", &ConnectionChange::Crashed),
            ("p", &ConnectionChange::Connected),
            ("d", &ConnectionChange::Connected),
        ]
    );
    // The second call uses up the remaining call time and closes the room.
    w.emulator.join(&room, &user("d")).unwrap();
    w.emulator.advance(Duration::from_secs(3600));
    w.emulator.join(&room, &user("p")).unwrap();
    w.emulator.advance(Duration::from_secs(31));
    let closed = c.rooms().get(&room).send().await.unwrap();
    assert_eq!((closed.status, closed.used_duration), (Some(RoomStatus::Closed), Some(Duration::from_secs(90))));
    assert!(w.emulator.join(&room, &user("d")).is_err());
    let list = c.sessions().list();
    let list = if w.is_v1() { list.to(read.created_at.unwrap()) } else { list.room(&room) };
    assert_eq!(list.send().await.unwrap().items.len(), if w.is_v1() { 1 } else { 2 });
    if w.is_v1() {
        assert_eq!(c.v1().users().sessions(&user("p")).send().await.unwrap().items.len(), 2);
        let log =
            c.v1().activity().list().user(&user("p")).room(&room).kind(ActivityKind::CallIn).send().await.unwrap();
        assert_eq!(log.items.len(), 2);
        assert_eq!(log.items[0].room.as_ref().unwrap().id, room);
        let all: Vec<_> = c.v1().activity().list().page_size(3).into_stream().try_collect().await.unwrap();
        assert_eq!(all.iter().filter(|one| one.kind == ActivityKind::RoomEnded).count(), 2);
    }
}

async fn a_recording_can_be_downloaded_until_it_is_deleted(w: &World) {
    let c = &w.client;
    let silent = c.rooms().create(pair()).send().await.unwrap().id;
    let session = w.call(&silent, Duration::from_secs(1)).await;
    assert_eq!(c.recordings().link(&session).send().await.unwrap_err().code(), Some("room_no_recordable"));
    let room = w.recorded_room().await;
    w.emulator.join(&room, &user("d")).unwrap();
    let running = w.emulator.sessions().pop().unwrap().id;
    assert_eq!(c.recordings().link(&running).send().await.unwrap_err().code(), Some("recording_not_found"));
    w.emulator.leave(&room, &user("d")).unwrap();
    let link = c.recordings().link(&running).valid_for(Duration::from_secs(60)).send().await.unwrap();
    assert_eq!(reqwest::get(link.expose()).await.unwrap().status(), 200);
    w.emulator.advance(Duration::from_secs(61));
    assert_eq!(reqwest::get(link.expose()).await.unwrap().status(), 403);
    let file = c.recordings().download(&running).send().await.unwrap();
    assert_eq!(file.content_type(), Some("video/mp4"));
    assert!(file.bytes().await.unwrap().starts_with(b"an emulated recording"));
    if w.is_v1() {
        c.v1().recordings().broadcast_link(&running).send().await.unwrap();
    }
    let expired = {
        let session = w.call(&w.recorded_room().await, Duration::from_secs(1)).await;
        w.emulator.advance(Duration::from_secs(31 * 24 * 3600));
        c.recordings().link(&session).send().await.unwrap_err()
    };
    let (status, code_) = if w.is_v1() { (400, "recording_not_found") } else { (412, "recording_expired") };
    assert_eq!((expired.status().unwrap().as_u16(), expired.code()), (status, Some(code_)));
    if !w.is_v1() {
        let session = w.call(&w.recorded_room().await, Duration::from_secs(1)).await;
        c.recordings().delete(&session).send().await.unwrap();
        assert_eq!(code(c.recordings().delete(&session).send().await), "recording_not_found");
    }
}

async fn transcripts_can_be_read_and_deleted(w: &World) {
    if w.is_v1() {
        return;
    }
    let c = &w.client;
    let session = w.call(&w.recorded_room().await, Duration::from_secs(1)).await;
    let transcript = c.transcripts().download(&session).send().await.unwrap();
    assert_eq!(transcript.content_type(), Some("text/plain; charset=utf-8"));
    assert!(transcript.bytes().await.unwrap().starts_with(b"An emulated transcript"));
    let summary = c.transcripts().download_summary(&session).send().await.unwrap();
    assert!(summary.bytes().await.unwrap().starts_with(b"An emulated summary"));
    c.transcripts().delete(&session).send().await.unwrap();
    assert!(c.transcripts().download(&session).send().await.unwrap_err().is_not_found());
    c.transcripts().delete_summary(&session).send().await.unwrap();
    assert!(c.transcripts().download_summary(&session).send().await.unwrap_err().is_not_found());
}

async fn uploads_are_listed_everywhere_they_belong(w: &World) {
    let c = &w.client;
    let room = c.rooms().create(pair()).send().await.unwrap().id;
    assert!(w.emulator.upload(&room, &user("p"), UploadKind::File, "too early").is_err());
    w.emulator.join(&room, &user("p")).unwrap();
    let file = w.emulator.upload(&room, &user("p"), UploadKind::File, "a file").unwrap();
    let picture = w.emulator.upload(&room, &user("p"), UploadKind::Snapshot, "a picture").unwrap();
    let session = w.emulator.sessions().pop().unwrap().id;
    let keys = |page: bandyer_client::Page<bandyer_client::uploads::Upload>| {
        page.items.into_iter().map(|upload| upload.key).collect::<Vec<UploadKey>>()
    };
    assert_eq!(keys(c.uploads().list().send().await.unwrap()), [picture.clone(), file.clone()]);
    assert_eq!(keys(c.rooms().uploads(&room).send().await.unwrap()), [picture.clone(), file.clone()]);
    if w.is_v1() {
        let snapshots = c.v1().users().uploads(&user("p")).kind(UploadKind::Snapshot).send().await.unwrap();
        assert_eq!(keys(snapshots), [picture]);
        assert!(c.v1().users().uploads(&user("d")).send().await.unwrap().items.is_empty());
        assert_eq!(c.v1().sessions().uploads(&session).send().await.unwrap().items.len(), 2);
    }
    let read = c.uploads().get(&file).send().await.unwrap();
    assert_eq!((read.key, read.kind, read.room_id), (file.clone(), Some(UploadKind::File), Some(room)));
    assert_eq!(c.uploads().download(&file).send().await.unwrap().bytes().await.unwrap(), "a file");
    c.uploads().delete(&file).send().await.unwrap();
    assert_eq!(code(c.uploads().delete(&file).send().await), "upload_not_found");
    assert_eq!(w.emulator.uploads().len(), 1);
}

async fn tags_are_created_and_deleted(w: &World) {
    let tags = w.client.tags();
    assert_eq!(tags.create(["x-ray"]).send().await.unwrap()[0].name, "x-ray");
    if w.is_v1() {
        let added = tags.create(["x-ray", "blood"]).send().await.unwrap();
        assert_eq!(added.iter().map(|tag| tag.name.as_str()).collect::<Vec<_>>(), ["blood"]);
    } else {
        tags.create(["blood"]).send().await.unwrap();
    }
    tags.delete(["x-ray"]).send().await.unwrap();
    let left: Vec<_> = tags.list().into_stream().try_collect().await.unwrap();
    assert_eq!(left.iter().map(|tag| tag.name.as_str()).collect::<Vec<_>>(), ["blood"]);
}

async fn messages_are_sent_and_read(w: &World) {
    let c = &w.client;
    if w.is_v1() {
        let both = [user("d"), user("p")];
        let other = c.v1().chats().create(&[user("d"), user("unknown")]).send().await;
        assert_eq!(code(other), "invalid_users_length");
        c.v1().chats().create(&both).send().await.unwrap();
        for n in 0..5 {
            let sent = c.v1().chats().send_message(&both, &user("d"), &format!("message {n}")).send().await.unwrap();
            assert_eq!(sent.index, Some(n));
        }
        let messages = c.v1().chats().messages(&both).order(MessageOrder::NewestFirst).page_size(2);
        let first = messages.clone().send().await.unwrap();
        assert_eq!(first.items[0].text.as_str(), "message 4");
        let second = messages.clone().at(first.next.unwrap()).send().await.unwrap();
        assert_eq!((second.items[0].text.as_str(), second.previous.is_some()), ("message 2", true));
        let all: Vec<_> = messages.into_stream().try_collect().await.unwrap();
        let all: Vec<_> = all.iter().map(|one| one.index.unwrap()).collect();
        assert_eq!(all, [4, 3, 2, 1, 0]);
        let chats = c.v1().users().chats(&user("p")).send().await.unwrap();
        assert_eq!(chats[0].last_message.as_ref().unwrap().text.as_str(), "message 4");
        c.v1().chats().remove(&both).send().await.unwrap();
        assert_eq!(code(c.v1().chats().remove(&both).send().await), "chat_not_found");
        return;
    }
    let channel = c.channels().create(&user("d"), &user("p")).send().await.unwrap();
    assert_eq!(c.channels().get(&channel.id).send().await.unwrap(), channel);
    assert_eq!(c.channels().list().send().await.unwrap().items, std::slice::from_ref(&channel));
    c.channels().send_message(&channel.id, &user("d"), "hello").send().await.unwrap();
    let other = c.channels().send_message(&channel.id, &user("x"), "hello").send().await.unwrap_err();
    assert_eq!(other.code(), Some("user_not_a_member"));
    let read = c.channels().messages(&channel.id).send().await.unwrap().items;
    assert_eq!((read[0].text.as_str(), read[0].sender.as_ref()), ("hello", Some(&user("d"))));
    c.channels().delete(&channel.id).send().await.unwrap();
    assert!(c.channels().get(&channel.id).send().await.unwrap_err().is_not_found());
}

async fn broadcasts_are_created_and_joined(w: &World) {
    if !w.is_v1() {
        return;
    }
    let c = &w.client;
    let made =
        c.v1().broadcasts().create(&user("d"), "lecture").panelists([user("p")]).recording(true).send().await.unwrap();
    assert_eq!((made.publisher.as_ref(), made.recording), (Some(&user("d")), Some(true)));
    let read = c.v1().broadcasts().get(&made.id).send().await.unwrap();
    assert_eq!((read.panelists, read.description.unwrap().as_str()), (vec![user("p")], "lecture"));
    assert_eq!(c.v1().broadcasts().list().send().await.unwrap().items[0].id, made.id);
    assert_eq!(c.v1().users().broadcasts(&user("p")).send().await.unwrap().items[0].id, made.id);
    let link = c.v1().broadcasts().join_link(&made.id, &user("p"), true).send().await.unwrap();
    assert!(link.expose().contains("/direct-rest-call-handler/"));
}

async fn links_can_be_checked_and_revoked(w: &World) {
    if !w.is_v1() {
        return;
    }
    let c = &w.client;
    let room = c.rooms().create(pair()).send().await.unwrap();
    let link = room.participant(&user("p")).unwrap().join_url.clone().unwrap();
    let token = link.token().unwrap();
    assert!(c.v1().links().is_active(&token).send().await.unwrap());
    c.v1().links().revoke(&token).send().await.unwrap();
    assert!(!c.v1().links().is_active(&token).send().await.unwrap());
    assert_eq!(reqwest::get(link.expose()).await.unwrap().status(), 404);
    assert!(w.emulator.join(&room.id, &user("p")).is_err());
    assert!(!c.v1().links().is_active(&LinkToken::from("none")).send().await.unwrap());
}

async fn webhooks_are_configured_and_deleted(w: &World) {
    let url = "https://me.example/hook";
    if w.is_v1() {
        let hooks = w.client.v1().webhooks();
        let both = [WebhookEvent::SessionStarted, WebhookEvent::SessionEnded];
        assert_eq!(hooks.configure(WebhookVersion::V1, url, &both).send().await.unwrap().len(), 2);
        hooks.configure(WebhookVersion::V0, url, &both[..1]).send().await.unwrap();
        let left = hooks.configure(WebhookVersion::V1, url, &both[1..]).send().await.unwrap();
        assert_eq!(left[0].event, WebhookEvent::SessionEnded);
        let active = hooks.active(WebhookVersion::V1).send().await.unwrap();
        assert_eq!(active.iter().map(|one| (&*one.url, &one.event)).collect::<Vec<_>>(), [(url, &both[1])]);
        assert_eq!(hooks.active(WebhookVersion::V0).send().await.unwrap()[0].event, both[0]);
        let unknown = hooks.configure(WebhookVersion::V1, url, &[WebhookEvent::from("on_nothing")]).send().await;
        assert_eq!(unknown.unwrap_err().code(), Some("invalid_webhook_event"));
        assert_eq!(hooks.active(WebhookVersion::V1).send().await.unwrap(), active);
        return;
    }
    let hooks = w.client.webhooks();
    let made = hooks.create(url, &WebhookEvent::RoomCreated, WebhookVersion::V1).send().await.unwrap();
    let changed = hooks.update(&made.id).url("https://you.example").version(WebhookVersion::V0).send().await.unwrap();
    assert_eq!((changed.event, changed.version), (Some(WebhookEvent::RoomCreated), Some(WebhookVersion::V0)));
    assert_eq!(hooks.get(&made.id).send().await.unwrap().url.as_deref(), Some("https://you.example"));
    assert_eq!(hooks.list().send().await.unwrap().items.len(), 1);
    hooks.delete(&made.id).send().await.unwrap();
    assert!(hooks.get(&made.id).send().await.unwrap_err().is_not_found());
}

async fn signatures_are_requested_in_a_running_room(w: &World) {
    if w.is_v1() {
        return;
    }
    let c = &w.client;
    let signatures = c.signatures();
    let template = signatures.create_template(&json!({"name": "consent"})).send().await.unwrap();
    signatures.update_template(&template.id, &json!({"name": "informed consent"})).send().await.unwrap();
    let read = signatures.template(&template.id).send().await.unwrap();
    assert_eq!(read.name.as_deref(), Some("informed consent"));
    let doctor = NewParticipant::new(user("d")).tools(Tools::none().sign(true));
    let room = c.rooms().create([doctor, NewParticipant::new(user("p"))]).send().await.unwrap().id;
    let document = File::new("consent.pdf", "application/pdf", "%PDF-1.7").unwrap();
    let new = NewSignature::new("consent", room.clone(), document)
        .operator(user("d"))
        .client(user("p"), Signer::new("p@example.org", "+390255500000", "M.", "Rossi"))
        .template(template.id.clone());
    let early = signatures.request(&new).send().await.unwrap_err();
    assert_eq!((early.status().unwrap().as_u16(), early.code()), (412, Some("room_not_active")));
    w.emulator.join(&room, &user("d")).unwrap();
    let accepted = signatures.request(&new).send_with_response().await.unwrap();
    assert_eq!(accepted.status().as_u16(), 202);
    let envelope = signatures.envelopes().send().await.unwrap().items.remove(0);
    assert_eq!(envelope.provider_id.as_ref(), Some(&accepted.body().provider_id));
    assert_eq!(signatures.envelope(&envelope.id).send().await.unwrap(), envelope);
    assert_eq!(signatures.templates().send().await.unwrap().items.len(), 1);
    signatures.delete_template(&template.id).send().await.unwrap();
    assert!(signatures.template(&template.id).send().await.unwrap_err().is_not_found());
}
