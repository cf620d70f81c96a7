//! The audit log, as administrators read it.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A page of the audit log.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListAudit {
    /// `next` of the page before.
    pub after: Option<String>,
    /// 1–200, 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<usize>,
    /// Only this, such as `extension.put`.
    pub action: Option<String>,
    /// Only what this extension did, or the key that is known so.
    pub extension: Option<String>,
}

/// Who changed what.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AuditEntry {
    /// Its name.
    pub id: String,
    /// When.
    pub at: String,
    /// Who.
    pub by: AuditedBy,
    /// What was done: `extension.put`, `claimed`, `login` …
    pub action: String,
    /// To what: a number, a key, a conversation.
    pub subject: String,
    /// What else there is to know, by action.
    #[schema(value_type = Option<Object>)]
    pub detail: Option<serde_json::Value>,
}

/// Who did it, as it was called then.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AuditedBy {
    /// `extension`, `key` (an API key) or `engine`.
    pub kind: String,
    /// The extension's number.
    pub extension: Option<String>,
    /// The extension's name.
    pub name: Option<String>,
    /// What the API key is known by.
    pub key: Option<String>,
}
