//! What falls due by itself: texts to be sent again, whatever was missed, and files to be fetched. Each second.

use std::{
    sync::{Arc, Weak, atomic::Ordering},
    time::Duration,
};

use futures_util::StreamExt;
use tracing::{error, info, warn};

use crate::{
    carriers::FetchError,
    domain::{By, Change, Decision, Refusal, Timestamp, conversation::AttachmentState},
    storage::PendingFile,
};

use super::Engine;

const EVERY: Duration = Duration::from_secs(1);
/// Whatever is due is looked for, however long ago it fell due, after so many times.
const ALL: u32 = 60;
/// A carrier's request that could not be used is kept for 30 days (in microseconds).
const DEAD_LETTERS_US: i64 = 30 * 24 * 3_600 * 1_000_000;
/// A load that nobody has touched for 10 minutes (in microseconds) is broken off.
const LOADS_US: i64 = 600 * 1_000_000;
/// The audit log reaches back 400 days (in microseconds).
const AUDIT_US: i64 = 400 * 24 * 3_600 * 1_000_000;
/// Little bits that are deleted in a round.
const CLEARED: usize = 40;
/// Deadlines so near are waited for by the conversation itself.
const AHEAD: Duration = Duration::from_secs(2);
/// Deadlines that are looked at in a round, and acted on together.
const AT_ONCE: usize = 2_000;
const TOGETHER: usize = 64;
/// Files fetched at once.
const FILES: usize = 8;
/// A file that can't be had is tried so often, with growing pauses: over about two hours.
const FILE_TRIES: i64 = 10;
/// What may be shown to people. Anything else is not kept.
const SHOWN: [&str; 10] = [
    "image/jpeg",
    "image/png",
    "image/gif",
    "image/webp",
    "audio/mpeg",
    "audio/mp4",
    "audio/amr",
    "video/mp4",
    "video/3gpp",
    "application/pdf",
];

/// Runs until the engine is gone. What was being sent when the last process ended is settled first.
pub async fn run(engine: Weak<Engine>) {
    let mut since = None;
    let mut round = 0_u32;
    loop {
        let Some(engine) = engine.upgrade().filter(|engine| !engine.is_stopping()) else { return };
        let now = engine.clock.now();
        let missed = engine.may_have_missed.swap(false, Ordering::AcqRel);
        let looked = since.filter(|since| *since <= now && !missed && !round.is_multiple_of(ALL));
        let found = match looked {
            Some(since) => engine.storage.numbers_due(since, now).await,
            None => engine.storage.numbers_waiting().await,
        };
        match found {
            Ok(numbers) => {
                since = Some(now);
                round = round.wrapping_add(1);
                let wake = if looked.is_some() { Engine::wake_outbox } else { Engine::look_again };
                numbers.into_iter().for_each(|ours| wake(&engine, ours));
            }
            Err(error) => {
                engine.may_have_missed();
                error!(%error, "nobody knows what is due");
            }
        }
        if round % ALL == 1
            && let Err(error) = engine.storage.forget_dead_letters(Timestamp(now.0 - DEAD_LETTERS_US)).await
        {
            error!(%error, "old dead letters can't be forgotten");
        }
        drop(engine);
        tokio::time::sleep(EVERY).await;
    }
}

/// Deletes bit by bit what nobody has any more, until the engine is gone: contacts that others have taken the place of,
/// loads that were broken off, and what the audit log need not know any longer.
pub async fn clear(engine: Weak<Engine>) {
    let mut round = 0_u32;
    loop {
        let Some(engine) = engine.upgrade().filter(|engine| !engine.is_stopping()) else { return };
        let now = engine.clock.now().0;
        for _ in 0..CLEARED {
            match engine.storage.clear_loads(Timestamp(now - LOADS_US)).await {
                Ok(true) => tokio::task::yield_now().await,
                Ok(false) => break,
                Err(error) => {
                    error!(%error, "contacts that nobody has can't be deleted yet");
                    break;
                }
            }
        }
        if round.is_multiple_of(ALL)
            && let Err(error) = engine.storage.forget_audit(Timestamp(now - AUDIT_US)).await
        {
            error!(%error, "the audit log can't be shortened yet");
        }
        round = round.wrapping_add(1);
        drop(engine);
        tokio::time::sleep(EVERY).await;
    }
}

/// Sees to it that what falls due in queues does so, until the engine is gone: what is about to is woken, so that its own
/// timer is exact; what is overdue (after a restart, a panic, a clock that jumped) falls due now.
pub async fn deadlines(engine: Weak<Engine>) {
    let mut round = 0_u32;
    loop {
        let Some(engine) = engine.upgrade().filter(|engine| !engine.is_stopping()) else { return };
        if engine.may_have_orphans.swap(false, Ordering::AcqRel) || round.is_multiple_of(ALL) {
            engine.release_orphans().await;
        }
        round = round.wrapping_add(1);
        let now = engine.clock.now();
        let mut more = false;
        match engine.storage.due(now + AHEAD, AT_ONCE).await {
            Ok(due) => {
                more = due.len() == AT_ONCE && due.last().is_some_and(|(.., deadline)| *deadline <= now);
                let overdue = due.iter().filter(|(.., deadline)| *deadline <= now);
                let fire = |(tenant, id, _): &(_, _, _)| {
                    let (engine, tenant, id) = (engine.clone(), *tenant, *id);
                    async move {
                        if let Err(error) = engine.time_out(tenant, id).await {
                            warn!(conversation = %id, %error, "what fell due can't be done yet");
                        }
                    }
                };
                futures_util::stream::iter(overdue.map(fire)).for_each_concurrent(TOGETHER, |fired| fired).await;
                for (_, id, _) in due.iter().filter(|(.., deadline)| *deadline > now) {
                    drop(engine.conversations.lease(*id));
                }
            }
            Err(error) => error!(%error, "nobody knows what falls due in queues"),
        }
        drop(engine);
        tokio::time::sleep(if more { Duration::from_millis(10) } else { EVERY }).await;
    }
}

/// Fetches files as they fall due, until the engine is gone.
pub async fn fetch_files(engine: Weak<Engine>) {
    loop {
        let Some(engine) = engine.upgrade().filter(|engine| !engine.is_stopping()) else { return };
        if let Err(error) = files(&engine, engine.clock.now()).await {
            error!(%error, "files can't be looked for");
        }
        drop(engine);
        tokio::time::sleep(EVERY).await;
    }
}

/// Fetches the files that are due, some of them together.
async fn files(engine: &Arc<Engine>, now: Timestamp) -> Result<(), Refusal> {
    let pending = engine.storage.pending_files(now, FILES).await?;
    futures_util::future::join_all(pending.into_iter().map(|file| fetch(engine.clone(), file))).await;
    Ok(())
}

async fn fetch(engine: Arc<Engine>, file: PendingFile) {
    let carrier = file.carrier.as_ref().and_then(|name| engine.carriers.get(name));
    let fetched = match carrier {
        Some(carrier) => carrier.fetch(file.media.clone(), engine.behaviour.attachment_max).await,
        None => Err(FetchError::Never("its carrier is not there any more".into())),
    };
    let id = file.id;
    let settled = match fetched {
        Ok(fetched) if SHOWN.contains(&fetched.content_type.as_str()) => {
            let size = i64::try_from(fetched.bytes.len()).ok();
            match engine.storage.keep_file(id, fetched.bytes).await {
                Ok(()) => settle(&engine, &file, fetched.content_type, AttachmentState::Stored, size).await,
                Err(error) => Err(error.into()),
            }
        }
        Ok(fetched) => {
            info!(attachment = %id, content_type = fetched.content_type, "a file of this type is not kept");
            settle(&engine, &file, fetched.content_type, AttachmentState::Failed, None).await
        }
        Err(FetchError::Later(why)) if file.tries + 1 < FILE_TRIES => {
            warn!(attachment = %id, why, "a file can't be fetched yet");
            let pause = EVERY * 2_u32.pow(u32::try_from(file.tries).unwrap_or(10).min(12) + 2);
            engine.storage.postpone_file(id, engine.clock.now() + pause).await.map_err(Refusal::from)
        }
        Err(FetchError::Later(why) | FetchError::Never(why)) => {
            warn!(attachment = %id, why, "a file is given up");
            let content_type = file.media.content_type.clone();
            settle(&engine, &file, content_type, AttachmentState::Failed, None).await
        }
    };
    if let Err(error) = settled {
        error!(attachment = %id, %error, "a file can't be kept yet");
    }
}

/// Tells who is in the conversation what became of a file. A change of who is in it meanwhile is for the next round.
async fn settle(
    engine: &Arc<Engine>,
    file: &PendingFile,
    content_type: String,
    state: AttachmentState,
    size: Option<i64>,
) -> Result<(), Refusal> {
    let PendingFile { id, conversation, seq, tenant, .. } = *file;
    let Some(underway) = engine.storage.underway(conversation, seq).await? else { return Ok(()) };
    let guards = vec![crate::domain::Guard::Conversation(conversation, underway.revision)];
    let audience = underway.audience;
    let change = Change::AttachmentSettled { conversation, seq, id, content_type, state, size, audience };
    let changes = [change].into_iter().chain(engine.told_anew(tenant, conversation).await?).collect();
    engine.commit(&By::Engine(tenant), Decision { guards, changes }).await.map(drop)
}
