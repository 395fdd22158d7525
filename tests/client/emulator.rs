//! The emulator, through the client and through its control routes.

use std::time::Duration;

use bandyer_client::activity::ActivityKind;
use bandyer_client::emulator::{Action, Emulator, Fault, Operation};
use bandyer_client::rooms::{NewParticipant, RecordingMode, RoomStatus, Tools};
use bandyer_client::users::{Language, Role};
use bandyer_client::webhooks::{WebhookEvent, WebhookVersion};
use bandyer_client::{ApiVersion, Client, ErrorKind, RetryPolicy, RoomId};
use http::Method;
use serde_json::{Value, json};

use crate::support::{png, user};

const VERSIONS: [ApiVersion; 2] = [ApiVersion::V1, ApiVersion::V2];

async fn with_users(version: ApiVersion) -> (Emulator, Client) {
    let emulator = Emulator::start().await.unwrap();
    let client = emulator.client_for(version).unwrap();
    client.users().create(Role::Plus).id(user("d")).send().await.unwrap();
    client.users().create(Role::Basic).id(user("p")).send().await.unwrap();
    (emulator, client)
}

fn pair() -> [NewParticipant; 2] {
    [NewParticipant::new(user("d")).admin(true), NewParticipant::new(user("p")).tools(Tools::none().chat(true))]
}

#[tokio::test]
async fn users_have_a_full_lifecycle_in_both_versions() {
    for version in VERSIONS {
        let (emulator, client) = with_users(version).await;
        let made = client.users().create(Role::Basic).language(Language::Polish).camera(false).send().await.unwrap();
        assert!(made.id.as_str().starts_with("usr_"));
        let read = client.users().get(&made.id).send().await.unwrap();
        assert_eq!((read.role, read.language, read.camera), (Some(Role::Basic), Some(Language::Polish), Some(false)));
        let changed = client.users().update(&made.id).role(Role::Plus).camera(true).send().await.unwrap();
        assert_eq!(
            (changed.role, changed.camera, changed.language),
            (Some(Role::Plus), Some(true), Some(Language::Polish))
        );
        let all: Vec<_> = client.users().list().into_stream().try_collect().await.unwrap();
        assert_eq!(all.len(), 3);
        client.users().delete(&made.id).send().await.unwrap();
        assert!(client.users().get(&made.id).send().await.unwrap_err().is_not_found());
        assert_eq!(emulator.users().len(), 2);
        assert!(client.users().create(Role::Plus).id(user("d")).send().await.unwrap_err().is_conflict());
    }
}

#[tokio::test]
async fn rooms_have_a_full_lifecycle_in_both_versions() {
    for version in VERSIONS {
        let (emulator, client) = with_users(version).await;
        let made = client
            .rooms()
            .create(pair())
            .recording(RecordingMode::Manual)
            .max_duration(Duration::from_secs(90))
            .live(true)
            .description("x")
            .send()
            .await
            .unwrap();
        assert_eq!((made.live, made.max_duration), (Some(true), Some(Duration::from_secs(90))));
        let patient = made.participant(&user("p")).unwrap();
        assert_eq!((patient.is_admin, patient.tools), (Some(false), Some(Tools::none().chat(true))));
        let read = client.rooms().get(&made.id).send().await.unwrap();
        assert_eq!(read.status, Some(RoomStatus::NotRunning));
        for participant in &read.participants {
            let again = made.participant(&participant.user_id).unwrap();
            assert_eq!(again.join_url.as_ref().unwrap().expose(), participant.join_url.as_ref().unwrap().expose());
        }
        let listed = client.rooms().list().send().await.unwrap().items.remove(0);
        assert_eq!(listed.description.unwrap().as_str(), "x");
        assert!(listed.participants.is_empty());
        client.rooms().disable(&made.id).send().await.unwrap();
        let disabled = client.rooms().get(&made.id).send().await.unwrap();
        assert_eq!((disabled.disabled, disabled.status), (Some(true), Some(RoomStatus::Closed)));
        assert!(disabled.participants.iter().all(|one| one.join_url.is_none()));
        client.rooms().delete(&made.id).send().await.unwrap();
        assert!(client.rooms().get(&made.id).send().await.unwrap_err().is_not_found());
        assert!(client.rooms().delete(&made.id).send().await.unwrap_err().is_not_found());
        assert!(emulator.rooms()[0].deleted && emulator.live_rooms().is_empty());
    }
}

#[tokio::test]
async fn lists_are_newest_first_and_paged() {
    for version in VERSIONS {
        let (_emulator, client) = with_users(version).await;
        let mut made: Vec<RoomId> = Vec::new();
        for _ in 0..45 {
            made.push(client.rooms().create(pair()).send().await.unwrap().id);
        }
        made.reverse();
        let first = client.rooms().list().send().await.unwrap();
        assert_eq!((first.items.len(), first.has_more, first.next_offset()), (20, true, Some(20)));
        let all: Vec<_> = client.rooms().list().page_size(7).into_stream().try_collect().await.unwrap();
        assert_eq!(all.into_iter().map(|room| room.id).collect::<Vec<_>>(), made);
        let error = client.rooms().list().page_size(101).send().await.unwrap_err();
        assert_eq!(error.status().unwrap().as_u16(), 422);
    }
}

#[tokio::test]
async fn documented_limits_and_codes_hold() {
    for version in VERSIONS {
        let (emulator, client) = with_users(version).await;
        let unknown = match version {
            ApiVersion::V1 => (400, "invalid_user_id"),
            _ => (404, "user_not_found"),
        };
        let raw = |path: &'static [&'static str], body: Value| {
            let request = client.request(http::Method::POST, path).json(&body).bytes();
            async move {
                let error = request.send().await.unwrap_err();
                (error.status().unwrap().as_u16(), error.code().unwrap().to_owned())
            }
        };
        let (users, rooms): (&[&str], &[&str]) = match version {
            ApiVersion::V1 => (&["user", "create"], &["room", "create"]),
            _ => (&["users"], &["rooms"]),
        };
        let of =
            |ids: &[&str]| json!({"participants": ids.iter().map(|id| json!({"user_id": id})).collect::<Vec<_>>()});
        for (path, body, status, code) in [
            (users, json!({}), 422, "role_validation_error"),
            (users, json!({"role": "admin"}), 422, "role_validation_error"),
            (users, json!({"role": "plus", "id": "a b"}), 422, "id_validation_error"),
            (users, json!({"role": "plus", "id": "d"}), 400, "user_id_already_exists"),
            (users, json!({"role": "plus", "language": "xx"}), 422, "invalid_language"),
            (users, json!([]), 400, "invalid_request"),
            (rooms, json!({}), 422, "invalid_param"),
            (rooms, of(&["d"]), 422, "invalid_participants_length"),
            (rooms, of(&["d", "d"]), 422, "duplicate_participant"),
            (rooms, of(&["d", "unknown"]), 400, "invalid_user_id"),
            (&["sdk", "credentials"], json!({"user_id": "unknown"}), unknown.0, unknown.1),
            (&["sdk", "credentials"], json!({"user_id": "d", "expires_in": 359}), 422, "invalid_expires_in"),
            (&["nowhere"], json!({}), 404, "not_found"),
        ] {
            assert_eq!(raw(path, body.clone()).await, (status, code.to_owned()), "{version} {body}");
        }
        client.users().update(&user("d")).role(Role::Basic).send().await.unwrap();
        assert_eq!(raw(rooms, of(&["d", "p"])).await, (422, "no_plus_user_in_room".to_owned()));
        assert!(emulator.rooms().is_empty());
        let other = Client::builder("ak_test_wrong").base_url(emulator.base_url(version)).build().unwrap();
        assert!(other.rooms().list().send().await.unwrap_err().is_unauthorized());
    }
}

#[tokio::test]
async fn an_inactive_user_cannot_enter_rooms_and_keeps_the_id() {
    let (_emulator, client) = with_users(ApiVersion::V2).await;
    client.users().update(&user("p")).active(false).send().await.unwrap();
    assert_eq!(client.rooms().create(pair()).send().await.unwrap_err().code(), Some("invalid_user_id"));
    assert_eq!(client.credentials().issue(&user("p")).send().await.unwrap_err().code(), Some("inactive_user"));
    assert!(client.users().create(Role::Basic).id(user("p")).send().await.unwrap_err().is_conflict());
}

#[tokio::test]
async fn participants_can_be_added_changed_and_removed() {
    let (emulator, client) = with_users(ApiVersion::V2).await;
    client.users().create(Role::Basic).id(user("q")).send().await.unwrap();
    let room = client.rooms().create(pair()).send().await.unwrap().id;
    let people = client.rooms().participants(&room);
    let added = people.add(NewParticipant::new(user("q"))).send().await.unwrap();
    let link = added.join_url.unwrap().expose().to_owned();
    assert_eq!(reqwest::get(&link).await.unwrap().status().as_u16(), 200);
    assert_eq!(
        people.add(NewParticipant::new(user("q"))).send().await.unwrap_err().code(),
        Some("duplicate_participant")
    );
    assert_eq!(people.add(NewParticipant::new(user("x"))).send().await.unwrap_err().code(), Some("invalid_user_id"));
    let changed = people.clone().update(&user("q")).admin(true).tools(Tools::none()).send().await.unwrap();
    assert_eq!((changed.is_admin, changed.tools), (Some(true), Some(Tools::none())));
    let admins = people.clone().list().admin(true).send().await.unwrap().items;
    assert_eq!(admins.iter().map(|one| one.user_id.as_str()).collect::<Vec<_>>(), ["d", "q"]);
    let page = people.clone().list().page_size(1).offset(1).send().await.unwrap();
    assert_eq!((page.items[0].user_id.as_str(), page.next_offset()), ("p", Some(2)));
    people.remove(&user("q")).send().await.unwrap();
    assert!(people.get(&user("q")).send().await.unwrap_err().is_not_found());
    assert_eq!(reqwest::get(&link).await.unwrap().status().as_u16(), 404);
    assert_eq!(people.get(&user("p")).send().await.unwrap().user_id, "p");
    assert_eq!(emulator.rooms()[0].participants.len(), 2);
}

#[tokio::test]
async fn recording_and_ringing_change_the_state_of_the_room() {
    let (emulator, client) = with_users(ApiVersion::V2).await;
    let silent = client.rooms().create(pair()).send().await.unwrap().id;
    assert_eq!(client.rooms().start_recording(&silent).send().await.unwrap_err().code(), Some("room_no_recordable"));
    let room = client.rooms().create(pair()).recording(RecordingMode::Manual).send().await.unwrap().id;
    for (on, status) in [(true, "started"), (false, "stopped")] {
        let request = if on { client.rooms().start_recording(&room) } else { client.rooms().stop_recording(&room) };
        request.send().await.unwrap();
        assert_eq!(client.rooms().get(&room).send().await.unwrap().recording_status.as_deref(), Some(status));
    }
    client.rooms().ring(&room).send().await.unwrap();
    assert_eq!(emulator.rooms()[1].rings, 1);
    client.rooms().disable(&room).send().await.unwrap();
    assert_eq!(client.rooms().ring(&room).send().await.unwrap_err().code(), Some("room_disabled"));
}

#[tokio::test]
async fn tokens_are_signed_and_have_the_requested_lifetime() {
    let (_emulator, client) = with_users(ApiVersion::V1).await;
    let before = jiff::Timestamp::now();
    let credential = client.credentials().issue(&user("p")).expires_in(Duration::from_secs(600)).send().await.unwrap();
    let lifetime = credential.expires_at.duration_since(before).as_secs();
    assert!((599..=700).contains(&lifetime), "{lifetime}");
    assert_eq!(credential.token.expose().split('.').count(), 3);
}

#[tokio::test]
async fn links_open_a_personal_page_until_the_room_is_deleted() {
    for version in VERSIONS {
        let (emulator, client) = with_users(version).await;
        let room = client.rooms().create(pair()).description("<b>visit</b>").send().await.unwrap();
        let link = |id| room.participant(&user(id)).unwrap().join_url.as_ref().unwrap().expose().to_owned();
        let open = |url: String| async move {
            let response = reqwest::get(url).await.unwrap();
            (response.status().as_u16(), response.text().await.unwrap())
        };
        let (status, page) = open(link("d")).await;
        assert_eq!(status, 200);
        for text in [room.id.as_str(), "<h1>d</h1>", "plus user", "admin", "&lt;b&gt;visit"] {
            assert!(page.contains(text), "{text}: {page}");
        }
        let (_, page) = open(format!("{}?l=it&dn=%3Cscript%3E", link("p"))).await;
        for text in [
            "<h1>p</h1>",
            "basic user",
            "Language: it",
            "&lt;script&gt;",
            "class=\"on\">chat",
            "class=\"off\">file upload",
        ] {
            assert!(page.contains(text), "{text}: {page}");
        }
        assert!(!page.contains("<script"));
        emulator.client().unwrap().rooms().delete(&room.id).send().await.unwrap();
        assert_eq!(open(link("p")).await.0, 404);
    }
}

#[tokio::test]
async fn each_fault_causes_the_matching_error() {
    use Action::{Garbage, Html502, HugeBody, ResetAfter, ResetBefore, Stall, Status, Truncate};
    let unavailable = Status(http::StatusCode::SERVICE_UNAVAILABLE);
    for (action, kind, happens) in [
        (unavailable, ErrorKind::Api, false),
        (Html502, ErrorKind::Api, false),
        (ResetBefore, ErrorKind::Interrupted, false),
        (ResetAfter, ErrorKind::Interrupted, true),
        (Stall, ErrorKind::Timeout, true),
        (Truncate, ErrorKind::Interrupted, true),
        (Garbage, ErrorKind::Decode, true),
        (HugeBody(9 << 20), ErrorKind::Decode, true),
        (Action::SlowBody(Duration::from_secs(60)), ErrorKind::Timeout, true),
    ] {
        let (emulator, client) = with_users(ApiVersion::V2).await;
        emulator.faults().add(Fault::on(Operation::CreateRoom).action(action.clone()));
        let request = client.rooms().create(pair()).into_request().attempt_timeout(Duration::from_secs(1));
        let error = request.retry(RetryPolicy::none()).send().await.unwrap_err();
        assert_eq!((error.kind(), emulator.rooms().len()), (kind, usize::from(happens)), "{action:?}: {error}");
        assert_eq!(emulator.calls_of(Operation::CreateRoom), 1);
        client.rooms().create(pair()).send().await.unwrap();
    }
    let (emulator, client) = with_users(ApiVersion::V2).await;
    emulator.faults().add(Fault::on(Operation::CreateRoom).action(Action::Delay(Duration::from_millis(1))));
    client.rooms().create(pair()).send().await.unwrap();
}

#[tokio::test]
async fn the_control_routes_work_over_http() {
    let emulator = Emulator::start().await.unwrap();
    let http = reqwest::Client::builder().build().unwrap();
    let url = |path: &str| format!("{}/_emulator/{path}", emulator.url());
    let post = |path: &'static str, body: Value| {
        let request = http.post(url(path)).json(&body);
        async move {
            let response = request.send().await.unwrap();
            (response.status().as_u16(), response.json::<Value>().await.unwrap())
        }
    };
    assert_eq!(post("plant", json!({"user": {"id": "d", "role": "plus"}})).await.0, 200);
    assert_eq!(post("plant", json!({"room": {"description": "decoy"}})).await.0, 200);
    let state: Value = http.get(url("state")).send().await.unwrap().json().await.unwrap();
    assert_eq!((state["users"].as_array().unwrap().len(), &state["rooms"][0]["description"]), (3, &json!("decoy")));
    let fault =
        json!({"operation": "get_user", "nth": 2, "times": 1, "action": "status", "status": 429, "retry_after": "60"});
    assert_eq!(post("faults", fault).await.0, 200);
    let client = emulator.client().unwrap();
    client.users().get(&user("d")).send().await.unwrap();
    assert!(client.users().get(&user("d")).send().await.unwrap_err().is_rate_limited());
    let calls: Value = http.get(url("calls")).send().await.unwrap().json().await.unwrap();
    assert_eq!(
        calls["calls"][1],
        json!({"operation": "get_user", "api_version": "v2", "route": "GET /users/{id}", "status": 429})
    );
    for (bad, place) in [
        (json!({"action": "explode"}), "action"),
        (json!({"action": "status"}), "status"),
        (json!({"action": "delay"}), "pause_ms"),
        (json!({"action": "stall", "times": "often"}), "times"),
        (json!({"action": "stall", "color": 1}), "color"),
    ] {
        let (status, body) = post("faults", bad).await;
        assert_eq!(status, 400);
        assert!(body["message"].as_str().unwrap().contains(place), "{body}");
    }
    assert_eq!(post("reset", json!({})).await.0, 200);
    assert!(emulator.users().is_empty() && emulator.calls().is_empty());
}

#[tokio::test]
async fn the_key_is_checked_before_anything_else() {
    let emulator = Emulator::start().await.unwrap();
    for path in ["/v2/users", "/rest/user/list", "/v2/nowhere", "/", "/v3"] {
        let response = reqwest::get(format!("{}{path}", emulator.url())).await.unwrap();
        assert_eq!(response.status().as_u16(), 401);
        assert_eq!(response.json::<Value>().await.unwrap()["code"], json!("invalid_api_key"));
    }
}

#[tokio::test]
async fn removed_and_inactive_users_are_disconnected() {
    let (emulator, client) = with_users(ApiVersion::V2).await;
    client.users().create(Role::Basic).id(user("q")).send().await.unwrap();
    let room = client.rooms().create(pair()).send().await.unwrap().id;
    client.rooms().participants(&room).add(NewParticipant::new(user("q"))).send().await.unwrap();
    for id in ["d", "p", "q"] {
        emulator.join(&room, &user(id)).unwrap();
    }
    client.users().update(&user("p")).active(false).send().await.unwrap();
    assert_eq!(emulator.rooms()[0].connected, ["d", "q"]);
    client.rooms().participants(&room).remove(&user("q")).send().await.unwrap();
    assert_eq!(emulator.rooms()[0].connected, ["d"]);
    client.users().delete(&user("d")).send().await.unwrap();
    assert!(emulator.rooms()[0].connected.is_empty());
    assert!(emulator.sessions()[0].ended_at.is_some());
}

#[tokio::test]
async fn rooms_close_in_the_order_of_their_expiry() {
    let (emulator, client) = with_users(ApiVersion::V1).await;
    let mut by_end = Vec::new();
    for seconds in [300, 60, 120, 240, 180] {
        let room = client.rooms().create(pair()).max_duration(Duration::from_secs(seconds)).send().await.unwrap().id;
        emulator.join(&room, &user("d")).unwrap();
        emulator.join(&room, &user("p")).unwrap();
        by_end.push((seconds, room));
    }
    emulator.advance(Duration::from_secs(3600));
    by_end.sort_unstable();
    let log = client.v1().activity().list().kind(ActivityKind::RoomEnded).user(&user("p")).send().await.unwrap().items;
    let closed: Vec<_> = log.iter().rev().map(|one| one.room.as_ref().unwrap().id.clone()).collect();
    assert_eq!(closed, by_end.into_iter().map(|(_, room)| room).collect::<Vec<_>>());
    let lengths: Vec<_> = emulator.sessions().iter().map(|session| session.duration().unwrap().as_secs()).collect();
    assert_eq!(lengths, [300, 60, 120, 240, 180]);
}

#[tokio::test]
async fn v1_credentials_can_be_requested_with_a_form() {
    let (emulator, _client) = with_users(ApiVersion::V1).await;
    let response = reqwest::Client::builder().build().unwrap();
    let response = response
        .post(format!("{}/rest/sdk/credentials", emulator.url()))
        .header("apikey", emulator.api_key().expose())
        .header("content-type", "application/x-www-form-urlencoded")
        .body("user_id=d&expires_in=600")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.json::<Value>().await.unwrap()["user_id"], json!("d"));
}

#[tokio::test]
async fn lists_of_rooms_may_be_oldest_first() {
    let (emulator, client) = with_users(ApiVersion::V2).await;
    let rooms: Vec<RoomId> = (0..3).map(|n| emulator.plant_room(&n.to_string())).collect();
    let listed = async || {
        let page = client.rooms().list().page_size(2).send().await.unwrap();
        page.items.into_iter().map(|room| room.id).collect::<Vec<_>>()
    };
    assert_eq!(listed().await, [rooms[2].clone(), rooms[1].clone()]);
    emulator.list_rooms_oldest_first();
    assert_eq!(listed().await, rooms[..2]);
}

#[tokio::test]
async fn an_unknown_room_may_be_a_bad_request() {
    for version in VERSIONS {
        let (emulator, client) = with_users(version).await;
        emulator.answer_unknown_rooms_with_bad_request();
        let unknown = RoomId::new("room_0").unwrap();
        let error = client.rooms().delete(&unknown).send().await.unwrap_err();
        assert_eq!(error.status().map(|status| status.as_u16()), Some(400));
        assert!(!error.is_not_found() && client.rooms().get(&unknown).send().await.is_err());
    }
}

#[tokio::test]
async fn waiting_in_vain_ends_and_says_what_happened_instead() {
    let emulator = Emulator::builder().wait_limit(Duration::from_millis(50)).start().await.unwrap();
    let client = emulator.client().unwrap();
    client.company().get().await.unwrap();
    emulator.until_called(Operation::GetCompany, 1).await.unwrap();
    let error = emulator.until_called(Operation::CreateRoom, 2).await.unwrap_err().to_string();
    assert_eq!(error, "call 2 of `create room` did not happen within 0.05 s; calls:\n  1 of `get company`");
    let error = emulator.until_delivered("on_room_deleted", 1).await.unwrap_err().to_string();
    assert!(error.ends_with("there were no deliveries"), "{error}");
    // Nobody listens there.
    client.webhooks().create("http://127.0.0.1:1/", &WebhookEvent::RoomDeleted, WebhookVersion::V1).await.unwrap();
    let room = emulator.plant_room("visit");
    client.rooms().delete(&room).await.unwrap();
    let error = emulator.until_delivered("on_room_deleted", 1).await.unwrap_err().to_string();
    assert!(error.contains("deliveries:\n  on_room_deleted, attempt 1: no response"), "{error}");
}

#[tokio::test]
async fn bodies_of_requests_are_recorded_and_kept_out_of_debug_output() {
    let emulator = Emulator::start().await.unwrap();
    let client = emulator.client().unwrap();
    client.users().create(Role::Plus).id(user("canary")).await.unwrap();
    client.users().set_avatar(&user("canary"), &png(300, 300)).await.unwrap();
    let calls = emulator.calls();
    assert_eq!(calls[0].body.as_ref().unwrap(), &json!({"id": "canary", "role": "plus"}));
    assert_eq!(calls[1].body.as_ref().unwrap()["avatar"]["content_type"], "image/png");
    assert!(calls[1].body.as_ref().unwrap()["avatar"]["bytes"].as_u64() > Some(8));
    assert!(!format!("{calls:?}").contains("canary"));
    let raw = Value::Array(vec!["x".into(); 10_000]);
    let _refused = client.request(Method::POST, &["users"]).json(&raw).decode::<Value>().await;
    assert_eq!(emulator.calls().last().unwrap().body, None, "it is too large");
}

#[tokio::test]
async fn a_wrong_fault_is_answered_with_all_actions_or_what_is_missing() {
    let emulator = Emulator::start().await.unwrap();
    let client = emulator.client().unwrap();
    let http = reqwest::Client::builder().timeout(Duration::from_secs(5)).build().unwrap();
    let url = format!("{}/_emulator/faults", emulator.url());
    let add = async |body: Value| {
        let response = http.post(&url).json(&body).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    let (status, text) = add(json!({"action": "explode"})).await;
    assert_eq!(status, 400);
    for action in ["status (with status)", "stall", "delay (with pause_ms)", "redirect (with status and location)"] {
        assert!(text.contains(action), "{text}");
    }
    let (status, text) = add(json!({"action": "redirect", "status": 200})).await;
    assert!(status == 400 && text.contains("needs a valid status and location"), "{text}");
    let (status, text) = add(json!({"action": "stall", "pause": 1})).await;
    assert!(status == 400 && text.contains("unknown field `pause`"), "{text}");
    assert_eq!(add(json!({"action": "status", "status": 503, "operation": "get_company"})).await.0, 200);
    assert_eq!(client.company().get().send_with_response().await.unwrap().attempts(), 2);
}
