//! The one place where SQLite and PostgreSQL differ.
//!
//! Bulk statements bind their rows as ONE JSON array of arrays: the statement's text stays the same for any number of
//! rows, so it is prepared once, and one statement serves a whole batch.

use std::fmt::Write;

use sea_orm::{DatabaseBackend, Statement, Value};
use serde::Serialize;
use uuid::Uuid;

/// Which database this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Embedded.
    Sqlite,
    /// A server, for several nodes.
    Postgres,
}

/// What a column of bulk rows holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Column {
    Uuid,
    /// In hexadecimal.
    Bytes,
    Int,
    Text,
    Bool,
}

impl Dialect {
    pub(super) fn backend(self) -> DatabaseBackend {
        match self {
            Dialect::Sqlite => DatabaseBackend::Sqlite,
            Dialect::Postgres => DatabaseBackend::Postgres,
        }
    }

    /// The rows bound as JSON in parameter `$n`, as a table to select from, with these columns. It comes first, and what
    /// is read of other tables follows it in a CROSS JOIN, whose order SQLite keeps: left to itself it may begin with the
    /// other table, and look through the rows for each of it.
    pub(super) fn rows(self, n: usize, columns: &[(&str, Column)]) -> String {
        let mut sql = String::from("(SELECT ");
        for (i, (name, column)) in columns.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            let _ = match (self, column) {
                (Dialect::Sqlite, Column::Uuid | Column::Bytes) => write!(sql, "{comma}unhex(value->>{i}) AS {name}"),
                (Dialect::Sqlite, _) => write!(sql, "{comma}value->>{i} AS {name}"),
                (Dialect::Postgres, Column::Uuid) => write!(sql, "{comma}(value->>{i})::uuid AS {name}"),
                (Dialect::Postgres, Column::Bytes) => write!(sql, "{comma}decode(value->>{i}, 'hex') AS {name}"),
                (Dialect::Postgres, Column::Int) => write!(sql, "{comma}(value->>{i})::bigint AS {name}"),
                (Dialect::Postgres, Column::Bool) => write!(sql, "{comma}(value->>{i})::boolean AS {name}"),
                (Dialect::Postgres, Column::Text) => write!(sql, "{comma}value->>{i} AS {name}"),
            };
        }
        let _ = match self {
            Dialect::Sqlite => write!(sql, " FROM jsonb_each(${n}))"),
            Dialect::Postgres => write!(sql, " FROM jsonb_array_elements(${n}::jsonb))"),
        };
        sql
    }

    /// All selected rows as one JSON array of arrays in one row: the driver hands rows over one by one, from thread to
    /// thread, which costs more than the rows do.
    pub(super) fn collected(self, columns: &[(&str, Column)]) -> String {
        let column = |(name, column): &(&str, Column)| match (self, column) {
            (Dialect::Sqlite, Column::Uuid) => format!("hex({name})"),
            _ => (*name).to_owned(),
        };
        let columns = columns.iter().map(column).collect::<Vec<_>>().join(", ");
        match self {
            Dialect::Sqlite => format!("json_group_array(json_array({columns}))"),
            Dialect::Postgres => format!("coalesce(json_agg(json_build_array({columns})), '[]')::text"),
        }
    }

    /// A condition that a text contains another, letter by letter.
    pub(super) fn contains(self, text: &str, part: &str) -> String {
        match self {
            Dialect::Sqlite => format!("instr({text}, {part}) > 0"),
            Dialect::Postgres => format!("strpos({text}, {part}) > 0"),
        }
    }

    /// What locks the selected rows until the end of the transaction. SQLite has one writer anyway.
    pub(super) fn for_update(self) -> &'static str {
        match self {
            Dialect::Sqlite => "",
            Dialect::Postgres => " FOR NO KEY UPDATE",
        }
    }

    /// A statement with its parameters `$1`, `$2` …
    pub(super) fn statement(self, sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
        #[cfg(test)]
        super::plans::note(sql);
        Statement::from_sql_and_values(self.backend(), sql, values)
    }
}

/// An id in bulk rows.
pub(super) struct Hex(pub Uuid);

impl Serialize for Hex {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.0.as_simple().encode_lower(&mut Uuid::encode_buffer()))
    }
}

/// Bulk rows as the parameter that [`Dialect::rows`] reads.
pub(super) fn bulk<T: Serialize>(rows: &[T]) -> Value {
    Value::from(serde_json::to_string(rows).unwrap_or_else(|_| "[]".into()))
}
