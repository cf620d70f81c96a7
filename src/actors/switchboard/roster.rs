//! The sessions of one tenant on this node, and what is queued for each.

use std::{collections::HashMap, mem};

use actix::dev::SendError;
use bytestring::ByteString;
use metrics::counter;
use tracing::info;

use crate::{
    actors::session::{Deliver, End, SessionAddr},
    domain::{ExtensionId, SessionId, Version},
    protocol::frames::Close,
    storage::SecretHash,
};

/// An attached session.
pub(super) struct Seat {
    pub session: SessionId,
    pub extension: ExtensionId,
    /// Of the token it came with.
    pub token: SecretHash,
    pub addr: SessionAddr,
}

impl Seat {
    /// Its mailbox is full, so it can't be told: it sees this flag when it wakes.
    pub(super) fn evict(&self) {
        self.addr.evict();
    }

    /// Hands it a frame that it must not miss, though no version says so.
    pub(super) fn tell(&self, text: ByteString) {
        if self.addr.try_send(Deliver::unversioned(text)).is_err() {
            self.evict();
        }
    }

    /// It is to close.
    pub(super) fn end(&self, close: Close) {
        if self.addr.try_send(End(close)).is_err() {
            self.evict();
        }
    }
}

struct Row {
    seat: Seat,
    queued: Vec<(Version, ByteString)>,
}

/// Rows have a fixed place, so that a delivery costs one look-up of the extension and no more.
#[derive(Default)]
pub(super) struct Roster {
    rows: Vec<Option<Row>>,
    free: Vec<usize>,
    by_extension: HashMap<ExtensionId, Vec<usize>>,
    by_session: HashMap<SessionId, usize>,
    /// Places with something queued.
    touched: Vec<usize>,
}

impl Roster {
    pub(super) fn is_empty(&self) -> bool {
        self.by_session.is_empty()
    }

    pub(super) fn add(&mut self, seat: Seat) {
        let (session, extension) = (seat.session, seat.extension);
        let row = Some(Row { seat, queued: Vec::new() });
        let place = match self.free.pop() {
            Some(place) => {
                self.rows[place] = row;
                place
            }
            None => {
                self.rows.push(row);
                self.rows.len() - 1
            }
        };
        self.by_extension.entry(extension).or_default().push(place);
        self.by_session.insert(session, place);
    }

    pub(super) fn remove(&mut self, session: SessionId) -> Option<Seat> {
        let place = self.by_session.remove(&session)?;
        let row = self.rows[place].take()?;
        self.free.push(place);
        self.touched.retain(|p| *p != place);
        if let Some(places) = self.by_extension.get_mut(&row.seat.extension) {
            places.retain(|p| *p != place);
            if places.is_empty() {
                self.by_extension.remove(&row.seat.extension);
            }
        }
        Some(row.seat)
    }

    pub(super) fn clear(&mut self) -> Vec<Seat> {
        mem::take(self).rows.into_iter().flatten().map(|row| row.seat).collect()
    }

    pub(super) fn of(&self, extension: ExtensionId) -> impl Iterator<Item = &Seat> {
        let places = self.by_extension.get(&extension).map_or(&[][..], Vec::as_slice);
        places.iter().filter_map(|place| self.rows[*place].as_ref()).map(|row| &row.seat)
    }

    pub(super) fn everyone(&self) -> impl Iterator<Item = ExtensionId> {
        self.by_extension.keys().copied()
    }

    pub(super) fn by_session(&self, session: SessionId) -> Option<&Seat> {
        self.by_session.get(&session).and_then(|place| self.rows[*place].as_ref()).map(|row| &row.seat)
    }

    /// Queues a frame for all who are told.
    pub(super) fn queue(&mut self, who: &[ExtensionId], version: Version, frame: &ByteString) {
        let Self { rows, by_extension, touched, .. } = self;
        let mut put = |place: usize| {
            if let Some(row) = &mut rows[place] {
                if row.queued.is_empty() {
                    touched.push(place);
                }
                row.queued.push((version, frame.clone()));
            }
        };
        for places in who.iter().filter_map(|id| by_extension.get(id)) {
            places.iter().for_each(|place| put(*place));
        }
    }

    /// ... for everyone there is.
    pub(super) fn queue_for_all(&mut self, version: Version, frame: &ByteString) {
        let everyone: Vec<_> = self.by_extension.keys().copied().collect();
        self.queue(&everyone, version, frame);
    }

    /// Hands over what is queued. Answers how many frames, and who could not take them: those are off the roster.
    pub(super) fn flush(&mut self) -> (u64, Vec<Seat>) {
        let mut delivered = 0;
        let mut gone = Vec::new();
        for place in mem::take(&mut self.touched) {
            let Some(row) = &mut self.rows[place] else { continue };
            let frames = mem::take(&mut row.queued);
            delivered += frames.len() as u64;
            match row.seat.addr.try_send(Deliver(frames)) {
                Ok(()) => {}
                // It has ended; whether it could say so or not.
                Err(SendError::Closed(_)) => gone.push(row.seat.session),
                Err(SendError::Full(_)) => {
                    counter!("partyline_sessions_evicted_total").increment(1);
                    info!(session = %row.seat.session, "a session reads too slowly");
                    row.seat.evict();
                    gone.push(row.seat.session);
                }
            }
        }
        (delivered, gone.into_iter().filter_map(|session| self.remove(session)).collect())
    }
}
