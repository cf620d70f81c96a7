//! What a carrier answers in the end. One that knows attempts by their names is asked again about an answer that was lost:
//! it sends nothing twice, and says what became of it.

use std::{sync::Arc, time::Duration};

use tracing::warn;

use crate::{
    carriers::Submission,
    domain::{
        Refusal,
        phone::Number,
        sms::delivery::{Rejection, Status, Submitted},
    },
    storage::{StorageError, Waiting},
};

use super::{Attempt, Engine, Turn, leave::leave, park};

/// It is asked again after this, and then after pauses that grow ...
const FIRST: Duration = Duration::from_secs(1);
/// ... up to this,
const LONGEST: Duration = Duration::from_secs(60);
/// ... for so long: Telnyx keeps the names for a day.
const ASKED_FOR: Duration = Duration::from_secs(3_600);

/// Whether it is to be asked again.
enum Still {
    /// It is not known what became of it, and it may go out.
    Asked,
    /// It may not go out any more: if it hasn't, it isn't to.
    Unwanted,
    /// Its news came.
    Settled,
}

/// Hands a text over until it is known what became of it, or can't be. What is refused for a while may be there already, once
/// an answer was lost. `is_again`: one was. `None`: its news came meanwhile; or this process ends, and the next one asks.
pub(super) async fn answer_of(
    engine: &Arc<Engine>,
    ours: &Number,
    turn: &Turn,
    taken: &Attempt,
    mut is_again: bool,
) -> Option<Submitted> {
    let (began, mut pause) = (engine.clock.now(), FIRST);
    // Spreads the pauses: the last bits of a UUIDv7 are random.
    let dice = 1.0 + f64::from(u8::try_from(taken.attempt.0.as_u128() & 0xff).unwrap_or(0)) / 512.0;
    loop {
        let answer = match if is_again { still(engine, ours, turn, taken).await } else { Ok(Still::Asked) } {
            Ok(Still::Asked) => taken.carrier.submit(submission(ours, turn, taken, is_again)).await,
            Ok(Still::Unwanted) => return Some(Submitted::Unknown),
            Ok(Still::Settled) => return None,
            Err(error) => {
                warn!(%error, attempt = %taken.attempt, "a lost answer can't be asked for yet");
                Submitted::Unknown
            }
        };
        let may_be_there = match &answer {
            Submitted::Unknown => true,
            Submitted::Accepted { .. } | Submitted::Unknowable => false,
            Submitted::Rejected(Rejection::Permanent | Rejection::OptedOut, _) => false,
            Submitted::Rejected(..) => is_again,
        };
        if !may_be_there {
            return Some(answer);
        }
        if !taken.carrier.knows_attempts() || engine.clock.now().since(began) >= ASKED_FOR {
            return Some(Submitted::Unknown);
        }
        is_again = true;
        let told = match &answer {
            Submitted::Rejected(Rejection::Throttled(Some(after)), _) => (*after).min(ASKED_FOR),
            _ => Duration::ZERO,
        };
        if let Submitted::Rejected(Rejection::Auth, error) = &answer {
            park(engine, &taken.name, error);
        }
        if !waited(engine, pause.max(told).mul_f64(dice)).await {
            return None;
        }
        pause = (pause * 2).min(LONGEST);
    }
}

/// The attempt that a process which is gone was handing over, if its carrier can be asked what became of it.
pub(super) async fn interrupted_at(
    engine: &Arc<Engine>,
    interrupted: &Waiting,
) -> Result<Option<Box<Attempt>>, StorageError> {
    let Some(attempt) = interrupted.delivery.attempt_id else { return Ok(None) };
    let Some(attempted) = engine.storage.attempt(attempt).await? else { return Ok(None) };
    let carrier = engine.carriers.get(&attempted.carrier).filter(|carrier| carrier.knows_attempts());
    let is_recent = engine.clock.now().since(interrupted.delivery.updated_at) < ASKED_FOR;
    let Some(carrier) = carrier.filter(|_| is_recent).cloned() else { return Ok(None) };
    let underway = engine.storage.underway(interrupted.conversation, interrupted.seq).await?;
    Ok(underway.map(|underway| Box::new(Attempt { attempt, name: attempted.carrier, carrier, underway })))
}

/// The first time it is asked, the carrier may not have heard of it at all: what would keep it from going out then does so
/// now.
async fn still(engine: &Engine, ours: &Number, turn: &Turn, taken: &Attempt) -> Result<Still, Refusal> {
    let found = engine.storage.underway(turn.conversation, turn.seq).await?;
    let delivery = found.as_ref().and_then(|underway| Some((underway, underway.delivery(&turn.number)?)));
    let is_it = |status, attempt| status == Status::Sending && attempt == Some(taken.attempt);
    match delivery.filter(|(_, d)| is_it(d.status, d.attempt_id)) {
        None => Ok(Still::Settled),
        Some((underway, delivery)) => {
            let leave = leave(engine, ours, underway, delivery).await?;
            Ok(if leave.refusal.is_some() { Still::Unwanted } else { Still::Asked })
        }
    }
}

fn submission(ours: &Number, turn: &Turn, taken: &Attempt, is_again: bool) -> Submission {
    let text = taken.underway.message.text.clone();
    Submission { attempt: taken.attempt, from: ours.clone(), to: turn.number.clone(), text, is_again }
}

/// By the engine's clock; if that is set back, the wait is over. False: the engine stops.
async fn waited(engine: &Engine, pause: Duration) -> bool {
    let until = engine.clock.now() + pause;
    loop {
        let left = until.since(engine.clock.now());
        if left.is_zero() || left > pause {
            return true;
        }
        tokio::time::sleep(left.min(FIRST)).await;
        if engine.is_stopping() {
            return false;
        }
    }
}
