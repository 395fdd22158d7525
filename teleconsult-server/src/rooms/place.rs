//! Whether the records are kept where they were.
//!
//! The journal knows rooms, and the records decide which of them are needed. If the records are looked up in another place
//! than before, such as another collection after a mistake in a setting, every room seems to be an orphan. So until the
//! operator confirms the move, no room is deleted: sweeps and deletions wait.

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::Rooms;
use crate::store::StoreError;

/// What to do about the place of the records.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// It is the one in the journal.
    Same,
    /// It is written into the journal: there was none, or the operator has confirmed it.
    New,
    /// Nothing is deleted.
    Unconfirmed,
}

/// What the operator confirms. Short enough to be copied by hand; it names the new place, so a setting that is left behind
/// does not confirm the next move.
fn fingerprint(place: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(place)[..4])
}

fn judge(known: Option<&str>, now: &str, confirmed: Option<&str>) -> Place {
    match known {
        Some(known) if known == now => Place::Same,
        Some(_) if confirmed != Some(fingerprint(now).as_str()) => Place::Unconfirmed,
        _ => Place::New,
    }
}

impl Rooms {
    /// Compares the place of the records with the one in the journal, at the start.
    ///
    /// # Errors
    ///
    /// [`StoreError`], if the journal cannot be read or written to.
    pub async fn check_records_place(&self) -> Result<(), StoreError> {
        let place = self.settings.records_place.clone();
        let known = self.store.read().records_place().await?;
        match judge(known.as_deref(), &place, self.settings.confirmed_place.as_deref()) {
            Place::Same => {}
            Place::New => {
                if known.is_some() {
                    tracing::info!(place, before = known, "the records were moved, as confirmed");
                }
                self.store.write(move |tx| Box::pin(async move { tx.set_records_place(&place).await })).await?;
            }
            Place::Unconfirmed => tracing::warn!(
                place,
                before = known,
                "the records are in another place than before; no room is deleted until the settings are corrected or \
                 TELECONSULT_RECORDS_MOVED={} confirms the move",
                fingerprint(&place)
            ),
        }
        Ok(())
    }

    /// Whether the records are in another place than the journal says. Read each time, because another instance may have
    /// confirmed the move.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn are_records_moved(&self) -> Result<bool, StoreError> {
        Ok(self.store.read().records_place().await?.is_some_and(|known| known != self.settings.records_place))
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, fingerprint, judge};

    #[test]
    fn another_place_waits_until_it_is_confirmed() {
        let (here, there, third) = ("here", "there", "third");
        let (to_here, to_there) = (fingerprint(here), fingerprint(there));
        for (known, now, confirmed, expected) in [
            (None, here, None, Place::New),
            (Some(here), here, None, Place::Same),
            (Some(here), here, Some(&to_there), Place::Same),
            (Some(here), there, None, Place::Unconfirmed),
            (Some(here), there, Some(&to_here), Place::Unconfirmed),
            (Some(here), there, Some(&to_there), Place::New),
            (Some(there), third, Some(&to_there), Place::Unconfirmed),
        ] {
            let judged = judge(known, now, confirmed.map(String::as_str));
            assert_eq!(judged, expected, "{known:?} {now} {confirmed:?}");
        }
    }
}
