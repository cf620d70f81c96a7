//! What is known of a number of ours and a number outside: who texted whom, who wants no texts, and what may be sent from.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use sea_orm::{ConnectionTrait, QueryResult};

use crate::domain::{
    ConversationId, ExtensionId, TenantId, Timestamp,
    conversation::{Pair, Reach, Sender, Senders, queued, receive::KnownPair, time_out::Due},
    phone::Number,
    queue::Line,
    sms::{keywords::Keyword, route::Known},
};

use super::{
    Storage, StorageError, column,
    dialect::{Column, Hex, bulk},
    extension_id,
    phone_numbers::FEEDS,
    queues::{PLACE, PLACED, line, queued as place},
};

/// Automatic texts are looked back upon for so long.
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// What decides where a text goes, as of one moment.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// For the choice of its place.
    pub known: Known,
    /// For the words of consent.
    pub pair: KnownPair,
    /// The newest conversation of the pair.
    pub newest: Option<ConversationId>,
    /// The revisions of those who may get it.
    pub revisions: HashMap<ExtensionId, i64>,
    /// The queue that our number feeds.
    pub feeds: Option<Arc<Line>>,
}

impl Storage {
    /// What is known of a pair. `named` is the number of the extension that gets what comes unasked; where a word of
    /// consent is shown, and who hears of it, is looked for only if the text may be one.
    pub async fn lookup(
        &self,
        tenant: TenantId,
        pair: &Pair,
        named: Option<&str>,
        is_word: bool,
        now: Timestamp,
    ) -> Result<Lookup, StorageError> {
        let tx = self.moment().await?;
        let (ours, theirs) = (pair.ours.as_str(), pair.theirs.as_str());
        let sql = "SELECT c.extension_id, e.revision FROM caller_id c JOIN extension e ON e.id = c.extension_id \
             WHERE c.tenant_id = $1 AND c.number = $2 AND e.enabled ORDER BY e.number";
        let mut revisions = HashMap::new();
        let mut holders = Vec::new();
        for row in tx.query_all_raw(self.statement(sql, [tenant.0.into(), ours.into()])).await? {
            let who = extension_id(&row, "extension_id")?;
            revisions.insert(who, column(&row, "revision")?);
            holders.push(who);
        }
        let mut named_id = None;
        if let Some(number) = named {
            let sql = "SELECT id, revision FROM extension WHERE tenant_id = $1 AND number = $2 AND enabled";
            if let Some(row) = tx.query_one_raw(self.statement(sql, [tenant.0.into(), number.into()])).await? {
                let who = extension_id(&row, "id")?;
                revisions.insert(who, column(&row, "revision")?);
                named_id = Some(who);
            }
        }
        let sql = "SELECT extension_id FROM last_sender WHERE tenant_id = $1 AND our_number = $2 AND number = $3";
        let key = || [tenant.0.into(), ours.into(), theirs.into()];
        let last = tx.query_one_raw(self.statement(sql, key())).await?;
        let last = last.map(|row| extension_id(&row, "extension_id")).transpose()?;
        let sql = "SELECT q.* FROM phone_number n JOIN sms_queue q ON q.tenant_id = n.tenant_id AND q.key = n.queue \
             WHERE n.number = $2 AND n.tenant_id = $1 AND NOT n.deleted AND NOT q.deleted";
        let feeds = tx.query_one_raw(self.statement(sql, [tenant.0.into(), ours.into()])).await?;
        let feeds = feeds.map(|row| line(&row).map(Arc::new)).transpose()?;
        let sql = "SELECT id FROM conversation WHERE tenant_id = $1 AND natural_key = $2";
        let open = tx.query_one_raw(self.statement(sql, [tenant.0.into(), queued::natural_key(pair).into()])).await?;
        let open = open.map(|row| column(&row, "id").map(ConversationId)).transpose()?;
        let fed = feeds.as_ref().map(|line| line.id);
        let known = Known { open, feeds: fed, last, named: named_id, holders };

        let sql = "SELECT c.id, c.our_number, p.extension_id FROM conversation c LEFT JOIN participant p \
             ON p.conversation_id = c.id AND p.left_version IS NULL WHERE c.tenant_id = $1 AND c.their_number = $2 \
             ORDER BY c.last_activity_at DESC";
        let (mut newest, mut threads_of) = (None, Vec::new());
        let spoken = match is_word {
            true => tx.query_all_raw(self.statement(sql, [tenant.0.into(), theirs.into()])).await?,
            false => vec![],
        };
        for row in spoken {
            if newest.is_none() && column::<String>(&row, "our_number")? == ours {
                newest = Some(ConversationId(column(&row, "id")?));
            }
            threads_of.extend(column::<Option<uuid::Uuid>>(&row, "extension_id")?.map(ExtensionId));
        }
        threads_of.sort_unstable();
        threads_of.dedup();
        let sql = "SELECT our_number FROM consent WHERE tenant_id = $1 AND our_number IN ($2, '') AND number = $3 \
             AND opted_out";
        let (mut opted_out, mut opted_out_of_all) = (false, false);
        for row in tx.query_all_raw(self.statement(sql, key())).await? {
            let of_all = column::<String>(&row, "our_number")?.is_empty();
            opted_out |= !of_all;
            opted_out_of_all |= of_all;
        }
        let (automatic, automatic_count) = self.automatic_texts(&tx, tenant, pair, now).await?;
        let settings = self.settings_in(&tx, tenant).await?.settings;
        let (we_answer, threads_of) = (false, threads_of.into());
        let pair =
            KnownPair { opted_out, opted_out_of_all, automatic, automatic_count, we_answer, settings, threads_of };
        Ok(Lookup { known, pair, newest, revisions, feeds })
    }

    /// The automatic texts to a pair of the last day, and how many it ever had.
    async fn automatic_texts(
        &self,
        db: &impl ConnectionTrait,
        tenant: TenantId,
        pair: &Pair,
        now: Timestamp,
    ) -> Result<(Vec<(Option<Keyword>, Timestamp)>, i64), StorageError> {
        let key = || [tenant.0.into(), pair.ours.as_str().into(), pair.theirs.as_str().into()];
        let sql =
            "SELECT count(*) AS sent FROM automatic_text WHERE tenant_id = $1 AND our_number = $2 AND number = $3";
        let counted = db.query_one_raw(self.statement(sql, key())).await?;
        let count = counted.map_or(Ok(0), |row| column(&row, "sent"))?;
        let mut lately = Vec::new();
        if count > 0 {
            let sql = "SELECT keyword, at FROM automatic_text WHERE tenant_id = $1 AND our_number = $2 AND number = $3 \
                 AND at > $4";
            let day_ago = i64::try_from(DAY.as_micros()).map_or(0, |day| now.0.saturating_sub(day));
            let [tenant, ours, theirs] = key();
            for row in db.query_all_raw(self.statement(sql, [tenant, ours, theirs, day_ago.into()])).await? {
                let word: Option<String> = column(&row, "keyword")?;
                lately.push((word.as_deref().and_then(Keyword::parse), Timestamp(column(&row, "at")?)));
            }
        }
        Ok((lately, count))
    }

    /// What decides whether a conversation's customer may be told that nobody was available.
    pub async fn known_when_due(&self, id: ConversationId, now: Timestamp) -> Result<Option<Due>, StorageError> {
        let tx = self.moment().await?;
        let sql = format!(
            "SELECT c.tenant_id, c.our_number, c.their_number, {PLACE} FROM conversation c {PLACED} \
             WHERE c.id = $1 AND c.queue_id IS NOT NULL"
        );
        let Some(row) = tx.query_one_raw(self.statement(&sql, [id.0.into()])).await? else { return Ok(None) };
        let holder = place(&row)?.and_then(|queued| queued.state.holder().cloned());
        let number = |name| column(&row, name).map(Number::stored);
        let pair = Pair { ours: number("our_number")?, theirs: number("their_number")? };
        let tenant = TenantId(column(&row, "tenant_id")?);
        let (automatic, automatic_count) = self.automatic_texts(&tx, tenant, &pair, now).await?;
        Ok(Some(Due { automatic, automatic_count, holder, now }))
    }

    /// What the texts of a conversation may go out from, and who wants none.
    pub(super) async fn reach(
        &self,
        db: &impl ConnectionTrait,
        tenant: TenantId,
        members: &[ExtensionId],
        pair: Option<&Pair>,
        is_queued: bool,
        numbers: &[Number],
    ) -> Result<Reach, StorageError> {
        if pair.is_none() && numbers.is_empty() {
            return Ok(Reach::default());
        }
        let ids: Vec<_> = members.iter().map(|id| (Hex(id.0),)).collect();
        let rows = self.0.dialect.rows(2, &[("id", Column::Uuid)]);
        let sql = format!(
            "SELECT e.id, e.revision FROM {rows} r CROSS JOIN extension e WHERE e.id = r.id AND e.tenant_id = $1"
        );
        let mut senders: HashMap<ExtensionId, Senders> = HashMap::new();
        for row in db.query_all_raw(self.statement(&sql, [tenant.0.into(), bulk(&ids)])).await? {
            let of = Senders { revision: column(&row, "revision")?, numbers: vec![] };
            senders.insert(extension_id(&row, "id")?, of);
        }
        let sql = format!(
            "SELECT c.extension_id, n.number, n.revision, n.sms_enabled, {FEEDS} AS feeds_queue \
             FROM {rows} r CROSS JOIN caller_id c CROSS JOIN phone_number n WHERE c.extension_id = r.id AND n.number = c.number AND n.tenant_id = $1 \
             AND NOT n.deleted ORDER BY c.extension_id, c.place"
        );
        for row in db.query_all_raw(self.statement(&sql, [tenant.0.into(), bulk(&ids)])).await? {
            if let Some(of) = senders.get_mut(&extension_id(&row, "extension_id")?) {
                of.numbers.push(sender(&row)?);
            }
        }
        let mut own = None;
        if let Some(pair) = pair.filter(|_| is_queued) {
            let sql = format!(
                "SELECT n.number, n.revision, n.sms_enabled, {FEEDS} AS feeds_queue FROM phone_number n \
                 WHERE n.number = $2 AND n.tenant_id = $1 AND NOT n.deleted"
            );
            let values = [tenant.0.into(), pair.ours.as_str().into()];
            own = db.query_one_raw(self.statement(&sql, values)).await?.as_ref().map(sender).transpose()?;
        }
        let theirs: Vec<_> = pair.map(|pair| &pair.theirs).into_iter().chain(numbers).map(|n| (n,)).collect();
        let rows = self.0.dialect.rows(2, &[("number", Column::Text)]);
        let sql = format!(
            "SELECT c.our_number, c.number FROM {rows} r CROSS JOIN consent c WHERE c.number = r.number \
             AND c.tenant_id = $1 AND c.opted_out"
        );
        let mut reach = Reach { own, senders, ..Reach::default() };
        for row in db.query_all_raw(self.statement(&sql, [tenant.0.into(), bulk(&theirs)])).await? {
            let (ours, theirs): (String, _) = (column(&row, "our_number")?, Number::stored(column(&row, "number")?));
            if ours.is_empty() {
                reach.opted_out_of_all.insert(theirs);
            } else {
                reach.opted_out.insert(Pair { ours: Number::stored(ours), theirs });
            }
        }
        Ok(reach)
    }

    /// Those of these pairs that want no texts, from the number or from the whole company.
    pub(super) async fn opted_out<'a>(
        &self,
        db: &impl ConnectionTrait,
        tenant: TenantId,
        pairs: impl Iterator<Item = &'a Pair>,
    ) -> Result<HashSet<Pair>, StorageError> {
        let asked: Vec<_> = pairs.map(|pair| (&pair.ours, &pair.theirs)).collect();
        if asked.is_empty() {
            return Ok(HashSet::new());
        }
        let rows = self.0.dialect.rows(2, &[("ours", Column::Text), ("theirs", Column::Text)]);
        let sql = format!(
            "SELECT r.ours, r.theirs FROM {rows} r CROSS JOIN consent c WHERE c.tenant_id = $1 \
             AND c.number = r.theirs AND c.our_number IN (r.ours, '') AND c.opted_out"
        );
        let found = db.query_all_raw(self.statement(&sql, [tenant.0.into(), bulk(&asked)])).await?;
        let pair = |row| {
            let (ours, theirs) = (column(row, "ours")?, column(row, "theirs")?);
            Ok(Pair { ours: Number::stored(ours), theirs: Number::stored(theirs) })
        };
        found.iter().map(pair).collect()
    }
}

fn sender(row: &QueryResult) -> Result<Sender, StorageError> {
    Ok(Sender {
        number: Number::stored(column(row, "number")?),
        revision: column(row, "revision")?,
        sms_enabled: column(row, "sms_enabled")?,
        feeds_queue: column(row, "feeds_queue")?,
    })
}
