//! One WebSocket of an extension. It turns frames into commands, and events into frames, and decides nothing.
//!
//! This is the one file that knows `actix-web-actors`. Its one flaw is contained here: when a client stops reading, the
//! actor freezes, timers and mailbox with it. So it is given messages with `try_send` only, into a bounded mailbox; the
//! switchboard takes it off when that is full and sets its `evicted` flag, which it sees at its next message; and
//! `TCP_USER_TIMEOUT` (set where connections are accepted) ends a peer that makes no progress at all.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context as TaskContext, Poll},
    time::{Duration, Instant},
};

use actix::{
    Actor, ActorContext, ActorFuture, ActorFutureExt, Addr, AsyncContext, Handler, Message, SpawnHandle, StreamHandler,
    WrapFuture,
    dev::{SendError, ToEnvelope},
};
use actix_http::ws::Item;
use actix_web::{HttpRequest, HttpResponse, web::Payload};
use actix_web_actors::ws::{self, CloseCode, CloseReason, ProtocolError, WebsocketContext, WsResponseBuilder};
use bytestring::ByteString;
use futures_util::{
    StreamExt,
    stream::{FuturesOrdered, FuturesUnordered},
};
use metrics::{counter, gauge};
use tracing::{debug, error};

use crate::{
    domain::{
        Caller, ClientId, ConversationId, MessageText, Refusal, SessionId, Version,
        conversation::{Command, Message as Stored},
        extension::Extension,
        limits::Bucket,
        phone::Number,
        queue::set_agent::Wish,
    },
    protocol::{
        self,
        frames::{ClientFrame, Close, FRAME_MAX_BYTES, ServerFrame, WATCH_MAX, parse},
        shapes::{self, Me, Person, Who},
    },
};

use super::{
    Answer, Engine, Identity,
    arbiters::apart,
    catch_up::{self, Beginning},
    queues::Wanting,
    registry::Lease,
    shell::sent,
    switchboard::{Active, Attach, Attached, Detach, Switchboard, Watch},
};

/// Messages that may wait for a session: with more it reads too slowly.
const MAILBOX: usize = 256;
/// A client whose frames are refused so often does not speak the protocol.
const PATIENCE: u32 = 1_000;

/// The ring may not reach back to where a session has read; then it reads on, so often and after such a pause.
const TRIES: usize = 20;
const READ_ON_AFTER: Duration = Duration::from_millis(20);

/// Frames for a session, with their versions; 0 for what has none.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Deliver(pub Vec<(Version, ByteString)>);

impl Deliver {
    pub(super) fn unversioned(text: ByteString) -> Self {
        Deliver(vec![(0, text)])
    }
}

/// The session is to end.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct End(pub Close);

/// The session's own extension was altered.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Status(pub Extension);

/// The session's queues are others since: it gives them anew, as a whole.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Requeue;

/// Where a session is reached, without ever waiting for it.
#[derive(Clone)]
pub(super) struct SessionAddr {
    addr: Addr<Session>,
    evicted: Arc<AtomicBool>,
}

impl SessionAddr {
    pub(super) fn try_send<M>(&self, message: M) -> Result<(), SendError<M>>
    where
        M: Message + Send + 'static,
        M::Result: Send,
        Session: Handler<M>,
        WebsocketContext<Session>: ToEnvelope<Session, M>,
    {
        self.addr.try_send(message)
    }

    /// It can't be told anything any more; when it wakes, it closes.
    pub(super) fn evict(&self) {
        self.evicted.store(true, Ordering::Release);
    }
}

/// Upgrades a request. `identity` is that of its token or cookie, if it brought one.
pub fn upgrade(
    engine: Arc<Engine>,
    identity: Option<Identity>,
    request: &HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, actix_web::Error> {
    let session = Session::new(engine, identity);
    WsResponseBuilder::new(session, request, payload).frame_size(FRAME_MAX_BYTES).start()
}

pub(super) struct Session {
    engine: Arc<Engine>,
    id: SessionId,
    identity: Option<Identity>,
    phase: Phase,
    /// The last version sent.
    cursor: Version,
    switchboard: Option<Lease<Switchboard>>,
    evicted: Arc<AtomicBool>,
    heard: Instant,
    hello_deadline: Option<SpawnHandle>,
    answers: Option<Box<Answers>>,
    /// A frame that comes in pieces.
    pieces: Option<Vec<u8>>,
    frames: Bucket,
    refused: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing but `hello` is taken.
    AwaitingHello,
    /// `hello` was said. Until `ready` follows, what comes waits in the socket and the mailbox.
    Greeted,
}

type Reply = Pin<Box<dyn Future<Output = Option<ServerFrame>>>>;

/// Answers under way: to sends in the order of the sends, to others as they come.
#[derive(Default)]
struct Answers {
    sends: FuturesOrdered<Reply>,
    others: FuturesUnordered<Reply>,
}

impl Session {
    fn new(engine: Arc<Engine>, identity: Option<Identity>) -> Self {
        let now = engine.clock.now();
        Self {
            id: SessionId(engine.clock.new_id()),
            identity,
            phase: Phase::AwaitingHello,
            cursor: 0,
            switchboard: None,
            evicted: Arc::default(),
            heard: Instant::now(),
            hello_deadline: None,
            answers: None,
            pieces: None,
            frames: Bucket::full(engine.behaviour.frames, now),
            refused: 0,
            engine,
        }
    }

    fn close(&mut self, close: Close, ctx: &mut WebsocketContext<Self>) {
        let (code, reason) = close.code_and_reason();
        debug!(session = %self.id, code, "a session is closed");
        counter!("partyline_sessions_closed_total", "code" => code.to_string()).increment(1);
        ctx.close(Some(CloseReason { code: CloseCode::from(code), description: Some(reason) }));
        ctx.stop();
    }

    fn is_evicted(&mut self, ctx: &mut WebsocketContext<Self>) -> bool {
        let evicted = self.evicted.load(Ordering::Acquire);
        if evicted {
            self.close(Close::TooSlow, ctx);
        }
        evicted
    }

    fn refuse(&mut self, named: Option<String>, refusal: &Refusal, ctx: &mut WebsocketContext<Self>) {
        ctx.text(ServerFrame::error(named, refusal).to_text());
        self.refused += 1;
        if self.refused > PATIENCE {
            self.close(Close::Protocol, ctx);
        }
    }

    fn beat(&mut self, ctx: &mut WebsocketContext<Self>) {
        if self.is_evicted(ctx) {
            return;
        }
        let silence = self.heard.elapsed();
        if self.is_expired(ctx) {
            return;
        }
        if silence > self.engine.behaviour.heartbeat * 2 {
            ctx.stop();
        } else if self.switchboard.as_ref().is_some_and(|s| !s.is_alive()) {
            self.close(Close::GoingAway(0), ctx);
        } else {
            ctx.ping(b"");
        }
    }

    /// Closes if the token is over; if it is so before the next beat, then.
    fn is_expired(&mut self, ctx: &mut WebsocketContext<Self>) -> bool {
        let Some(identity) = &self.identity else { return false };
        let left = identity.expires_at.since(self.engine.clock.now());
        if left.is_zero() {
            self.close(Close::Unauthenticated, ctx);
        } else if left < self.engine.behaviour.heartbeat {
            ctx.run_later(left, |me, ctx| {
                me.is_expired(ctx);
            });
        }
        left.is_zero()
    }

    fn text(&mut self, text: &str, ctx: &mut WebsocketContext<Self>) {
        let quota = self.engine.behaviour.frames;
        let taken = self.frames.take(quota, self.engine.clock.now());
        let frame = parse(text).and_then(|frame| match taken {
            Ok(()) => Ok(frame),
            Err(wait) => {
                let refusal = Refusal::RateLimited { retry_after_s: wait.as_secs() + 1 };
                Err((frame.into_ref(), refusal))
            }
        });
        match frame {
            Ok(ClientFrame::Hello { cursor, epoch, token }) => self.hello(cursor, epoch, token, ctx),
            Ok(ClientFrame::Ping {}) => ctx.text(ServerFrame::Pong {}.to_text()),
            Ok(frame) => match self.identity.as_ref().filter(|_| self.phase != Phase::AwaitingHello) {
                Some(identity) => {
                    let caller = identity.caller.clone();
                    self.command(frame, caller, ctx);
                }
                None => self.refuse(None, &Refusal::Unauthenticated, ctx),
            },
            Err((named, refusal)) => self.refuse(named, &refusal, ctx),
        }
    }

    fn command(&mut self, frame: ClientFrame, caller: Arc<Caller>, ctx: &mut WebsocketContext<Self>) {
        match frame {
            ClientFrame::Send { r#ref, conversation, client_id, text, from } => {
                let asked = protocol::id(&conversation).and_then(|conversation| {
                    let text = MessageText::parse(text)?;
                    let from = from.as_deref().map(Number::owned).transpose()?;
                    let send = Command::Send { client_id: ClientId(client_id), text, from };
                    Ok(self.engine.ask(&caller, conversation, send))
                });
                let reply: Reply = match asked {
                    Ok(asked) => Box::pin(async move { Some(answer_to_send(asked.await, r#ref, &caller)) }),
                    // Refused at once, and yet in its turn.
                    Err(refusal) => Box::pin(async move { Some(ServerFrame::error(r#ref, &refusal)) }),
                };
                self.answers.get_or_insert_default().sends.push_back(reply);
            }
            ClientFrame::Read { r#ref, conversation, seq } => {
                let asked = protocol::id(&conversation).map(|c| self.engine.ask(&caller, c, Command::Read { seq }));
                match asked {
                    Ok(asked) => {
                        let reply = async move {
                            match asked.await {
                                Ok(_) => r#ref.map(|r| ServerFrame::ok(Some(r))),
                                Err(refusal) => Some(ServerFrame::error(r#ref, &refusal)),
                            }
                        };
                        self.answers.get_or_insert_default().others.push(Box::pin(reply));
                    }
                    Err(refusal) => self.refuse(r#ref, &refusal, ctx),
                }
            }
            ClientFrame::Typing { conversation } => match protocol::id(&conversation) {
                Ok(conversation) => self.engine.typing(&caller, conversation),
                Err(refusal) => self.refuse(None, &refusal, ctx),
            },
            ClientFrame::Active { active } => {
                self.tell(Active { extension: caller.extension, session: self.id, active });
            }
            ClientFrame::Watch { extensions } if extensions.len() > WATCH_MAX => {
                let refusal = Refusal::invalid(format!("extensions: at most {WATCH_MAX}"));
                self.refuse(None, &refusal, ctx);
            }
            ClientFrame::Watch { extensions } => self.tell(Watch { session: self.id, numbers: extensions }),
            ClientFrame::Claim { r#ref, conversation } => {
                self.step(r#ref, &conversation, caller, async |engine, caller, id| engine.claim(&caller, id).await);
            }
            ClientFrame::Release { r#ref, conversation } => {
                self.step(r#ref, &conversation, caller, async |engine, caller, id| engine.release(&caller, id).await);
            }
            ClientFrame::Close { r#ref, conversation } => {
                self.step(r#ref, &conversation, caller, async |engine, caller, id| engine.close(&caller, id).await);
            }
            ClientFrame::Transfer { r#ref, conversation, extension, queue } => {
                let to = Wanting::of(extension, queue);
                self.step(r#ref, &conversation, caller, async move |engine, caller, id| {
                    engine.transfer(&caller, id, &to?).await
                });
            }
            ClientFrame::Agent { r#ref, queue, logged_in, paused, pause_reason } => {
                let (engine, wish) = (self.engine.clone(), Wish { logged_in, paused, pause_reason });
                let set = async move {
                    let id = protocol::id(&queue)?;
                    engine.set_agent(&caller, id, wish).await?;
                    engine.my_queue(&caller, id).await
                };
                let answer = async move {
                    Some(match set.await {
                        Ok(queue) => ServerFrame::Ok { r#ref, message: None, conversation: None, queue: Some(queue) },
                        Err(refusal) => ServerFrame::error(r#ref, &refusal),
                    })
                };
                self.answers.get_or_insert_default().others.push(Box::pin(apart(answer)));
            }
            ClientFrame::Hello { .. } | ClientFrame::Ping {} => {}
        }
    }

    /// A step in the life of a queue conversation: the answer is the conversation as it is then.
    fn step<F>(
        &mut self,
        named: Option<String>,
        conversation: &str,
        caller: Arc<Caller>,
        step: impl FnOnce(Arc<Engine>, Arc<Caller>, ConversationId) -> F + 'static,
    ) where
        F: Future<Output = Result<(), Refusal>> + 'static,
    {
        let (engine, id) = (self.engine.clone(), protocol::id(conversation));
        let answer = async move {
            let taken = async {
                let id = id?;
                step(engine.clone(), caller.clone(), id).await?;
                catch_up::row_after(&engine, &caller, id).await
            };
            Some(match taken.await {
                Ok(row) => ServerFrame::Ok { r#ref: named, message: None, conversation: Some(row), queue: None },
                Err(refusal) => ServerFrame::error(named, &refusal),
            })
        };
        self.answers.get_or_insert_default().others.push(Box::pin(apart(answer)));
    }

    fn tell<M>(&self, message: M)
    where
        M: Message + Send + 'static,
        M::Result: Send,
        Switchboard: Handler<M>,
    {
        if let Some(switchboard) = &self.switchboard {
            switchboard.tell(message);
        }
    }

    fn hello(
        &mut self,
        cursor: Option<Version>,
        epoch: Option<String>,
        token: Option<String>,
        ctx: &mut WebsocketContext<Self>,
    ) {
        if self.phase != Phase::AwaitingHello {
            return self.refuse(None, &Refusal::invalid("hello was said before"), ctx);
        }
        if let Some(deadline) = self.hello_deadline.take() {
            ctx.cancel_future(deadline);
        }
        if self.engine.is_stopping() {
            return self.close(Close::GoingAway(0), ctx);
        }
        self.phase = Phase::Greeted;
        let (engine, identity) = (self.engine.clone(), self.identity.take());
        let known = async move {
            match (identity, token) {
                (_, Some(token)) => engine.identify(&token).await,
                (identity, None) => Ok(identity),
            }
        };
        ctx.wait(apart(known).into_actor(self).map(move |known, me, ctx| match known {
            Ok(Some(identity)) => {
                me.identity = Some(identity.clone());
                me.begin(identity, cursor, epoch, ctx);
            }
            Ok(None) => me.close(Close::Unauthenticated, ctx),
            Err(_) => me.close(Close::TooSlow, ctx),
        }));
    }

    /// Reads what was missed, takes a seat at the switchboard, and only then says `ready`.
    fn begin(
        &mut self,
        identity: Identity,
        cursor: Option<Version>,
        epoch: Option<String>,
        ctx: &mut WebsocketContext<Self>,
    ) {
        let Ok(lease) = self.engine.switchboards.lease(identity.caller.tenant) else {
            return self.close(Close::TooSlow, ctx);
        };
        let switchboard = lease.addr().clone();
        self.switchboard = Some(lease);
        let addr = SessionAddr { addr: ctx.address(), evicted: self.evicted.clone() };
        let (engine, session) = (self.engine.clone(), self.id);
        let begun = async move {
            let Identity { caller, token, company, .. } = identity.clone();
            let mut beginning = catch_up::begin(&engine, &caller, cursor, epoch.as_deref()).await?;
            for _ in 0..TRIES {
                let (caller, addr, at) = (caller.clone(), addr.clone(), beginning.cursor);
                let attach = Attach { session, caller: caller.clone(), token, addr, at };
                match switchboard.send(attach).await {
                    // What was revoked before the seat was taken has told nobody here.
                    Ok(Attached::Yes) if !engine.is_still_good(&identity).await? => return Ok(Err(Close::Revoked)),
                    Ok(Attached::Yes) => return Ok(Ok((beginning, engine.me(&caller, &company).await?))),
                    Ok(Attached::Stopping) => return Ok(Err(Close::GoingAway(0))),
                    Ok(Attached::ReadOn) => catch_up::read_on(&engine, &caller, &mut beginning).await?,
                    Err(_) => return Err(Refusal::Busy),
                }
                actix::clock::sleep(READ_ON_AFTER).await;
            }
            Err(Refusal::Busy)
        };
        ctx.wait(apart(begun).into_actor(self).map(|begun, me, ctx| match begun {
            Ok(Ok((beginning, who))) => me.begun(beginning, who, ctx),
            Ok(Err(close)) => me.close(close, ctx),
            Err(error) => {
                error!(session = %me.id, %error, "a session can't begin");
                me.close(Close::TooSlow, ctx);
            }
        }));
    }

    fn begun(&mut self, beginning: Beginning, me: Me, ctx: &mut WebsocketContext<Self>) {
        let welcome = ServerFrame::Welcome {
            session: self.id.to_string(),
            epoch: self.engine.storage.epoch().to_string(),
            me,
            resumed: beginning.resumed,
            server_time: self.engine.clock.now().to_rfc3339(),
            heartbeat_s: self.engine.behaviour.heartbeat.as_secs(),
        };
        ctx.text(welcome.to_text());
        let queues = ServerFrame::Queues { queues: beginning.queues };
        // A snapshot comes before the queues; events come after them.
        if let Some(snapshot) = beginning.snapshot {
            ctx.text(ServerFrame::Snapshot(snapshot).to_text());
        }
        ctx.text(queues.to_text());
        for event in beginning.events {
            ctx.text(ServerFrame::Event(event).to_text());
        }
        ctx.text(ServerFrame::Ready { cursor: beginning.cursor }.to_text());
        self.cursor = beginning.cursor;
        self.is_expired(ctx);
    }

    fn deliver(&mut self, version: Version, text: ByteString, ctx: &mut WebsocketContext<Self>) {
        if version == 0 {
            ctx.text(text);
        } else if version > self.cursor {
            self.cursor = version;
            ctx.text(text);
        }
    }

    fn piece(&mut self, item: Item, ctx: &mut WebsocketContext<Self>) {
        let (bytes, last) = match item {
            Item::FirstText(bytes) => {
                self.pieces = Some(Vec::new());
                (bytes, false)
            }
            Item::FirstBinary(_) => return self.close(Close::Protocol, ctx),
            Item::Continue(bytes) => (bytes, false),
            Item::Last(bytes) => (bytes, true),
        };
        let Some(pieces) = &mut self.pieces else { return self.close(Close::Protocol, ctx) };
        if pieces.len() + bytes.len() > FRAME_MAX_BYTES {
            return self.close(Close::TooBig, ctx);
        }
        pieces.extend_from_slice(&bytes);
        if last {
            match String::from_utf8(self.pieces.take().unwrap_or_default()) {
                Ok(text) => self.text(&text, ctx),
                Err(_) => self.close(Close::Protocol, ctx),
            }
        }
    }
}

fn answer_to_send(answer: Result<Answer, Refusal>, named: Option<String>, caller: &Caller) -> ServerFrame {
    let message = answer.and_then(|answer| sent(answer).ok_or(Refusal::OutcomeUnknown));
    match message {
        Ok((message, _)) => {
            ServerFrame::Ok { r#ref: named, message: Some(by(&message, caller)), conversation: None, queue: None }
        }
        Err(refusal) => ServerFrame::error(named, &refusal),
    }
}

/// A message of the one who asks.
pub(crate) fn by(message: &Stored, caller: &Caller) -> shapes::Message {
    let author = Person { extension: caller.number.clone(), name: caller.name.clone() };
    shapes::Message::by(message, Some(Who::Person(author)))
}

impl Actor for Session {
    type Context = WebsocketContext<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        gauge!("partyline_sessions").increment(1.0);
        ctx.set_mailbox_capacity(MAILBOX);
        ctx.spawn(SendAnswers);
        ctx.run_interval(self.engine.behaviour.heartbeat, Self::beat);
        self.hello_deadline = Some(ctx.run_later(self.engine.behaviour.hello_within, |me, ctx| {
            me.close(Close::Unauthenticated, ctx);
        }));
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        gauge!("partyline_sessions").decrement(1.0);
        self.tell(Detach { session: self.id });
    }
}

/// Writes the answers under way as they come.
struct SendAnswers;

impl ActorFuture<Session> for SendAnswers {
    type Output = ();

    fn poll(
        self: Pin<&mut Self>,
        me: &mut Session,
        ctx: &mut WebsocketContext<Session>,
        task: &mut TaskContext<'_>,
    ) -> Poll<()> {
        let Some(answers) = &mut me.answers else { return Poll::Pending };
        while let Poll::Ready(Some(frame)) = answers.sends.poll_next_unpin(task) {
            frame.into_iter().for_each(|frame| ctx.text(frame.to_text()));
        }
        while let Poll::Ready(Some(frame)) = answers.others.poll_next_unpin(task) {
            frame.into_iter().for_each(|frame| ctx.text(frame.to_text()));
        }
        if answers.sends.is_empty() && answers.others.is_empty() {
            me.answers = None;
        }
        Poll::Pending
    }
}

impl StreamHandler<Result<ws::Message, ProtocolError>> for Session {
    fn handle(&mut self, message: Result<ws::Message, ProtocolError>, ctx: &mut Self::Context) {
        if self.is_evicted(ctx) {
            return;
        }
        self.heard = Instant::now();
        match message {
            Ok(ws::Message::Text(text)) => self.text(&text, ctx),
            Ok(ws::Message::Ping(bytes)) => ctx.pong(&bytes),
            Ok(ws::Message::Pong(_) | ws::Message::Nop) => {}
            Ok(ws::Message::Continuation(item)) => self.piece(item, ctx),
            Ok(ws::Message::Binary(_)) => {
                self.refuse(None, &Refusal::invalid("frames are text, and hold one JSON object"), ctx);
            }
            Ok(ws::Message::Close(reason)) => {
                ctx.close(reason);
                ctx.stop();
            }
            Err(ProtocolError::Overflow) => self.close(Close::TooBig, ctx),
            Err(_) => self.close(Close::Protocol, ctx),
        }
    }

    fn finished(&mut self, ctx: &mut Self::Context) {
        ctx.stop();
    }
}

impl Handler<Deliver> for Session {
    type Result = ();

    fn handle(&mut self, Deliver(frames): Deliver, ctx: &mut Self::Context) {
        if self.is_evicted(ctx) {
            return;
        }
        for (version, text) in frames {
            self.deliver(version, text, ctx);
        }
    }
}

impl Handler<End> for Session {
    type Result = ();

    fn handle(&mut self, End(close): End, ctx: &mut Self::Context) {
        self.close(close, ctx);
    }
}

/// Until they are read nothing else is delivered: so they are never older than what the client has been told.
impl Handler<Requeue> for Session {
    type Result = ();

    fn handle(&mut self, _: Requeue, ctx: &mut Self::Context) {
        let Some(caller) = self.identity.as_ref().map(|identity| identity.caller.clone()) else { return };
        let engine = self.engine.clone();
        let read = async move { engine.my_queues(&caller).await };
        ctx.wait(apart(read).into_actor(self).map(|queues, me, ctx| match queues {
            Ok(queues) => ctx.text(ServerFrame::Queues { queues }.to_text()),
            Err(error) => {
                error!(session = %me.id, %error, "a session's queues can't be read");
                me.close(Close::TooSlow, ctx);
            }
        }));
    }
}

impl Handler<Status> for Session {
    type Result = ();

    fn handle(&mut self, Status(extension): Status, ctx: &mut Self::Context) {
        let Some(identity) = &mut self.identity else { return };
        if identity.ends_with(&extension) {
            return self.close(Close::Revoked, ctx);
        }
        let caller = Arc::make_mut(&mut identity.caller);
        (caller.name, caller.role) = (extension.name, extension.role);
    }
}
