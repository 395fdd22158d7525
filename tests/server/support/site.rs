//! An environment for the real binary: an emulated vendor, a database, and processes that start and end. It checks the
//! invariants that must hold after any failure.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::time::Duration;

use bandyer_client::RoomId;
use bandyer_client::emulator::EmulatedRoom;
use reqwest::Method;
use serde_json::Value;

use super::binary::{Process, command};
use super::database::{Kind, Record};
use super::environment::{Environment, Setup};
use super::http_client;
use super::service::{PATIENCE, Platform, pause};

/// Rooms of other applications, which must never be touched.
const DECOYS: [&str; 3] = ["visit", "tc1.", "tc1.other.application"];

/// The metrics of what is not resolved yet. A possible leak is, until a sweep has looked for its room.
const UNRESOLVED: [&str; 4] = [
    "teleconsult_room_open_attempts",
    "teleconsult_room_pending_retirements",
    "teleconsult_room_possible_leaks",
    "teleconsult_store_open_writes",
];

pub struct Site {
    environment: Environment,
    pub http: reqwest::Client,
    decoys: Vec<RoomId>,
}

impl Deref for Site {
    type Target = Environment;

    fn deref(&self) -> &Environment {
        &self.environment
    }
}

impl Site {
    /// A site whose jobs run every second.
    pub async fn new(kind: Kind) -> Self {
        Self::on(Platform { database: kind, ..Platform::ALONE }).await
    }

    /// The same with these platform services. A write to the CRUD Service without a response is looked up after three
    /// seconds.
    pub async fn on(platform: Platform) -> Self {
        let mut setup = Setup::default().platform(platform).frequent_jobs();
        if platform.crud {
            setup = setup.variables(&[("TELECONSULT_CRUD_WRITE_GRACE_SECONDS", "3")]);
        }
        let mut site = setup.binary().await;
        site.decoys = DECOYS.iter().map(|description| site.emulator.plant_room(description)).collect();
        site
    }

    pub(super) fn new_in(environment: Environment) -> Self {
        Self { environment, http: http_client(), decoys: Vec::new() }
    }

    /// Starts a process with more variables, or others.
    pub fn start(&self, others: &[(&str, &str)]) -> Process {
        Process::start(&self.variables(others))
    }

    /// The same, or `None` if a crash point kills it before it listens.
    pub fn try_start(&self, others: &[(&str, &str)]) -> Option<Process> {
        command(&self.variables(others)).try_start()
    }

    /// Sends one request; returns `None` if no response arrives.
    pub async fn call(
        &self,
        server: &str,
        method: Method,
        path: &str,
        headers: &[(&'static str, &str)],
        body: Option<&Value>,
    ) -> Option<(u16, String)> {
        let mut request = self.http.request(method, format!("{server}{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.ok()?;
        let status = response.status().as_u16();
        Some((status, response.text().await.ok()?))
    }

    /// A teleconsultation as this user sees it, or `None` if it is refused.
    pub async fn view(&self, server: &str, id: &str, user: &str) -> Option<Value> {
        let path = format!("/teleconsultation/{id}");
        let (status, text) = self.call(server, Method::GET, &path, &[("miauserid", user)], None).await?;
        (status == 200).then(|| serde_json::from_str(&text).unwrap())
    }

    /// Waits until no room is unresolved.
    pub async fn until_settled(&self, server: &str) -> Result<(), String> {
        self.until_settled_within(PATIENCE, server).await
    }

    /// The same, where many rooms and attempts are left to look at.
    pub async fn until_settled_within(&self, patience: Duration, server: &str) -> Result<(), String> {
        // In one response: work moves from one metric to the next, and several responses could miss it each time.
        let unresolved = || async {
            let (_, text) = self.call(server, Method::GET, "/-/metrics", &[], None).await?;
            let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            let left = UNRESOLVED.map(|name| (name, value(name).map(str::to_owned))).into_iter();
            Some(left.filter(|(_, value)| value.as_deref() != Some("0")).collect::<Vec<_>>())
        };
        let settled = async {
            while !unresolved().await.ok_or("the server does not respond")?.is_empty() {
                pause().await;
            }
            Ok(())
        };
        match tokio::time::timeout(patience, settled).await {
            Ok(settled) => settled,
            Err(_) => Err(format!("unresolved: {:?}", unresolved().await)),
        }
    }

    fn live_rooms(&self) -> BTreeMap<String, EmulatedRoom> {
        let own = self.emulator.live_rooms().into_iter().filter(|room| !room.planted);
        own.map(|room| (room.id.to_string(), room)).collect()
    }

    /// Checks what must hold once no room is unresolved: every room of the deployment belongs to one record, every complete
    /// record has its room and that room's links, and rooms of other applications are untouched.
    ///
    /// # Errors
    ///
    /// The invariant that does not hold.
    pub async fn check_invariants(&self) -> Result<Vec<Record>, String> {
        let records = match &self.crud {
            Some(crud) => crud.records(),
            None => self.database.records().await,
        };
        let rooms = self.live_rooms();
        let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
        for record in &records {
            let people = record.participants.len();
            if people > record.number {
                return Err(format!("{} has {people} of {} people", record.id, record.number));
            }
            match &record.room {
                Some(room) if people == record.number => {
                    if owners.insert(room, &record.id).is_some() {
                        return Err(format!("two records have the room {room}"));
                    }
                    let room = rooms.get(room).ok_or_else(|| format!("{} has no room at the vendor", record.id))?;
                    check_links(record, room)?;
                }
                Some(room) => return Err(format!("{} is incomplete and has {room}", record.id)),
                None if people == record.number => return Err(format!("{} is complete and has no room", record.id)),
                None => {}
            }
        }
        let orphans: Vec<&String> = rooms.keys().filter(|room| !owners.contains_key(room.as_str())).collect();
        if !orphans.is_empty() {
            return Err(format!("orphans {orphans:?}"));
        }
        let untouched = self.emulator.live_rooms();
        if let Some(decoy) = self.decoys.iter().find(|decoy| !untouched.iter().any(|room| **decoy == room.id.as_str()))
        {
            return Err(format!("the room {decoy} of another application is gone"));
        }
        Ok(records)
    }

    /// The number of vendor users that the server created.
    pub fn users(&self) -> usize {
        self.emulator.users().iter().filter(|user| user.id.as_str().starts_with("tc_")).count()
    }
}

/// Checks that each stored link is the one that the vendor issued to this person for this room.
fn check_links(record: &Record, room: &EmulatedRoom) -> Result<(), String> {
    let text = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
    let stored: BTreeSet<(String, String)> =
        record.participants.iter().map(|one| (text(one, "userBandyerId"), text(one, "accessLinkURL"))).collect();
    let issued: BTreeSet<(String, String)> =
        room.participants.iter().map(|one| (one.user_id.to_string(), one.link.expose().to_owned())).collect();
    if stored == issued { Ok(()) } else { Err(format!("{} has links of another room", record.id)) }
}
