//! The real binary, killed again and again under load while the vendor misbehaves. In the end every room of ours belongs
//! to exactly one record, and nothing that was acknowledged is lost or half done.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use bandyer_client::emulator::{Action, Emulator, Fault, Operation};
use http::StatusCode;
use serde_json::{Value, json};
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::support::binary::Process;
use crate::support::service::{PATIENCE, consultation};
use crate::support::{http_client, in_minutes, person};

/// How often the server is killed. A longer run: `TELECONSULT_TEST_KILLS=1000 tests/run.sh kills`.
const KILLS: usize = 8;
const CALLERS: u64 = 6;

/// What callers were told: for each teleconsultation the patients it may have. More than one where an answer was lost.
type Told = Arc<Mutex<BTreeMap<String, BTreeSet<String>>>>;

/// Creates, changes and deletes until it is told to stop; an answer that never comes leaves both possibilities open.
async fn call_for_ever(url: String, told: Told, stop: Arc<AtomicBool>, mut random: fastrand::Rng) {
    let http = http_client();
    let mut mine: Vec<String> = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let patient = format!("p{}", random.u32(..40));
        let people = [person("d", "doctor"), person(&patient, "patient")];
        let choice = random.u32(..10);
        if choice < 5 || mine.is_empty() {
            let body = consultation(&in_minutes(60), 2, &people);
            let answer = http.post(format!("{url}/teleconsultation")).json(&body).send().await;
            if let Ok(answer) = answer
                && answer.status() == StatusCode::CREATED
                && let Ok(body) = answer.json::<Value>().await
            {
                let id = body["roomId"].as_str().unwrap().to_owned();
                told.lock().unwrap().insert(id.clone(), [patient].into());
                mine.push(id);
            }
        } else if choice < 8 {
            let id = &mine[random.usize(..mine.len())];
            told.lock().unwrap().get_mut(id).unwrap().insert(patient.clone());
            let body = json!({"participants": {"number": 2, "data": people}});
            let answer = http.patch(format!("{url}/teleconsultation/{id}")).json(&body).send().await;
            if answer.is_ok_and(|answer| answer.status() == StatusCode::NO_CONTENT) {
                told.lock().unwrap().insert(id.clone(), [patient].into());
            }
        } else {
            let id = mine.swap_remove(random.usize(..mine.len()));
            told.lock().unwrap().remove(&id);
            // Done or not, both are right from here on; the rooms tell whether it was done by halves.
            let _ = http.delete(format!("{url}/teleconsultation/{id}")).send().await;
        }
    }
}

fn some_fault(random: &mut fastrand::Rng) -> Fault {
    let faults = [
        Fault::on(Operation::CreateRoom).reset_after(),
        Fault::on(Operation::CreateRoom).reset_before(),
        Fault::on(Operation::CreateRoom).status(500).after_effect(),
        Fault::on(Operation::CreateRoom).action(Action::Garbage),
        Fault::on(Operation::CreateUser).reset_after(),
        Fault::on(Operation::DeleteRoom).status(500),
        Fault::on(Operation::ListRooms).status(500),
    ];
    faults[random.usize(..faults.len())].clone()
}

async fn rooms_of_records(database: &std::path::Path) -> BTreeSet<String> {
    let options = SqliteConnectOptions::new().filename(database).read_only(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let query = "SELECT room_id FROM teleconsultations WHERE trashed_at IS NULL";
    sqlx::query_scalar::<_, String>(query).fetch_all(&mut connection).await.unwrap().into_iter().collect()
}

fn rooms_of_the_vendor(emulator: &Emulator) -> BTreeSet<String> {
    let ours = emulator.live_rooms().into_iter().filter(|room| !room.planted);
    ours.map(|room| room.id).collect()
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "whoever runs the tests chooses how long and with which seed")]
async fn kills_under_load_leave_no_orphan_and_lose_nothing_that_was_acknowledged() {
    let seed =
        std::env::var("TELECONSULT_TEST_SEED").ok().map_or_else(|| fastrand::u64(..), |seed| seed.parse().unwrap());
    let kills = std::env::var("TELECONSULT_TEST_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    println!("repeat with TELECONSULT_TEST_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);

    let emulator = Emulator::start().await.unwrap();
    let decoy = emulator.plant_room("tc1.somebody.else");
    let folder = tempfile::tempdir().unwrap();
    // A port that is free now and asked for again after each kill.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let variables = [
        ("BANDYER_API_SECRET_KEY", emulator.api_key().expose()),
        ("BANDYER_BASE_URL", emulator.url()),
        ("DATA_DIR", folder.path().to_str().unwrap()),
        ("HTTP_PORT", port.as_str()),
        ("TELECONSULT_BIND_ADDRESS", "127.0.0.1"),
        ("TELECONSULT_RECOVERY_INTERVAL_SECONDS", "1"),
        ("TELECONSULT_LEASE_SECONDS", "2"),
    ];
    let mut server = Process::start(&variables);
    let told = Told::default();
    let stop = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..CALLERS)
        .map(|n| {
            let random = fastrand::Rng::with_seed(seed.wrapping_add(n + 1));
            tokio::spawn(call_for_ever(server.url.clone(), Arc::clone(&told), Arc::clone(&stop), random))
        })
        .collect();

    for _ in 0..kills {
        emulator.faults().add(some_fault(&mut random));
        let made = emulator.calls_of(Operation::CreateRoom) + random.usize(3..40);
        let reached = tokio::time::timeout(PATIENCE, emulator.until_called(Operation::CreateRoom, made)).await;
        assert!(reached.is_ok(), "the server stopped calling, seed {seed}");
        server.kill_now();
        drop(server);
        server = Process::start(&variables);
    }
    stop.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.unwrap();
    }
    emulator.faults().clear();

    // Leases were given up at the last start, so what is left open is settled within a round or two.
    let database = folder.path().join("teleconsult.sqlite3");
    while rooms_of_records(&database).await != rooms_of_the_vendor(&emulator) {
        let deletions = emulator.calls_of(Operation::DeleteRoom) + 1;
        let settled = tokio::time::timeout(PATIENCE, emulator.until_called(Operation::DeleteRoom, deletions)).await;
        let (records, rooms) = (rooms_of_records(&database).await, rooms_of_the_vendor(&emulator));
        let orphans: Vec<_> = rooms.difference(&records).collect();
        let missing: Vec<_> = records.difference(&rooms).collect();
        assert!(settled.is_ok() || records == rooms, "seed {seed}: orphans {orphans:?}, missing {missing:?}");
    }
    assert!(
        emulator.live_rooms().iter().any(|room| decoy == room.id.as_str()),
        "a room of others is gone, seed {seed}"
    );

    let http = http_client();
    let told = told.lock().unwrap().clone();
    assert!(told.len() > kills, "{} acknowledged", told.len());
    for (id, patients) in told {
        let mut seen = Vec::new();
        for patient in &patients {
            let request = http.get(format!("{}/teleconsultation/{id}", server.url)).header("miauserid", patient);
            if request.send().await.unwrap().status() == StatusCode::OK {
                seen.push(patient);
            }
        }
        assert_eq!(seen.len(), 1, "{id} of {patients:?} is lost or half changed, seed {seed}");
    }
}
