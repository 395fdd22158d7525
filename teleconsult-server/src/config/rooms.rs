//! What rooms are made of, and the background work that keeps them in order.

use std::time::Duration;

use bandyer_client::ApiVersion;
use bandyer_client::rooms::RecordingMode;
use jiff::SignedDuration;

use super::database::Database;
use super::platform::PlatformSettings;
use super::reader::Reader;
use crate::domain::teleconsultation::Rules;
use crate::rooms::RoomSettings;
use crate::vendor::CALL_TIMEOUT;

/// Using a link makes the others ring, as in the predecessor.
const DEFAULT_LIVE: bool = true;
/// Calls are not recorded unless the operator decides so, as in the predecessor.
const DEFAULT_RECORDING: &str = "none";
/// Above what a request may take, so that an attempt is taken over only when it is abandoned.
const DEFAULT_LEASE: Duration = Duration::from_secs(5 * CALL_TIMEOUT.as_secs());
/// Short, so that failed attempts are resolved soon, and long enough to cause few calls to the vendor.
const DEFAULT_RECOVERY_INTERVAL: Duration = Duration::from_secs(15);
/// Well above the time that the vendor is expected to need until it lists a new room.
const DEFAULT_ORPHAN_GRACE: Duration = Duration::from_secs(300);
/// Orphans are rare, and a sweep reads the whole list of rooms.
const DEFAULT_SWEEP_INTERVAL: Duration = Duration::from_secs(300);
/// Longer than a part of the vendor's systems stays behind another one after a fail-over, and short enough for a patient who
/// waits for a new link.
const DEFAULT_ROOM_LOSS: Duration = Duration::from_secs(120);

/// Where the records are. The path of an address is left out, because it may be confidential, and so is a password.
pub(super) fn records_place(platform: &PlatformSettings, database: &Database) -> String {
    match (&platform.crud, database) {
        (Some(crud), _) => {
            format!("CRUD Service {}, collections {} and {}", crud.base.authority(), crud.records, crud.people)
        }
        (None, Database::Folder(_)) => "SQLite".to_owned(),
        (None, Database::Postgres { url, .. }) => format!("PostgreSQL {}", url.place()),
    }
}

/// Warns of a lease that ends while its holder is still at work. `request_timeout` is the longest duration of a request.
pub(super) fn check_lease(reader: &mut Reader<'_>, settings: &RoomSettings, request_timeout: Duration) {
    if settings.lease <= signed(request_timeout) {
        let seconds = request_timeout.as_secs();
        reader.warning(format!(
            "TELECONSULT_LEASE_SECONDS is not above {seconds}, the longest duration of a request in seconds; other \
             instances may take over rooms and keyed requests that are still being worked on"
        ));
    }
}

/// `generation` is that of the vendor's API, if its address is right.
pub(super) fn read(
    reader: &mut Reader<'_>,
    rules: &Rules,
    generation: Option<ApiVersion>,
    records_place: String,
) -> RoomSettings {
    const TRANSCRIPTION: &str = "TELECONSULT_OFFLINE_TRANSCRIPTION";
    let recording = reader.one_of("DEFAULT_RECORDING_TYPE", &["none", "manual", "automatic"], DEFAULT_RECORDING);
    let transcribed = reader.boolean(TRANSCRIPTION, false);
    if transcribed && recording == "none" {
        reader.problem(TRANSCRIPTION, "needs DEFAULT_RECORDING_TYPE manual or automatic");
    }
    if transcribed && generation == Some(ApiVersion::V1) {
        reader.problem(TRANSCRIPTION, "needs a BANDYER_BASE_URL of generation v2");
    }
    RoomSettings {
        privileges: rules.privileges.clone(),
        unlimited: rules.unlimited,
        live: reader.boolean("LIVE_TELECONSULTATION", DEFAULT_LIVE),
        recording: RecordingMode::from(recording.as_str()),
        transcribed,
        lease: signed(reader.seconds("TELECONSULT_LEASE_SECONDS", 1..=3600, DEFAULT_LEASE)),
        recovery_interval: reader.seconds("TELECONSULT_RECOVERY_INTERVAL_SECONDS", 1..=3600, DEFAULT_RECOVERY_INTERVAL),
        orphan_grace: signed(reader.seconds("TELECONSULT_ORPHAN_GRACE_SECONDS", 1..=86_400, DEFAULT_ORPHAN_GRACE)),
        sweep_interval: reader.seconds("TELECONSULT_SWEEP_INTERVAL_SECONDS", 1..=86_400, DEFAULT_SWEEP_INTERVAL),
        sweep_dry_run: reader.boolean("TELECONSULT_SWEEP_DRY_RUN", false),
        room_loss: signed(reader.seconds("TELECONSULT_ROOM_LOSS_SECONDS", 1..=3600, DEFAULT_ROOM_LOSS)),
        records_place,
        confirmed_place: reader.text("TELECONSULT_RECORDS_MOVED"),
    }
}

/// The ranges above are far below what both types hold.
fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn the_place_of_the_records_has_no_secret_in_it() {
        let place = |pairs: &[(&str, &str)]| {
            let vendor = [("BANDYER_API_SECRET_KEY", "k"), ("BANDYER_BASE_URL", "https://vendor.example")];
            let all = [&vendor[..], pairs].concat();
            let lookup = |name: &str| all.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
            Config::from_lookup(&lookup).unwrap().rooms.records_place
        };
        assert_eq!(place(&[("DATA_DIR", "/canary")]), "SQLite");
        let postgres = |url: &str| place(&[("DATABASE_URL", url)]);
        assert_eq!(
            postgres("postgres://u:canary@db.example:81/records?sslmode=require"),
            "PostgreSQL db.example:81/records"
        );
        assert_eq!(postgres("postgres://u:canary@db.example"), "PostgreSQL db.example:5432/u");
        let crud = [
            ("DATABASE_URL", "postgres://u:canary@db.example/journal"),
            ("CRUD_SERVICE_URL", "https://crud:8443/canary/"),
            ("TELECONSULTATIONS_CRUD_NAME", "tele"),
            ("USER_ID_MAP_CRUD_NAME", "people"),
        ];
        assert_eq!(place(&crud), "CRUD Service crud:8443, collections tele and people");
    }
}
