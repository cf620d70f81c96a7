//! What the simulator reaches: phones, whose texts are kept in the database, and this engine, as any carrier would.

use std::sync::{Arc, OnceLock, Weak};

use tracing::{error, warn};

use crate::{
    carriers::{Network, Pending},
    domain::{phone::Number, sms::inbound::News},
    storage::Storage,
};

use super::Engine;

/// The telephone network of one simulator.
pub struct SimulatedNetwork {
    storage: Storage,
    carrier: String,
    engine: OnceLock<Weak<Engine>>,
}

impl SimulatedNetwork {
    /// Of the section of the configuration that is named `carrier`.
    pub fn new(storage: Storage, carrier: String) -> Arc<Self> {
        Arc::new(Self { storage, carrier, engine: OnceLock::new() })
    }

    /// The engine is there from now on.
    pub fn reaches(&self, engine: &Arc<Engine>) {
        let _ = self.engine.set(Arc::downgrade(engine));
    }
}

impl Network for SimulatedNetwork {
    fn deliver(&self, from: Number, to: Number, text: String) -> Pending<()> {
        let storage = self.storage.clone();
        Box::pin(async move {
            if let Err(error) = storage.keep_simulated(&from, &to, &text).await {
                error!(%error, "a simulated phone lost a text");
            }
        })
    }

    fn receipt(&self, news: News) -> Pending<()> {
        let (engine, carrier) = (self.engine.get().and_then(Weak::upgrade), self.carrier.clone());
        Box::pin(async move {
            let Some(engine) = engine else { return };
            // As carriers do, it brings again what was not taken.
            while let Err(error) = engine.news(&carrier, news.clone()).await {
                if engine.is_stopping() {
                    return;
                }
                warn!(%error, "a simulated receipt is brought again");
            }
        })
    }
}
