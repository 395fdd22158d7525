//! Teleconsultations.

use std::collections::HashSet;

use bandyer_client::RoomId;
use jiff::Timestamp;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::values::{millis, moment, room_id, teleconsultation_id};
use super::{Read, Tx, json_array, participants};
use crate::base::clock::Clock;
use crate::domain::ids::TeleconsultationId;
use crate::domain::schedule::Schedule;
use crate::domain::teleconsultation::{Base, Teleconsultation};
use crate::store::engine::dialect::sql;
use crate::store::{Cas, Result, StoreError};

fn record(row: &AnyRow) -> Result<Teleconsultation> {
    Ok(Teleconsultation {
        id: teleconsultation_id(row.try_get("id")?)?,
        base: Base::At { version: row.try_get("version")?, generation: row.try_get("generation")? },
        schedule: Schedule::stored(moment(row.try_get("starts_at")?)?, moment(row.try_get("ends_at")?)?),
        number: usize::try_from(row.try_get::<i64, _>("number")?)
            .map_err(|_| StoreError::corrupt("a stored number is negative"))?,
        participants: participants::from_column(row.try_get("participants")?)?,
        room: row.try_get::<Option<String>, _>("room_id")?.map(room_id).transpose()?,
    })
}

/// A record and when it was read: by PostgreSQL's clock, else by the injected one.
fn record_at(row: &AnyRow, injected_now: Option<Timestamp>) -> Result<(Teleconsultation, Timestamp)> {
    let at = match injected_now {
        Some(now) => now,
        None => moment(row.try_get("read_at")?)?,
    };
    Ok((record(row)?, at))
}

impl Read<'_> {
    /// A teleconsultation that is not in the trash, and when it was read.
    pub async fn record(self, id: &TeleconsultationId) -> Result<Option<(Teleconsultation, Timestamp)>> {
        let injected_now = self.clock.map(Clock::now);
        let statement = sql!(
            self.dialect,
            "SELECT id, version, generation, starts_at, ends_at, number, participants, room_id",
            read_at,
            " FROM teleconsultations WHERE id = $1 AND trashed_at IS NULL"
        );
        let row = sqlx::query(statement).bind(id.as_str()).fetch_optional(self.pool).await?;
        let read =
            |row: &AnyRow| self.unreadable.note("teleconsultations", id.to_string(), record_at(row, injected_now));
        row.as_ref().map(read).transpose()
    }

    /// Whether a teleconsultation with this id was ever stored, including the trash.
    pub async fn was_stored(self, id: &TeleconsultationId) -> Result<bool> {
        let row = sqlx::query("SELECT 1 FROM teleconsultations WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.pool)
            .await?;
        Ok(row.is_some())
    }

    /// Those of the rooms that are the room of a record.
    pub async fn rooms_in_use(self, rooms: &[RoomId]) -> Result<HashSet<RoomId>> {
        let statement = sql!(self.dialect, "SELECT room_id FROM teleconsultations WHERE room_id IN ", ids);
        let found: Vec<String> = sqlx::query_scalar(statement).bind(json_array(rooms)?).fetch_all(self.pool).await?;
        found.into_iter().map(room_id).collect()
    }
}

impl Tx {
    /// As [`Read::record`], after the transactions that are changing it.
    pub async fn locked_record(&mut self, id: &TeleconsultationId) -> Result<Option<(Teleconsultation, Timestamp)>> {
        let injected_now = self.clock.as_ref().map(Clock::now);
        let statement = sql!(
            self.dialect,
            "SELECT id, version, generation, starts_at, ends_at, number, participants, room_id",
            read_at,
            " FROM teleconsultations WHERE id = $1 AND trashed_at IS NULL",
            " FOR UPDATE"
        );
        let row = sqlx::query(statement).bind(id.as_str()).fetch_optional(self.connection()).await?;
        row.as_ref().map(|row| record_at(row, injected_now)).transpose()
    }

    /// Inserts a new record. `false` if its id is taken.
    pub async fn insert_record(&mut self, record: &Teleconsultation, generation: i64) -> Result<bool> {
        let now = self.now().await?;
        let done = sqlx::query(
            "INSERT INTO teleconsultations \
             (id, version, generation, starts_at, ends_at, number, participants, room_id, created_at, updated_at) \
             VALUES ($1, 1, $2, $3, $4, $5, $6, $7, $8, $8) ON CONFLICT (id) DO NOTHING",
        )
        .bind(record.id.as_str())
        .bind(generation)
        .bind(millis(record.schedule.start()))
        .bind(millis(record.schedule.end()))
        .bind(record.number as i64)
        .bind(participants::to_column(&record.participants)?)
        .bind(record.room.as_ref().map(RoomId::as_str))
        .bind(millis(now))
        .execute(self.connection())
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Overwrites the record if the stored one still has its base and the decision still holds.
    pub async fn update_record(&mut self, record: &Teleconsultation, valid_until: Option<Timestamp>) -> Result<Cas> {
        let Base::At { version, generation } = record.base else { return Ok(Cas::Stale) };
        let now = self.now().await?;
        let done = sqlx::query(sql!(
            self.dialect,
            "UPDATE teleconsultations SET version = version + 1, starts_at = $1, ends_at = $2, number = $3, \
             participants = $4, room_id = $5, updated_at = $6 \
             WHERE id = $7 AND version = $8 AND generation = $9 AND trashed_at IS NULL AND ",
            before("$10", "$11")
        ))
        .bind(millis(record.schedule.start()))
        .bind(millis(record.schedule.end()))
        .bind(record.number as i64)
        .bind(participants::to_column(&record.participants)?)
        .bind(record.room.as_ref().map(RoomId::as_str))
        .bind(millis(now))
        .bind(record.id.as_str())
        .bind(version)
        .bind(generation)
        .bind(valid_until.map(millis))
        .bind(self.injected_now())
        .execute(self.connection())
        .await?;
        self.cas(done.rows_affected(), valid_until).await
    }

    /// Begins a new generation of a record that still has this version, if the decision still holds.
    pub async fn begin_generation(
        &mut self,
        id: &TeleconsultationId,
        version: i64,
        generation: i64,
        valid_until: Option<Timestamp>,
    ) -> Result<Cas> {
        let done = sqlx::query(sql!(
            self.dialect,
            "UPDATE teleconsultations SET version = version + 1, generation = $1 \
             WHERE id = $2 AND version = $3 AND generation < $1 AND trashed_at IS NULL AND ",
            before("$4", "$5")
        ))
        .bind(generation)
        .bind(id.as_str())
        .bind(version)
        .bind(valid_until.map(millis))
        .bind(self.injected_now())
        .execute(self.connection())
        .await?;
        self.cas(done.rows_affected(), valid_until).await
    }

    /// The result of a compare-and-set that changed this many rows.
    pub(super) async fn cas(&mut self, changed: u64, valid_until: Option<Timestamp>) -> Result<Cas> {
        Ok(match valid_until {
            _ if changed > 0 => Cas::Applied(()),
            Some(until) if self.now().await? >= until => Cas::TooLate,
            _ => Cas::Stale,
        })
    }

    /// Moves a record that still has this version to the trash, without its room and its links. `false` if it has not.
    pub async fn trash_record(&mut self, id: &TeleconsultationId, version: i64) -> Result<bool> {
        let now = self.now().await?;
        // The generation goes up too, so that a room that is being created for it finds no record to become part of.
        let participants: Option<String> = sqlx::query_scalar(
            "UPDATE teleconsultations SET version = version + 1, generation = generation + 1, room_id = NULL, \
             updated_at = $1, trashed_at = $1 WHERE id = $2 AND version = $3 AND trashed_at IS NULL \
             RETURNING participants",
        )
        .bind(millis(now))
        .bind(id.as_str())
        .bind(version)
        .fetch_optional(self.connection())
        .await?;
        let Some(participants) = participants else { return Ok(false) };
        sqlx::query("UPDATE teleconsultations SET participants = $1 WHERE id = $2")
            .bind(participants::without_links(&participants))
            .bind(id.as_str())
            .execute(self.connection())
            .await?;
        Ok(true)
    }
}
