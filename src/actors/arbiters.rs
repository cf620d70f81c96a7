//! The threads on which conversations and switchboards live: one per core, by hash of id.

use std::{
    future::pending,
    hash::{DefaultHasher, Hash, Hasher},
    panic::resume_unwind,
    thread::available_parallelism,
};

use actix::{Arbiter, ArbiterHandle};

/// Runs a future as a task of its own, from now on. What an actor only spawns stands still while the actor waits for
/// something else, and a session's while its client doesn't read; and what has begun to read holds one of the database's few
/// readers meanwhile.
pub(super) fn apart<T: 'static>(future: impl Future<Output = T> + 'static) -> impl Future<Output = T> {
    let task = actix::spawn(future);
    async move {
        match task.await {
            Ok(done) => done,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                // The arbiter stops, and with it whoever waits.
                Err(_) => pending().await,
            },
        }
    }
}

pub(super) struct Arbiters(Vec<ArbiterHandle>);

impl Arbiters {
    pub(super) fn start() -> Self {
        let cores = available_parallelism().map_or(2, usize::from);
        Self((0..cores).map(|_| Arbiter::new().handle()).collect())
    }

    /// Where the actor of this id lives.
    pub(super) fn of(&self, id: &impl Hash) -> ArbiterHandle {
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        let n = usize::try_from(hasher.finish() % self.0.len() as u64).unwrap_or(0);
        self.0[n].clone()
    }

    pub(super) fn stop(&self) {
        for arbiter in &self.0 {
            arbiter.stop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix::{Actor, ActorFutureExt, AsyncContext, Context, WrapFuture};
    use tokio::sync::oneshot;

    /// Waits for what it has spawned.
    struct Waits(Option<oneshot::Sender<()>>);

    impl Actor for Waits {
        type Context = Context<Self>;
        fn started(&mut self, ctx: &mut Self::Context) {
            let (done, is_done) = oneshot::channel();
            let told = self.0.take();
            ctx.spawn(apart(async move { done.send(()).is_ok() }).into_actor(self).map(|_, _, _| ()));
            let waited = async move {
                let _ = is_done.await;
                told.map(|told| told.send(()))
            };
            ctx.wait(waited.into_actor(self).map(|_, _, _| ()));
        }
    }

    #[test]
    fn what_runs_apart_goes_on_while_its_actor_waits() {
        actix::System::new().block_on(async {
            let (told, waited) = oneshot::channel();
            Waits(Some(told)).start();
            assert!(actix::clock::timeout(std::time::Duration::from_secs(10), waited).await.is_ok());
        });
    }
}
