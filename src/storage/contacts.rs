//! Contacts: what people may show for numbers, and what they find when they search.

use std::collections::{BTreeSet, HashMap, HashSet};

use sea_orm::{ConnectionTrait, QueryResult, Value};

use crate::domain::{
    Caller, GenerationId, TenantId, Timestamp,
    contacts::{
        Contact, Names, Source,
        fold::{fold, search_text},
        search::{Candidate, Needle},
    },
    phone::Number,
    provision::phonebook::PhonebookSource,
};

use super::{
    Storage, StorageError, column,
    dialect::{Column, Hex, bulk},
};

/// Rows that a search weighs, of each source.
const WEIGHED: i64 = 400;

/// The phonebooks of an extension that are there: `$1` the extension, `$2` its tenant.
pub(super) const BOOKS: &str = "(SELECT a.place, b.id, b.name AS book, b.source, b.generation \
     FROM extension_phonebook a JOIN phonebook b ON b.tenant_id = a.tenant_id AND b.key = a.key AND NOT b.deleted \
     WHERE a.extension_id = $1 AND a.tenant_id = $2) books";

/// Stores contacts, but for those whose key is there.
pub(super) const PUT_CONTACTS: &str = "INSERT INTO contact (generation, key, tenant_id, name, numbers, sort, search) \
     SELECT generation, key, tenant_id, name, numbers, sort, search FROM {rows} r WHERE true \
     ON CONFLICT (generation, key) DO NOTHING";
/// The columns of [`contact_row`].
pub(super) const CONTACT: [(&str, Column); 7] = [
    ("generation", Column::Uuid),
    ("key", Column::Text),
    ("tenant_id", Column::Uuid),
    ("name", Column::Text),
    ("numbers", Column::Text),
    ("sort", Column::Text),
    ("search", Column::Text),
];
/// Stores the numbers of contacts.
pub(super) const PUT_NUMBERS: &str = "INSERT INTO contact_number (generation, number, key, tenant_id) \
     SELECT generation, number, key, tenant_id FROM {rows} r WHERE true ON CONFLICT DO NOTHING";
/// The columns of [`number_rows`].
pub(super) const CONTACT_NUMBER: [(&str, Column); 4] =
    [("generation", Column::Uuid), ("number", Column::Text), ("key", Column::Text), ("tenant_id", Column::Uuid)];

/// A contact as it is stored.
pub(super) fn contact_row(
    generation: GenerationId,
    tenant: TenantId,
    contact: &Contact,
) -> (Hex, &str, Hex, &str, String, String, String) {
    let numbers = serde_json::to_string(&contact.numbers).unwrap_or_default();
    let (sort, search) = (fold(&contact.name), search_text(&contact.name, &contact.numbers));
    (Hex(generation.0), &contact.key, Hex(tenant.0), &contact.name, numbers, sort, search)
}

/// A contact's numbers as they are stored.
pub(super) fn number_rows(
    generation: GenerationId,
    tenant: TenantId,
    contact: &Contact,
) -> impl Iterator<Item = (Hex, &Number, &str, Hex)> {
    contact.numbers.iter().map(move |number| (Hex(generation.0), number, contact.key.as_str(), Hex(tenant.0)))
}

/// The numbers of a stored contact.
pub(super) fn numbers(row: &QueryResult) -> Result<Vec<Number>, StorageError> {
    let numbers = serde_json::from_str(&column::<String>(row, "numbers")?);
    numbers.map_err(|e| StorageError::Inconsistent(format!("numbers of a contact: {e}")))
}

impl Storage {
    /// What somebody may show for these numbers: their phonebooks' names, then CNAM's, then a caller's name of their
    /// newest call. Of what has no name, nothing.
    pub async fn contact_names(
        &self,
        caller: &Caller,
        numbers: impl IntoIterator<Item = Number>,
    ) -> Result<Names, StorageError> {
        let mut wanted: BTreeSet<Number> = numbers.into_iter().collect();
        let mut names = Names::new();
        if wanted.is_empty() {
            return Ok(names);
        }
        let keys: Vec<_> = wanted.iter().map(|number| (number,)).collect();
        let rows = self.0.dialect.rows(3, &[("number", Column::Text)]);
        let sql = format!(
            "SELECT n.number, n.key, c.name, books.place, books.source FROM {rows} r CROSS JOIN {BOOKS} \
             CROSS JOIN contact_number n CROSS JOIN contact c WHERE n.generation = books.generation \
             AND n.number = r.number AND n.tenant_id = $2 AND c.generation = n.generation AND c.key = n.key"
        );
        let (me, tenant) = (caller.extension.0, caller.tenant.0);
        let found = self.0.reader.query_all_raw(self.statement(&sql, [me.into(), tenant.into(), bulk(&keys)])).await?;
        let mut best: HashMap<Number, ((bool, i64, String), String)> = HashMap::new();
        for row in &found {
            let is_cnam = column::<String>(row, "source")? == PhonebookSource::Cnam.as_str();
            let order = (is_cnam, column(row, "place")?, column(row, "key")?);
            let (number, name) = (Number::stored(column(row, "number")?), column::<String>(row, "name")?);
            let better = best.get(&number).is_none_or(|(there, _)| order < *there);
            if better {
                best.insert(number, (order, name));
            }
        }
        names.extend(best.into_iter().map(|(number, (_, name))| (number, name)));
        wanted.retain(|number| !names.contains_key(number));
        self.caller_names(caller, &wanted, &mut names).await?;
        Ok(names)
    }

    async fn caller_names(
        &self,
        caller: &Caller,
        wanted: &BTreeSet<Number>,
        names: &mut Names,
    ) -> Result<(), StorageError> {
        if wanted.is_empty() {
            return Ok(());
        }
        let keys: Vec<_> = wanted.iter().map(|number| (number,)).collect();
        let rows = self.0.dialect.rows(3, &[("number", Column::Text)]);
        let sql = format!(
            "SELECT k.number, k.caller_name FROM {rows} r CROSS JOIN recent_call k WHERE k.tenant_id = $1 \
             AND k.extension = $2 AND k.number = r.number AND k.caller_name IS NOT NULL ORDER BY k.at"
        );
        let values = [caller.tenant.0.into(), caller.number.as_str().into(), bulk(&keys)];
        for row in self.0.reader.query_all_raw(self.statement(&sql, values)).await? {
            // The newest comes last.
            names.insert(Number::stored(column(&row, "number")?), column(&row, "caller_name")?);
        }
        Ok(())
    }

    /// Whoever may be meant: of the caller's phonebooks, calls and conversations, the best of each.
    pub async fn candidates(&self, caller: &Caller, needle: &Needle) -> Result<Vec<Candidate>, StorageError> {
        if needle.words.is_empty() && needle.digits.is_none() {
            return Ok(vec![]);
        }
        let mut found = self.in_phonebooks(caller, needle).await?;
        found.extend(self.in_calls(caller, needle).await?);
        if let Some(digits) = &needle.digits {
            found.extend(self.in_conversations(caller, digits).await?);
        }
        Ok(found)
    }

    async fn in_phonebooks(&self, caller: &Caller, needle: &Needle) -> Result<Vec<Candidate>, StorageError> {
        let (me, tenant) = (caller.extension.0, caller.tenant.0);
        let mut values = vec![me.into(), tenant.into(), WEIGHED.into()];
        let matches = self.matches("c.search", needle, &mut values);
        let order = self.best_first("c.search", needle, &mut values);
        let sql = format!(
            "SELECT c.name, c.numbers, books.place, books.book, books.source FROM {BOOKS} CROSS JOIN contact c \
             WHERE c.generation = books.generation AND c.tenant_id = $2 AND {matches} ORDER BY {order}, c.sort LIMIT $3"
        );
        let mut found = vec![];
        for row in self.0.reader.query_all_raw(self.statement(&sql, values)).await? {
            let is_cnam = column::<String>(&row, "source")? == PhonebookSource::Cnam.as_str();
            let place = column::<i64>(&row, "place")? + if is_cnam { 1_000 } else { 0 };
            let (name, book): (String, String) = (column(&row, "name")?, column(&row, "book")?);
            found.extend(numbers(&row)?.into_iter().map(|number| Candidate {
                name: Some(name.clone()),
                number,
                source: Source::Phonebook,
                phonebook: Some((place, book.clone())),
            }));
        }
        Ok(found)
    }

    async fn in_calls(&self, caller: &Caller, needle: &Needle) -> Result<Vec<Candidate>, StorageError> {
        let mut values = vec![caller.number.as_str().into(), caller.tenant.0.into(), WEIGHED.into()];
        let matches = self.matches("k.search", needle, &mut values);
        let order = self.best_first("k.search", needle, &mut values);
        let sql = format!(
            "SELECT k.number, k.caller_name FROM recent_call k WHERE k.extension = $1 AND k.tenant_id = $2 AND {matches} \
             ORDER BY {order}, k.at DESC LIMIT $3"
        );
        let rows = self.0.reader.query_all_raw(self.statement(&sql, values)).await?;
        let candidate = |row: &QueryResult| {
            let (name, number) = (column(row, "caller_name")?, Number::stored(column(row, "number")?));
            Ok(Candidate { name, number, source: Source::Call, phonebook: None })
        };
        rows.iter().map(candidate).collect()
    }

    /// Conversations are found by their numbers: their names are a phonebook's or a call's.
    async fn in_conversations(&self, caller: &Caller, digits: &str) -> Result<Vec<Candidate>, StorageError> {
        let has = self.0.dialect.contains("c.their_number", "$3");
        let outside = self.0.dialect.contains("o.number", "$3");
        let sql = format!(
            "SELECT c.their_number AS number FROM participant p JOIN conversation c ON c.id = p.conversation_id \
             WHERE p.extension_id = $1 AND p.tenant_id = $2 AND p.left_version IS NULL AND {has} \
             UNION SELECT o.number FROM participant p JOIN outsider o ON o.conversation_id = p.conversation_id \
             WHERE p.extension_id = $1 AND p.tenant_id = $2 AND p.left_version IS NULL AND {outside} LIMIT $4"
        );
        let values = [caller.extension.0.into(), caller.tenant.0.into(), digits.into(), WEIGHED.into()];
        let rows = self.0.reader.query_all_raw(self.statement(&sql, values)).await?;
        let candidate = |row: &QueryResult| {
            let number = Number::stored(column(row, "number")?);
            Ok(Candidate { name: None, number, source: Source::Conversation, phonebook: None })
        };
        rows.iter().map(candidate).collect()
    }

    /// Which of these numbers are of the caller's calls, and of their conversations.
    pub async fn seen_in(
        &self,
        caller: &Caller,
        numbers: &[Number],
    ) -> Result<(HashSet<Number>, HashSet<Number>), StorageError> {
        let keys: Vec<_> = numbers.iter().map(|number| (number,)).collect();
        let rows = self.0.dialect.rows(3, &[("number", Column::Text)]);
        let calls = format!(
            "SELECT DISTINCT r.number FROM {rows} r WHERE EXISTS (SELECT 1 FROM recent_call k WHERE k.extension = $1 \
             AND k.tenant_id = $2 AND k.number = r.number)"
        );
        let values = [caller.number.as_str().into(), caller.tenant.0.into(), bulk(&keys)];
        let calls = self.0.reader.query_all_raw(self.statement(&calls, values)).await?;
        let conversations = format!(
            "SELECT DISTINCT r.number FROM {rows} r WHERE EXISTS (SELECT 1 FROM conversation c \
             JOIN participant p ON p.conversation_id = c.id AND p.extension_id = $1 AND p.left_version IS NULL \
             WHERE c.tenant_id = $2 AND c.their_number = r.number) OR EXISTS (SELECT 1 FROM outsider o \
             JOIN participant p ON p.conversation_id = o.conversation_id AND p.extension_id = $1 \
             AND p.left_version IS NULL WHERE o.tenant_id = $2 AND o.number = r.number)"
        );
        let values = [caller.extension.0.into(), caller.tenant.0.into(), bulk(&keys)];
        let conversations = self.0.reader.query_all_raw(self.statement(&conversations, values)).await?;
        let set = |rows: &[QueryResult]| {
            rows.iter().map(|row| column(row, "number").map(Number::stored)).collect::<Result<HashSet<_>, _>>()
        };
        Ok((set(&calls)?, set(&conversations)?))
    }

    /// The numbers of the caller's newest calls and conversations, newest first.
    pub async fn recent(&self, caller: &Caller, limit: usize) -> Result<Vec<(Number, Timestamp)>, StorageError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let calls = "SELECT k.number, max(k.at) AS at FROM recent_call k WHERE k.extension = $1 AND k.tenant_id = $2 \
             GROUP BY k.number ORDER BY at DESC LIMIT $3";
        let values = [caller.number.as_str().into(), caller.tenant.0.into(), limit.into()];
        let mut rows = self.0.reader.query_all_raw(self.statement(calls, values)).await?;
        let conversations = "SELECT c.their_number AS number, c.last_activity_at AS at FROM participant p \
             JOIN conversation c ON c.id = p.conversation_id WHERE p.extension_id = $1 AND p.tenant_id = $2 \
             AND p.left_version IS NULL AND c.their_number IS NOT NULL ORDER BY c.last_activity_at DESC LIMIT $3";
        let values = [caller.extension.0.into(), caller.tenant.0.into(), limit.into()];
        rows.extend(self.0.reader.query_all_raw(self.statement(conversations, values)).await?);
        let mut newest: HashMap<Number, Timestamp> = HashMap::new();
        for row in &rows {
            let (number, at) = (Number::stored(column(row, "number")?), Timestamp(column(row, "at")?));
            newest.entry(number).and_modify(|there| *there = (*there).max(at)).or_insert(at);
        }
        let mut newest: Vec<_> = newest.into_iter().collect();
        newest.sort_unstable_by(|(a, at), (b, then)| then.cmp(at).then_with(|| a.cmp(b)));
        Ok(newest)
    }

    /// A condition that a text to search holds what is looked for. What it binds is added to the values.
    pub(super) fn matches(&self, text: &str, needle: &Needle, values: &mut Vec<Value>) -> String {
        let mut contains = |part: &str| self.0.dialect.contains(text, &bound(part, values));
        let words: Vec<_> = needle.words.iter().map(|word| contains(word)).collect();
        let words = if words.is_empty() { "1 = 0".to_owned() } else { words.join(" AND ") };
        let digits = needle.digits.as_deref().map(|digits| format!(" OR {}", contains(digits)));
        format!("({words}{})", digits.unwrap_or_default())
    }

    /// Which rows are weighed first, if there are more than are weighed: in the order of the domain's ranks. Of a needle
    /// that looks for something.
    fn best_first(&self, text: &str, needle: &Needle, values: &mut Vec<Value>) -> String {
        let mut contains = |part: String| self.0.dialect.contains(text, &bound(&part, values));
        let all = needle.words.join(" ");
        let mut ranks = vec![];
        if let Some(first) = needle.words.first() {
            ranks.push((0, contains(format!("\n{all}\n"))));
            ranks.push((1, contains(format!("\n{all}"))));
            ranks.push((2, contains(format!("\n{first}"))));
            ranks.push((2, contains(format!(" {first}"))));
        }
        if let Some(digits) = &needle.digits {
            ranks.push((0, contains(format!("\n{digits}\n"))));
            ranks.push((1, contains(format!("{digits}\n"))));
            ranks.push((3, contains(digits.clone())));
        }
        ranks.sort_by_key(|(rank, _)| *rank);
        let cases: Vec<_> = ranks.iter().map(|(rank, so)| format!("WHEN {so} THEN {rank}")).collect();
        format!("CASE {} ELSE 4 END", cases.join(" "))
    }
}

/// A value, and how a statement names it.
fn bound(value: &str, values: &mut Vec<Value>) -> String {
    values.push(value.into());
    format!("${}", values.len())
}
