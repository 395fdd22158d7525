//! The platform's services: the CRUD Service with the predecessor's documents, the auth service, custom ids, and the
//! headers of a request that are forwarded to them.

use std::time::Duration;

use bandyer_client::ApiVersion;
use bandyer_client::emulator::{Fault, Operation};
use http::Method;
use serde_json::{Value, json};

use crate::support::auth_service::Serves;
use crate::support::crud_service::{CrudStandIn, PEOPLE, RECORDS};
use crate::support::service::{PATIENCE, Platform, consultation, doctor, patient};
use crate::support::stand_in::{StandIn, Wrong};
use crate::support::{Service, in_minutes, person};

async fn on(platform: Platform) -> Service {
    Service::on(platform, ApiVersion::V2, &[]).await
}

fn crud(service: &Service) -> &CrudStandIn {
    service.crud.as_ref().unwrap()
}

fn auth(service: &Service) -> &StandIn {
    &service.auth.as_ref().unwrap().http
}

/// A document written by the predecessor, with its people in the user map and with old field names.
fn predecessor_document(service: &Service, start: &str, more: Value) -> String {
    for (person, vendor) in [("auth0|doctor", "usr_d"), ("auth0|patient", "usr_p")] {
        crud(service).put(PEOPLE, json!({"receivedUserId": person, "bandyerId": vendor}));
    }
    let mut document = json!({
        "bandyerRoomId": "room_old", "participantsNumber": 2, "teleconsultationState": "whatever",
        "startDate": start, "endDate": in_minutes(500),
        "participants": [
            {"bandyerId": "usr_d", "accessLinkURL": "https://old.example/d"},
            {"userBandyerId": "usr_p", "accessLinkURL": "https://old.example/p", "language": "it"},
        ],
    });
    let fields = document.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    fields.retain(|_, value| !value.is_null());
    crud(service).put(RECORDS, document)
}

#[tokio::test]
async fn documents_have_exactly_the_predecessors_fields() {
    for (platform, person_fields) in [
        (Platform::CRUD, &["accessLinkURL", "fullName", "groups", "userBandyerId"][..]),
        (Platform::BOTH, &["accessLinkURL", "userBandyerId"][..]),
    ] {
        let service = on(platform).await;
        let id = service.create_running().await;
        let document = crud(&service).document(&id);
        let names = |value: &Value| {
            let mut names: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
            names.sort();
            names
        };
        let expected = [
            "__STATE__",
            "_id",
            "bandyerRoomId",
            "createdAt",
            "endDate",
            "participants",
            "participantsNumber",
            "startDate",
            "teleconsultationState",
            "updatedAt",
        ];
        assert_eq!(names(&document), expected);
        assert_eq!(names(&document["participants"][0]), person_fields);
        assert_eq!(
            (&document["__STATE__"], &document["teleconsultationState"]),
            (&json!("PUBLIC"), &json!("AVAILABLE"))
        );
        let people = crud(&service).documents(PEOPLE);
        assert_eq!(people.len(), 2);
        assert_eq!(people[0]["__STATE__"], json!("PUBLIC"));
        assert_eq!(service.delete(&id).await.status, 204);
        assert_eq!(crud(&service).document(&id)["__STATE__"], json!("TRASH"));
    }
}

#[tokio::test]
async fn a_missing_room_id_is_omitted_or_empty_as_the_schema_needs() {
    for (value, expected) in [("false", Value::Null), ("true", json!(""))] {
        let service = Service::on(Platform::CRUD, ApiVersion::V2, &[("CRUD_EMPTY_ROOM_ID", value)]).await;
        let id = service.create(&in_minutes(60), 3, &[doctor(), patient()]).await;
        assert_eq!(crud(&service).document(&id)["bandyerRoomId"], expected);
        let whole = json!({"participants": {"number": 2, "data": [doctor(), patient()]}});
        assert_eq!(service.patch(&id, &whole).await.status, 204);
        assert!(crud(&service).document(&id)["bandyerRoomId"].as_str().unwrap().len() > 1);
        let partial = json!({"participants": {"number": 3, "data": [doctor(), patient()]}});
        assert_eq!(service.patch(&id, &partial).await.status, 204);
        assert_eq!(crud(&service).document(&id)["bandyerRoomId"], expected);
    }
}

#[tokio::test]
async fn a_document_of_the_predecessor_is_served_unchanged() {
    let service = on(Platform::BOTH).await;
    service.auth.as_ref().unwrap().has("auth0|doctor", &json!(["doctor"]), "Anna");
    let id = predecessor_document(&service, &in_minutes(-5), json!({}));
    let before = crud(&service).document(&id);
    let view = service.view(&id, "auth0|doctor").await.json();
    assert_eq!((&view["bandyerUserId"], &view["accessLinkURL"]), (&json!("usr_d"), &json!("https://old.example/d")));
    assert_eq!(service.link(&id, "auth0|patient").await, "https://old.example/p");
    for stranger in ["auth0|other", "usr_d"] {
        assert_eq!(service.view(&id, stranger).await.status, 401, "{stranger}");
    }
    assert_eq!(crud(&service).document(&id), before);
    assert!(service.emulator.users().is_empty());
}

#[tokio::test]
async fn a_view_reads_names_again_and_survives_an_auth_failure() {
    let service = on(Platform::BOTH).await;
    let auth = service.auth.as_ref().unwrap();
    auth.has("auth0|doctor", &json!(["doctor"]), "Anna");
    auth.has("auth0|patient", &json!("patient"), "Marco");
    let id = predecessor_document(&service, &in_minutes(-5), json!({}));
    let names = |view: Value| {
        view["participantsBandyerCall"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["fullName"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(service.view(&id, "auth0|doctor").await.json()), ["Anna", "Marco"]);
    auth.http.fail(Method::GET, "/users", Wrong::Status(500));
    let view = service.view(&id, "auth0|doctor").await;
    assert_eq!((view.status, names(view.json())), (200, vec![json!(""), json!("")]));
}

#[tokio::test]
async fn a_change_keeps_old_field_names_and_reads_roles_again() {
    let service = on(Platform::BOTH).await;
    let auth = service.auth.as_ref().unwrap();
    auth.has("auth0|doctor", &json!(["doctor"]), "Anna");
    auth.has("auth0|patient", &json!(["patient"]), "Marco");
    // All participants are known and there is no room: the next change creates one for the users in the document.
    let id = predecessor_document(&service, &in_minutes(60), json!({"bandyerRoomId": null}));
    for user in ["usr_d", "usr_p"] {
        let client = service.emulator.client().unwrap();
        let user = bandyer_client::UserId::new(user).unwrap();
        client.users().create(bandyer_client::users::Role::Plus).id(user).send().await.unwrap();
    }
    let response = service.patch(&id, &json!({"end_date": in_minutes(200)})).await;
    assert_eq!(response.status, 204, "{response:?}");
    let document = crud(&service).document(&id);
    let room = service.emulator.live_rooms().remove(0);
    assert_eq!(document["bandyerRoomId"], json!(room.id));
    assert!(room.participants.iter().all(|one| one.is_admin == (one.user_id == "usr_d")), "{room:?}");
    let people = document["participants"].as_array().unwrap();
    assert_eq!((&people[0]["bandyerId"], &people[0]["userBandyerId"]), (&json!("usr_d"), &Value::Null));
    assert_eq!((&people[1]["userBandyerId"], &people[1]["language"]), (&json!("usr_p"), &json!("it")));
    assert_ne!(people[0]["accessLinkURL"], json!("https://old.example/d"));
}

#[tokio::test]
async fn changing_one_date_writes_only_that_date() {
    let service = on(Platform::CRUD).await;
    let id = service.create_later().await;
    let before = crud(&service).document(&id);
    crud(&service).http.forget_calls();
    let end = in_minutes(300);
    assert_eq!(service.patch(&id, &json!({"end_date": end})).await.status, 204);
    let calls = crud(&service).http.calls();
    let change = calls.iter().find(|call| call.method == Method::PATCH).unwrap();
    assert_eq!(change.body, json!({"$set": {"endDate": end}}));
    assert!(!change.raw.contains("http"), "no link is in a URL: {}", change.raw);
    assert_eq!(crud(&service).document(&id)["participants"], before["participants"]);
}

#[tokio::test]
async fn adding_a_participant_pushes_only_that_one() {
    let service = on(Platform::CRUD).await;
    let id = service.create(&in_minutes(60), 3, &[doctor()]).await;
    let response = service.post(&format!("/teleconsultation/{id}/participants/data"), &patient()).await;
    assert_eq!(response.status, 201);
    let change = crud(&service).http.calls().into_iter().find(|call| call.method == Method::PATCH).unwrap();
    assert_eq!(change.body.as_object().unwrap().keys().collect::<Vec<_>>(), ["$push"]);
    assert_eq!(crud(&service).document(&id)["participants"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn the_oldest_of_several_user_map_rows_is_used() {
    let service = on(Platform::CRUD).await;
    for (vendor, created) in [("usr_new", "2026-02-01T00:00:00.000Z"), ("usr_old", "2026-01-01T00:00:00.000Z")] {
        crud(&service).put(PEOPLE, json!({"receivedUserId": "dr.rossi", "bandyerId": vendor, "createdAt": created}));
    }
    let id = service.create(&in_minutes(60), 3, &[doctor()]).await;
    assert_eq!(crud(&service).document(&id)["participants"][0]["userBandyerId"], json!("usr_old"));
    assert!(service.emulator.users().is_empty());
}

#[tokio::test]
async fn instances_that_change_the_same_record_lose_no_change() {
    let service = on(Platform::CRUD).await;
    let url = crud(&service).http.url.clone();
    let variables = [
        ("CRUD_SERVICE", url.trim_start_matches("http://")),
        ("TELECONSULTATIONS_CRUD_NAME", RECORDS),
        ("USER_MAP_ID_CRUD_NAME", PEOPLE),
        ("BANDYER_BASE_URL", &service.emulator.base_url(ApiVersion::V2)),
        ("BANDYER_API_SECRET_KEY", service.emulator.api_key().expose()),
    ];
    let other = Service::start(ApiVersion::V2, &variables).await;
    let id = service.create(&in_minutes(60), 9, &[doctor()]).await;
    let path = format!("/teleconsultation/{id}/participants/data");
    let mut waiting: Vec<usize> = (0..8).collect();
    while !waiting.is_empty() {
        let calls = waiting.iter().map(|n| {
            let instance = if n % 2 == 0 { &service } else { &other };
            let body = person(&format!("p{n}"), "patient");
            let path = &path;
            async move { (*n, instance.post(path, &body).await.status) }
        });
        let responses = futures_util::future::join_all(calls).await;
        // A request that lost the race is repeated.
        assert!(responses.iter().all(|(_, status)| [201, 503].contains(status)), "{responses:?}");
        assert!(responses.iter().any(|(_, status)| *status == 201), "one request always succeeds");
        waiting = responses.into_iter().filter(|(_, status)| *status == 503).map(|(n, _)| n).collect();
    }
    let document = crud(&service).document(&id);
    assert_eq!(document["participants"].as_array().unwrap().len(), 9);
    assert_eq!(service.emulator.live_rooms().len(), 1);
    assert_eq!(document["bandyerRoomId"], json!(service.emulator.live_rooms()[0].id));
    service.until_called(Operation::DeleteRoom, service.emulator.rooms().len() - 1).await;
}

#[tokio::test]
async fn a_concurrent_change_during_room_creation_is_kept() {
    let service = on(Platform::CRUD).await;
    let id = service.create_later().await;
    let old = service.emulator.live_rooms().remove(0).id;
    let delay = Duration::from_millis(300);
    service
        .emulator
        .faults()
        .add(Fault::on(Operation::CreateRoom).action(bandyer_client::emulator::Action::Delay(delay)));
    let change = json!({"participants": {"number": 2, "data": [doctor(), person("q", "patient")]}});
    let other_end = in_minutes(400);
    let (response, ()) = tokio::join!(service.patch(&id, &change), async {
        service.until_called(Operation::CreateRoom, 2).await;
        crud(&service).change(&id, "endDate", json!(other_end));
    });
    assert_eq!(response.status, 204, "{response:?}");
    let document = crud(&service).document(&id);
    assert_eq!(document["endDate"], json!(other_end));
    service.until_called(Operation::DeleteRoom, 2).await;
    let live = service.emulator.live_rooms();
    assert_eq!((live.len(), &document["bandyerRoomId"]), (1, &json!(live[0].id)));
    assert_ne!(live[0].id, old);
}

#[tokio::test]
async fn a_conflicting_write_repeats_the_decision() {
    let service = on(Platform::CRUD).await;
    let id = service.create(&in_minutes(60), 2, &[doctor()]).await;
    let mut concurrent = crud(&service).document(&id)["participants"].clone();
    let other = json!({"userBandyerId": "usr_other", "groups": ["patient"], "fullName": "Other"});
    concurrent.as_array_mut().unwrap().push(other);
    crud(&service).change_before(Method::PATCH, &id, "participants", concurrent.clone());
    let response = service.post(&format!("/teleconsultation/{id}/participants/data"), &patient()).await;
    let expected = format!("Failed POST /teleconsultation/{id}/participants/data: all participants are already known");
    assert_eq!((response.status, response.json()), (409, json!({"error": expected})));
    assert_eq!(crud(&service).document(&id)["participants"], concurrent);
    // The room that was created for the change that came second is deleted.
    service.until_called(Operation::DeleteRoom, 1).await;
    assert!(service.emulator.live_rooms().is_empty());

    let id = service.create_later().await;
    let people = json!({"participants": {"number": 3, "data": [doctor(), patient()]}});
    crud(&service).change_before(Method::PATCH, &id, "participantsNumber", json!(4));
    assert_eq!(service.patch(&id, &people).await.status, 204);
    crud(&service).change_before(Method::POST, &id, "endDate", json!(in_minutes(400)));
    assert_eq!(service.delete(&id).await.status, 204);
    let calls = crud(&service).http.calls();
    let writes = |method: Method| calls.iter().filter(|call| call.method == method && call.raw.contains(&id)).count();
    assert_eq!((writes(Method::PATCH), writes(Method::POST)), (2, 2), "each was refused once");
}

#[tokio::test]
async fn a_lost_response_neither_loses_nor_repeats_a_change() {
    for wrong in [Wrong::ResetAfter, Wrong::ResetBefore] {
        let service = on(Platform::CRUD).await;
        let id = service.create_later().await;
        let change = json!({"participants": {"number": 2, "data": [doctor(), person("q", "patient")]}});
        crud(&service).http.fail(Method::PATCH, RECORDS, wrong);
        let response = service.patch(&id, &change).await;
        assert_eq!(response.status, 204, "{wrong:?} {response:?}");
        service.until_called(Operation::DeleteRoom, 1).await;
        let live = service.emulator.live_rooms();
        assert_eq!((live.len(), &crud(&service).document(&id)["bandyerRoomId"]), (1, &json!(live[0].id)), "{wrong:?}");
        crud(&service).http.fail(Method::POST, "/state", wrong);
        // This one is sent when links are removed from the trash.
        crud(&service).http.fail(Method::PATCH, RECORDS, wrong);
        assert_eq!(service.delete(&id).await.status, 204, "{wrong:?}");
        service.until_called(Operation::DeleteRoom, 2).await;
        assert!(service.emulator.live_rooms().is_empty(), "{wrong:?}");
    }
    let service = on(Platform::CRUD).await;
    crud(&service).http.fail(Method::POST, "/teleconsultations/", Wrong::ResetAfter);
    let id = service.create_running().await;
    service.link(&id, "patient-42").await;
    assert_eq!((crud(&service).documents(RECORDS).len(), service.emulator.rooms().len()), (1, 1));
}

#[tokio::test]
async fn a_room_is_deleted_only_when_no_record_refers_to_it() {
    let mut service = on(Platform::CRUD).await;
    let body = consultation(&in_minutes(0), 2, &[doctor(), patient()]);
    // Stored, but both the response and the read that follows are lost: the caller sees a failure.
    crud(&service).http.fail(Method::POST, "/teleconsultations/", Wrong::ResetAfter);
    crud(&service).http.fail(Method::GET, "bandyerRoomId", Wrong::Status(500));
    assert_eq!(service.post("/teleconsultation", &body).await.status, 503);
    // Not stored at all.
    crud(&service).http.fail(Method::POST, "/teleconsultations/", Wrong::Status(500));
    assert_eq!(service.post("/teleconsultation", &body).await.status, 503);
    assert_eq!(service.emulator.live_rooms().len(), 2);
    service.restart_later().await;
    service.until_called(Operation::DeleteRoom, 1).await;
    let live = service.emulator.live_rooms();
    let [document] = crud(&service).documents(RECORDS).try_into().unwrap();
    assert_eq!((live.len(), &document["bandyerRoomId"]), (1, &json!(live[0].id)));
    service.link(document["_id"].as_str().unwrap(), "patient-42").await;
}

#[tokio::test]
async fn a_failed_deletion_keeps_the_room_of_the_record() {
    let mut service = on(Platform::CRUD).await;
    let kept = service.create_running().await;
    for _ in 0..2 {
        crud(&service).http.fail(Method::POST, "/state", Wrong::Status(500));
    }
    assert_eq!(service.delete(&kept).await.status, 503);
    let gone = service.create_running().await;
    service.restart_later().await;
    assert_eq!(service.delete(&gone).await.status, 204);
    // The retirement that fell due earlier has been processed before this one.
    service.until_called(Operation::DeleteRoom, 1).await;
    let room = &crud(&service).document(&kept)["bandyerRoomId"];
    let live = service.emulator.live_rooms();
    assert_eq!((live.len(), room), (1, &json!(live[0].id)));
    service.link(&kept, "patient-42").await;
}

#[tokio::test]
async fn a_refusal_of_the_document_deletes_its_room_without_waiting() {
    let service = on(Platform::CRUD).await;
    for status in [400, 403] {
        crud(&service).http.fail(Method::POST, "/teleconsultations/", Wrong::Status(status));
        let body = consultation(&in_minutes(0), 2, &[doctor(), patient()]);
        assert_eq!(service.post("/teleconsultation", &body).await.status, status);
    }
    // The outcome of a write that may have taken effect is awaited for a minute, longer than this test waits.
    service.until_called(Operation::DeleteRoom, 2).await;
    assert!(service.emulator.live_rooms().is_empty() && crud(&service).documents(RECORDS).is_empty());
}

#[tokio::test]
async fn a_teleconsultation_that_the_cms_restores_gets_a_room_again() {
    let service = on(Platform::CRUD).await;
    let id = service.create_later().await;
    assert_eq!(service.delete(&id).await.status, 204);
    service.until_called(Operation::DeleteRoom, 1).await;
    crud(&service).change(&id, "__STATE__", json!("PUBLIC"));
    let restored = async {
        while service.emulator.live_rooms().is_empty() || crud(&service).document(&id)["bandyerRoomId"].is_null() {
            assert_eq!(service.view(&id, "patient-42").await.status, 200);
        }
    };
    tokio::time::timeout(PATIENCE, restored).await.expect("it has a room again");
    assert_eq!(crud(&service).document(&id)["bandyerRoomId"], json!(service.emulator.live_rooms()[0].id));
}

#[tokio::test]
async fn pages_are_as_large_as_the_crud_service_allows() {
    let service = on(Platform::CRUD).await;
    for largest in [100, 30] {
        crud(&service).limit_pages(largest);
        let id = service.create_running().await;
        service.link(&id, "patient-42").await;
    }
    let refused = crud(&service).http.calls().iter().filter(|call| call.query("_l") == Some("200")).count();
    assert_eq!(refused, 1, "the maximum is remembered");
}

#[tokio::test]
async fn platform_failures_are_503_and_refusals_pass_through() {
    let service = on(Platform::BOTH).await;
    let body = || consultation(&in_minutes(60), 3, &[doctor(), patient()]);
    for wrong in [Wrong::Status(500), Wrong::Status(429), Wrong::ResetBefore] {
        auth(&service).fail(Method::GET, "/users", wrong);
        let response = service.post("/teleconsultation", &body()).await;
        assert_eq!((response.status, &response.json()["code"]), (503, &json!("platform_unavailable")), "{wrong:?}");
        assert_eq!(response.header("retry-after"), Some("5"));
        assert!(!response.text.contains("canary") && !response.text.contains("127.0.0.1"), "{response:?}");
        crud(&service).http.fail(Method::GET, PEOPLE, wrong);
        assert_eq!(service.post("/teleconsultation", &body()).await.status, 503, "{wrong:?}");
    }
    assert!(service.emulator.users().is_empty() && crud(&service).documents(RECORDS).is_empty());
    for status in [401, 403] {
        auth(&service).fail(Method::GET, "/users", Wrong::Status(status));
        let response = service.post("/teleconsultation", &body()).await;
        assert_eq!((response.status, response.sentence().as_str()), (status, "canary of an upstream"));
    }
    crud(&service).http.fail(Method::POST, "/teleconsultations/", Wrong::Status(400));
    let response = service.post("/teleconsultation", &body()).await;
    assert_eq!((response.status, response.sentence().as_str()), (400, "canary of an upstream"));
}

#[tokio::test]
async fn a_read_that_fails_says_nothing_about_repeating_it() {
    let service = on(Platform::CRUD).await;
    let id = service.create_running().await;
    for (wrong, cause) in
        [(Wrong::Status(500), "failed with status 500"), (Wrong::ResetBefore, "closed the connection")]
    {
        crud(&service).http.fail(Method::GET, RECORDS, wrong);
        let response = service.view(&id, "dr.rossi").await;
        assert_eq!((response.status, &response.json()["code"]), (503, &json!("platform_unavailable")), "{cause}");
        assert_eq!(response.json()["message"], "the CRUD Service is not available", "{cause}");
    }
}

#[tokio::test]
async fn an_unknown_user_is_refused_before_any_user_is_created() {
    for serves in [Serves::ById, Serves::Filter, Serves::Query] {
        let platform = Platform { auth: Some(serves), ..Platform::CRUD };
        let service = on(platform).await;
        service.auth.as_ref().unwrap().has("auth0|1", &json!(["doctor"]), "Anna");
        let mut body = consultation(&in_minutes(60), 2, &[]);
        body["participants"] = json!(["auth0|1", "auth0|2"]);
        let response = service.post("/teleconsultation", &body).await;
        let expected = json!({"error": "Failed POST /teleconsultation: user auth0|2 is unknown"});
        assert_eq!((response.status, response.json()), (400, expected), "{serves:?}");
        assert!(service.emulator.calls().is_empty());
    }
}

#[tokio::test]
async fn a_list_of_ids_works_with_every_auth_service_route() {
    for serves in [Serves::ById, Serves::Filter, Serves::Query] {
        let service = on(Platform { auth: Some(serves), ..Platform::CRUD }).await;
        let auth = service.auth.as_ref().unwrap();
        auth.has("auth0|a/b?c", &json!(["doctor"]), "Unused: no caller can send this id");
        auth.has("auth0|1+x", &json!(["doctor"]), "Anna");
        auth.has("auth0|2@c", &json!(["patient"]), "Marco");
        let mut body = consultation(&in_minutes(0), 2, &[]);
        body["participants"] = json!(["auth0|1+x", {"userId": "auth0|2@c", "language": "it"}]);
        let response = service.post("/teleconsultation", &body).await;
        assert_eq!(response.status, 201, "{serves:?} {response:?}");
        let id = response.json()["roomId"].as_str().unwrap().to_owned();
        service.link(&id, "auth0|2@c").await;
        let calls = auth.http.calls();
        assert!(calls.iter().all(|call| !call.raw.contains(['|', '+', '@'])), "ids are encoded: {calls:?}");
        auth.http.forget_calls();
        service.view(&id, "auth0|1+x").await;
        assert_eq!(auth.http.calls().len(), 2, "the route that found a user is called first: {serves:?}");
    }
}

#[tokio::test]
async fn auth_service_responses_are_cached_briefly() {
    let variables = [("TELECONSULT_AUTH_CACHE_SECONDS", "60"), ("TELECONSULT_AUTH_USER_ROUTE", "/users/{id}")];
    let service = Service::on(Platform::BOTH, ApiVersion::V2, &variables).await;
    let id = service.create_running().await;
    service.create_running().await;
    for user in ["dr.rossi", "patient-42"] {
        service.view(&id, user).await;
    }
    assert_eq!(auth(&service).calls().len(), 2);
}

#[tokio::test]
async fn custom_ids_are_translated_and_unknown_ones_reported() {
    let users = StandIn::start(|call| match call.query("_id") {
        Some("c1") => (200, json!([{"_id": "c1", "authUserId": "auth0|1"}])),
        // A service that does not filter returns all users.
        Some(_) => (200, json!([{"_id": "c1", "authUserId": "auth0|1"}])),
        None if call.segments == ["users", "c2"] => (200, json!({"_id": "c2", "authUserId": "auth0|2"})),
        None => (404, json!({"error": "not found"})),
    })
    .await;
    let endpoint = format!("{}/users", users.url);
    let service =
        Service::on(Platform::AUTH, ApiVersion::V2, &[("CUSTOM_ID_USERS_API_ENDPOINT", endpoint.as_str())]).await;
    let auth = service.auth.as_ref().unwrap();
    auth.has("auth0|1", &json!(["doctor"]), "Anna");
    auth.has("auth0|2", &json!(["patient"]), "Marco");
    let with = |ids: Value| {
        let mut body = consultation(&in_minutes(0), 2, &[]);
        body["participants"] = ids;
        body
    };
    let response = service.post("/teleconsultation", &with(json!(["c1", "c3"]))).await;
    assert_eq!(
        (response.status, response.sentence().as_str()),
        (400, "Failed POST /teleconsultation: user c3 is unknown")
    );
    let response = service.post("/teleconsultation", &with(json!(["c1", "c2"]))).await;
    assert_eq!(response.status, 201, "{response:?}");
    let id = response.json()["roomId"].as_str().unwrap().to_owned();
    service.link(&id, "auth0|2").await;
    assert_eq!(service.view(&id, "c2").await.status, 401, "the platform's header holds the provider's id");
}

#[tokio::test]
async fn credentials_create_a_user_known_to_the_auth_service() {
    for platform in [Platform::AUTH, Platform::BOTH] {
        let service = on(platform).await;
        let auth = service.auth.as_ref().unwrap();
        auth.has("new", &json!(["patient"]), "Marco");
        auth.has("cook", &json!(["cook"]), "Carlo");
        let issue = async |user: &str| service.call(Method::POST, "/credentials", Some(user), None).await;
        let first = issue("new").await;
        assert_eq!(first.status, 201, "{first:?}");
        assert_eq!(issue("new").await.json()["bandyerUserId"], first.json()["bandyerUserId"]);
        assert_eq!(service.emulator.users().len(), 1);
        assert_eq!(issue("unknown").await.json(), json!({"error": "Unauthorized user"}));
        let response = issue("cook").await;
        let expected = json!({"error": "Failed POST /credentials: user cook is in no configured group"});
        assert_eq!((response.status, response.json()), (400, expected));
        assert_eq!(service.emulator.users().len(), 1);
    }
}

#[tokio::test]
async fn platform_services_receive_the_platforms_headers() {
    let variables = [("ADDITIONAL_HEADERS_TO_PROXY", "cookie, X-Tenant"), ("DEFAULT_CLIENT_TYPE", "cms")];
    let service = Service::on(Platform::BOTH, ApiVersion::V2, &variables).await;
    let auth_service = service.auth.as_ref().unwrap();
    auth_service.has("d", &json!(["doctor"]), "Anna");
    auth_service.has("p", &json!(["patient"]), "Marco");
    let mut body = consultation(&in_minutes(60), 2, &[]);
    body["participants"] = json!(["d", "p"]);
    let request = crate::support::http_client().post(format!("http://{}/teleconsultation", service.address()));
    let request = request
        .json(&body)
        .header("miauserid", "d")
        .header("miausergroups", "doctor,x")
        .header("isbackoffice", "0")
        .header("x-request-id", "r-1")
        .header("cookie", "sid=canary")
        .header("x-tenant", "t")
        .header("acl_rows", "[]")
        .header("foo", "bar");
    assert_eq!(request.send().await.unwrap().status(), 201);
    for (calls, client_type) in [(auth(&service).calls(), Some("cms")), (crud(&service).http.calls(), None)] {
        assert!(!calls.is_empty());
        for call in calls {
            let header = |name: &str| call.headers.get(name).map(|value| value.to_str().unwrap());
            assert_eq!(
                (header("miauserid"), header("miausergroups"), header("isbackoffice")),
                (Some("d"), Some("doctor,x"), Some("1"))
            );
            assert_eq!(
                (header("x-request-id"), header("cookie"), header("x-tenant")),
                (Some("r-1"), Some("sid=canary"), Some("t"))
            );
            assert_eq!((header("foo"), header("acl_rows"), header("x-forwarded-for")), (None, None, None));
            assert_eq!(header("client-type"), client_type);
        }
    }
}

#[tokio::test]
async fn the_vendor_receives_no_platform_headers() {
    let vendor = StandIn::start(|_| (400, json!({}))).await;
    let variables = [("BANDYER_BASE_URL", vendor.url.as_str()), ("ADDITIONAL_HEADERS_TO_PROXY", "cookie")];
    let service = Service::on(Platform::BOTH, ApiVersion::V2, &variables).await;
    service.auth.as_ref().unwrap().has("d", &json!(["doctor"]), "Anna");
    let request = crate::support::http_client().post(format!("http://{}/credentials", service.address()));
    let headers =
        ["miauserid", "miausergroups", "client-type", "isbackoffice", "cookie", "x-request-id", "x-forwarded-for"];
    let response = headers.iter().fold(request, |request, name| request.header(*name, "d")).send().await.unwrap();
    assert_eq!(response.status(), 502);
    let calls = vendor.calls();
    assert!(!calls.is_empty());
    for (call, name) in calls.iter().flat_map(|call| headers.iter().map(move |name| (call, *name))) {
        assert!(!call.headers.contains_key(name), "{name} in {call:?}");
    }
}

#[tokio::test]
async fn an_unknown_participant_has_no_name_and_can_be_replaced() {
    let service = on(Platform::BOTH).await;
    let auth = service.auth.as_ref().unwrap();
    auth.has("auth0|doctor", &json!(["doctor"]), "Anna");
    let id = predecessor_document(&service, &in_minutes(60), json!({}));
    let view = service.view(&id, "auth0|doctor").await.json();
    let names: Vec<&Value> =
        view["participantsBandyerCall"].as_array().unwrap().iter().map(|one| &one["fullName"]).collect();
    assert_eq!(names, [&json!("Anna"), &json!("")]);
    let response = service.patch(&id, &json!({"end_date": in_minutes(200)})).await;
    let expected = json!({"error": format!(
        "Failed PATCH /teleconsultation/{id}: user auth0|patient is in no configured group"
    )});
    assert_eq!((response.status, response.json()), (400, expected));
    let client = service.emulator.client().unwrap();
    let doctor = bandyer_client::UserId::new("usr_d").unwrap();
    client.users().create(bandyer_client::users::Role::Plus).id(doctor).send().await.unwrap();
    let others = json!({"participants": {"number": 2, "data": [
        {"userId": "auth0|doctor", "groups": ["doctor"], "fullName": "Anna"}, person("auth0|new", "patient")]}});
    let response = service.patch(&id, &others).await;
    assert_eq!(response.status, 204, "{response:?}");
    assert_eq!(service.view(&id, "auth0|new").await.status, 200);
}

#[tokio::test]
async fn platform_calls_are_timed_by_route_when_enabled() {
    for enabled in ["true", "false"] {
        let service = Service::on(Platform::BOTH, ApiVersion::V2, &[("ENABLE_HTTP_CLIENT_METRICS", enabled)]).await;
        let id = service.create_running().await;
        service.link(&id, "patient-42").await;
        let text = service.get("/-/metrics", "").await.text;
        for (url, base, method) in [
            ("/users/{id}", &auth(&service).url, "GET"),
            ("/teleconsultations/", &crud(&service).http.url, "POST"),
            ("/teleconsultations/:id", &crud(&service).http.url, "GET"),
        ] {
            let line = format!(
                r#"http_request_duration_milliseconds_count{{baseUrl="{base}",url="{url}",method="{method}",statusCode="200"}}"#
            );
            assert_eq!(text.contains(&line), enabled == "true", "{line}: {text}");
        }
        assert!(!text.contains("patient-42") && !text.contains(&id), "{text}");
    }
}

#[tokio::test]
async fn the_health_of_the_crud_service_shows_in_the_check_up() {
    let service = on(Platform::CRUD).await;
    assert_eq!(service.get("/-/check-up", "").await.status, 200);
    crud(&service).http.fail(Method::GET, "/-/healthz", Wrong::Status(503));
    let response = service.get("/-/check-up", "").await;
    assert_eq!((response.status, &response.json()["unavailable"]), (503, &json!(["records"])));
}
