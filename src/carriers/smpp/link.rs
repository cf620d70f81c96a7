//! One bound connection: what is written and read on it, until it ends.
//!
//! A client of a library would be shorter. `rusmppc`, the one there is, does not say whether a request that failed was
//! written (and so whether a text may be sent again), queues what comes without bound, and gives a link up for one PDU that
//! it can't read, which the carrier then brings again on the next.

use std::{io, pin::pin, sync::Arc, time::Duration};

use futures_util::stream::{FuturesUnordered, StreamExt};
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
    presence::Asker,
    receive, status,
    unproven::{Answered, Unproven},
    window::{Text, Window},
};

/// So many texts and receipts wait to be taken. What comes beyond is put off: the carrier brings it again.
const WAITING: usize = 256;

/// An `enquire_link` may take so many times as long as another answer while the carrier says other things.
const BUSY: u32 = 3;

/// A link that has ended is closed politely, if that takes no longer than this.
const POLITELY: Duration = Duration::from_millis(500);

/// So many octets are read at once, or a little more.
const READ: usize = 8_192;

/// So many times in a row it is read, at most, before anything is said to be late: what has come is heard first, but
/// a carrier that never pauses does not stop the clock.
const READS: usize = 256;

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
    pub asked: mpsc::Receiver<Asker>,
    pub exchange: Arc<dyn Exchange>,
    pub close: &'a Notify,
    /// Its name, from this bind on.
    pub session: Uuid,
}

/// What is being taken, and the request that is to be answered then.
type Taking = Pending<(u32, Result<Option<Uuid>, NotNow>)>;

/// What is under way on a link, from its bind to its end.
struct Traffic {
    window: Window,
    exchange: Arc<dyn Exchange>,
    session: Uuid,
    waiting: FuturesUnordered<Taking>,
    unproven: Unproven,
    enquires_at: Instant,
    /// The carrier is to show that it is there.
    enquired: Option<Enquired>,
    /// It refuses all texts on this link, with this status: the link ends when what was written is answered.
    refuses_all: Option<u32>,
}

/// An `enquire_link` that is not answered.
struct Enquired {
    sequence: u32,
    at: Instant,
    /// Whether the carrier has said something else since.
    is_there: bool,
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
        let Ends { texts, mut asked, exchange, close, session } = ends;
        let mut traffic = Traffic {
            window: Window::new(self.account.window, self.timing),
            exchange,
            session,
            waiting: FuturesUnordered::new(),
            unproven: Unproven::default(),
            enquires_at: Instant::now() + self.timing.enquire,
            enquired: None,
            refuses_all: None,
        };
        let ended = self.carry(&mut traffic, texts, &mut asked, close).await;
        traffic.window.lost();
        gauge!("partyline_smpp_in_flight", "carrier" => self.account.name.clone()).set(0.0);
        // What it did not see answered, the carrier may bring over another link from now on.
        traffic.exchange.ended(traffic.session);
        // Who asks whether the carrier is there finds that it has ended.
        drop((traffic.unproven, asked));
        let _ = timeout(POLITELY, self.writer.shutdown()).await;
        ended.unwrap_or_else(|ended| ended)
    }

    async fn carry(
        &mut self,
        traffic: &mut Traffic,
        texts: &mut mpsc::Receiver<Text>,
        asked: &mut mpsc::Receiver<Asker>,
        close: &Notify,
    ) -> Result<Ended, Ended> {
        let mut close = pin!(close.notified());
        // More may have come together with the answer to the bind.
        self.hear(traffic).await?;
        let (mut has_read, mut reads) = (false, 0);
        loop {
            let now = Instant::now();
            self.send(traffic, now).await?;
            if traffic.unproven.wants_proof() && traffic.enquired.is_none() {
                self.enquire(traffic, now).await?;
            }
            gauge!("partyline_smpp_in_flight", "carrier" => self.account.name.clone())
                .set(count(traffic.window.in_flight()));
            let wakes = traffic.wakes(now, self.timing.answer);
            let has_room = traffic.window.has_room();
            self.buffer.reserve(READ);
            tokio::select! {
                // What has come is heard before anything is said to be late; and after each read, all else has a turn.
                biased;
                read = self.reader.read_buf(&mut self.buffer), if !has_read => {
                    if read? == 0 {
                        return Err(Ended::Lost("closed by the carrier".into()));
                    }
                    self.hear(traffic).await?;
                    has_read = true;
                    reads += 1;
                    if reads >= READS {
                        self.look(traffic).await?;
                        reads = 0;
                    }
                    continue;
                }
                () = until(wakes), if !has_read => self.look(traffic).await?,
                () = &mut close => return self.leave().await,
                Some((sequence, taken)) = traffic.waiting.next() => {
                    let status = if taken.is_ok() { pdu::OK } else { pdu::NOT_NOW };
                    self.write(&pdu::answer(sequence, status)).await?;
                    if let Ok(Some(name)) = taken {
                        traffic.unproven.answered(name);
                    }
                }
                text = texts.recv(), if has_room => match text {
                    Some(text) => traffic.window.add(text),
                    None => return Ok(Ended::Closed),
                },
                Some(asker) = asked.recv() => traffic.unproven.asked(asker),
                () = std::future::ready(()), if has_read => {}
            }
            if !has_read {
                reads = 0;
            }
            has_read = false;
        }
    }

    /// Hears all that has come.
    async fn hear(&mut self, traffic: &mut Traffic) -> Result<(), Ended> {
        while let Some(whole) = pdu::framed(&mut self.buffer).map_err(|_| nonsense())? {
            let Heard { sequence, status, what } = pdu::read(&whole);
            // Whatever it says, it is there.
            traffic.enquired.take_if(|asked| asked.sequence == sequence && matches!(what, What::Alive | What::Nack));
            traffic.enquired.iter_mut().for_each(|asked| asked.is_there = true);
            let Answered { taken, askers } = traffic.unproven.proven_by(sequence, &what);
            if !taken.is_empty() {
                traffic.exchange.answered(taken);
            }
            askers.into_iter().for_each(|asker| _ = asker.send(()));
            match what {
                What::Submitted(name) => {
                    let name = self.account.receipt_ids.of_answer(&name);
                    traffic.window.answered(sequence, status, name, Instant::now());
                    traffic.refuses_all = traffic.refuses_all.or(Some(status).filter(|s| status::ends_link(*s)));
                }
                // It may be an answer to a submit that wasn't understood.
                What::Nack => traffic.window.answered(sequence, status.max(1), String::new(), Instant::now()),
                What::Brought(_) | What::Unreadable
                    if traffic.waiting.len() >= WAITING || traffic.unproven.is_full() =>
                {
                    counter!("partyline_smpp_put_off_total", "carrier" => self.account.name.clone()).increment(1);
                    self.write(&pdu::answer(sequence, pdu::NOT_NOW)).await?;
                }
                What::Brought(_) | What::Unreadable => {
                    let delivered = receive::delivered(what, whole, &self.account);
                    counter!("partyline_smpp_brought_total", "carrier" => self.account.name.clone(),
                        "kind" => delivered.kind())
                    .increment(1);
                    let taking = traffic.exchange.take(traffic.session, delivered);
                    traffic.waiting.push(Box::pin(async move { (sequence, taking.await) }));
                }
                What::Enquired => self.write(&pdu::alive(sequence)).await?,
                What::Unbind => {
                    self.write(&pdu::unbound(sequence)).await?;
                    return Err(Ended::Unbound);
                }
                What::Foreign => self.write(&pdu::nack(sequence)).await?,
                What::Alive | What::Bound | What::Unbound | What::Stray => {}
            }
        }
        Ok(())
    }

    /// Time has passed, and what came meanwhile was heard.
    async fn look(&mut self, traffic: &mut Traffic) -> Result<(), Ended> {
        let now = Instant::now();
        traffic.window.look(now);
        if let Some(asked) = &traffic.enquired {
            let is_late = asked.until(self.timing.answer) <= now;
            return if is_late { Err(Ended::Lost("no answer to enquire_link".into())) } else { Ok(()) };
        }
        if traffic.enquires_at <= now { self.enquire(traffic, now).await } else { Ok(()) }
    }

    async fn enquire(&mut self, traffic: &mut Traffic, now: Instant) -> Result<(), Ended> {
        let sequence = self.next_sequence();
        traffic.unproven.enquires(sequence);
        self.write(&pdu::enquire(sequence)).await?;
        traffic.enquires_at = now + self.timing.enquire;
        traffic.enquired = Some(Enquired { sequence, at: now, is_there: false });
        Ok(())
    }

    /// Writes all segments that may go now.
    async fn send(&mut self, traffic: &mut Traffic, now: Instant) -> Result<(), Ended> {
        if let Some(status) = traffic.refuses_all {
            let is_over = traffic.window.in_flight() == 0;
            return if is_over {
                Err(Ended::Lost(format!("the carrier has lost the bind (0x{status:02X})")))
            } else {
                Ok(())
            };
        }
        loop {
            let sequence = self.sequence.wrapping_add(1);
            let Some((from, to, segment)) = traffic.window.next(sequence, now) else { return Ok(()) };
            let submit = pdu::submit(sequence, from, to, segment);
            self.next_sequence();
            traffic.unproven.submits(sequence);
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
            self.buffer.reserve(READ);
            if self.reader.read_buf(&mut self.buffer).await? == 0 {
                return Err(Ended::Lost("closed by the carrier".into()));
            }
        }
    }

    async fn write(&mut self, pdu: &[u8]) -> Result<(), Ended> {
        let written = async {
            self.writer.write_all(pdu).await?;
            self.writer.flush().await
        };
        match timeout(self.timing.answer, written).await {
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

impl Enquired {
    fn until(&self, answer: Duration) -> Instant {
        self.at + if self.is_there { answer * BUSY } else { answer }
    }
}

impl Traffic {
    /// When to look again.
    fn wakes(&self, now: Instant, answer: Duration) -> Option<Instant> {
        // While one enquire_link is not answered there is no other.
        let enquiry = self.enquired.as_ref().map_or(self.enquires_at, |asked| asked.until(answer));
        [self.window.wakes(now), Some(enquiry)].into_iter().flatten().min()
    }
}

fn nonsense() -> Ended {
    Ended::Lost("a PDU's length is nonsense".into())
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

#[cfg(test)]
mod tests;
