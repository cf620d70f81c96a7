//! Who changed what.

use actix_web::{
    get,
    web::{Data, Json, Query},
};

use crate::{
    protocol::{
        audit::{AuditEntry, AuditedBy, ListAudit},
        shapes::List,
    },
    storage::Audited,
};

use super::{
    Shared,
    auth::Provisioner,
    error::{Problems, Refused},
    json,
};

/// Who changed what, newest first; 400 days back.
#[utoipa::path(tag = "pbx", params(ListAudit), responses((status = 200, body = List<AuditEntry>), Problems))]
#[get("/v1/pbx/audit")]
pub async fn list_audit(
    shared: Data<Shared>,
    who: Provisioner,
    Query(page): Query<ListAudit>,
) -> Result<Json<List<AuditEntry>>, Refused> {
    let limit = json::limit(page.limit)?;
    let before = json::after(page.after.as_deref())?;
    let (action, by) = (page.action.as_deref(), page.extension.as_deref());
    let mut found = shared.engine.storage.audited(who.tenant, action, by, before, limit + 1).await?;
    let next = (found.len() > limit).then(|| found[limit - 1].id.to_string());
    found.truncate(limit);
    Ok(Json(List { items: found.into_iter().map(entry).collect(), next }))
}

fn entry(audited: Audited) -> AuditEntry {
    let Audited { id, at, by_kind, by_number, by_name, action, subject, detail } = audited;
    let (extension, key) = match by_kind.as_str() {
        "extension" => (by_number, None),
        _ => (None, by_number),
    };
    AuditEntry {
        id: id.to_string(),
        at: at.to_rfc3339(),
        by: AuditedBy { kind: by_kind, extension, name: by_name, key },
        action,
        subject,
        detail: detail.and_then(|detail| serde_json::from_str(&detail).ok()),
    }
}
