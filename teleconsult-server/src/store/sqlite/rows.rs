//! Rows and records: reading one as the other, and the writes that several changes share.

use bandyer_client::RoomId;
use jiff::Timestamp;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, Sqlite, Transaction};

use super::people;
use crate::domain::ids::TeleconsultationId;
use crate::domain::schedule::Schedule;
use crate::domain::teleconsultation::Teleconsultation;
use crate::store::{Attempt, Result, StoreError};

pub(super) fn failed(error: sqlx::Error) -> StoreError {
    // The text of the driver may hold values; its kind and SQLite's code are what an operator needs.
    let cause = match &error {
        sqlx::Error::Database(error) => format!("SQLite code {}", error.code().unwrap_or_default()),
        sqlx::Error::PoolTimedOut => "no connection became free".to_owned(),
        sqlx::Error::PoolClosed => "the store is closed".to_owned(),
        sqlx::Error::Io(error) => format!("input or output failed: {}", error.kind()),
        _ => "the driver failed".to_owned(),
    };
    StoreError::new("the embedded store cannot serve", cause)
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

pub(super) fn record(row: &SqliteRow) -> Result<Teleconsultation> {
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
        participants: people::read(row.try_get("participants").map_err(column)?)?,
        room: row.try_get::<Option<String>, _>("room_id").map_err(column)?.map(room_id).transpose()?,
    })
}

pub(super) fn attempt(row: &SqliteRow) -> Result<Attempt> {
    let column = |error| failed(error);
    Ok(Attempt {
        id: row.try_get("id").map_err(column)?,
        teleconsultation: teleconsultation_id(row.try_get("teleconsultation_id").map_err(column)?)?,
        generation: row.try_get("generation").map_err(column)?,
        started_at: moment(row.try_get("started_at").map_err(column)?)?,
        lease_until: moment(row.try_get("lease_until").map_err(column)?)?,
    })
}

pub(super) async fn insert_record(
    tx: &mut Transaction<'_, Sqlite>,
    record: &Teleconsultation,
    now: Timestamp,
) -> Result<u64> {
    let done = sqlx::query(
        "INSERT INTO teleconsultations \
         (id, version, generation, starts_at, ends_at, number, participants, room_id, created_at, updated_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
    )
    .bind(record.id.as_str())
    .bind(record.version)
    .bind(record.generation)
    .bind(millis(record.schedule.start()))
    .bind(millis(record.schedule.end()))
    .bind(record.number as i64)
    .bind(people::written(&record.participants)?)
    .bind(record.room.as_ref().map(RoomId::as_str))
    .bind(millis(now))
    .bind(millis(now))
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    Ok(done.rows_affected())
}

/// Writes the whole record over the one with this version and generation.
pub(super) async fn overwrite(
    tx: &mut Transaction<'_, Sqlite>,
    record: &Teleconsultation,
    now: Timestamp,
) -> Result<u64> {
    let done = sqlx::query(
        "UPDATE teleconsultations SET version = version + 1, starts_at = ?, ends_at = ?, number = ?, \
         participants = ?, room_id = ?, updated_at = ? \
         WHERE id = ? AND version = ? AND generation = ? AND trashed_at IS NULL",
    )
    .bind(millis(record.schedule.start()))
    .bind(millis(record.schedule.end()))
    .bind(record.number as i64)
    .bind(people::written(&record.participants)?)
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

pub(super) async fn queue(
    tx: &mut Transaction<'_, Sqlite>,
    room: &RoomId,
    teleconsultation: &TeleconsultationId,
    now: Timestamp,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO retirements (room_id, teleconsultation_id, queued_at, tries, next_try_at) \
         VALUES (?, ?, ?, 0, ?) ON CONFLICT (room_id) DO NOTHING",
    )
    .bind(room.as_str())
    .bind(teleconsultation.as_str())
    .bind(millis(now))
    .bind(millis(now))
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    Ok(())
}

pub(super) async fn forget_attempt(tx: &mut Transaction<'_, Sqlite>, attempt: &Attempt) -> Result<()> {
    sqlx::query("DELETE FROM attempts WHERE id = ?").bind(&attempt.id).execute(&mut **tx).await.map_err(failed)?;
    Ok(())
}
