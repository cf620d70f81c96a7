//! `partyline demo`: a made-up company on one machine, with people to try it as.

use std::sync::Arc;

use crate::{
    actors::{Engine, ExtensionRequest},
    clock::new_secret,
    domain::{
        By, Caller, ClientId, ConversationId, MessageText, Refusal, Role, Timestamp,
        contacts::Contact,
        conversation::Command,
        phone::Number,
        provision::{
            call::{Call, CallDirection},
            phone_number::PhoneNumber,
            phonebook::{Phonebook, PhonebookSource},
            voice_queue::{VoiceAgent, VoiceQueue},
        },
        queue,
        sms::inbound::Incoming,
    },
    http::DemoPerson,
};

/// The section of the configuration that carries the demo's texts: the simulator.
pub const CARRIER: &str = "sim";

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

/// The company's phone numbers, what they are called, and whose they are.
const NUMBERS: [(&str, &str, &[&str]); 3] = [
    ("+14045550100", "Main line", &["201", "202"]),
    ("+14045550101", "Sales", &["203", "201"]),
    ("+14045550102", "Workshop", &["211"]),
];

/// The number that feeds a queue: what it is called, and the queue's key.
const QUEUE_NUMBER: (&str, &str, &str) = ("+14045550103", "Support", "support");

/// The company's SMS queues: key, name, members, and those of them who are logged in.
const QUEUES: [(&str, &str, &[&str], &[&str]); 2] = [
    ("support", "SMS Support Queue", &["201", "202", "203", "211"], &["201", "202", "211"]),
    ("billing", "Billing Queue", &["202", "204", "205"], &["202", "204"]),
];

/// A queue of calls as a phone system would report it: its key, its name, and who is logged in, or why they are paused.
const VOICE_QUEUE: (&str, &str) = ("front", "Front Desk");
const VOICE_AGENTS: [(&str, bool, Option<&str>); 3] =
    [("201", true, None), ("203", true, Some("Lunch")), ("205", false, None)];

/// Somebody in a phonebook, with their numbers.
type Entry = (&'static str, &'static [&'static str]);

/// Phonebooks that everybody has: key, name, source, and who is in them, with their numbers.
const PHONEBOOKS: [(&str, &str, PhonebookSource, &[Entry]); 3] = [
    (
        "customers",
        "Customers",
        PhonebookSource::Crm,
        &[
            ("Dana Whitfield", &["+14045550199", "+14045550198"]),
            ("Müller & Sons", &["+14045550177"]),
            ("李小龙", &["+14045550144"]),
            ("José Álvarez", &["+14045550133"]),
            ("Zoë O’Brien", &["+14045550122"]),
            ("Owen Park", &["+14045550155"]),
        ],
    ),
    (
        "suppliers",
        "Suppliers",
        PhonebookSource::Manual,
        &[("Atlanta Paper Co.", &["+14045550188"]), ("Fast Courier", &["+14045550189", "+442079460018"])],
    ),
    ("cnam", "Caller names", PhonebookSource::Cnam, &[("CARTER TOM", &["+14045550166"])]),
];

/// Calls of late: whose, with which number, what the network called them, how many hours ago.
const CALLS: [(&str, CallDirection, &str, Option<&str>, i64); 3] = [
    ("201", CallDirection::Inbound, "+14045550111", Some("GREEN VALLEY DENTAL"), 2),
    ("201", CallDirection::Outbound, "+14045550199", None, 5),
    ("202", CallDirection::Inbound, "+14045550111", Some("GREEN VALLEY DENTAL"), 30),
];

/// What customers have texted so far: who, to which number, what. Their phones are the simulator's.
const CUSTOMERS: [(&str, &str, &str); 4] = [
    ("+14045550166", "+14045550103", "The light on my router is red since this morning"),
    ("+14045550155", "+14045550103", "Hello? Is anybody there?"),
    ("+14045550199", "+14045550100", "Hi, is my order ready to pick up?"),
    ("+14045550177", "+14045550102", "Can I bring the car in tomorrow at 8?"),
];

/// The people, each with a password made for this demo.
pub fn people() -> Result<Vec<DemoPerson>, getrandom::Error> {
    let person = |(extension, name, _): &(&str, &str, Role)| {
        let password = new_secret()?[..12].to_owned();
        Ok(DemoPerson { extension: (*extension).into(), name: (*name).into(), password })
    };
    PEOPLE.iter().map(person).collect()
}

async fn phonebooks(engine: &Arc<Engine>, by: &By) -> Result<(), Refusal> {
    for (key, name, source, people) in PHONEBOOKS {
        engine.put_phonebook(by, Phonebook { key: key.into(), name: name.into(), source }).await?;
        let contact = |(i, (name, numbers)): (usize, &Entry)| {
            let numbers: Vec<_> = numbers.iter().map(|number| (*number).to_owned()).collect();
            Contact::provisioned(i.to_string(), (*name).to_owned(), &numbers, "US")
        };
        let contacts = people.iter().enumerate().map(contact).collect::<Result<_, _>>()?;
        engine.patch_contacts(by, key, contacts, vec![]).await?;
    }
    let call =
        |(i, (extension, direction, number, caller_name, hours)): (usize, (&str, _, &str, Option<&str>, i64))| {
            let at = Timestamp(engine.clock.now().0 - hours * 3_600_000_000);
            let caller_name = caller_name.map(str::to_owned);
            let number = Number::owned(number)?;
            Ok(Call { key: i.to_string(), extension: extension.into(), direction, number, caller_name, at })
        };
    let calls = CALLS.into_iter().enumerate().map(call).collect::<Result<_, Refusal>>()?;
    engine.report_calls(by, calls).await.map(drop)
}

/// Puts the company into the engine; in a folder that was used before, it finds what is there.
pub async fn furnish(engine: &Arc<Engine>, people: &[DemoPerson]) -> Result<(), Refusal> {
    let tenant = engine.storage.make_tenant("default").await?;
    let by = &By::Engine(tenant);
    let mut is_new = false;
    for (person, (number, name, role)) in people.iter().zip(PEOPLE) {
        let request = ExtensionRequest {
            number: number.into(),
            name: name.into(),
            role,
            password: Some(person.password.clone()),
            enabled: true,
            caller_ids: numbers_of(number)?,
            phonebooks: PHONEBOOKS.iter().map(|(key, ..)| (*key).to_owned()).collect(),
        };
        is_new |= engine.put_extension(by, request).await?.1;
    }
    let (number, label, key) = QUEUE_NUMBER;
    let numbers = NUMBERS.iter().map(|(number, label, _)| (*number, *label, None));
    for (number, label, queue) in numbers.chain([(number, label, Some(key))]) {
        let number = PhoneNumber {
            number: Number::owned(number)?,
            label: Some(label.into()),
            sms_enabled: true,
            carrier: CARRIER.into(),
            queue: queue.map(str::to_owned),
            extension: None,
        };
        engine.put_phone_number(by, &number).await?;
    }
    for (key, name, members, _) in QUEUES {
        let settings =
            queue::Settings { name: name.into(), idle_timeout_s: 300, unclaimed_timeout_s: 0, timeout_response: None };
        let members = members.iter().map(|number| (*number).to_owned()).collect();
        engine.put_queue(by, key, settings, members).await?;
    }
    let (key, name) = VOICE_QUEUE;
    let agent = |(number, logged_in, reason): (&str, bool, Option<&str>)| VoiceAgent {
        extension: number.into(),
        logged_in,
        paused: reason.is_some(),
        pause_reason: reason.map(str::to_owned),
    };
    let voice_queue = VoiceQueue { key: key.into(), name: name.into(), agents: VOICE_AGENTS.map(agent).into() };
    engine.put_voice_queue(by, &voice_queue).await?;
    phonebooks(engine, by).await?;
    if !is_new {
        return Ok(());
    }
    let author = async |number: &str| {
        let found = engine.storage.extension(tenant, number).await?.ok_or(Refusal::NotFound)?;
        Ok::<_, Refusal>(Arc::new(found.into_caller()))
    };
    for (key, _, _, logged_in) in QUEUES {
        let id = engine.storage.queue_of_key(tenant, key).await?.ok_or(Refusal::NotFound)?;
        for number in logged_in {
            let wish = queue::set_agent::Wish { logged_in: true, paused: false, pause_reason: None };
            engine.set_agent(&author(number).await?, id, wish).await?;
        }
    }
    for (from, to, text) in TALK {
        let author = author(from).await?;
        let (conversation, _) = engine.create_direct(&author, to).await?;
        say(engine, &author, conversation, text).await?;
    }
    let (name, maker, others) = GROUP;
    let others = others.map(str::to_owned);
    let client_id = ClientId(engine.clock.new_id());
    let (group, _) = engine.create_group(&*author(maker).await?, client_id, name, &others, &[]).await?;
    for (from, text) in GROUP_TALK {
        say(engine, &author(from).await?, group, text).await?;
    }
    for (from, to, text) in CUSTOMERS {
        let incoming = Incoming {
            carrier: CARRIER.into(),
            provider_id: engine.clock.new_id().to_string(),
            from: Number::stored(from.into()),
            to: Number::owned(to)?,
            text: MessageText::parse(text.into())?,
            media: vec![],
            keyword: None,
        };
        engine.receive(incoming).await?;
    }
    Ok(())
}

/// The phone numbers of an extension, in order.
fn numbers_of(extension: &str) -> Result<Vec<Number>, Refusal> {
    let mine = NUMBERS.iter().filter(|(_, _, whose)| whose.contains(&extension));
    mine.map(|(number, _, _)| Number::owned(number)).collect()
}

async fn say(engine: &Arc<Engine>, author: &Arc<Caller>, to: ConversationId, text: &str) -> Result<(), Refusal> {
    let client_id = ClientId(engine.clock.new_id());
    let text = MessageText::parse(text.into())?;
    engine.ask(author, to, Command::Send { client_id, text, from: None }).await?;
    Ok(())
}
