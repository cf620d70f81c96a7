//! Finds an actor by its key, and starts it on first use. No message is lost between a stop and the next start:
//! a sender's permit is counted under the shard's lock, and an actor goes idle only at zero permits.

use std::{
    hash::Hash,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix::{Actor, Addr, Context, Handler, Message, dev::ToEnvelope};
use dashmap::DashMap;
use metrics::{counter, gauge};
use tracing::error;

use crate::{
    clock::Clock,
    domain::{ConversationId, QueueId, Refusal, TenantId, limits::Window, phone::Number},
};

/// An actor that dies more often than this in [`QUARANTINE`] is left alone for as long.
const DEATHS: usize = 3;
const QUARANTINE: Duration = Duration::from_secs(60);

/// Who an actor is of.
pub(super) trait Key: Eq + Hash + Clone {
    /// What it is called in the log.
    fn logged(&self) -> String;
}

pub(super) struct Registry<K: Eq + Hash, A: Actor> {
    kind: &'static str,
    slots: DashMap<K, Slot<A>>,
    clock: Clock,
    start: Box<dyn Fn(K) -> Option<Addr<A>> + Send + Sync>,
}

impl Key for ConversationId {
    fn logged(&self) -> String {
        self.to_string()
    }
}

impl Key for QueueId {
    fn logged(&self) -> String {
        self.to_string()
    }
}

impl Key for TenantId {
    fn logged(&self) -> String {
        self.to_string()
    }
}

/// No whole phone number is logged.
impl Key for Number {
    fn logged(&self) -> String {
        let digits = self.as_str();
        format!("…{}", digits.get(digits.len().saturating_sub(4)..).unwrap_or_default())
    }
}

struct Slot<A: Actor> {
    /// `None` while in quarantine.
    addr: Option<Addr<A>>,
    permits: Arc<AtomicUsize>,
    deaths: Window,
}

/// The right to speak to an actor: while it is held, the actor does not go idle.
pub(super) struct Lease<A: Actor> {
    addr: Addr<A>,
    permit: Permit,
}

/// Counts a message, or a session, that an actor may not stop under.
pub(super) struct Permit(Arc<AtomicUsize>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Release);
    }
}

impl<A: Actor<Context = Context<A>>> Lease<A> {
    /// The actor. Don't keep it longer than the lease.
    pub(super) fn addr(&self) -> &Addr<A> {
        &self.addr
    }

    /// Whether the actor is still there: it isn't after a panic.
    pub(super) fn is_alive(&self) -> bool {
        self.addr.connected()
    }

    /// Hands a message over, if there is room for it.
    pub(super) fn tell<M>(&self, message: M) -> bool
    where
        M: Message + Send + 'static,
        M::Result: Send,
        A: Handler<M>,
        A::Context: ToEnvelope<A, M>,
    {
        self.addr.try_send(message).is_ok()
    }

    /// The permit, to travel with a message.
    pub(super) fn into_permit(self) -> (Addr<A>, Permit) {
        (self.addr, self.permit)
    }
}

impl<K: Key, A: Actor<Context = Context<A>>> Registry<K, A> {
    pub(super) fn new(
        kind: &'static str,
        clock: Clock,
        start: impl Fn(K) -> Option<Addr<A>> + Send + Sync + 'static,
    ) -> Self {
        Self { kind, slots: DashMap::new(), clock, start: Box::new(start) }
    }

    /// The actor of this key, started if need be; `busy` while it is in quarantine.
    pub(super) fn lease(&self, key: K) -> Result<Lease<A>, Refusal> {
        if let Some(slot) = self.slots.get(&key)
            && let Some(lease) = slot.lease()
        {
            return Ok(lease);
        }
        let mut slot = self.slots.entry(key.clone()).or_insert_with(|| {
            gauge!("partyline_actors", "kind" => self.kind).increment(1.0);
            Slot { addr: (self.start)(key.clone()), permits: Arc::default(), deaths: Window::default() }
        });
        if let Some(lease) = slot.lease() {
            return Ok(lease);
        }
        let now = self.clock.now();
        if slot.addr.take().is_some() {
            error!(kind = self.kind, key = key.logged(), "an actor died");
            counter!("partyline_actor_deaths_total", "kind" => self.kind).increment(1);
            let _ = slot.deaths.take(usize::MAX, QUARANTINE, now);
        }
        if slot.deaths.count(QUARANTINE, now) >= DEATHS {
            return Err(Refusal::Busy);
        }
        // Permits of the dead one are dropped with its mailbox; the new one counts its own.
        slot.permits = Arc::default();
        slot.addr = (self.start)(key);
        slot.lease().ok_or(Refusal::Busy)
    }

    /// An idle actor asks to stop: true if nobody is about to speak to it, and then it must.
    pub(super) fn passivate(&self, key: K) -> bool {
        let idle = self.slots.remove_if(&key, |_, slot| slot.permits.load(Ordering::Acquire) == 0).is_some();
        if idle {
            gauge!("partyline_actors", "kind" => self.kind).decrement(1.0);
        }
        idle
    }

    /// All that run now.
    pub(super) fn all(&self) -> Vec<Lease<A>> {
        self.slots.iter().filter_map(|slot| slot.lease()).collect()
    }
}

impl<A: Actor<Context = Context<A>>> Slot<A> {
    fn lease(&self) -> Option<Lease<A>> {
        let addr = self.addr.as_ref().filter(|a| a.connected())?;
        self.permits.fetch_add(1, Ordering::Relaxed);
        Some(Lease { addr: addr.clone(), permit: Permit(self.permits.clone()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Timestamp;
    use actix::Arbiter;
    use std::sync::{Weak, atomic::AtomicI64};

    impl Key for u64 {
        fn logged(&self) -> String {
            self.to_string()
        }
    }

    #[test]
    fn a_number_is_not_logged_whole() {
        assert_eq!(Number::stored("+14045550100".into()).logged(), "…0100");
    }

    struct Counter {
        registry: Weak<Registry<u64, Counter>>,
        counted: Arc<AtomicUsize>,
        starts: Arc<AtomicUsize>,
    }

    impl Actor for Counter {
        type Context = Context<Self>;
        fn started(&mut self, _: &mut Self::Context) {
            self.starts.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[derive(Message)]
    #[rtype(result = "()")]
    struct Count(Permit);

    impl Handler<Count> for Counter {
        type Result = ();
        fn handle(&mut self, count: Count, ctx: &mut Self::Context) {
            use actix::ActorContext;
            self.counted.fetch_add(1, Ordering::SeqCst);
            drop(count.0);
            // As eager to stop as can be.
            if self.registry.upgrade().is_some_and(|r| r.passivate(0)) {
                ctx.stop();
            }
        }
    }

    #[derive(Message)]
    #[rtype(result = "()")]
    struct Die;

    impl Handler<Die> for Counter {
        type Result = ();
        fn handle(&mut self, _: Die, _: &mut Self::Context) {
            panic!("a test's wish");
        }
    }

    fn registry(clock: Clock) -> (Arc<Registry<u64, Counter>>, Arc<AtomicUsize>, Arc<AtomicUsize>) {
        let (counted, starts) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (c, s) = (counted.clone(), starts.clone());
        let arbiters = Arbiter::new().handle();
        let registry = Arc::new_cyclic(|me: &Weak<Registry<u64, Counter>>| {
            let me = me.clone();
            Registry::new("counter", clock, move |_| {
                let counter = Counter { registry: me.clone(), counted: c.clone(), starts: s.clone() };
                Some(Counter::start_in_arbiter(&arbiters, |ctx: &mut Context<Counter>| {
                    ctx.set_mailbox_capacity(10_000);
                    counter
                }))
            })
        });
        (registry, counted, starts)
    }

    #[test]
    fn no_message_falls_between_stop_and_start() {
        actix::System::new().block_on(async {
            let (registry, counted, starts) = registry(Clock::System);
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    let registry = registry.clone();
                    std::thread::spawn(move || {
                        for n in 0..5_000 {
                            if n % 50 == 0 {
                                // Long enough for it to stop.
                                std::thread::sleep(Duration::from_micros(200));
                            }
                            let (addr, permit) = registry.lease(0).unwrap().into_permit();
                            let mut message = Count(permit);
                            while let Err(actix::dev::SendError::Full(back)) = addr.try_send(message) {
                                message = back;
                                std::thread::yield_now();
                            }
                        }
                    })
                })
                .collect();
            for thread in threads {
                thread.join().unwrap();
            }
            while counted.load(Ordering::SeqCst) < 20_000 {
                actix::clock::sleep(Duration::from_millis(1)).await;
            }
            assert_eq!(counted.load(Ordering::SeqCst), 20_000);
            assert!(starts.load(Ordering::SeqCst) > 1, "it never stopped");
        });
    }

    #[test]
    fn an_actor_that_keeps_dying_is_left_alone_for_a_minute() {
        actix::System::new().block_on(async {
            let micros = Arc::new(AtomicI64::new(0));
            let clock = Clock::Manual(micros.clone());
            let (registry, _, starts) = registry(clock.clone());
            for deaths in 1..=DEATHS {
                let lease = registry.lease(0).unwrap();
                lease.addr().send(Die).await.unwrap_err();
                while lease.is_alive() {
                    actix::clock::sleep(Duration::from_millis(1)).await;
                }
                assert_eq!(starts.load(Ordering::SeqCst), deaths);
            }
            assert!(matches!(registry.lease(0), Err(Refusal::Busy)));
            clock.advance(Duration::from_secs(61));
            assert!(registry.lease(0).is_ok());
            assert_eq!(clock.now(), Timestamp(61_000_000));
        });
    }
}
