//! `POST /teleconsultation`.

use bandyer_client::ApiVersion;
use bandyer_client::emulator::Operation;
use bandyer_client::users::Role;
use serde_json::json;

use crate::support::service::{consultation, doctor, patient};
use crate::support::{Service, in_minutes, on_every_platform, person};

on_every_platform! {
    async fn a_complete_list_gets_a_room_and_one_link_per_participant(service: Service) {
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

    async fn doctors_are_admins_and_the_vendor_gets_no_personal_data(service: Service) {
        let id = service.create_running().await;
        let doctor = service.vendor_user(&id, "dr.rossi").await;
        let room = service.emulator.live_rooms().remove(0);
        for participant in &room.participants {
            assert_eq!(participant.is_admin, participant.user_id == *doctor);
        }
        let sent = format!("{:?} {room:?}", service.emulator.users());
        assert!(!sent.contains("rossi") && !sent.contains("patient-42") && !sent.contains("Name"), "{sent}");
        assert!(room.description.unwrap().starts_with("tc1."));
    }

    async fn a_partial_list_gets_no_room_yet(service: Service) {
        let id = service.create(&in_minutes(60), 3, &[doctor(), patient()]).await;
        assert_eq!(service.emulator.calls_of(Operation::CreateRoom), 0);
        // The vendor's users are created as soon as the participants are known.
        assert_eq!(service.emulator.users().len(), 2);
        let view = service.view(&id, "dr.rossi").await.json();
        assert_eq!((&view["accessLinkURL"], &view["details"]), (&json!(null), &json!(null)));
    }

    async fn vendor_users_are_created_once_and_reused(service: Service) {
        service.create_running().await;
        service.create_running().await;
        assert_eq!(service.emulator.users().len(), 2);
        assert_eq!(service.emulator.calls_of(Operation::CreateUser), 2);
        assert_eq!(service.emulator.live_rooms().len(), 2);
    }

    async fn concurrent_invitations_of_one_person_create_one_user(service: Service) {
        let body = consultation(&in_minutes(60), 2, &[doctor(), patient()]);
        let responses = futures_util::future::join_all((0..12).map(|_| service.post("/teleconsultation", &body))).await;
        assert!(responses.iter().all(|response| response.status == 201), "{responses:?}");
        assert_eq!((service.emulator.users().len(), service.emulator.calls_of(Operation::CreateUser)), (2, 2));
        assert_eq!(service.emulator.live_rooms().len(), 12);
    }

    async fn a_list_without_a_plus_user_is_refused_and_leaves_nothing(service: Service) {
        let body = consultation(&in_minutes(60), 2, &[patient(), person("relative", "patient")]);
        let response = service.post("/teleconsultation", &body).await;
        assert_eq!(response.status, 400);
        assert_eq!(response.text, r#"{"error":"Failed POST /teleconsultation: no plus user in room"}"#);
        assert!(service.emulator.rooms().is_empty());
    }

    async fn an_unknown_group_is_refused_before_users_are_created(service: Service) {
        let body = consultation(&in_minutes(60), 2, &[doctor(), person("cook-1", "cook")]);
        let response = service.post("/teleconsultation", &body).await;
        assert_eq!(response.status, 400);
        assert_eq!(response.text, r#"{"error":"Failed POST /teleconsultation: user cook-1 is in no configured group"}"#);
        assert!(service.emulator.users().is_empty());
    }

    async fn old_field_names_are_still_accepted(service: Service) {
        let old = json!({"userExternalId": "dr.rossi", "group": "doctor", "fullName": "Anna", "colour": "red"});
        let coerced = json!({"userId": 42, "groups": "patient", "fullName": "Marco", "language": "it"});
        let body = json!({"start_date": "2026-03-05T09:00:00Z", "end_date": "2026-03-05T10:30:00+01:00",
                          "participants": {"number": "2", "data": [old, coerced]}, "unknown": 1});
        let response = service.post("/teleconsultation", &body).await;
        assert_eq!(response.status, 201, "{response:?}");
        let id = response.json()["roomId"].as_str().unwrap().to_owned();
        service.link(&id, "42").await;
    }
}

#[tokio::test]
async fn room_properties_come_from_the_configuration() {
    use bandyer_client::ApiVersion;
    use bandyer_client::rooms::RecordingMode;
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
        assert_eq!((room.duration, room.live, &room.recording), (Some(1800), false, &RecordingMode::Manual));
        let (admin, other) = (&room.participants[0], &room.participants[1]);
        assert!(admin.is_admin && admin.tools.file_upload);
        assert!(!other.is_admin && other.tools.chat && !other.tools.file_upload);
    }
}

#[tokio::test]
async fn a_patient_who_became_a_doctor_becomes_a_plus_user() {
    for version in [ApiVersion::V1, ApiVersion::V2] {
        let service = Service::start(version, &[]).await;
        service.create(&in_minutes(60), 2, &[doctor(), patient()]).await;
        // The former patient is the only doctor.
        let people = [person("patient-42", "doctor"), person("relative-7", "patient")];
        let id = service.create(&in_minutes(0), 2, &people).await;
        assert_eq!(service.view(&id, "patient-42").await.status, 200);
        assert_eq!(service.emulator.rooms().len(), 2);
        assert_eq!(service.emulator.users().iter().filter(|user| user.role == Role::Plus).count(), 2);
    }
}
