//! What the customers' phones of the simulator received.

use sea_orm::{ConnectionTrait, Value};

use crate::domain::{Timestamp, phone::Number};

use super::{Storage, StorageError, column};

/// A text that arrived at a phone of the simulator.
#[derive(Clone, Debug)]
pub struct SimulatedText {
    /// Its place among all of them.
    pub id: i64,
    /// Who sent it.
    pub from: Number,
    /// Whose phone.
    pub to: Number,
    /// What it says.
    pub text: String,
    /// When it arrived.
    pub at: Timestamp,
}

impl Storage {
    /// Keeps what a phone received.
    pub async fn keep_simulated(&self, from: &Number, to: &Number, text: &str) -> Result<(), StorageError> {
        let sql = "INSERT INTO simulated_text (sender, recipient, text, at) VALUES ($1, $2, $3, $4)";
        let values: [Value; 4] = [from.as_str().into(), to.as_str().into(), text.into(), self.0.clock.now().0.into()];
        let insert = self.statement(sql, values);
        self.0.writer.run(async |db| db.execute_raw(insert).await).await?;
        Ok(())
    }

    /// What a phone received, oldest first, after `after`.
    pub async fn simulated(
        &self,
        phone: &Number,
        after: i64,
        limit: usize,
    ) -> Result<Vec<SimulatedText>, StorageError> {
        let sql = "SELECT id, sender, recipient, text, at FROM simulated_text WHERE recipient = $1 AND id > $2 \
             ORDER BY id LIMIT $3";
        let values = [phone.as_str().into(), after.into(), i64::try_from(limit).unwrap_or(i64::MAX).into()];
        let rows = self.0.reader.query_all_raw(self.statement(sql, values)).await?;
        let text = |row| {
            Ok(SimulatedText {
                id: column(row, "id")?,
                from: Number::stored(column(row, "sender")?),
                to: Number::stored(column(row, "recipient")?),
                text: column(row, "text")?,
                at: Timestamp(column(row, "at")?),
            })
        };
        rows.iter().map(text).collect()
    }
}
