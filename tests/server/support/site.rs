//! A place where the real binary runs: an emulated vendor, a database, and processes that come and go. It knows what must
//! hold in the end, whatever went wrong before.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;

use bandyer_client::RoomId;
use bandyer_client::emulator::EmulatedRoom;
use reqwest::Method;
use serde_json::Value;

use super::binary::{Process, command};
use super::database::{Kind, Record};
use super::environment::{Environment, Setup};
use super::http_client;
use super::service::PATIENCE;

/// Rooms of somebody else, which must never be touched.
const DECOYS: [&str; 3] = ["visit", "tc1.", "tc1.somebody.else"];

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
        let mut site = Setup::default().database(kind).frequent_jobs().binary().await;
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

    /// The same, unless a crash point kills it before it listens.
    pub fn try_start(&self, others: &[(&str, &str)]) -> Option<Process> {
        command(&self.variables(others)).try_start()
    }

    /// One request; nothing when its answer never comes.
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
        let answer = request.send().await.ok()?;
        let status = answer.status().as_u16();
        Some((status, answer.text().await.ok()?))
    }

    /// What somebody sees of a teleconsultation, if it is shown.
    pub async fn view(&self, server: &str, id: &str, user: &str) -> Option<Value> {
        let path = format!("/teleconsultation/{id}");
        let (status, text) = self.call(server, Method::GET, &path, &[("miauserid", user)], None).await?;
        (status == 200).then(|| serde_json::from_str(&text).unwrap())
    }

    async fn metric(&self, server: &str, name: &str) -> Option<f64> {
        let (_, text) = self.call(server, Method::GET, "/-/metrics", &[], None).await?;
        text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?.parse().ok()
    }

    /// Waits until nothing is open any more. Each look is a request, so nothing spins.
    pub async fn until_settled(&self, server: &str) -> Result<(), String> {
        let look = || async {
            let mut left = Vec::new();
            // A possible leak is open too: a sweep finds its room, or that there is none.
            for what in ["open_attempts", "pending_retirements", "possible_leaks"] {
                let count = self.metric(server, &format!("teleconsult_room_{what}")).await;
                let count = count.ok_or_else(|| "the server does not answer".to_owned())?;
                if count != 0.0 {
                    left.push((what, count));
                }
            }
            Ok::<_, String>(left)
        };
        let settled = async {
            while !look().await?.is_empty() {
                tokio::task::yield_now().await;
            }
            Ok(())
        };
        match tokio::time::timeout(PATIENCE, settled).await {
            Ok(settled) => settled,
            Err(_) => Err(format!("unsettled: {:?}", look().await?)),
        }
    }

    fn live_rooms(&self) -> BTreeMap<String, EmulatedRoom> {
        let ours = self.emulator.live_rooms().into_iter().filter(|room| !room.planted);
        ours.map(|room| (room.id.clone(), room)).collect()
    }

    /// What must hold once nothing is open: every room of ours is one record's, every complete record has its room,
    /// nobody is two users, and rooms of others are untouched.
    ///
    /// # Errors
    ///
    /// What does not hold.
    pub async fn check_invariants(&self) -> Result<Vec<Record>, String> {
        let records = self.database.records().await;
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
                        return Err(format!("{room} is the room of two"));
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
            return Err(format!("{decoy} of somebody else is gone"));
        }
        Ok(records)
    }

    /// How many users of ours the vendor has.
    pub fn users(&self) -> usize {
        self.emulator.users().iter().filter(|user| user.id.starts_with("tc_")).count()
    }
}

/// Everybody's stored link is the one that the vendor gave this person for this room.
fn check_links(record: &Record, room: &EmulatedRoom) -> Result<(), String> {
    let text = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
    let stored: BTreeSet<(String, String)> =
        record.participants.iter().map(|one| (text(one, "userBandyerId"), text(one, "accessLinkURL"))).collect();
    let given: BTreeSet<(String, String)> =
        room.participants.iter().map(|one| (one.user_id.clone(), one.link.expose().to_owned())).collect();
    if stored == given { Ok(()) } else { Err(format!("{} has links of another room", record.id)) }
}
