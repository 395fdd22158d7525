//! Records in the same database as the journal: each change is one transaction.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use bandyer_client::{RoomId, UserId};
use jiff::Timestamp;

use super::engine::Database;
use super::{Attempt, Cas, Records, Result, StoreError};
use crate::domain::ids::{ExternalId, TeleconsultationId};
use crate::domain::teleconsultation::{Base, Teleconsultation};

pub(super) struct SqlRecords {
    database: Arc<Database>,
}

impl SqlRecords {
    pub(super) const fn new(database: Arc<Database>) -> Self {
        Self { database }
    }
}

#[async_trait]
impl Records for SqlRecords {
    async fn ping(&self) -> Result<()> {
        // The journal's own check has read the same database.
        Ok(())
    }

    async fn get(&self, id: &TeleconsultationId) -> Result<Option<Teleconsultation>> {
        self.database.read().record(id).await
    }

    async fn was_stored(&self, id: &TeleconsultationId) -> Result<bool> {
        self.database.read().was_stored(id).await
    }

    async fn of_room(&self, room: &RoomId) -> Result<Option<TeleconsultationId>> {
        self.database.read().record_of_room(room).await
    }

    async fn rooms_in_use(&self, rooms: &[RoomId]) -> Result<HashSet<RoomId>> {
        self.database.read().rooms_in_use(rooms).await
    }

    async fn insert(&self, record: &Teleconsultation, now: Timestamp) -> Result<TeleconsultationId> {
        let record = record.clone();
        self.database
            .write(move |tx| {
                Box::pin(async move {
                    if tx.insert_record(&record, 0, now).await? {
                        Ok(record.id)
                    } else {
                        Err(StoreError::corrupt("a new id is already taken"))
                    }
                })
            })
            .await
    }

    async fn update(&self, record: &Teleconsultation, retire: Option<&RoomId>, now: Timestamp) -> Result<Cas> {
        let (record, retire) = (record.clone(), retire.cloned());
        self.database
            .write(move |tx| {
                Box::pin(async move {
                    if !tx.update_record(&record, now).await? {
                        return Ok(Cas::Stale);
                    }
                    if let Some(room) = retire {
                        tx.queue_room(&room, Some(&record.id), now).await?;
                    }
                    Ok(Cas::Applied(()))
                })
            })
            .await
    }

    async fn trash(&self, record: &Teleconsultation, now: Timestamp) -> Result<Cas> {
        let Base::At { version, .. } = record.base else { return Ok(Cas::Stale) };
        let (id, room) = (record.id.clone(), record.room.clone());
        self.database
            .write(move |tx| {
                Box::pin(async move {
                    if !tx.trash_record(&id, version, now).await? {
                        return Ok(Cas::Stale);
                    }
                    if let Some(room) = room {
                        tx.queue_room(&room, Some(&id), now).await?;
                    }
                    Ok(Cas::Applied(()))
                })
            })
            .await
    }

    async fn begin_attempt(&self, attempt: &Attempt, base: Base) -> Result<Cas<Base>> {
        let attempt = attempt.clone();
        self.database
            .write(move |tx| {
                Box::pin(async move {
                    let next = match base {
                        Base::New => Base::New,
                        Base::At { version, .. } => {
                            let generation = attempt.generation;
                            if !tx.begin_generation(&attempt.teleconsultation, version, generation).await? {
                                return Ok(Cas::Stale);
                            }
                            Base::At { version: version + 1, generation }
                        }
                    };
                    tx.add_attempt(&attempt).await?;
                    Ok(Cas::Applied(next))
                })
            })
            .await
    }

    async fn commit_room(
        &self,
        attempt: &Attempt,
        record: &Teleconsultation,
        replaced: Option<&RoomId>,
        now: Timestamp,
    ) -> Result<Cas<TeleconsultationId>> {
        let room = record.room.clone().ok_or(StoreError::corrupt("an attempt was committed without a room"))?;
        let (attempt, record, replaced) = (attempt.clone(), record.clone(), replaced.cloned());
        self.database
            .write(move |tx| {
                Box::pin(async move {
                    let committed = tx.holds_attempt(&attempt).await?
                        && !tx.is_room_queued(&room).await?
                        && match record.base {
                            Base::New => tx.insert_record(&record, attempt.generation, now).await?,
                            Base::At { .. } => tx.update_record(&record, now).await?,
                        };
                    if committed {
                        tx.add_room(&room, &attempt.id).await?;
                        if let Some(replaced) = replaced {
                            tx.queue_room(&replaced, Some(&record.id), now).await?;
                        }
                    } else {
                        tx.queue_room_unless_used(&room, Some(&record.id), now).await?;
                    }
                    tx.delete_attempt(&attempt).await?;
                    Ok(Cas::from_option(committed.then_some(record.id)))
                })
            })
            .await
    }

    async fn vendor_users(&self, people: &[&ExternalId]) -> Result<Vec<(ExternalId, UserId)>> {
        self.database.read().vendor_users(people).await
    }

    async fn add_vendor_users(&self, users: &[(ExternalId, UserId)], now: Timestamp) -> Result<()> {
        let users = users.to_vec();
        self.database.write(move |tx| Box::pin(async move { tx.add_vendor_users(&users, now).await })).await
    }
}
