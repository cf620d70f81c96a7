//! Whether the carrier is there at the other end of a link: a connection may be dead long before that is noticed.

use tokio::sync::{mpsc, oneshot};

/// So many may wait to ask a link.
const WAITING: usize = 64;

/// Who wants to know.
pub(super) type Asker = oneshot::Sender<()>;

/// A link, for who wants to know whether the carrier is there.
#[derive(Clone, Debug)]
pub struct Presence(mpsc::Sender<Asker>);

impl Presence {
    /// With the end that the link has.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Asker>) {
        let (ask, asked) = mpsc::channel(WAITING);
        (Self(ask), asked)
    }

    /// Whether the carrier answers something that is written from now on; no, when the link has ended. Who asks a link that
    /// is dead waits until that is noticed.
    pub async fn is_there(&self) -> bool {
        let (asker, answered) = oneshot::channel();
        self.0.send(asker).await.is_ok() && answered.await.is_ok()
    }
}
