//! The vendor's list of rooms: pages of it, and searches for the rooms of a period.
//!
//! The reference says that a list of v1 is newest first, and nothing about v2. So a search takes the order from the dates
//! that it reads: it ends early only in a list that is newest first, and in one that is oldest first it goes to the
//! beginning of the period directly, however many older rooms there are.

use bandyer_client::RoomId;
use jiff::Timestamp;

use super::{Purpose, Result, VendorClient};

/// Largest page of the vendor.
pub(super) const PAGE_SIZE: u32 = 100;
/// How far behind the point that was searched for a search begins, because deletions shift the list meanwhile.
const OVERLAP: u64 = PAGE_SIZE as u64;
/// How often the distance is doubled while a point of the list is searched for: enough for 1.6 billion rooms.
const MAX_DOUBLINGS: u32 = 24;

/// A vendor room whose description starts with the requested prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkedRoom {
    /// The room.
    pub id: RoomId,
    /// The whole description.
    pub description: String,
    /// When it was created, if the vendor says so.
    pub created_at: Option<Timestamp>,
}

/// What a search looks for, and where.
#[derive(Debug, Clone, Copy)]
pub struct Search<'a> {
    /// What the description starts with.
    pub prefix: &'a str,
    /// When the period begins. It ends now.
    pub not_before: Timestamp,
    /// How many pages of at most 100 rooms are read.
    pub max_pages: u32,
    /// Whether the first room that is found ends the search.
    pub first_only: bool,
}

/// The result of a search through the vendor's rooms.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MarkedRooms {
    /// The rooms.
    pub rooms: Vec<MarkedRoom>,
    /// Whether the whole period was read, so that no other room is in it. A room that the vendor lists without an id may be
    /// any, so the period counts as read only without one.
    pub complete: bool,
}

/// A part of the list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Part {
    /// The rooms with the prefix.
    pub rooms: Vec<MarkedRoom>,
    /// Where the list continues; `None` at its end.
    pub next: Option<u64>,
    /// The number of rooms that the vendor lists without an id.
    pub skipped: u64,
}

/// A page of the list.
struct RoomPage {
    marked: Vec<MarkedRoom>,
    /// The dates of all rooms on it that have one, in the order of the list.
    dates: Vec<Timestamp>,
    /// Where the list continues; `None` at its end.
    next: Option<u64>,
    /// The number of rooms on it that could not be read.
    skipped: u64,
}

impl RoomPage {
    /// Whether every room of the page is older, as far as dates are known. One with a wrong date must not end a search.
    fn is_before(&self, moment: Timestamp) -> bool {
        !self.dates.is_empty() && self.dates.iter().all(|date| *date < moment)
    }
}

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    NewestFirst,
    OldestFirst,
    /// There were no two different dates yet.
    Unknown,
}

/// Finds out the order of a list that is read from its beginning.
#[derive(Debug, Default)]
struct Ordering {
    first: Option<Timestamp>,
    last: Option<Timestamp>,
}

impl Ordering {
    fn read(&mut self, dates: &[Timestamp]) {
        self.first = self.first.or_else(|| dates.first().copied());
        self.last = dates.last().copied().or(self.last);
    }

    fn order(&self) -> Order {
        match self.first.zip(self.last) {
            Some((first, last)) if first > last => Order::NewestFirst,
            Some((first, last)) if first < last => Order::OldestFirst,
            _ => Order::Unknown,
        }
    }
}

impl VendorClient {
    /// Searches for the rooms of a period.
    ///
    /// # Errors
    ///
    /// The vendor's.
    pub async fn search_rooms(&self, search: Search<'_>) -> Result<MarkedRooms> {
        let _alone = self.searching.lock().await;
        let mut found = MarkedRooms::default();
        let (mut ordering, mut is_located, mut offset) = (Ordering::default(), false, 0);
        let mut saw_all = true;
        for _ in 0..search.max_pages {
            let page = self.rooms_at(offset, PAGE_SIZE, search.prefix).await?;
            ordering.read(&page.dates);
            let is_before = page.is_before(search.not_before);
            let next = page.next;
            saw_all &= page.skipped == 0;
            found.rooms.extend(page.marked);
            let is_found = search.first_only && !found.rooms.is_empty();
            let is_past = is_before && ordering.order() == Order::NewestFirst;
            let Some(next) = next.filter(|_| !is_found && !is_past) else {
                found.complete = saw_all || is_found;
                break;
            };
            offset = if is_before && !is_located && ordering.order() == Order::OldestFirst {
                is_located = true;
                self.first_not_before(search.not_before, next).await?
            } else {
                next
            };
        }
        Ok(found)
    }

    /// Reads a part of the list, whatever the age of its rooms.
    ///
    /// # Errors
    ///
    /// The vendor's.
    pub async fn rooms_from(&self, prefix: &str, offset: u64, max_pages: u32) -> Result<Part> {
        let mut part = Part { rooms: Vec::new(), next: Some(offset), skipped: 0 };
        for _ in 0..max_pages {
            let Some(offset) = part.next else { break };
            let page = self.rooms_at(offset, PAGE_SIZE, prefix).await?;
            part.rooms.extend(page.marked);
            part.next = page.next;
            part.skipped += page.skipped;
        }
        Ok(part)
    }

    /// An offset from which an oldest-first list has all rooms that were not created before a moment. All rooms in front of
    /// `from` are older.
    async fn first_not_before(&self, moment: Timestamp, from: u64) -> Result<u64> {
        let (mut older, mut distance) = (from, u64::from(PAGE_SIZE));
        let mut newer = None;
        for _ in 0..MAX_DOUBLINGS {
            let probe = from.saturating_add(distance);
            if self.is_older_at(probe, moment).await? {
                (older, distance) = (probe, distance.saturating_mul(2));
            } else {
                newer = Some(probe);
                break;
            }
        }
        // A list that long does not exist: it is read page by page, as far as the search goes.
        let Some(mut newer) = newer else { return Ok(from) };
        while newer - older > u64::from(PAGE_SIZE) {
            let middle = older + (newer - older) / 2;
            if self.is_older_at(middle, moment).await? {
                older = middle;
            } else {
                newer = middle;
            }
        }
        Ok(older.saturating_sub(OVERLAP).max(from))
    }

    /// Whether the rooms at this place of the list are older. `false` behind its end, and for rooms without a date.
    async fn is_older_at(&self, offset: u64, moment: Timestamp) -> Result<bool> {
        // A few rooms suffice: one of them has a date.
        Ok(self.rooms_at(offset, PAGE_SIZE / 10, "").await?.is_before(moment))
    }

    async fn rooms_at(&self, offset: u64, size: u32, prefix: &str) -> Result<RoomPage> {
        let page =
            self.guarded(Purpose::Work, self.client.rooms().list().page_size(size).offset(offset).send()).await?;
        // A list that continues where it is would never end.
        let next = page.next_offset().filter(|next| *next > offset);
        let skipped = page.skipped;
        let dates = page.items.iter().filter_map(|room| room.created_at).collect();
        let marked = page.items.into_iter().filter_map(|room| {
            let description = room.description.filter(|description| description.as_str().starts_with(prefix))?;
            Some(MarkedRoom { id: room.id, description: description.as_str().to_owned(), created_at: room.created_at })
        });
        Ok(RoomPage { marked: marked.collect(), dates, next, skipped })
    }
}

#[cfg(test)]
mod tests {
    use bandyer_client::emulator::{Emulator, Operation};
    use jiff::{SignedDuration, Timestamp};

    use super::{Order, Ordering, Search};
    use crate::vendor::{BreakerMetrics, VendorClient};

    #[test]
    fn the_order_is_that_of_the_first_and_the_last_date() {
        let at = |second| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second);
        for (pages, order) in [
            (&[&[][..]][..], Order::Unknown),
            (&[&[5, 5]], Order::Unknown),
            (&[&[5, 3]], Order::NewestFirst),
            (&[&[3, 5]], Order::OldestFirst),
            (&[&[5, 5], &[5, 4]], Order::NewestFirst),
            (&[&[5], &[], &[9]], Order::OldestFirst),
            (&[&[9, 8, 10, 3]], Order::NewestFirst),
        ] {
            let mut ordering = Ordering::default();
            for page in pages {
                let dates: Vec<Timestamp> = page.iter().map(|second| at(*second)).collect();
                ordering.read(&dates);
            }
            assert_eq!(ordering.order(), order, "{pages:?}");
        }
    }

    fn client_of(emulator: &Emulator) -> VendorClient {
        VendorClient::new(emulator.client().unwrap(), BreakerMetrics::default())
    }

    /// Old rooms of others, then a room with the prefix, then new rooms of others.
    async fn with_rooms(old: usize, new: usize) -> (Emulator, Timestamp) {
        let emulator = Emulator::start().await.unwrap();
        for _ in 0..old {
            emulator.plant_room("visit");
        }
        emulator.advance(std::time::Duration::from_secs(3600));
        let begin = Timestamp::now() + SignedDuration::from_mins(50);
        emulator.plant_room("tc1.ours");
        for _ in 0..new {
            emulator.plant_room("visit");
        }
        (emulator, begin)
    }

    #[tokio::test]
    async fn a_search_finds_a_new_room_in_either_order() {
        for (old, new) in [(0, 0), (0, 250), (250, 0), (2_050, 0), (2_050, 250)] {
            let (emulator, begin) = with_rooms(old, new).await;
            let client = client_of(&emulator);
            let search = Search { prefix: "tc1.", not_before: begin, max_pages: 10, first_only: false };
            for oldest_first in [false, true] {
                if oldest_first {
                    emulator.list_rooms_oldest_first();
                }
                let before = emulator.calls_of(Operation::ListRooms);
                let found = client.search_rooms(search).await.unwrap();
                assert!(found.complete && found.rooms.len() == 1, "{old} {new} {oldest_first}: {found:?}");
                let calls = emulator.calls_of(Operation::ListRooms) - before;
                assert!(calls <= 24, "{old} {new} {oldest_first}: {calls} calls");
            }
        }
    }

    #[tokio::test]
    async fn a_search_that_reads_too_few_pages_is_not_complete() {
        let (emulator, begin) = with_rooms(0, 250).await;
        let client = client_of(&emulator);
        let search = Search { prefix: "tc1.", not_before: begin, max_pages: 2, first_only: false };
        let found = client.search_rooms(search).await.unwrap();
        assert!(!found.complete && found.rooms.is_empty(), "{found:?}");
        let first = Search { prefix: "visit", first_only: true, ..search };
        assert!(client.search_rooms(first).await.unwrap().complete);
    }

    #[tokio::test]
    async fn parts_of_the_list_continue_each_other() {
        let (emulator, _) = with_rooms(250, 1).await;
        let client = client_of(&emulator);
        let first = client.rooms_from("visit", 0, 2).await.unwrap();
        assert_eq!((first.rooms.len(), first.next), (199, Some(200)));
        let second = client.rooms_from("visit", 200, 2).await.unwrap();
        assert_eq!((second.rooms.len(), second.next), (52, None));
        assert_eq!(client.rooms_from("visit", 5000, 2).await.unwrap().next, None);
    }

    /// A vendor whose list of rooms is this one.
    async fn listing(rooms: &str) -> VendorClient {
        responding(&format!(r#"{{"has_more":false,"rooms":{rooms}}}"#)).await
    }

    /// A vendor that responds to everything with this body.
    async fn responding(body: &str) -> VendorClient {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let response = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v2", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _read = stream.read(&mut [0; 4096]).await;
                let _written = stream.write_all(response.as_bytes()).await;
            }
        });
        let client = bandyer_client::Client::builder("ak_test_1").base_url(url).build().unwrap();
        VendorClient::new(client, BreakerMetrics::default())
    }

    #[tokio::test]
    async fn a_list_of_files_that_never_ends_is_given_up() {
        let room = bandyer_client::RoomId::new("room_1").unwrap();
        for (body, count) in [
            // It ignores the offset.
            (r#"{"has_more":true,"uploads":[{"key":"a"},{"key":"b"}]}"#, 2),
            // It goes on without files.
            (r#"{"has_more":true,"limit":100,"uploads":[]}"#, 0),
            (r#"{"has_more":false,"uploads":[{"key":"a"}]}"#, 1),
        ] {
            let keys = responding(body).await.upload_keys(&room).await.unwrap();
            assert_eq!(keys.len(), count, "{body}");
        }
    }

    #[tokio::test]
    async fn a_room_without_an_id_proves_nothing_and_hides_no_other_room() {
        let search = Search { prefix: "tc1.", not_before: Timestamp::UNIX_EPOCH, max_pages: 2, first_only: false };
        let odd = r#"{"id":null,"description":"tc1.lost"}"#;
        let ours = r#"{"id":"room_1","description":"tc1.ours"}"#;
        for (rooms, count, complete) in [
            (format!("[{odd}]"), 0, false),
            (format!("[{odd},{ours}]"), 1, false),
            (format!("[{ours}]"), 1, true),
            ("[]".to_owned(), 0, true),
        ] {
            let found = listing(&rooms).await.search_rooms(search).await.unwrap();
            assert_eq!((found.rooms.len(), found.complete), (count, complete), "{rooms}");
        }
        let first = Search { first_only: true, ..search };
        let found = listing(&format!("[{odd},{ours}]")).await.search_rooms(first).await.unwrap();
        assert!(found.complete, "the room that was looked for is found");
        let part = listing(&format!("[{odd},{ours}]")).await.rooms_from("tc1.", 0, 2).await.unwrap();
        assert_eq!((part.rooms.len(), part.skipped), (1, 1));
    }
}
