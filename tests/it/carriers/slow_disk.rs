//! Telnyx waits two seconds for an answer, and brings again what it got none for.

use std::{
    sync::{Arc, Condvar, Mutex},
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use partyline::{
    app::Options,
    carriers::Knobs,
    storage::ledger::{Fault, Faults},
};

use super::{Kind, TextIn};
use crate::sms::{ANN, AT_ONCE, MAIN, carried_with, person};

/// A disk on which commits can be made to wait.
#[derive(Default)]
struct Disk(Arc<(Mutex<bool>, Condvar)>);

impl Disk {
    fn stands_still(&self, stands_still: bool) {
        *self.0.0.lock().unwrap() = stands_still;
        self.0.1.notify_all();
    }

    fn faults(&self) -> Faults {
        let disk = self.0.clone();
        Arc::new(move |_| {
            drop(disk.1.wait_while(disk.0.lock().unwrap(), |stands_still| *stands_still).unwrap());
            Fault::None
        })
    }
}

/// A test that fails does not leave the engine waiting.
impl Drop for Disk {
    fn drop(&mut self) {
        self.stands_still(false);
    }
}

#[tokio::test]
async fn telnyx_is_answered_within_its_time_while_the_disk_is_slow_and_each_text_is_one() {
    let disk = Disk::default();
    let options = Options { faults: Some(disk.faults()), ..Options::default() };
    let engine = carried_with(Kind::Telnyx, Knobs::default(), AT_ONCE, options).await;
    let jake = person(&engine.api(), "201", &[MAIN]).await;
    let ids: Vec<_> = (0..10).map(|n| format!("text-{n}")).collect();
    let bring = async || {
        let text = |id| TextIn { id, from: ANN, to: MAIN, text: id, media: &[] };
        join_all(ids.iter().map(async |id| engine.network.text_in(&text(id)).await)).await
    };
    disk.stands_still(true);
    for _ in 0..2 {
        let began = Instant::now();
        let answers = bring().await;
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        assert!(answers.iter().all(|a| a.as_ref().is_err_and(|why| why.starts_with("503"))), "{answers:?}");
    }
    assert!(jake.threads().await.is_empty());
    disk.stands_still(false);
    assert!(bring().await.iter().all(Result::is_ok));
    let timeline = jake.history(jake.threads().await[0]["id"].as_str().unwrap()).await;
    let mut texts: Vec<_> = timeline.iter().map(|m| m["text"].as_str().unwrap()).collect();
    texts.sort_unstable();
    assert_eq!(texts, ids);
}
