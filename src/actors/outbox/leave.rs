//! Whether a text may go out: asked when its turn comes, and again whenever it would be handed over anew.

use std::sync::Arc;

use crate::{
    carriers::Carrier,
    domain::{
        Guard, Refusal,
        phone::Number,
        sms::delivery::{Delivery, DeliveryError},
    },
    storage::Underway,
};

use super::Engine;

/// What was found.
pub(super) struct Leave {
    /// Who carries it, by the name of its section.
    pub carrier: Option<(Arc<dyn Carrier>, String)>,
    /// Why it may not go out.
    pub refusal: Option<DeliveryError>,
    /// What this rests on.
    pub guards: Vec<Guard>,
}

/// Our number is to be the company's and to have SMS, its author is to have it still, and they are not to have said stop.
pub(super) async fn leave(
    engine: &Engine,
    ours: &Number,
    underway: &Underway,
    delivery: &Delivery,
) -> Result<Leave, Refusal> {
    let mut guards = vec![];
    let phone = engine.storage.phone_number(ours).await?;
    let mut usable = phone.filter(|p| !p.deleted && p.tenant == underway.tenant && p.phone_number.sms_enabled);
    // Who wrote it must still have the number; what is sent by itself needs nobody.
    if let Some(author) = underway.message.author.extension().filter(|_| !underway.is_queued) {
        let revision = engine.storage.sender_revision(underway.tenant, author, ours).await?;
        guards.extend(revision.map(|revision| Guard::Extension(author, revision)));
        let feeds = match usable.as_ref().and_then(|p| p.phone_number.queue.as_ref()) {
            Some(key) => engine.storage.line_of(underway.tenant, key).await?.is_some(),
            None => false,
        };
        usable = usable.filter(|_| revision.is_some() && !feeds);
    }
    guards.extend(usable.as_ref().map(|p| Guard::PhoneNumber(ours.clone(), p.revision)));
    let carrier = usable.as_ref().map(|p| p.phone_number.carrier.clone());
    let carrier = carrier.and_then(|name| Some((engine.carriers.get(&name)?.clone(), name)));
    let consents = engine.storage.consents_of(underway.tenant, &delivery.number).await?;
    let concerns = |of: &Option<Number>| of.as_ref().is_none_or(|number| number == ours);
    let opted_out = consents.iter().any(|c| c.opted_out && concerns(&c.our_number));
    if !delivery.confirms_opt_out {
        guards.push(Guard::Consent { ours: ours.clone(), theirs: delivery.number.clone(), opted_out });
    }
    let refusal = if opted_out && !delivery.confirms_opt_out {
        Some(DeliveryError::opted_out())
    } else if usable.is_none() {
        Some(DeliveryError::not_enabled())
    } else if carrier.is_none() {
        Some(no_carrier())
    } else {
        None
    };
    Ok(Leave { carrier, refusal, guards })
}

pub(super) fn no_carrier() -> DeliveryError {
    let remedy = "Ask the administrator to name a carrier that is configured.";
    DeliveryError::engine("no_carrier", "The number's carrier is not configured.", remedy)
}
