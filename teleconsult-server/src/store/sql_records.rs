//! Records in the same database as the journal: each change is one transaction.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use bandyer_client::{RoomId, UserId};
use jiff::{SignedDuration, Timestamp};

use super::engine::Database;
use super::{Attempt, Cas, NewAttempt, Reading, Records, Result, StoreError};
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

fn reading((record, at): (Teleconsultation, Timestamp)) -> Reading {
    Reading { record, at, is_changing: false }
}

#[async_trait]
impl Records for SqlRecords {
    async fn ping(&self) -> Result<()> {
        // The journal's own check has read the same database.
        Ok(())
    }

    async fn get(&self, id: &TeleconsultationId) -> Result<Option<Reading>> {
        Ok(self.database.read().record(id).await?.map(reading))
    }

    async fn get_after_changes(&self, id: &TeleconsultationId) -> Result<Option<Reading>> {
        let locked = id.clone();
        let read = self.database.write(move |tx| Box::pin(async move { tx.locked_record(&locked).await })).await;
        match read {
            Ok(read) => Ok(read.map(reading)),
            // There is no change to wait for, and viewers need their links.
            Err(error) if error.is_not_writable() => self.get(id).await,
            Err(error) => Err(error),
        }
    }

    async fn stored_for(&self, id: &TeleconsultationId) -> Result<Option<TeleconsultationId>> {
        Ok(self.database.read().was_stored(id).await?.then(|| id.clone()))
    }

    async fn rooms_in_use(&self, rooms: &[RoomId]) -> Result<HashSet<RoomId>> {
        self.database.read().rooms_in_use(rooms).await
    }

    async fn insert(&self, record: &Teleconsultation) -> Result<TeleconsultationId> {
        let record = record.clone();
        self.database
            .write(move |tx| {
                Box::pin(async move {
                    if tx.insert_record(&record, 0).await? {
                        Ok(record.id)
                    } else {
                        Err(StoreError::corrupt("a new id is already taken"))
                    }
                })
            })
            .await
    }

    async fn update(
        &self,
        record: &Teleconsultation,
        retire: Option<&RoomId>,
        valid_until: Option<Timestamp>,
    ) -> Result<Cas> {
        let (record, retire) = (record.clone(), retire.cloned());
        self.database
            .write(move |tx| {
                Box::pin(async move {
                    let updated = tx.update_record(&record, valid_until).await?;
                    if let (Cas::Applied(()), Some(room)) = (updated, retire) {
                        tx.queue_room(&room, Some(&record.id)).await?;
                    }
                    Ok(updated)
                })
            })
            .await
    }

    async fn trash(&self, record: &Teleconsultation) -> Result<Cas> {
        let Base::At { version, .. } = record.base else { return Ok(Cas::Stale) };
        let (id, room) = (record.id.clone(), record.room.clone());
        self.database
            .write(move |tx| {
                Box::pin(async move {
                    if !tx.trash_record(&id, version).await? {
                        return Ok(Cas::Stale);
                    }
                    if let Some(room) = room {
                        tx.queue_room(&room, Some(&id)).await?;
                    }
                    Ok(Cas::Applied(()))
                })
            })
            .await
    }

    async fn begin_attempt(
        &self,
        attempt: &NewAttempt,
        lease: SignedDuration,
        base: Base,
        valid_until: Option<Timestamp>,
    ) -> Result<Cas<(Attempt, Base)>> {
        let attempt = attempt.clone();
        self.database
            .write(move |tx| {
                Box::pin(async move {
                    let begun = match base {
                        Base::New => Cas::Applied(Base::New),
                        Base::At { version, .. } => {
                            let (id, generation) = (&attempt.teleconsultation, attempt.generation);
                            let begun = tx.begin_generation(id, version, generation, valid_until).await?;
                            begun.map(|()| Base::At { version: version + 1, generation })
                        }
                    };
                    Ok(match begun {
                        Cas::Applied(base) => Cas::Applied((tx.add_attempt(&attempt, lease).await?, base)),
                        Cas::Stale => Cas::Stale,
                        Cas::TooLate => Cas::TooLate,
                    })
                })
            })
            .await
    }

    async fn commit_room(
        &self,
        attempt: &Attempt,
        record: &Teleconsultation,
        replaced: Option<&RoomId>,
        valid_until: Option<Timestamp>,
    ) -> Result<Cas<TeleconsultationId>> {
        let room = record.room.clone().ok_or(StoreError::corrupt("an attempt was committed without a room"))?;
        let (attempt, record, replaced) = (attempt.clone(), record.clone(), replaced.cloned());
        self.database
            .write(move |tx| {
                Box::pin(async move {
                    let committed = if !tx.holds_attempt(&attempt).await? || tx.is_room_queued(&room).await? {
                        Cas::Stale
                    } else {
                        match record.base {
                            Base::New => match tx.insert_record(&record, attempt.generation).await? {
                                true => Cas::Applied(()),
                                false => Cas::Stale,
                            },
                            Base::At { .. } => tx.update_record(&record, valid_until).await?,
                        }
                    };
                    if committed == Cas::Applied(()) {
                        tx.add_room(&room, &attempt.id).await?;
                        if let Some(replaced) = replaced {
                            tx.queue_room(&replaced, Some(&record.id)).await?;
                        }
                    } else {
                        tx.queue_room_unless_used(&room, Some(&record.id)).await?;
                    }
                    tx.delete_attempt(&attempt).await?;
                    Ok(committed.map(|()| record.id))
                })
            })
            .await
    }

    async fn vendor_users(&self, people: &[&ExternalId]) -> Result<Vec<(ExternalId, UserId)>> {
        self.database.read().vendor_users(people).await
    }

    async fn add_vendor_users(&self, users: &[(ExternalId, UserId)]) -> Result<()> {
        let users = users.to_vec();
        self.database.write(move |tx| Box::pin(async move { tx.add_vendor_users(&users).await })).await
    }

    async fn recover(&self) -> Result<()> {
        // A transaction that did not commit has changed nothing.
        Ok(())
    }
}
