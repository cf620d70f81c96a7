//! `partyline demo`: a made-up company on one machine, with people to try it as.

use std::sync::Arc;

use crate::{
    actors::{Engine, ExtensionRequest},
    clock::new_secret,
    domain::{Caller, ClientId, ConversationId, MessageText, Refusal, Role, conversation::Command},
    http::DemoPerson,
};

/// Who works at the demo's company.
const PEOPLE: [(&str, &str, Role); 6] = [
    ("201", "Jake", Role::Admin),
    ("202", "Ann Lee", Role::Supervisor),
    ("203", "José Martín", Role::User),
    ("204", "Mei Chen", Role::User),
    ("205", "Priya Nair", Role::User),
    ("211", "Wyatt", Role::User),
];

/// What they have said so far: who, to whom, what.
const TALK: [(&str, &str, &str); 9] = [
    ("202", "201", "Morning! Did the new desk phones arrive?"),
    ("201", "202", "Yes, six of them. They're in the server room."),
    ("202", "201", "Perfect. I'll label them after lunch 🙂"),
    ("203", "201", "The line to the warehouse crackles again."),
    ("201", "203", "On it. I'll swap the cable today."),
    ("204", "202", "Could you cover the front desk from 3 to 4?"),
    ("202", "204", "Sure."),
    ("211", "201", "Are we still on for the review at two?"),
    ("201", "211", "Yes, see you there. https://example.com/review"),
];

/// The group they have, who made it, and what was said in it.
const GROUP: (&str, &str, [&str; 4]) = ("Front desk", "202", ["201", "203", "204", "205"]);
const GROUP_TALK: [(&str, &str); 4] = [
    ("202", "The painters come on Thursday. Who can open the door at seven?"),
    ("205", "I can, I'm here early anyway"),
    ("203", "Then I bring the coffee ☕"),
    ("202", "You two are the best 🎉"),
];

/// The people, each with a password made for this demo.
pub fn people() -> Result<Vec<DemoPerson>, getrandom::Error> {
    let person = |(extension, name, _): &(&str, &str, Role)| {
        let password = new_secret()?[..12].to_owned();
        Ok(DemoPerson { extension: (*extension).into(), name: (*name).into(), password })
    };
    PEOPLE.iter().map(person).collect()
}

/// Puts the company into the engine; in a folder that was used before, it finds what is there.
pub async fn furnish(engine: &Arc<Engine>, people: &[DemoPerson]) -> Result<(), Refusal> {
    let tenant = engine.storage.make_tenant("default").await?;
    let mut is_new = false;
    for (person, (number, name, role)) in people.iter().zip(PEOPLE) {
        let request = ExtensionRequest {
            number: number.into(),
            name: name.into(),
            role,
            password: Some(person.password.clone()),
            enabled: true,
            caller_ids: vec![],
        };
        is_new |= engine.put_extension(tenant, request).await?.1;
    }
    if !is_new {
        return Ok(());
    }
    let author = async |number: &str| {
        let found = engine.storage.extension(tenant, number).await?.ok_or(Refusal::NotFound)?;
        Ok::<_, Refusal>(Arc::new(found.into_caller()))
    };
    for (from, to, text) in TALK {
        let author = author(from).await?;
        let (conversation, _) = engine.create_direct(&author, to).await?;
        say(engine, &author, conversation, text).await?;
    }
    let (name, maker, others) = GROUP;
    let others = others.map(str::to_owned);
    let client_id = ClientId(engine.clock.new_id());
    let (group, _) = engine.create_group(&*author(maker).await?, client_id, name, &others).await?;
    for (from, text) in GROUP_TALK {
        say(engine, &author(from).await?, group, text).await?;
    }
    Ok(())
}

async fn say(engine: &Arc<Engine>, author: &Arc<Caller>, to: ConversationId, text: &str) -> Result<(), Refusal> {
    let client_id = ClientId(engine.clock.new_id());
    let text = MessageText::parse(text.into())?;
    engine.ask(author, to, Command::Send { client_id, text }).await?;
    Ok(())
}
