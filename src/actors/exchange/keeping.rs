//! What comes over an account's links is judged in the order in which it came, and written together with all else that
//! waits: one commit for as many as have come during the last one.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem::take,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Duration,
};

use futures_util::FutureExt;
use metrics::counter;
use sha2::{Digest, Sha256};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep, timeout_at},
};
use tracing::error;
use uuid::Uuid;

use crate::{
    carriers::smpp::{self, Presence},
    domain::{Refusal, Timestamp, conversation::Pair},
    storage::{PieceWrites, SamePiece, StorageError, StoredPiece},
};

use super::{
    Engine, Exchange,
    sessions::{Heard, Which},
    stored,
};

/// So much is written at once.
const AT_ONCE: usize = 256;
/// The header of a PDU: the rest is the same when it comes again.
const HEADER: usize = 16;
/// A link that has not shown yet whether our answer was read is asked again after this.
const ASKED_AGAIN: Duration = Duration::from_millis(100);
/// More answers than this that can't be noted are forgotten: what came is taken for unanswered while its session lasts.
const UNNOTED: usize = 10_000;

/// What is to be written. There are no more of these than links and workers that wait for them.
pub(super) enum Job {
    /// It came.
    Keep(Box<Arrival>),
    /// The text that these make is stored.
    Used(Vec<Uuid>, oneshot::Sender<()>),
    /// The carrier has seen our answers to these.
    Answered(Vec<Uuid>),
    /// This session is over.
    Ended(Uuid),
}

/// A text, or a piece of one, that came over a link.
pub(super) struct Arrival {
    piece: StoredPiece,
    session: Uuid,
    /// It waits no longer for what another link has to say.
    until: Instant,
    has_asked: bool,
    kept: Answer,
}

/// Who brought it waits for this.
type Answer = oneshot::Sender<Result<Kept, Refusal>>;

/// It is on disk.
pub(super) struct Kept {
    /// By this name.
    pub id: Uuid,
    /// Told when it is where it belongs; none if it was here before.
    pub taken: Option<oneshot::Receiver<()>>,
}

impl Arrival {
    /// In this session, now; `id` is its name, if it is a new one. It may wait for as long as that.
    pub fn new(
        (id, carrier): (Uuid, &str),
        (session, at): (Uuid, Timestamp),
        arrived: smpp::Arrived,
        patience: Duration,
    ) -> (Self, oneshot::Receiver<Result<Kept, Refusal>>) {
        let place = arrived.piece.place;
        let piece = StoredPiece {
            id,
            carrier: carrier.to_owned(),
            ours: arrived.to,
            theirs: arrived.from,
            long_text: place.as_ref().map(long_text),
            part: place.map_or(1, |place| place.part),
            total: place.map_or(1, |place| place.total),
            data_coding: arrived.piece.data_coding,
            octets: arrived.piece.octets,
            digest: Sha256::digest(arrived.pdu.get(HEADER..).unwrap_or_default()).to_vec(),
            at,
            session: Some(session),
        };
        let (kept, answer) = oneshot::channel();
        (Self { piece, session, until: Instant::now() + patience, has_asked: false, kept }, answer)
    }

    fn same(&self) -> SamePiece {
        let StoredPiece { id, carrier, digest, session, at, .. } = self.piece.clone();
        SamePiece { digest, id, carrier, session, at, is_answered: false }
    }
}

/// One round of it.
#[derive(Default)]
struct Round {
    writes: PieceWrites,
    /// Who waits for what is new, and for what was here before.
    new: Vec<(Pair, Uuid, Answer)>,
    again: Vec<(Uuid, Answer)>,
    used: Vec<oneshot::Sender<()>>,
}

impl Exchange {
    /// Writes what comes, until the engine is gone.
    pub(super) async fn write_all(self: Arc<Self>, mut jobs: mpsc::UnboundedReceiver<Job>) {
        let (mut batch, mut unnoted) = (vec![], vec![]);
        while jobs.recv_many(&mut batch, AT_ONCE).await > 0 {
            let Some(engine) = self.engine() else { return };
            let mut round = Round::default();
            round.writes.answered = take(&mut unnoted);
            let mut arrivals = vec![];
            for job in batch.drain(..) {
                match job {
                    Job::Keep(arrival) => arrivals.push(*arrival),
                    Job::Used(ids, told) => {
                        round.writes.used.extend(ids);
                        round.used.push(told);
                    }
                    Job::Answered(ids) => round.writes.answered.extend(ids),
                    Job::Ended(session) => self.sessions().ended(session, engine.clock.now()),
                }
            }
            let done = AssertUnwindSafe(self.done(&engine, arrivals, round)).catch_unwind().await;
            // Who waits for what is lost here is told to bring it again.
            unnoted = done.unwrap_or_else(|_| {
                error!("what came over a link could not be written: this is a defect");
                vec![]
            });
        }
    }

    /// Judges, writes, tells. What could not be noted is given back.
    async fn done(self: &Arc<Self>, engine: &Arc<Engine>, arrivals: Vec<Arrival>, mut round: Round) -> Vec<Uuid> {
        self.judge(engine, arrivals, &mut round).await;
        let written = stored(|| engine.storage.write_pieces(&round.writes, engine.clock.now())).await;
        let mut unnoted = vec![];
        if written.is_err() {
            unnoted = take(&mut round.writes.answered);
            unnoted.truncate(UNNOTED);
        }
        self.tell(round, written);
        unnoted
    }

    /// Which of these are new.
    async fn judge(self: &Arc<Self>, engine: &Arc<Engine>, arrivals: Vec<Arrival>, round: &mut Round) {
        let mut known = match self.known(engine, &arrivals, &round.writes.answered).await {
            Ok(known) => known,
            Err(error) => {
                error!(%error, "what came over a link can't be looked for");
                return arrivals.into_iter().for_each(|arrival| _ = arrival.kept.send(Err(Refusal::Busy)));
            }
        };
        for arrival in arrivals {
            let same = known.entry(arrival.piece.digest.clone()).or_default();
            let is_part = arrival.piece.long_text.is_some();
            let heard = Heard { session: arrival.session, at: arrival.piece.at, is_part };
            let which = self.sessions().which(same, &heard);
            match which {
                Which::New => {
                    same.insert(0, arrival.same());
                    let pair = Pair { ours: arrival.piece.ours.clone(), theirs: arrival.piece.theirs.clone() };
                    round.new.push((pair, arrival.piece.id, arrival.kept));
                    round.writes.keep.push(arrival.piece);
                }
                Which::Again(id) => {
                    // In this session it does not come another time: who says the same now says it again.
                    let session = arrival.session;
                    same.iter_mut().filter(|same| same.id == id).for_each(|same| same.session = Some(session));
                    counter!("partyline_smpp_repeats_total", "carrier" => self.account().to_owned()).increment(1);
                    round.writes.again.push((id, session));
                    round.again.push((id, arrival.kept));
                }
                Which::DependsOn { piece, session, presence } => {
                    drop(tokio::spawn(self.clone().ask(piece, session, presence, arrival)));
                }
            }
        }
    }

    /// What is on disk and the same as one of these, newest first.
    async fn known(
        &self,
        engine: &Arc<Engine>,
        arrivals: &[Arrival],
        answered: &[Uuid],
    ) -> Result<BTreeMap<Vec<u8>, Vec<SamePiece>>, StorageError> {
        let digests: BTreeSet<_> = arrivals.iter().map(|arrival| arrival.piece.digest.clone()).collect();
        let mut known: BTreeMap<_, Vec<_>> = BTreeMap::new();
        if digests.is_empty() {
            return Ok(known);
        }
        let answered: BTreeSet<_> = answered.iter().collect();
        for mut same in engine.storage.pieces_like(&digests).await? {
            same.is_answered |= answered.contains(&same.id);
            if self.sections.contains(&same.carrier) {
                known.entry(same.digest.clone()).or_default().push(same);
            }
        }
        Ok(known)
    }

    /// Whether it is new depends on whether the carrier is there in another session, and has read our answer to a piece in it.
    /// What it has read is noted before who asks is told. If this takes long, the carrier is to bring it again: then it may be
    /// known.
    async fn ask(self: Arc<Self>, piece: Uuid, session: Uuid, presence: Presence, mut arrival: Arrival) {
        let asked = timeout_at(arrival.until, async {
            if arrival.has_asked {
                sleep(ASKED_AGAIN).await;
            }
            presence.is_there().await
        });
        match asked.await {
            Err(_) => {
                self.sessions().disputed(piece);
                let _ = arrival.kept.send(Err(Refusal::Busy));
            }
            // Its own link is gone meanwhile: the carrier brings it again, or has.
            Ok(_) if !self.sessions().is_live(arrival.session) => _ = arrival.kept.send(Err(Refusal::Busy)),
            Ok(is_there) => {
                if !is_there {
                    self.write(Job::Ended(session));
                }
                arrival.has_asked = true;
                self.write(Job::Keep(Box::new(arrival)));
            }
        }
    }

    /// Tells who waits what became of it.
    fn tell(self: &Arc<Self>, round: Round, written: Result<(), Refusal>) {
        let Round { new, again, used, .. } = round;
        if let Err(error) = written {
            for (id, kept) in new.into_iter().map(|(_, id, kept)| (id, kept)).chain(again) {
                self.sessions().refused(id);
                let _ = kept.send(Err(error.clone()));
            }
            return;
        }
        for (pair, id, kept) in new {
            let taken = Some(self.wake(pair));
            let _ = kept.send(Ok(Kept { id, taken }));
        }
        for (id, kept) in again {
            let _ = kept.send(Ok(Kept { id, taken: None }));
        }
        used.into_iter().for_each(|told| _ = told.send(()));
    }

    /// Has this written.
    pub(super) fn write(&self, job: Job) {
        let _ = self.jobs.send(job);
    }
}

/// What the pieces of one long text of a pair have in common.
fn long_text(place: &smpp::Place) -> String {
    let form = match place.form {
        smpp::Form::Udh8 => "udh8",
        smpp::Form::Udh16 => "udh16",
        smpp::Form::Sar => "sar",
    };
    format!("{form}/{}/{}", place.reference, place.total)
}
