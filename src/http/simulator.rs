//! The built-in carrier's phones: to text in as a customer, and to see what a customer's phone received. On loopback
//! alone, unless the configuration opens it.

use actix_web::{
    HttpRequest, HttpResponse, get, post,
    web::{Data, Json, Query},
};

use crate::{
    carriers::{Kind, Webhook},
    config::Carrier,
    domain::{Refusal, phone::Number},
    protocol::{
        requests::{ListSimulated, SimulateText},
        shapes::{CallerId, List, SimulatedId, SimulatedText},
    },
};

use super::{
    Shared,
    carriers::{keep, used},
    error::{Problems, Refused},
    json::{self, Fields},
};

/// Text in as a customer. Answered after the commit.
#[utoipa::path(
    tag = "simulator",
    security(()),
    request_body = SimulateText,
    responses((status = 201, body = SimulatedId), Problems)
)]
#[post("/v1/simulator/messages")]
pub async fn simulate_text(
    shared: Data<Shared>,
    request: HttpRequest,
    Fields(body): Fields<SimulateText>,
) -> Result<HttpResponse, Refused> {
    let simulators = open_to(&shared, &request)?;
    let to = Number::owned(&body.to)?;
    Number::sender(&body.from).ok_or_else(|| Refusal::InvalidNumber("from is nobody's number".into()))?;
    if body.id.as_ref().is_some_and(|id| !(1..=200).contains(&id.len()) || id.chars().any(char::is_control)) {
        return Err(Refusal::invalid("id: 1 to 200 bytes").into());
    }
    if body.text.contains('\0') || body.media.len() > 10 {
        return Err(Refusal::invalid("text: no NUL; media: up to 10").into());
    }
    let id = body.id.clone().unwrap_or_else(|| shared.engine.clock.new_id().to_string());
    let owner = shared.engine.storage.phone_number(&to).await?.filter(|n| !n.deleted);
    // A number that nobody has is called through the first of them.
    let name = owner.map_or_else(|| simulators[0].clone(), |n| n.phone_number.carrier);
    if !simulators.contains(&name) {
        return Err(Refusal::InvalidNumber(format!("{to} is not a number of the simulator")).into());
    }
    let carrier = shared.engine.carriers.get(&name).ok_or(Refusal::NotFound)?;
    let text = serde_json::json!({"id": id, "from": body.from, "to": body.to, "text": body.text, "media": body.media});
    let text = text.to_string();
    let path = request.uri().path().to_owned();
    let webhook = Webhook {
        kind: Kind::Inbound,
        attempt: None,
        path_and_query: &path,
        content_type: "application/json",
        headers: &[],
        body: text.as_bytes(),
        now: shared.engine.clock.now(),
    };
    let said = carrier.understand(&webhook).map_err(Refusal::invalid)?;
    for (tenant, reason) in used(&shared, &name, said).await? {
        keep(&shared, &webhook, &name, "inbound", reason, tenant).await?;
    }
    Ok(HttpResponse::Created().json(SimulatedId { id }))
}

/// What a customer's phone received, oldest first.
#[utoipa::path(
    tag = "simulator",
    security(()),
    params(ListSimulated),
    responses((status = 200, body = List<SimulatedText>), Problems)
)]
#[get("/v1/simulator/messages")]
pub async fn simulated_texts(
    shared: Data<Shared>,
    request: HttpRequest,
    Query(asked): Query<ListSimulated>,
) -> Result<Json<List<SimulatedText>>, Refused> {
    open_to(&shared, &request)?;
    let limit = json::limit(asked.limit)?;
    let phone = Number::sender(&asked.number).ok_or_else(|| Refusal::InvalidNumber("that is not a number".into()))?;
    let after = asked.after.unwrap_or(0);
    let mut found = shared.engine.storage.simulated(&phone, after, limit + 1).await?;
    let next = (found.len() > limit).then(|| found[limit - 1].id.to_string());
    found.truncate(limit);
    let items = found
        .into_iter()
        .map(|t| SimulatedText {
            id: t.id,
            from: t.from.to_string(),
            to: t.to.to_string(),
            text: t.text,
            at: t.at.to_rfc3339(),
        })
        .collect();
    Ok(Json(List { items, next }))
}

/// The numbers of ours that the simulator reaches.
#[utoipa::path(tag = "simulator", security(()), responses((status = 200, body = List<CallerId>), Problems))]
#[get("/v1/simulator/numbers")]
pub async fn simulated_numbers(shared: Data<Shared>, request: HttpRequest) -> Result<Json<List<CallerId>>, Refused> {
    let simulators = open_to(&shared, &request)?;
    let numbers = shared.engine.storage.numbers_of_carriers(&simulators).await?;
    let items = numbers
        .into_iter()
        .map(|n| CallerId {
            number: n.number.to_string(),
            label: n.label,
            sms_enabled: n.sms_enabled,
            can_send: n.sms_enabled && n.queue.is_none(),
        })
        .collect();
    Ok(Json(List { items, next: None }))
}

/// The simulators that answer this request, at least one. A request that a proxy brought comes from beyond, whether the
/// proxy says so or only passes on the name that it was asked by.
fn open_to(shared: &Shared, request: &HttpRequest) -> Result<Vec<String>, Refusal> {
    let is_here = request.peer_addr().is_some_and(|a| a.ip().to_canonical().is_loopback())
        && !["x-forwarded-for", "forwarded"].iter().any(|header| request.headers().contains_key(*header))
        && is_loopback_name(request.connection_info().host());
    let sections = shared.config.carriers.iter();
    let open = |(_, carrier): &(&String, &Carrier)| matches!(carrier, Carrier::Simulator(c) if c.open || is_here);
    let names: Vec<_> = sections.filter(open).map(|(name, _)| name.clone()).collect();
    if names.is_empty() { Err(Refusal::NotFound) } else { Ok(names) }
}

fn is_loopback_name(host: &str) -> bool {
    let name =
        host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit())).map_or(host, |(n, _)| n);
    let name = name.trim_matches(['[', ']']);
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_here() {
        for here in ["localhost", "localhost:8080", "127.0.0.1:1", "[::1]:8080", "127.0.0.1"] {
            assert!(is_loopback_name(here), "{here}");
        }
        for beyond in ["messages.example.com", "10.0.0.1:8080", "localhost.example.com", ""] {
            assert!(!is_loopback_name(beyond), "{beyond}");
        }
    }
}
