//! Texts that came over a carrier's link, and pieces of long ones, from before they are answered until they are used; and
//! receipts that came before what they are of.

use std::{collections::BTreeSet, fmt::Write};

use sea_orm::{ConnectionTrait, QueryResult, Statement, Value};
use serde_json::json;
use uuid::Uuid;

use crate::domain::{Timestamp, conversation::Pair, phone::Number, sms::delivery::Receipt};

use super::{
    Storage, StorageError, column,
    dialect::{Column, Hex, bulk},
};

/// A text, or a piece of one, as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPiece {
    /// Its name. The text that begins with it has the same.
    pub id: Uuid,
    /// Whose link it came by: the first of the sections that share the account.
    pub carrier: String,
    /// Which of our numbers it is for.
    pub ours: Number,
    /// Who sent it.
    pub theirs: Number,
    /// Which long text of the pair's it belongs to; none if it is a text by itself.
    pub long_text: Option<String>,
    /// Which part of that, from 1.
    pub part: u8,
    /// Of so many.
    pub total: u8,
    /// How it is encoded.
    pub data_coding: u8,
    /// What it says.
    pub octets: Vec<u8>,
    /// Of all that it came with: the same again has the same.
    pub digest: Vec<u8>,
    /// When it came.
    pub at: Timestamp,
    /// In which session of a link.
    pub session: Option<Uuid>,
}

/// What is to be written of pieces.
#[derive(Clone, Debug, Default)]
pub struct PieceWrites {
    /// These are new.
    pub keep: Vec<StoredPiece>,
    /// These came again, in that session.
    pub again: Vec<(Uuid, Uuid)>,
    /// The texts that these make are stored: they are needed no more, but to know a repeat.
    pub used: Vec<Uuid>,
    /// The carrier has seen our answers to these: it does not bring them again.
    pub answered: Vec<Uuid>,
}

/// One that came before, and is the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SamePiece {
    /// Of all that it came with.
    pub digest: Vec<u8>,
    /// Its name.
    pub id: Uuid,
    /// Whose link it came by.
    pub carrier: String,
    /// In which session of that.
    pub session: Option<Uuid>,
    /// When it came.
    pub at: Timestamp,
    /// Whether the carrier is known to have seen our answer.
    pub is_answered: bool,
}

/// A receipt for a text that nobody knows of yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldReceipt {
    /// Its name.
    pub id: Uuid,
    /// Whose link it came by.
    pub carrier: String,
    /// What the carrier calls the text.
    pub provider_id: String,
    /// What became of that.
    pub receipt: Receipt,
    /// When it came.
    pub at: Timestamp,
}

impl Storage {
    /// Writes all of it, or nothing. The same once more changes nothing.
    pub async fn write_pieces(&self, writes: &PieceWrites, now: Timestamp) -> Result<(), StorageError> {
        let statements = [self.keep(writes), self.again(writes), self.used(writes, now), self.answered(writes, now)];
        let statements: Vec<_> = statements.into_iter().flatten().collect();
        if statements.is_empty() { Ok(()) } else { self.0.writer.run_all(statements).await }
    }

    fn keep(&self, PieceWrites { keep, .. }: &PieceWrites) -> Option<Statement> {
        let columns = [
            ("id", Column::Uuid),
            ("carrier", Column::Text),
            ("our_number", Column::Text),
            ("number", Column::Text),
            ("long_text", Column::Text),
            ("part", Column::Int),
            ("total", Column::Int),
            ("data_coding", Column::Int),
            ("octets", Column::Bytes),
            ("digest", Column::Bytes),
            ("at", Column::Int),
            ("session", Column::Uuid),
        ];
        let row = |p: &StoredPiece| {
            let (id, session) = (Hex(p.id), p.session.map(Hex));
            let (octets, digest) = (hex(&p.octets), hex(&p.digest));
            let (ours, theirs) = (p.ours.as_str().to_owned(), p.theirs.as_str().to_owned());
            let how = (p.part, p.total, p.data_coding);
            json!([id, p.carrier, ours, theirs, p.long_text, how.0, how.1, how.2, octets, digest, p.at.0, session])
        };
        let names = columns.map(|(name, _)| name).join(", ");
        let sql = format!(
            "INSERT INTO piece ({names}) SELECT {names} FROM {} r WHERE true ON CONFLICT DO NOTHING",
            self.0.dialect.rows(1, &columns)
        );
        let rows: Vec<_> = keep.iter().map(row).collect();
        (!rows.is_empty()).then(|| self.statement(&sql, [bulk(&rows)]))
    }

    fn again(&self, PieceWrites { again, .. }: &PieceWrites) -> Option<Statement> {
        let rows = self.0.dialect.rows(1, &[("id", Column::Uuid), ("session", Column::Uuid)]);
        let sql = format!("UPDATE piece SET session = r.session FROM {rows} r WHERE piece.id = r.id");
        let of: Vec<_> = again.iter().map(|(id, session)| (Hex(*id), Hex(*session))).collect();
        (!of.is_empty()).then(|| self.statement(&sql, [bulk(&of)]))
    }

    fn used(&self, PieceWrites { used, .. }: &PieceWrites, now: Timestamp) -> Option<Statement> {
        let rows = self.0.dialect.rows(2, &[("id", Column::Uuid)]);
        let sql = format!(
            "UPDATE piece SET used_at = $1, octets = $3 WHERE id IN (SELECT r.id FROM {rows} r) AND used_at IS NULL"
        );
        let values = [now.0.into(), ids(used), Vec::<u8>::new().into()];
        (!used.is_empty()).then(|| self.statement(&sql, values))
    }

    fn answered(&self, PieceWrites { answered, .. }: &PieceWrites, now: Timestamp) -> Option<Statement> {
        let rows = self.0.dialect.rows(2, &[("id", Column::Uuid)]);
        let sql = format!("UPDATE piece SET answered_at = $1 WHERE id IN (SELECT r.id FROM {rows} r)");
        (!answered.is_empty()).then(|| self.statement(&sql, [now.0.into(), ids(answered)]))
    }

    /// The newest that are the same as one of these, newest first: of each 20.
    pub async fn pieces_like(&self, digests: &BTreeSet<Vec<u8>>) -> Result<Vec<SamePiece>, StorageError> {
        let of = self.0.dialect.rows(1, &[("digest", Column::Bytes)]);
        let sql = format!(
            "SELECT p.digest, p.id, p.carrier, p.session, p.at, p.answered_at IS NOT NULL AS is_answered \
             FROM {of} r CROSS JOIN piece p WHERE p.id IN \
             (SELECT q.id FROM piece q WHERE q.digest = r.digest ORDER BY q.id DESC LIMIT 20) ORDER BY p.id DESC"
        );
        let rows: Vec<_> = digests.iter().map(|digest| (hex(digest),)).collect();
        let rows = self.0.reader.query_all_raw(self.statement(&sql, [bulk(&rows)])).await?;
        let same = |row: &QueryResult| {
            let (digest, id, at) = (column(row, "digest")?, column(row, "id")?, Timestamp(column(row, "at")?));
            let (carrier, session) = (column(row, "carrier")?, column(row, "session")?);
            Ok(SamePiece { digest, id, carrier, session, at, is_answered: column(row, "is_answered")? })
        };
        rows.iter().map(same).collect()
    }

    /// What somebody texted to one of our numbers and is not used yet, oldest first.
    pub async fn unused_pieces(&self, pair: &Pair, limit: usize) -> Result<Vec<StoredPiece>, StorageError> {
        let sql = "SELECT * FROM piece WHERE number = $1 AND our_number = $2 AND used_at IS NULL ORDER BY id LIMIT $3";
        let values = [pair.theirs.as_str().into(), pair.ours.as_str().into(), bound(limit)];
        let rows = self.0.reader.query_all_raw(self.statement(sql, values)).await?;
        rows.iter().map(piece).collect()
    }

    /// Pairs of which something that came over these is not used yet and should be: texts that came before `alone`, pieces of
    /// long ones that came before `long`. So many pieces are looked at, those that wait longest.
    pub async fn pairs_of_pieces(
        &self,
        carriers: &[String],
        alone: Timestamp,
        long: Timestamp,
        limit: usize,
    ) -> Result<BTreeSet<Pair>, StorageError> {
        let of = self.0.dialect.rows(4, &[("carrier", Column::Text)]);
        let sql = format!(
            "SELECT number, our_number FROM piece WHERE used_at IS NULL AND at < $1 AND (long_text IS NULL OR at < $2) \
             AND carrier IN (SELECT r.carrier FROM {of} r) ORDER BY at LIMIT $3"
        );
        let values = [alone.0.into(), long.0.into(), bound(limit), names(carriers)];
        let rows = self.0.reader.query_all_raw(self.statement(&sql, values)).await?;
        let pair = |row: &QueryResult| {
            let (ours, theirs) = (column(row, "our_number")?, column(row, "number")?);
            Ok(Pair { ours: Number::stored(ours), theirs: Number::stored(theirs) })
        };
        rows.iter().map(pair).collect()
    }

    /// What came over these, in none of the sessions in which it may not be over, does not come again any more; but for these
    /// pieces.
    pub async fn pieces_settled(
        &self,
        carriers: &[String],
        open: &[Uuid],
        but: &[Uuid],
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let of = self.0.dialect.rows(2, &[("carrier", Column::Text)]);
        let open_ones = self.0.dialect.rows(3, &[("session", Column::Uuid)]);
        let but_these = self.0.dialect.rows(4, &[("id", Column::Uuid)]);
        let sql = format!(
            "UPDATE piece SET answered_at = $1 WHERE answered_at IS NULL AND at < $1 AND carrier IN (SELECT r.carrier FROM {of} r) \
             AND (session IS NULL OR session NOT IN (SELECT r.session FROM {open_ones} r)) \
             AND id NOT IN (SELECT r.id FROM {but_these} r)"
        );
        let update = self.statement(&sql, [now.0.into(), names(carriers), ids(open), ids(but)]);
        self.0.writer.run(async |db| db.execute_raw(update).await).await?;
        Ok(())
    }

    /// Forgets what was used: that which was answered before `answered`, and whatever came before `all`; and receipts whose
    /// carrier is not configured any more.
    pub async fn forget_pieces(&self, answered: Timestamp, all: Timestamp) -> Result<(), StorageError> {
        let sql = "DELETE FROM piece WHERE used_at IS NOT NULL AND at < $1 AND (answered_at IS NOT NULL OR at < $2)";
        let pieces = self.statement(sql, [answered.0.into(), all.0.into()]);
        let receipts = self.statement("DELETE FROM held_receipt WHERE at < $1", [all.0.into()]);
        self.0.writer.run(async |db| db.execute_raw(pieces).await).await?;
        self.0.writer.run(async |db| db.execute_raw(receipts).await).await?;
        Ok(())
    }

    /// Holds a receipt until what it is of is known.
    pub async fn hold_receipt(&self, held: &HeldReceipt) -> Result<(), StorageError> {
        let sql = "INSERT INTO held_receipt (id, carrier, provider_id, receipt, at) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT DO NOTHING";
        let receipt =
            serde_json::to_string(&held.receipt).map_err(|_| StorageError::Inconsistent("a receipt".into()))?;
        let values: [Value; 5] = [
            held.id.into(),
            held.carrier.as_str().into(),
            held.provider_id.as_str().into(),
            receipt.into(),
            held.at.0.into(),
        ];
        let insert = self.statement(sql, values);
        self.0.writer.run(async |db| db.execute_raw(insert).await).await?;
        Ok(())
    }

    /// Receipts that are held, of these, oldest first.
    pub async fn held_receipts(&self, carriers: &[String], limit: usize) -> Result<Vec<HeldReceipt>, StorageError> {
        let of = self.0.dialect.rows(1, &[("carrier", Column::Text)]);
        let sql =
            format!("SELECT * FROM held_receipt WHERE carrier IN (SELECT r.carrier FROM {of} r) ORDER BY id LIMIT $2");
        let values = [names(carriers), bound(limit)];
        let rows = self.0.reader.query_all_raw(self.statement(&sql, values)).await?;
        let held = |row: &QueryResult| {
            let receipt: String = column(row, "receipt")?;
            Ok(HeldReceipt {
                id: column(row, "id")?,
                carrier: column(row, "carrier")?,
                provider_id: column(row, "provider_id")?,
                receipt: serde_json::from_str(&receipt).map_err(|_| StorageError::Inconsistent("a receipt".into()))?,
                at: Timestamp(column(row, "at")?),
            })
        };
        rows.iter().map(held).collect()
    }

    /// It is held no longer.
    pub async fn let_receipt_go(&self, id: Uuid) -> Result<(), StorageError> {
        let delete = self.statement("DELETE FROM held_receipt WHERE id = $1", [id.into()]);
        self.0.writer.run(async |db| db.execute_raw(delete).await).await?;
        Ok(())
    }
}

fn names(carriers: &[String]) -> Value {
    bulk(&carriers.iter().map(|carrier| (carrier,)).collect::<Vec<_>>())
}

fn ids(ids: &[Uuid]) -> Value {
    bulk(&ids.iter().map(|id| (Hex(*id),)).collect::<Vec<_>>())
}

fn hex(bytes: &[u8]) -> String {
    let mut hex = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

fn bound(limit: usize) -> Value {
    i64::try_from(limit).unwrap_or(i64::MAX).into()
}

fn piece(row: &QueryResult) -> Result<StoredPiece, StorageError> {
    let small =
        |name: &str| u8::try_from(column::<i64>(row, name)?).map_err(|_| StorageError::Inconsistent("a piece".into()));
    Ok(StoredPiece {
        id: column(row, "id")?,
        carrier: column(row, "carrier")?,
        ours: Number::stored(column(row, "our_number")?),
        theirs: Number::stored(column(row, "number")?),
        long_text: column(row, "long_text")?,
        part: small("part")?,
        total: small("total")?,
        data_coding: small("data_coding")?,
        octets: column(row, "octets")?,
        digest: column(row, "digest")?,
        session: column(row, "session")?,
        at: Timestamp(column(row, "at")?),
    })
}
