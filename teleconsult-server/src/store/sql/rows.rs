//! Rows and records: reading one as the other, and the writes that several changes share.

use bandyer_client::RoomId;
use jiff::Timestamp;
use serde::Serialize;
use sqlx::any::AnyRow;
use sqlx::{Any, Row, Transaction};

use super::participants;
use crate::domain::ids::TeleconsultationId;
use crate::domain::schedule::Schedule;
use crate::domain::teleconsultation::Teleconsultation;
use crate::store::{Attempt, Result, Retirement, StoreError};

pub(super) fn failed(error: sqlx::Error) -> StoreError {
    // The text of the driver may hold values; its kind and the database's code are what an operator needs.
    let cause = match &error {
        sqlx::Error::Database(error) => format!("code {} of the database", error.code().unwrap_or_default()),
        sqlx::Error::PoolTimedOut => "no connection became free".to_owned(),
        sqlx::Error::PoolClosed => "the store is closed".to_owned(),
        sqlx::Error::Io(error) => format!("input or output failed: {}", error.kind()),
        _ => "the driver failed".to_owned(),
    };
    StoreError::new("the database cannot serve", cause)
}

pub(super) fn millis(moment: Timestamp) -> i64 {
    moment.as_millisecond()
}

pub(super) fn moment(millis: i64) -> Result<Timestamp> {
    Timestamp::from_millisecond(millis).map_err(|_| StoreError::corrupt("a stored time is out of range"))
}

pub(super) fn room_id(text: String) -> Result<RoomId> {
    RoomId::new(text).map_err(|_| StoreError::corrupt("a stored room id cannot be read"))
}

pub(super) fn teleconsultation_id(text: &str) -> Result<TeleconsultationId> {
    TeleconsultationId::parse(text).ok_or(StoreError::corrupt("a stored id cannot be read"))
}

pub(super) fn record(row: &AnyRow) -> Result<Teleconsultation> {
    let column = |error| failed(error);
    Ok(Teleconsultation {
        id: teleconsultation_id(row.try_get("id").map_err(column)?)?,
        version: row.try_get("version").map_err(column)?,
        generation: row.try_get("generation").map_err(column)?,
        schedule: Schedule::stored(
            moment(row.try_get("starts_at").map_err(column)?)?,
            moment(row.try_get("ends_at").map_err(column)?)?,
        ),
        number: usize::try_from(row.try_get::<i64, _>("number").map_err(column)?)
            .map_err(|_| StoreError::corrupt("a stored number is negative"))?,
        participants: participants::read(row.try_get("participants").map_err(column)?)?,
        room: row.try_get::<Option<String>, _>("room_id").map_err(column)?.map(room_id).transpose()?,
    })
}

pub(super) fn attempt(row: &AnyRow) -> Result<Attempt> {
    let column = |error| failed(error);
    Ok(Attempt {
        id: row.try_get("id").map_err(column)?,
        teleconsultation: teleconsultation_id(row.try_get("teleconsultation_id").map_err(column)?)?,
        generation: row.try_get("generation").map_err(column)?,
        order: row.try_get("asked").map_err(column)?,
        started_at: moment(row.try_get("started_at").map_err(column)?)?,
        lease_until: moment(row.try_get("lease_until").map_err(column)?)?,
        fence: row.try_get("fence").map_err(column)?,
    })
}

pub(super) fn retirement(row: &AnyRow) -> Result<Retirement> {
    let teleconsultation: Option<String> = row.try_get("teleconsultation_id").map_err(failed)?;
    Ok(Retirement {
        room: room_id(row.try_get("room_id").map_err(failed)?)?,
        teleconsultation: teleconsultation.as_deref().map(teleconsultation_id).transpose()?,
        tries: u32::try_from(row.try_get::<i64, _>("tries").map_err(failed)?)
            .map_err(|_| StoreError::corrupt("a stored number is out of range"))?,
    })
}

/// Texts as one parameter: a statement is prepared once for any number of them.
pub(super) fn list(values: &[impl Serialize]) -> Result<String> {
    serde_json::to_string(values).map_err(|error| StoreError::new("ids cannot be written", error))
}

pub(super) async fn insert_record(
    tx: &mut Transaction<'_, Any>,
    record: &Teleconsultation,
    now: Timestamp,
) -> Result<u64> {
    let done = sqlx::query(
        "INSERT INTO teleconsultations \
         (id, version, generation, starts_at, ends_at, number, participants, room_id, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9) ON CONFLICT (id) DO NOTHING",
    )
    .bind(record.id.as_str())
    .bind(record.version)
    .bind(record.generation)
    .bind(millis(record.schedule.start()))
    .bind(millis(record.schedule.end()))
    .bind(record.number as i64)
    .bind(participants::written(&record.participants)?)
    .bind(record.room.as_ref().map(RoomId::as_str))
    .bind(millis(now))
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    Ok(done.rows_affected())
}

/// Writes the whole record over the one with this version and generation.
pub(super) async fn overwrite(tx: &mut Transaction<'_, Any>, record: &Teleconsultation, now: Timestamp) -> Result<u64> {
    let done = sqlx::query(
        "UPDATE teleconsultations SET version = version + 1, starts_at = $1, ends_at = $2, number = $3, \
         participants = $4, room_id = $5, updated_at = $6 \
         WHERE id = $7 AND version = $8 AND generation = $9 AND trashed_at IS NULL",
    )
    .bind(millis(record.schedule.start()))
    .bind(millis(record.schedule.end()))
    .bind(record.number as i64)
    .bind(participants::written(&record.participants)?)
    .bind(record.room.as_ref().map(RoomId::as_str))
    .bind(millis(now))
    .bind(record.id.as_str())
    .bind(record.version)
    .bind(record.generation)
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    Ok(done.rows_affected())
}

/// Queues a room for deletion. One that is queued already stays as it is.
pub(super) async fn queue(
    tx: &mut Transaction<'_, Any>,
    room: &RoomId,
    teleconsultation: Option<&TeleconsultationId>,
    now: Timestamp,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO retirements (room_id, teleconsultation_id, queued_at, tries, next_try_at) \
         VALUES ($1, $2, $3, 0, $3) ON CONFLICT (room_id) DO NOTHING",
    )
    .bind(room.as_str())
    .bind(teleconsultation.map(TeleconsultationId::as_str))
    .bind(millis(now))
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    Ok(())
}

/// As [`queue`], unless the room is a record's: whoever took an attempt over may have made it so.
pub(super) async fn queue_unless_needed(
    tx: &mut Transaction<'_, Any>,
    room: &RoomId,
    teleconsultation: Option<&TeleconsultationId>,
    now: Timestamp,
) -> Result<()> {
    let needed = sqlx::query("SELECT 1 FROM teleconsultations WHERE room_id = $1")
        .bind(room.as_str())
        .fetch_optional(&mut **tx)
        .await
        .map_err(failed)?
        .is_some();
    if needed { Ok(()) } else { queue(tx, room, teleconsultation, now).await }
}

/// Whether a room is to be deleted. It may be gone at any moment.
pub(super) async fn is_queued(tx: &mut Transaction<'_, Any>, room: &RoomId) -> Result<bool> {
    let row = sqlx::query("SELECT 1 FROM retirements WHERE room_id = $1")
        .bind(room.as_str())
        .fetch_optional(&mut **tx)
        .await
        .map_err(failed)?;
    Ok(row.is_some())
}

/// Forgets an attempt that is settled, if it is still ours.
pub(super) async fn forget(tx: &mut Transaction<'_, Any>, attempt: &Attempt) -> Result<()> {
    sqlx::query("DELETE FROM attempts WHERE id = $1 AND fence = $2")
        .bind(attempt.id.as_str())
        .bind(attempt.fence)
        .execute(&mut **tx)
        .await
        .map_err(failed)?;
    Ok(())
}
