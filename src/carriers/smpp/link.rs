//! One bound connection: what is written and read on it, until it ends.
//!
//! A client of a library would be shorter. `rusmppc`, the one there is, does not say whether a request that failed was
//! written (and so whether a text may be sent again), queues what comes without bound, and gives a link up for one PDU that
//! it can't read, which the carrier then brings again on the next.

use std::{collections::VecDeque, io, pin::pin, sync::Arc};

use metrics::{counter, gauge};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf},
    sync::{Notify, mpsc},
    time::{Instant, sleep_until, timeout},
};
use tracing::warn;
use uuid::Uuid;

use crate::carriers::Pending;

use super::{
    Account, Exchange, NotNow, Timing, pdu,
    pdu::{Heard, What},
    receive,
    window::{Text, Window},
};

/// So many texts and receipts wait to be taken; then nothing more is read.
const WAITING: usize = 64;

/// So many octets are read at once, or a little more.
const READ: usize = 8_192;

/// Why a link ended, or never began.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// There is no connection, or it broke.
    Lost(String),
    /// The carrier does not take our credentials, or not now: its status.
    Refused(u32),
    /// The carrier took its leave.
    Unbound,
    /// We did.
    Closed,
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        Ended::Lost(error.kind().to_string())
    }
}

/// A bound connection.
pub(super) struct Link<S> {
    reader: ReadHalf<S>,
    writer: WriteHalf<S>,
    /// What has come and is not a whole PDU yet.
    buffer: Vec<u8>,
    sequence: u32,
    account: Arc<Account>,
    timing: Timing,
}

/// What a link is given, and gives to.
pub(super) struct Ends<'a> {
    pub texts: &'a mut mpsc::Receiver<Text>,
    pub exchange: Arc<dyn Exchange>,
    pub close: &'a Notify,
    /// Its name, from this bind on.
    pub session: Uuid,
}

/// What is to be taken, one after the other.
type Taking = Pending<(u32, Result<Option<Uuid>, NotNow>)>;

/// Which of what was taken is not known to be answered. A carrier that answers a request of ours has read all that we
/// wrote before it.
#[derive(Default)]
struct Unproven {
    written: Vec<Uuid>,
    before: Option<(u32, Vec<Uuid>)>,
}

impl<S: AsyncRead + AsyncWrite + Send> Link<S> {
    /// Says who we are.
    pub(super) async fn bind(stream: S, account: Arc<Account>, timing: Timing) -> Result<Self, Ended> {
        let (reader, writer) = tokio::io::split(stream);
        let mut link = Self { reader, writer, buffer: vec![], sequence: 0, account, timing };
        let sequence = link.next_sequence();
        let bind = pdu::bind(sequence, &link.account.system_id, &link.account.password);
        link.write(&bind).await?;
        let heard = timeout(timing.answer, async {
            loop {
                match link.heard().await? {
                    (Heard { what: What::Bound | What::Nack, status, .. }, _) => return Ok(status),
                    (Heard { what: What::Enquired, sequence, .. }, _) => link.write(&pdu::alive(sequence)).await?,
                    (Heard { what: What::Unbind, .. }, _) => return Err(Ended::Unbound),
                    // Nothing else has its place before we are bound.
                    _ => {}
                }
            }
        });
        match heard.await.unwrap_or_else(|_| Err(Ended::Lost("no answer to the bind".into())))? {
            pdu::OK => Ok(link),
            status => Err(Ended::Refused(status)),
        }
    }

    /// Carries texts until it ends.
    pub(super) async fn serve(mut self, ends: Ends<'_>) -> Ended {
        let mut window = Window::new(self.account.window, self.timing);
        let ended = self.carry(&mut window, ends).await;
        window.lost();
        gauge!("partyline_smpp_in_flight", "carrier" => self.account.name.clone()).set(0.0);
        // It is closed politely, if that takes no time.
        let _ = timeout(self.timing.answer, self.writer.shutdown()).await;
        ended.unwrap_or_else(|ended| ended)
    }

    async fn carry(&mut self, window: &mut Window, ends: Ends<'_>) -> Result<Ended, Ended> {
        let Ends { texts, exchange, close, session } = ends;
        let mut waiting: VecDeque<Taking> = VecDeque::new();
        let mut unproven = Unproven::default();
        let mut enquires_at = Instant::now() + self.timing.enquire;
        let mut enquired: Option<(u32, Instant)> = None;
        let mut close = pin!(close.notified());
        loop {
            let now = Instant::now();
            window.look(now);
            self.send(window, &mut unproven, now).await?;
            gauge!("partyline_smpp_in_flight", "carrier" => self.account.name.clone()).set(count(window.in_flight()));
            let may_read = waiting.len() < WAITING;
            let silent_at = enquired.map(|(_, since)| since + self.timing.answer).filter(|_| may_read);
            let wakes = [window.wakes(now), silent_at, Some(enquires_at)].into_iter().flatten().min();
            let has_room = window.has_room(now);
            self.buffer.reserve(READ);
            tokio::select! {
                taken = first(&mut waiting) => {
                    waiting.pop_front();
                    let (sequence, taken) = taken;
                    let status = if taken.is_ok() { pdu::OK } else { pdu::NOT_NOW };
                    self.write(&pdu::answer(sequence, status)).await?;
                    unproven.written.extend(taken.ok().flatten());
                }
                read = self.reader.read_buf(&mut self.buffer), if may_read => {
                    if read? == 0 {
                        return Err(Ended::Lost("closed by the carrier".into()));
                    }
                    while let Some(whole) = pdu::framed(&mut self.buffer).map_err(|_| nonsense())? {
                        let Heard { sequence, status, what } = pdu::read(&whole);
                        if let Some(known) = unproven.proven_by(sequence, &what) {
                            tokio::spawn(exchange.answered(known));
                        }
                        match what {
                            What::Submitted(name) => {
                                let name = self.account.receipt_ids.of_answer(&name);
                                window.answered(sequence, status, name, Instant::now());
                            }
                            // It may be an answer to a submit that wasn't understood.
                            What::Nack => window.answered(sequence, status.max(1), String::new(), Instant::now()),
                            What::Brought(_) | What::Unreadable => {
                                let delivered = receive::delivered(what, whole, &self.account);
                                counter!("partyline_smpp_brought_total", "carrier" => self.account.name.clone(),
                                    "kind" => delivered.kind())
                                .increment(1);
                                let taking = exchange.take(session, delivered);
                                waiting.push_back(Box::pin(async move { (sequence, taking.await) }));
                            }
                            What::Enquired => self.write(&pdu::alive(sequence)).await?,
                            What::Unbind => {
                                self.write(&pdu::unbound(sequence)).await?;
                                return Ok(Ended::Unbound);
                            }
                            What::Alive if enquired.is_some_and(|(asked, _)| asked == sequence) => enquired = None,
                            What::Foreign => self.write(&pdu::nack(sequence)).await?,
                            What::Alive | What::Bound | What::Unbound | What::Stray => {}
                        }
                    }
                }
                text = texts.recv(), if has_room => match text {
                    Some(text) => window.add(text),
                    None => return Ok(Ended::Closed),
                },
                () = &mut close => return self.leave().await,
                () = until(wakes) => {
                    let now = Instant::now();
                    if silent_at.is_some_and(|at| at <= now) {
                        return Err(Ended::Lost("no answer to enquire_link".into()));
                    }
                    if enquires_at <= now {
                        enquires_at = now + self.timing.enquire;
                        if enquired.is_none() {
                            let sequence = self.next_sequence();
                            unproven.written_before(sequence);
                            self.write(&pdu::enquire(sequence)).await?;
                            enquired = Some((sequence, now));
                        }
                    }
                }
            }
        }
    }

    /// Writes all segments that may go now.
    async fn send(&mut self, window: &mut Window, unproven: &mut Unproven, now: Instant) -> Result<(), Ended> {
        loop {
            let sequence = self.sequence.wrapping_add(1);
            let Some((from, to, segment)) = window.next(sequence, now) else { return Ok(()) };
            let submit = pdu::submit(sequence, from, to, segment);
            self.next_sequence();
            unproven.written_before(sequence);
            self.write(&submit).await?;
        }
    }

    /// Takes its leave, and waits a moment for the carrier to do so too.
    async fn leave(&mut self) -> Result<Ended, Ended> {
        let sequence = self.next_sequence();
        self.write(&pdu::unbind(sequence)).await?;
        let patience = self.timing.farewell;
        let farewell = async {
            while let Ok((heard, _)) = self.heard().await {
                if heard.what == What::Unbound {
                    return;
                }
            }
        };
        let _ = timeout(patience, farewell).await;
        Ok(Ended::Closed)
    }

    /// The next PDU, and all of its octets.
    async fn heard(&mut self) -> Result<(Heard, Vec<u8>), Ended> {
        loop {
            if let Some(whole) = pdu::framed(&mut self.buffer).map_err(|_| nonsense())? {
                return Ok((pdu::read(&whole), whole));
            }
            if self.reader.read_buf(&mut self.buffer).await? == 0 {
                return Err(Ended::Lost("closed by the carrier".into()));
            }
        }
    }

    async fn write(&mut self, pdu: &[u8]) -> Result<(), Ended> {
        match timeout(self.timing.answer, self.writer.write_all(pdu)).await {
            Ok(written) => Ok(written?),
            Err(_) => {
                warn!(carrier = self.account.name, "the carrier reads nothing");
                Err(Ended::Lost("the carrier reads nothing".into()))
            }
        }
    }

    /// From 1 up to 0x7fffffff (3.2).
    fn next_sequence(&mut self) -> u32 {
        self.sequence = if self.sequence >= 0x7fff_fffe { 1 } else { self.sequence + 1 };
        self.sequence
    }
}

impl Unproven {
    /// A request is written: its answer will prove what was written before.
    fn written_before(&mut self, sequence: u32) {
        if self.before.is_none() && !self.written.is_empty() {
            self.before = Some((sequence, std::mem::take(&mut self.written)));
        }
    }

    fn proven_by(&mut self, sequence: u32, what: &What) -> Option<Vec<Uuid>> {
        let is_answer = matches!(what, What::Submitted(_) | What::Alive | What::Nack);
        self.before.take_if(|(asked, _)| is_answer && *asked == sequence).map(|(_, known)| known)
    }
}

fn nonsense() -> Ended {
    Ended::Lost("a PDU's length is nonsense".into())
}

async fn first(waiting: &mut VecDeque<Taking>) -> (u32, Result<Option<Uuid>, NotNow>) {
    match waiting.front_mut() {
        Some(taking) => taking.await,
        None => std::future::pending().await,
    }
}

async fn until(wakes: Option<Instant>) {
    match wakes {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a window has at most some thousands")]
fn count(n: usize) -> f64 {
    n as f64
}
