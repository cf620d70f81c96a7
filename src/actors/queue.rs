//! The SMS queue actor: the shell with a queue's rules in it, and its board, which agents look at.

use std::{mem, sync::Arc};

use actix::{ActorFutureExt, AsyncContext, Context, Handler, Message, WrapFuture};
use tokio::sync::oneshot;

use crate::{
    domain::{
        By, Committed, Decision, QueueId, Refusal, Timestamp,
        conversation::Message as Stored,
        queue::{Command, Queue},
    },
    storage::{Board, Storage, StorageError, ledger::Once},
};

use super::{
    Engine,
    arbiters::apart,
    registry::{Permit, Registry},
    shell::{Shell, Subject},
};

impl Subject for Queue {
    type Id = QueueId;
    type Command = Command;
    type Beside = Looks;

    async fn load(storage: Storage, id: QueueId) -> Result<Option<Self>, StorageError> {
        storage.queue(id).await
    }

    fn registry(engine: &Engine) -> &Registry<QueueId, Shell<Self>> {
        &engine.queues
    }

    fn probe(_: &Engine, _: QueueId) {}

    fn decide(&self, by: &By, command: &Command) -> Result<Decision, Refusal> {
        Queue::decide(self, by, command)
    }

    fn once(_: &By, _: &Command) -> Option<Once> {
        None
    }

    /// Who alters a queue has read what of it is in use.
    fn is_decided_elsewhere(command: &Command) -> bool {
        matches!(command, Command::Put(_) | Command::Delete(_))
    }

    /// Who is no member may have become one: extensions come and go by themselves.
    fn is_doubtful(refusal: &Refusal) -> bool {
        *refusal == Refusal::NotFound
    }

    /// What is so already by this state may not be by the database: an extension that is disabled is logged out by another.
    fn rests_on_doubt(decision: &Decision) -> bool {
        decision.changes.is_empty()
    }

    fn is_outdated(&self) -> bool {
        self.outdated
    }

    fn again(_: QueueId, _: &Command, _: Stored) -> Result<Stored, Refusal> {
        Err(Refusal::IdempotencyConflict)
    }

    fn changes_revision(command: &Command) -> bool {
        !matches!(command, Command::SetAgent(_))
    }

    fn is_gathered(_: &Command) -> bool {
        false
    }

    fn together(mut decisions: Vec<Decision>) -> Decision {
        decisions.pop().unwrap_or_default()
    }

    fn apply(&mut self, committed: &Committed) {
        Queue::apply(self, committed);
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        None
    }

    async fn fall_due(_: Arc<Engine>, _: By, _: QueueId) {}

    fn tenant(&self) -> By {
        By::Engine(self.tenant)
    }
}

/// Those who want to see the board. A look begins after who asks for it has asked; all who wait then share it.
#[derive(Default)]
pub(super) struct Looks {
    waiting: Vec<(oneshot::Sender<Seen>, Permit)>,
    looking: bool,
    /// The last one: still good if nothing of the tenant has changed.
    last: Option<Arc<Board>>,
}

type Seen = Result<Option<Arc<Board>>, Refusal>;

/// Somebody wants to see the board.
#[derive(Message)]
#[rtype(result = "()")]
struct Look(oneshot::Sender<Seen>, Permit);

/// The board of a queue, as of now or later; `None` if there is no such queue.
pub(super) async fn look(engine: &Engine, id: QueueId) -> Seen {
    let (addr, permit) = engine.queues.lease(id)?.into_permit();
    let (answer, seen) = oneshot::channel();
    addr.try_send(Look(answer, permit)).map_err(|_| Refusal::Busy)?;
    match tokio::time::timeout(engine.behaviour.answer_within, seen).await {
        Ok(Ok(seen)) => seen,
        _ => Err(Refusal::Busy),
    }
}

impl Handler<Look> for Shell<Queue> {
    type Result = ();

    fn handle(&mut self, Look(answer, permit): Look, ctx: &mut Self::Context) {
        self.beside_mut().waiting.push((answer, permit));
        self.look(ctx);
    }
}

impl Shell<Queue> {
    fn look(&mut self, ctx: &mut Context<Self>) {
        self.is_in_use();
        let (engine, id) = (self.engine().clone(), self.id());
        let looks = self.beside_mut();
        if looks.looking || looks.waiting.is_empty() {
            return;
        }
        let (lookers, last) = (mem::take(&mut looks.waiting), looks.last.clone());
        looks.looking = true;
        let seen = async move {
            if let Some(last) = last
                && engine.storage.current_version(last.tenant).await? == last.version
            {
                return Ok(Some(last));
            }
            Ok::<_, StorageError>(engine.storage.board(id).await?.map(Arc::new))
        };
        ctx.spawn(apart(seen).into_actor(self).map(move |seen, me, ctx| {
            let seen = seen.map_err(Refusal::from);
            let looks = me.beside_mut();
            looks.looking = false;
            looks.last = seen.clone().ok().flatten();
            for (looker, _permit) in lookers {
                let _ = looker.send(seen.clone());
            }
            me.look(ctx);
        }));
    }
}
