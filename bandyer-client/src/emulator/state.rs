//! The state of the vendor and its rules, independent of paths and field names.

use std::collections::{BTreeMap, HashMap};
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};

mod broadcasts;
mod chats;
mod company;
mod files;
mod reports;
mod rooms;
mod sessions;
mod signatures;
mod tags;
mod uploads;
mod users;
mod webhooks;

pub(super) use self::broadcasts::{EmulatedBroadcast, NewBroadcast};
pub(super) use self::chats::{Chat, ChatMessage};
pub(super) use self::company::{CompanyChange, CompanyState, StoredBackground, ThemeMode};
pub(super) use self::files::{Sent, StoredFile};
pub(super) use self::reports::expand_tools;
pub use self::rooms::{EmulatedParticipant, EmulatedRoom};
pub(super) use self::rooms::{NewParticipant, NewRoom, ParticipantChange};
pub(super) use self::sessions::Activity;
pub use self::sessions::{EmulatedConnection, EmulatedSession, SimulationError};
pub(super) use self::signatures::{EnvelopeState, NewSignature, TemplateState};
pub(super) use self::tags::StoredTag;
pub use self::uploads::EmulatedUpload;
pub(super) use self::uploads::Owner;
pub use self::users::EmulatedUser;
pub(super) use self::users::{NewUser, UserChange};
pub(super) use self::webhooks::{Delivery, Hook, HookVersion, Proof};

/// Part of a list, newest first unless set otherwise.
pub(super) struct Slice<T> {
    pub(super) items: Vec<T>,
    pub(super) has_more: bool,
}

/// The requested part of a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) offset: usize,
    pub(super) limit: usize,
}

impl Span {
    pub(super) const ALL: Self = Self { offset: 0, limit: usize::MAX };
}

pub(super) fn slice<T>(items: impl Iterator<Item = T>, span: Span) -> Slice<T> {
    let mut rest = items.skip(span.offset);
    let items = rest.by_ref().take(span.limit).collect();
    Slice { items, has_more: rest.next().is_some() }
}

/// What differs between companies, and what is not known of the vendor.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings {
    pub(super) transcription: bool,
    pub(super) rooms_oldest_first: bool,
    pub(super) unknown_room_is_bad_request: bool,
}

pub(super) struct State {
    url: String,
    settings: Settings,
    /// How far the emulated clock is ahead of the system clock.
    ahead: SignedDuration,
    users: HashMap<String, EmulatedUser>,
    user_order: Vec<String>,
    rooms: HashMap<String, EmulatedRoom>,
    room_order: Vec<String>,
    /// The room behind each link.
    links: HashMap<String, String>,
    company: CompanyState,
    sessions: BTreeMap<String, EmulatedSession>,
    session_order: Vec<String>,
    activities: Vec<Activity>,
    uploads: Vec<EmulatedUpload>,
    tags: Vec<StoredTag>,
    chats: Vec<Chat>,
    broadcasts: Vec<EmulatedBroadcast>,
    hooks: Vec<Hook>,
    envelopes: Vec<EnvelopeState>,
    templates: Vec<TemplateState>,
    files: HashMap<String, StoredFile>,
    outbox: Vec<Delivery>,
}

fn hex(digits: usize) -> String {
    (0..digits).map(|_| char::from_digit(fastrand::u32(0..16), 16).unwrap_or('0')).collect()
}

impl State {
    pub(super) fn new(url: String, settings: Settings) -> Self {
        Self {
            url,
            settings,
            ahead: SignedDuration::ZERO,
            users: HashMap::new(),
            user_order: Vec::new(),
            rooms: HashMap::new(),
            room_order: Vec::new(),
            links: HashMap::new(),
            company: CompanyState::default(),
            sessions: BTreeMap::new(),
            session_order: Vec::new(),
            activities: Vec::new(),
            uploads: Vec::new(),
            tags: Vec::new(),
            chats: Vec::new(),
            broadcasts: Vec::new(),
            hooks: Vec::new(),
            envelopes: Vec::new(),
            templates: Vec::new(),
            files: HashMap::new(),
            outbox: Vec::new(),
        }
    }

    pub(super) fn reset(&mut self) {
        *self = Self::new(std::mem::take(&mut self.url), self.settings);
    }

    pub(super) const fn settings_mut(&mut self) -> &mut Settings {
        &mut self.settings
    }

    /// The emulated time in whole milliseconds, the precision of the vendor's timestamps, so that stored and serialized
    /// values are equal.
    pub(super) fn now(&self) -> Timestamp {
        let now = Timestamp::now().saturating_add(self.ahead).unwrap_or(Timestamp::MAX);
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }

    /// Advances the clock.
    pub(super) fn advance(&mut self, by: SignedDuration) {
        self.ahead = self.ahead.saturating_add(by);
        self.close_expired_rooms();
    }

    /// Takes the pending webhook deliveries.
    pub(super) fn take_outbox(&mut self) -> Vec<Delivery> {
        std::mem::take(&mut self.outbox)
    }
}

/// An id of the state. Each was checked where it entered: users by their creation, the others are made of hex digits.
fn known<T: FromStr>(id: &str) -> T {
    id.parse().unwrap_or_else(|_| unreachable!("ids are checked where they enter"))
}
