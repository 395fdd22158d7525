//! `POST /teleconsultation`.

use bandyer_client::ApiVersion;
use bandyer_client::emulator::Operation;
use bandyer_client::users::Role;
use serde_json::json;

use crate::support::service::{consultation, doctor, patient};
use crate::support::{Service, in_minutes, on_every_platform, person};

on_every_platform! {
    async fn a_complete_list_gets_a_room_and_everybody_a_link_of_their_own(service: Service) {
        let id = service.create_running().await;
        assert!(id.len() == 24 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
        assert_eq!(service.emulator.live_rooms().len(), 1);
        let (doctors, patients) = (service.link(&id, "dr.rossi").await, service.link(&id, "patient-42").await);
        assert_ne!(doctors, patients);
        for (link, user) in [(doctors, "dr.rossi"), (patients, "patient-42")] {
            let (status, page) = service.open(&link).await;
            let vendor_user = service.vendor_user(&id, user).await;
            assert_eq!(status, 200);
            assert!(page.contains(&format!("<h1>{vendor_user}</h1>")), "{page}");
        }
    }

    async fn doctors_lead_and_the_vendor_learns_nothing_about_people(service: Service) {
        let id = service.create_running().await;
        let doctor = service.vendor_user(&id, "dr.rossi").await;
        let room = service.emulator.live_rooms().remove(0);
        for participant in &room.participants {
            assert_eq!(participant.is_admin, participant.user_id == doctor);
        }
        let told = format!("{:?} {room:?}", service.emulator.users());
        assert!(!told.contains("rossi") && !told.contains("patient-42") && !told.contains("Name"), "{told}");
        assert!(room.description.unwrap().starts_with("tc1."));
    }

    async fn a_partial_list_waits_without_a_room(service: Service) {
        let id = service.create(&in_minutes(60), 3, &[doctor(), patient()]).await;
        assert_eq!(service.emulator.calls_of(Operation::CreateRoom), 0);
        // The users are made as soon as they are known.
        assert_eq!(service.emulator.users().len(), 2);
        let view = service.view(&id, "dr.rossi").await.json();
        assert_eq!((&view["accessLinkURL"], &view["details"]), (&json!(null), &json!(null)));
    }

    async fn people_are_made_once_and_used_again(service: Service) {
        service.create_running().await;
        service.create_running().await;
        assert_eq!(service.emulator.users().len(), 2);
        assert_eq!(service.emulator.calls_of(Operation::CreateUser), 2);
        assert_eq!(service.emulator.live_rooms().len(), 2);
    }

    async fn the_same_person_invited_many_times_at_once_is_one_user(service: Service) {
        let body = consultation(&in_minutes(60), 2, &[doctor(), patient()]);
        let answers = futures_util::future::join_all((0..12).map(|_| service.post("/teleconsultation", &body))).await;
        assert!(answers.iter().all(|answer| answer.status == 201), "{answers:?}");
        assert_eq!((service.emulator.users().len(), service.emulator.calls_of(Operation::CreateUser)), (2, 2));
        assert_eq!(service.emulator.live_rooms().len(), 12);
    }

    async fn nobody_plus_is_refused_and_nothing_is_left(service: Service) {
        let body = consultation(&in_minutes(60), 2, &[patient(), person("relative", "patient")]);
        let answer = service.post("/teleconsultation", &body).await;
        assert_eq!(answer.status, 400);
        assert_eq!(answer.text, r#"{"error":"Failed POST /teleconsultation: no plus user in room"}"#);
        assert!(service.emulator.rooms().is_empty());
    }

    async fn an_unknown_group_is_refused_before_anybody_is_made(service: Service) {
        let body = consultation(&in_minutes(60), 2, &[doctor(), person("cook-1", "cook")]);
        let answer = service.post("/teleconsultation", &body).await;
        assert_eq!(answer.status, 400);
        assert_eq!(answer.text, r#"{"error":"Failed POST /teleconsultation: user cook-1 is in no configured group"}"#);
        assert!(service.emulator.users().is_empty());
    }

    async fn names_of_fields_that_changed_over_the_years_are_understood(service: Service) {
        let old = json!({"userExternalId": "dr.rossi", "group": "doctor", "fullName": "Anna", "colour": "red"});
        let coerced = json!({"userId": 42, "groups": "patient", "fullName": "Marco", "language": "it"});
        let body = json!({"start_date": "2026-03-05T09:00:00Z", "end_date": "2026-03-05T10:30:00+01:00",
                          "participants": {"number": "2", "data": [old, coerced]}, "unknown": 1});
        let answer = service.post("/teleconsultation", &body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        let id = answer.json()["roomId"].as_str().unwrap().to_owned();
        service.link(&id, "42").await;
    }
}

#[tokio::test]
async fn the_configuration_decides_what_rooms_are_made_of() {
    use bandyer_client::ApiVersion;
    use bandyer_client::rooms::Recording;
    for version in [ApiVersion::V1, ApiVersion::V2] {
        let file = tempfile::NamedTempFile::new().unwrap();
        let text = r#"{"privileges": {"basic": {"groups": ["customer"], "tools": {"chat": true}},
                                      "plus": {"groups": ["clinician"]}}}"#;
        std::fs::write(file.path(), text).unwrap();
        let service = Service::start(
            version,
            &[
                ("TELECONSULTATION_SERVICE_CONFIG_PATH", file.path().to_str().unwrap()),
                ("UNLIMITED_TELECONSULTATION", "false"),
                ("LIVE_TELECONSULTATION", "false"),
                ("DEFAULT_RECORDING_TYPE", "manual"),
            ],
        )
        .await;
        service.create(&in_minutes(0), 2, &[person("c", "clinician"), person("p", "customer")]).await;
        let room = service.emulator.live_rooms().remove(0);
        assert_eq!((room.duration, room.live, &room.recording), (Some(1800), false, &Recording::Manual));
        let (admin, other) = (&room.participants[0], &room.participants[1]);
        assert!(admin.is_admin && admin.tools.file_upload);
        assert!(!other.is_admin && other.tools.chat && !other.tools.file_upload);
    }
}

#[tokio::test]
async fn somebody_who_became_a_doctor_becomes_a_plus_user() {
    for version in [ApiVersion::V1, ApiVersion::V2] {
        let service = Service::start(version, &[]).await;
        service.create(&in_minutes(60), 2, &[doctor(), patient()]).await;
        // The patient has changed sides, and no other doctor is there.
        let people = [person("patient-42", "doctor"), person("relative-7", "patient")];
        let id = service.create(&in_minutes(0), 2, &people).await;
        assert_eq!(service.view(&id, "patient-42").await.status, 200);
        assert_eq!(service.emulator.rooms().len(), 2);
        assert_eq!(service.emulator.users().iter().filter(|user| user.role == Role::Plus).count(), 2);
    }
}
