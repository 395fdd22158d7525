//! `DELETE /teleconsultation/:roomId/uploads`.

use bandyer_client::ApiVersion;
use bandyer_client::emulator::{Fault, Operation};
use bandyer_client::uploads::UploadKind;
use reqwest::Method;
use serde_json::json;

use crate::support::service::{Variables, patient};
use crate::support::{Response, Service, in_minutes, on_both_versions, on_every_platform};

async fn delete_uploads(service: &Service, id: &str) -> Response {
    service.call(Method::DELETE, &format!("/teleconsultation/{id}/uploads"), None, None).await
}

/// The patient joins the call and sends this many files.
fn send_files(service: &Service, count: usize) {
    let (room, users) = service.room_and_users();
    // A participant who has joined already stays in the call.
    let _ = service.emulator.join(&room, &users[1]);
    for n in 0..count {
        service.emulator.upload(&room, &users[1], UploadKind::File, format!("file {n}")).unwrap();
    }
}

fn switched_on(_: ApiVersion) -> Variables {
    &[("TELECONSULTATION_DELETE_UPLOADS", "true")]
}

mod switched_off {
    use super::*;

    on_both_versions! {
        async fn with_the_switch_off_nothing_is_deleted_or_looked_up(service: Service) {
            let id = service.create_running().await;
            send_files(&service, 2);
            for id in [id.as_str(), "unknown"] {
                let response = delete_uploads(&service, id).await;
                assert_eq!((response.status, response.text.as_str()), (204, ""));
            }
            assert_eq!(service.emulator.uploads().len(), 2);
        }
    }
}

on_every_platform! {
    with switched_on;

    async fn all_files_of_the_room_are_deleted_and_counted(service: Service) {
        let id = service.create_running().await;
        assert_eq!(delete_uploads(&service, &id).await.json(), json!({"total": 0, "deleted": 0}));
        send_files(&service, 130);
        let response = delete_uploads(&service, &id).await;
        assert_eq!((response.status, response.json()), (200, json!({"total": 130, "deleted": 130})));
        assert!(service.emulator.uploads().is_empty());
    }

    async fn a_failed_deletion_shows_in_the_count_and_is_repeatable(service: Service) {
        let id = service.create_running().await;
        send_files(&service, 3);
        service.emulator.faults().add(Fault::on(Operation::DeleteUpload).nth(2).status(422));
        assert_eq!(delete_uploads(&service, &id).await.json(), json!({"total": 3, "deleted": 2}));
        assert_eq!(delete_uploads(&service, &id).await.json(), json!({"total": 1, "deleted": 1}));
        service.emulator.faults().add(Fault::on_any().always().status(500));
        assert_eq!(delete_uploads(&service, &id).await.status, 502);
    }

    async fn a_missing_room_has_no_files_and_a_missing_record_is_404(service: Service) {
        let id = service.create(&in_minutes(60), 2, &[patient()]).await;
        assert_eq!(delete_uploads(&service, &id).await.json(), json!({"total": 0, "deleted": 0}));
        let response = delete_uploads(&service, "unknown").await;
        let not_found = json!({"statusCode": 404, "error": "Not Found", "message": "Something went wrong"});
        assert_eq!((response.status, response.json()), (404, not_found));
    }
}
