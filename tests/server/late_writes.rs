//! Writes to the CRUD Service that take effect late: after their outcome was decided without them, minutes later in production
//! and a grace of one second later here. None of them leaves a record with a deleted room, or a second record.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::crud_service::{CrudStandIn, RECORDS};
use crate::support::service::{PATIENCE, Platform, consultation, doctor, patient, pause};
use crate::support::site::Site;
use crate::support::stand_in::Wrong;
use crate::support::{in_minutes, person};

const CREATE: &str = "/teleconsultation";
const GRACE: (&str, &str) = ("TELECONSULT_CRUD_WRITE_GRACE_SECONDS", "1");
/// Longer than the grace, and than a run of recovery after it.
const SLEEP: &str = "delay:3500@1";

const RUNNING_KEYS: &str = "SELECT count(*) FROM keyed_requests WHERE done = 0";

fn crud(site: &Site) -> &CrudStandIn {
    site.crud.as_ref().unwrap()
}

async fn create(site: &Site, server: &str, key: &str, body: &Value) -> Option<(u16, String)> {
    let headers: &[(&'static str, &str)] = if key.is_empty() { &[] } else { &[("idempotency-key", key)] };
    site.call(server, Method::POST, CREATE, headers, Some(body)).await
}

fn body(start: &str, places: usize) -> Value {
    consultation(start, places, &[doctor(), patient()])
}

/// Waits until the documents fulfil a condition.
async fn until_documents(site: &Site, what: &str, are_right: impl Fn(&[Value]) -> bool) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while !are_right(&crud(site).documents(RECORDS)) {
            pause().await;
        }
    });
    assert!(waited.await.is_ok(), "{what}: {:?}", crud(site).documents(RECORDS));
}

fn in_state(documents: &[Value], state: &str) -> usize {
    documents.iter().filter(|document| document["__STATE__"] == json!(state)).count()
}

async fn records(site: &Site, server: &str) -> usize {
    site.until_settled(server).await.unwrap();
    site.check_invariants().await.unwrap().len()
}

async fn on_both_journals<F: Future<Output = ()>>(test: impl Fn(Site) -> F) {
    for platform in [Platform::CRUD, Platform::POSTGRES_CRUD] {
        test(Site::on(platform).await).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_document_whose_creation_was_given_up_goes_to_the_trash_when_it_arrives() {
    on_both_journals(|site| async move {
        // With and without a room.
        for (key, places) in [("complete", 2), ("incomplete", 3)] {
            let (server, request) = (site.start(&[GRACE]), body(&in_minutes(0), places));
            crud(&site).http.fail(Method::POST, "/teleconsultations/", Wrong::Late);
            let refused = create(&site, &server.url, key, &request).await;
            assert_eq!(refused.map(|(status, _)| status), Some(503), "{key}");
            site.until_settled(&server.url).await.unwrap();
            let created = create(&site, &server.url, key, &request).await;
            assert_eq!(created.as_ref().map(|(status, _)| *status), Some(201), "{key}: {created:?}");
            assert_eq!(crud(&site).http.deliver(), [200], "{key}");
            let before = in_state(&crud(&site).documents(RECORDS), "TRASH");
            until_documents(&site, key, |documents| in_state(documents, "TRASH") == before + 1).await;
            let again = create(&site, &server.url, key, &request).await;
            assert_eq!(again, created, "{key}: the trashed one is the other");
        }
        let server = site.start(&[GRACE]);
        assert_eq!(records(&site, &server.url).await, 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_was_suspended_before_it_sent_its_document_leaves_one_teleconsultation() {
    on_both_journals(|site| async move {
        let point = format!("D1={SLEEP}");
        for (n, (key, places)) in [("", 2), ("", 3), ("complete", 2), ("incomplete", 3)].into_iter().enumerate() {
            let server = site.start(&[GRACE, ("TELECONSULT_CRASH_POINTS", &point)]);
            let request = body(&in_minutes(0), places);
            let first = create(&site, &server.url, key, &request).await;
            let is_created = first.as_ref().is_some_and(|(status, _)| *status == 201);
            assert_eq!(is_created, places == 2, "a room is tried again, and nothing else: {first:?}");
            // Already now, and not after the next look.
            assert_eq!(
                in_state(&crud(&site).documents(RECORDS), "PUBLIC"),
                n + usize::from(is_created),
                "{key} {places}"
            );
            if !is_created {
                let repeated = create(&site, &server.url, key, &request).await;
                assert!(repeated.as_ref().is_some_and(|(status, _)| *status == 201), "{key} {places}: {repeated:?}");
            }
            assert_eq!(records(&site, &server.url).await, n + 1, "{key} {places}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_is_one_document_when_its_first_holder_was_suspended_before_its_first_attempt() {
    let site = Site::on(Platform::POSTGRES_CRUD).await;
    // C3 is reached with a room only.
    let cases = [("C0", 2), ("C0", 3), ("C1", 2), ("C1", 3), ("C3", 2), ("D1", 2), ("D1", 3)];
    for (n, (point, places)) in cases.into_iter().enumerate() {
        let armed = format!("{point}={SLEEP}");
        let (sleeper, other) = (site.start(&[GRACE, ("TELECONSULT_CRASH_POINTS", &armed)]), site.start(&[GRACE]));
        let key = format!("{point}-{places}");
        let request = body(&in_minutes(0), places);
        let (first, second) = tokio::join!(create(&site, &sleeper.url, &key, &request), async {
            let held = async {
                while site.database.count(RUNNING_KEYS).await == 0 {
                    pause().await;
                }
            };
            tokio::time::timeout(PATIENCE, held).await.expect("the first request holds the key");
            // The lease of a request that only sleeps is renewed.
            sleeper.signal("STOP");
            let done = tokio::time::timeout(PATIENCE, async {
                loop {
                    let response = create(&site, &other.url, &key, &request).await;
                    if let Some((201, _)) = response {
                        return response;
                    }
                }
            });
            let done = done.await.expect("the other instance takes over");
            sleeper.signal("CONT");
            done
        });
        site.until_settled(&other.url).await.unwrap();
        let (first, second) = (first.unwrap(), second.unwrap());
        assert!(first == second || first.0 == 409, "{point} {places}: {first:?} {second:?}");
        assert_eq!(records(&site, &other.url).await, n + 1, "{point} {places}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_change_fails_and_leaves_the_room_of_the_record() {
    on_both_journals(|site| async move {
        let server = site.start(&[GRACE]);
        let created = create(&site, &server.url, "", &body(&in_minutes(30), 2)).await;
        let id = serde_json::from_str::<Value>(&created.unwrap().1).unwrap()["roomId"].as_str().unwrap().to_owned();
        let path = format!("{CREATE}/{id}");
        let dates = json!({"end_date": in_minutes(90)});
        let people = json!({"participants": {"number": 2, "data": [doctor(), person("q", "patient")]}});
        for (what, body) in [("dates", dates), ("people", people)] {
            // Both times that it is sent.
            crud(&site).http.fail(Method::PATCH, "/teleconsultations/", Wrong::Late);
            crud(&site).http.fail(Method::PATCH, "/teleconsultations/", Wrong::Late);
            let response = site.call(&server.url, Method::PATCH, &path, &[], Some(&body)).await;
            assert_eq!(response.map(|(status, _)| status), Some(503), "{what}");
            site.until_settled(&server.url).await.unwrap();
            assert_eq!(crud(&site).http.deliver(), [404, 404], "{what}");
            assert_eq!(records(&site, &server.url).await, 1, "{what}");
            let repeated = site.call(&server.url, Method::PATCH, &path, &[], Some(&body)).await;
            assert_eq!(repeated.map(|(status, _)| status), Some(204), "{what}");
            assert_eq!(records(&site, &server.url).await, 1, "{what}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_deletion_fails_and_leaves_the_room_of_the_record() {
    on_both_journals(|site| async move {
        let server = site.start(&[GRACE]);
        let created = create(&site, &server.url, "", &body(&in_minutes(30), 2)).await;
        let id = serde_json::from_str::<Value>(&created.unwrap().1).unwrap()["roomId"].as_str().unwrap().to_owned();
        let path = format!("{CREATE}/{id}");
        crud(&site).http.fail(Method::POST, "/state", Wrong::Late);
        crud(&site).http.fail(Method::POST, "/state", Wrong::Late);
        let response = site.call(&server.url, Method::DELETE, &path, &[], None).await;
        assert_eq!(response.map(|(status, _)| status), Some(503));
        site.until_settled(&server.url).await.unwrap();
        assert_eq!(crud(&site).http.deliver(), [404, 404]);
        assert_eq!(records(&site, &server.url).await, 1);
        assert!(site.view(&server.url, &id, "patient-42").await.is_some());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_finds_the_document_that_recovery_has_found_meanwhile() {
    on_both_journals(|site| async move {
        for (n, places) in [2, 3].into_iter().enumerate() {
            let (key, request) = (format!("{places}"), body(&in_minutes(0), places));
            let server = site.start(&[GRACE, ("TELECONSULT_CRASH_POINTS", "D2=error")]);
            let first = create(&site, &server.url, &key, &request).await;
            assert_eq!(first.map(|(status, _)| status), Some(503), "{places}");
            drop(server);
            let armed = format!("C0={SLEEP}");
            let server = site.start(&[GRACE, ("TELECONSULT_CRASH_POINTS", &armed)]);
            let repeated = create(&site, &server.url, &key, &request).await;
            assert_eq!(repeated.as_ref().map(|(status, _)| *status), Some(201), "{places}");
            assert_eq!(records(&site, &server.url).await, n + 1, "{places}");
            assert_eq!(create(&site, &server.url, &key, &request).await, repeated, "{places}");
        }
    })
    .await;
}

fn id_of(created: Option<(u16, String)>) -> String {
    serde_json::from_str::<Value>(&created.unwrap().1).unwrap()["roomId"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_late_document_of_a_key_goes_to_the_trash() {
    on_both_journals(|site| async move {
        let (server, request) = (site.start(&[GRACE]), body(&in_minutes(0), 3));
        for _ in 0..2 {
            crud(&site).http.fail(Method::POST, "/teleconsultations/", Wrong::Late);
            let refused = create(&site, &server.url, "k", &request).await;
            assert_eq!(refused.map(|(status, _)| status), Some(503));
            site.until_settled(&server.url).await.unwrap();
        }
        let created = id_of(create(&site, &server.url, "k", &request).await);
        assert_eq!(crud(&site).http.deliver(), [200, 200]);
        until_documents(&site, "both", |documents| in_state(documents, "TRASH") == 2).await;
        assert_eq!(crud(&site).document(&created)["__STATE__"], json!("PUBLIC"));
        assert_eq!(records(&site, &server.url).await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_lists_that_are_stored_at_the_same_time_are_two_teleconsultations() {
    on_both_journals(|site| async move {
        let request = body(&in_minutes(0), 3);
        let server = site.start(&[("TELECONSULT_CRASH_POINTS", "D2=delay:2500@1")]);
        let (first, second) = tokio::join!(create(&site, &server.url, "a", &request), async {
            until_documents(&site, "the first", |documents| documents.len() == 1).await;
            // It is not stored, and the document of the other, whose response is on its way, looks like it.
            crud(&site).http.fail(Method::POST, "/teleconsultations/", Wrong::Status(504));
            create(&site, &server.url, "b", &request).await
        });
        assert_eq!(second.map(|(status, _)| status), Some(503));
        let first = id_of(first);
        let second = id_of(create(&site, &server.url, "b", &request).await);
        assert_ne!(first, second);
        assert_eq!(records(&site, &server.url).await, 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_room_of_a_trashed_document_is_deleted_although_its_links_cannot_be_removed_yet() {
    on_both_journals(|site| async move {
        let server = site.start(&[GRACE]);
        let id = id_of(create(&site, &server.url, "", &body(&in_minutes(30), 2)).await);
        for _ in 0..2 {
            crud(&site).http.fail(Method::PATCH, "/teleconsultations/", Wrong::Status(500));
        }
        let path = format!("{CREATE}/{id}");
        let deleted = site.call(&server.url, Method::DELETE, &path, &[], None).await;
        assert_eq!(deleted.map(|(status, _)| status), Some(204));
        assert!(crud(&site).http.has_failed_as_configured());
        assert_eq!(records(&site, &server.url).await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_another_writer_overtakes_leaves_no_room_behind() {
    let alone = json!({"participants": {"number": 3, "data": [doctor()]}});
    let others = json!({"participants": {"number": 2, "data": [doctor(), person("q", "patient")]}});
    for body_of_change in [alone, others] {
        on_both_journals(|site| {
            let change = body_of_change.clone();
            async move {
                let server = site.start(&[GRACE]);
                let id = id_of(create(&site, &server.url, "", &body(&in_minutes(30), 2)).await);
                crud(&site).http.fail(Method::PATCH, "/teleconsultations/", Wrong::ResetAfter);
                let later = in_minutes(90);
                crud(&site).change_after(Method::PATCH, &id, "endDate", json!(later));
                let path = format!("{CREATE}/{id}");
                let changed = site.call(&server.url, Method::PATCH, &path, &[], Some(&change)).await;
                assert_eq!(changed.map(|(status, _)| status), Some(204), "{change}");
                assert!(crud(&site).http.has_failed_as_configured());
                assert_eq!(records(&site, &server.url).await, 1, "{change}");
            }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_cannot_be_read_does_not_keep_others_from_being_resolved() {
    on_both_journals(|site| async move {
        let row = "INSERT INTO document_writes (id, kind, teleconsultation_id, state, started_at, due_at, fence) \
                   VALUES ('bad', 'update', 'x y/z', 'writing', 1, 1, 1)";
        let server = site.start(&[GRACE, ("TELECONSULT_CRASH_POINTS", "D2=error@2")]);
        let id = id_of(create(&site, &server.url, "", &body(&in_minutes(30), 2)).await);
        site.database.execute(row).await;
        let people = json!({"participants": {"number": 2, "data": [doctor(), person("q", "patient")]}});
        let path = format!("{CREATE}/{id}");
        let changed = site.call(&server.url, Method::PATCH, &path, &[], Some(&people)).await;
        assert_eq!(changed.map(|(status, _)| status), Some(503));
        let left = async {
            while site.database.count("SELECT count(*) FROM document_writes").await > 1 {
                pause().await;
            }
        };
        tokio::time::timeout(PATIENCE, left).await.expect("the other write is resolved");
        let (_, metrics) = site.call(&server.url, Method::GET, "/-/metrics", &[], None).await.unwrap();
        assert!(metrics.contains("\nteleconsult_store_unreadable_rows 1\n"), "{metrics}");
    })
    .await;
}
