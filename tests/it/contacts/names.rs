//! What somebody may show for a number: everywhere, at once, and known to those alone whom it concerns.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{JAKE, MIA, Office, WYATT, contact, encoded, told};
use crate::{
    client::Api,
    queues::Desk,
    sms::{ANN, BOB, MAIN},
};

/// Jake, with a phonebook and a number to text from, and Ann has texted him.
async fn texted() -> (Office, String) {
    let office = Office::open(&[JAKE, MIA]).await;
    office.book("crm", "Customers", "crm").await;
    office.put(JAKE, json!({"phonebooks": ["crm"], "caller_ids": [MAIN]})).await;
    office.pbx.text_in(ANN, MAIN, "Hello?").await;
    let thread = office[JAKE].threads().await[0]["id"].as_str().unwrap().to_owned();
    (office, thread)
}

async fn call_ann(pbx: &Api, name: &str) {
    let call = json!([{"key": "1", "extension": JAKE, "direction": "inbound", "number": ANN, "caller_name": name,
                       "at": "2026-11-23T09:00:00Z"}]);
    pbx.post("/v1/pbx/calls", call).await.ok();
}

/// What Jake is shown for Ann, wherever she is shown.
async fn shown_everywhere(office: &Office, thread: &str) -> Vec<Value> {
    let jake = &office[JAKE];
    let path = format!("/v1/conversations/{thread}");
    let row = jake.get(&path).await.ok();
    let listed = jake.get("/v1/conversations").await.ok()["items"][0].clone();
    let participants = jake.get(&format!("{path}/participants")).await.ok();
    let sync = jake.get("/v1/sync").await.ok();
    let socket = jake.connect().await.beginning[1].clone();
    let again = jake.post("/v1/conversations", json!({"kind": "sms", "number": ANN})).await.ok();
    let of_snapshot = |snapshot: &Value| {
        let row = &snapshot["conversations"][0];
        [row["name"].clone(), row["last_message"]["from"]["name"].clone(), snapshot["names"][ANN].clone()]
    };
    let mut shown = vec![
        json!(jake.name_of(ANN).await),
        row["name"].clone(),
        row["last_message"]["from"]["name"].clone(),
        listed["name"].clone(),
        listed["last_message"]["from"]["name"].clone(),
        again["name"].clone(),
        jake.history(thread).await[0]["from"]["name"].clone(),
    ];
    shown.extend(of_snapshot(&sync["snapshot"]));
    shown.extend(of_snapshot(&socket));
    for participants in [&row["participants"], &participants["items"]] {
        let outside = participants.as_array().unwrap().iter().filter(|p| p["number"] == ANN);
        shown.extend(outside.map(|p| p["name"].clone()));
    }
    shown
}

#[tokio::test]
async fn a_name_stands_wherever_its_number_does_and_in_old_messages_at_once() {
    let (office, thread) = texted().await;
    for shown in shown_everywhere(&office, &thread).await {
        assert!([json!("+1 404-555-0199"), Value::Null].contains(&shown), "nobody knows her: {shown}");
    }
    assert_eq!(office[JAKE].row(&thread).await["name"], "+1 404-555-0199");
    for name in ["Ann Lee", "Ann Ray"] {
        office.pbx.fill("crm", json!([contact("1", name, &[ANN])])).await.ok();
        let shown = shown_everywhere(&office, &thread).await;
        assert!(shown.iter().all(|one| one == name), "{name}: {shown:?}");
        assert!(shown.len() >= 13, "{shown:?}");
    }
    office.pbx.delete("/v1/pbx/phonebooks/crm").await;
    call_ann(&office.pbx, "LEE ANN").await;
    let shown = shown_everywhere(&office, &thread).await;
    assert!(shown.iter().all(|one| one == "LEE ANN"), "{shown:?}");
}

#[tokio::test]
async fn each_sees_those_outside_a_group_as_they_know_them() {
    let office = Office::open(&[JAKE, MIA, WYATT]).await;
    office.put(JAKE, json!({"caller_ids": [MAIN]})).await;
    for (key, who, name) in [("a", JAKE, "Ann Lee"), ("b", MIA, "Aunt Ann")] {
        office.book(key, key, "manual").await;
        office.pbx.fill(key, json!([contact("1", name, &[ANN])])).await.ok();
        let caller_ids = if who == JAKE { json!([MAIN]) } else { json!([]) };
        office.put(who, json!({"phonebooks": [key], "caller_ids": caller_ids})).await;
    }
    let body = json!({"kind": "group", "client_id": Uuid::now_v7(), "name": "Ops", "extensions": [MIA, WYATT],
                      "numbers": [ANN]});
    let group = office[JAKE].post("/v1/conversations", body).await.ok()["id"].as_str().unwrap().to_owned();
    for (who, name) in [(JAKE, json!("Ann Lee")), (MIA, json!("Aunt Ann")), (WYATT, Value::Null)] {
        let path = format!("/v1/conversations/{group}");
        let row = office[who].get(&path).await.ok();
        let listed = office[who].get(&format!("{path}/participants")).await.ok();
        for participants in [&row["participants"], &listed["items"]] {
            let ann = participants.as_array().unwrap().iter().find(|p| p["number"] == ANN).unwrap();
            assert_eq!(ann["name"], name, "{who}");
        }
        assert_eq!(row["name"], "Ops");
        let snapshot = office[who].get("/v1/sync").await.ok()["snapshot"].clone();
        let expected = if name.is_null() { json!("+1 404-555-0199") } else { name };
        assert_eq!(snapshot["names"][ANN], expected, "{who}");
    }
    // The timeline says the same to all.
    office[JAKE].post(&format!("/v1/conversations/{group}/participants"), json!({"numbers": [BOB]})).await.ok();
    office.pbx.fill("a", json!([contact("1", "Ann Lee", &[ANN]), contact("2", "Bob Ray", &[BOB])])).await.ok();
    let pill = office[JAKE].history(&group).await.last().unwrap()["text"].clone();
    assert_eq!(pill, format!("+1 404-555-0177 added by Name {JAKE} ({JAKE})"));
}

#[tokio::test]
async fn what_waits_and_what_was_earlier_has_names_for_who_asks() {
    let desk = Desk::open(&[JAKE, WYATT]).await;
    desk.pbx.put("/v1/pbx/phonebooks/crm", json!({"name": "Customers", "source": "crm"})).await.ok();
    desk.pbx.fill("crm", json!([contact("1", "Ann Lee", &[ANN])])).await.ok();
    desk.pbx.put("/v1/pbx/extensions/201", json!({"name": "Jake", "phonebooks": ["crm"]})).await.ok();
    let earlier = desk.claimed(ANN, JAKE).await;
    desk[JAKE].close(&earlier).await.ok();
    let waiting = desk.text(ANN, "Again").await;
    let names = async |who: &str| {
        let api = &desk[who];
        let queue = api.queue(&desk.support).await["waiting"][0].clone();
        let listed = api.in_queue(&desk.support, "waiting").await[0].clone();
        let sync = api.get("/v1/sync").await.ok()["queues"][0]["waiting"][0].clone();
        let row = api.row(&waiting).await;
        let of = |row: Value| [row["name"].clone(), row["last_message"]["from"]["name"].clone()];
        [of(queue), of(listed), of(sync), of(row)].concat()
    };
    let names_of_jake = names(JAKE).await;
    assert!(names_of_jake.iter().all(|name| name == "Ann Lee"), "{names_of_jake:?}");
    for name in names(WYATT).await {
        assert!([json!("+1 404-555-0199"), Value::Null].contains(&name), "he does not know her: {name}");
    }
    assert_eq!(desk[JAKE].claim(&waiting).await.ok()["name"], "Ann Lee");
    let before = desk[JAKE].all(&format!("/v1/conversations/{waiting}/earlier")).await;
    assert_eq!((&before[0]["id"], &before[0]["name"]), (&json!(earlier), &json!("Ann Lee")));
    let closed = desk[JAKE].get("/v1/conversations?filter=closed&q=ann%20lee").await.ok();
    assert_eq!(closed["items"][0]["name"], "Ann Lee");
    assert_eq!(desk[JAKE].release(&waiting).await.ok()["name"], "Ann Lee");
}

#[tokio::test]
async fn events_say_the_same_to_all_and_hold_no_names_of_contacts() {
    let (office, thread) = texted().await;
    office.pbx.fill("crm", json!([contact("1", "Ann Lee", &[ANN])])).await.ok();
    let mut jake = office[JAKE].connect().await;
    let stand = office[JAKE].stand().await;
    office.pbx.text_in(ANN, MAIN, "Anybody?").await;
    let heard = jake.until_event("message.created").await;
    assert_eq!(heard["data"]["from"]["number"], ANN);
    let missed = office[JAKE].since(&stand).await;
    for event in jake.events.iter().map(Value::to_string).chain(missed.iter().map(|(_, data)| data.to_string())) {
        assert!(!event.contains("Ann Lee"), "{event}");
    }
    assert_eq!(office[JAKE].history(&thread).await[1]["from"]["name"], "Ann Lee", "who asks is told");
}

#[tokio::test]
async fn a_changed_name_is_told_to_those_who_have_it_and_to_nobody_else() {
    let office = Office::open(&[JAKE, MIA, WYATT]).await;
    office.book("ours", "Ours", "manual").await;
    office.book("hers", "Hers", "manual").await;
    office.assign(JAKE, &["ours"]).await;
    office.assign(MIA, &["hers", "ours"]).await;
    office.assign(WYATT, &["hers"]).await;
    let mut clients = [office[JAKE].connect().await, office[MIA].connect().await, office[WYATT].connect().await];
    let heard = async |clients: &mut [crate::client::Client; 3]| {
        let [jake, mia, wyatt] = clients;
        [office.heard(jake).await, office.heard(mia).await, office.heard(wyatt).await]
    };
    let nothing = Vec::new;
    office.pbx.alter("ours", json!([contact("1", "Ann", &[ANN])])).await.ok();
    assert_eq!(heard(&mut clients).await, [vec![told(vec![ANN])], vec![told(vec![ANN])], nothing()]);
    office.pbx.alter("hers", json!([contact("1", "Ann", &[BOB])])).await.ok();
    assert_eq!(heard(&mut clients).await, [nothing(), vec![told(vec![BOB])], vec![told(vec![BOB])]]);
    // Another number of the same contact: the old one and the new one may be called otherwise.
    office.pbx.alter("ours", json!([contact("1", "Ann", &["+14045550111"])])).await.ok();
    let both = vec![told(vec!["+14045550111", ANN])];
    assert_eq!(heard(&mut clients).await, [both.clone(), both, nothing()]);
    office.pbx.alter("ours", json!([{"key": "1", "deleted": true}])).await.ok();
    let gone = vec![told(vec!["+14045550111"])];
    assert_eq!(heard(&mut clients).await, [gone.clone(), gone, nothing()]);
    office.book("ours", "Ours alone", "crm").await;
    assert_eq!(heard(&mut clients).await, [vec![told(None)], vec![told(None)], nothing()]);
}

#[tokio::test]
async fn when_it_is_told_it_is_so() {
    let office = Office::open(&[JAKE]).await;
    office.customers(json!([])).await;
    let mut jake = office[JAKE].connect().await;
    for round in 0..20 {
        let name = format!("Ann {round}");
        let (jake, api) = (&mut jake, &office[JAKE]);
        let renamed = office.pbx.alter("crm", json!([contact("1", &name, &[ANN])]));
        let asked = async {
            jake.until_event("names.updated").await;
            api.name_of(ANN).await
        };
        let (answer, shown) = futures_util::future::join(renamed, asked).await;
        answer.ok();
        assert_eq!(shown, name);
    }
}

#[tokio::test]
async fn a_changed_name_is_told_wherever_one_is_connected() {
    let office = Office::open(&[JAKE]).await;
    office.customers(json!([contact("1", "Ann Lee", &[ANN])])).await;
    let second = office.second().await;
    let jake = second.as_ref().map_or_else(|| office[JAKE].clone(), |s| s.api().with_token(&office[JAKE].token));
    let mut session = jake.connect().await;
    for name in ["Ann Ray", "Ann Roe"] {
        office.pbx.alter("crm", json!([contact("1", name, &[ANN])])).await.ok();
        let told = session.until_event("names.updated").await["data"]["numbers"].clone();
        // Another node reads what it missed, and which numbers those were is not remembered.
        assert!(told == json!([ANN]) || (told.is_null() && second.is_some()), "{told}");
        assert_eq!(jake.name_of(ANN).await, name);
    }
}

#[tokio::test]
async fn of_more_than_two_hundred_numbers_any_may_be_another() {
    let office = Office::open(&[JAKE]).await;
    office.customers(json!([])).await;
    let mut jake = office[JAKE].connect().await;
    let contacts = |from: usize, count: usize| -> Vec<Value> {
        let numbers: Vec<_> = (from..from + count).map(|n| format!("+1404555{n:04}")).collect();
        let of = |(n, some): (usize, &[String])| {
            let some: Vec<_> = some.iter().map(String::as_str).collect();
            contact(&format!("{from}.{n}"), "Somebody", &some)
        };
        numbers.chunks(10).enumerate().map(of).collect()
    };
    let count = |heard: &[(String, Value)]| match heard {
        [(name, data)] if name == "names.updated" => data["numbers"].as_array().map(Vec::len),
        other => panic!("{other:?}"),
    };
    office.pbx.alter("crm", json!(contacts(0, 200))).await.ok();
    assert_eq!(count(&office.heard(&mut jake).await), Some(200));
    office.pbx.alter("crm", json!(contacts(1_000, 201))).await.ok();
    assert_eq!(count(&office.heard(&mut jake).await), None);
    // As many old ones as new ones.
    office.pbx.fill("crm", json!(contacts(2_000, 100))).await.ok();
    assert_eq!(count(&office.heard(&mut jake).await), None, "401 are gone");
    office.pbx.fill("crm", json!(contacts(3_000, 100))).await.ok();
    assert_eq!(count(&office.heard(&mut jake).await), Some(200));
    office.pbx.fill("crm", json!(contacts(4_000, 101))).await.ok();
    assert_eq!(count(&office.heard(&mut jake).await), None);
}

#[tokio::test]
async fn who_was_away_hears_once_that_names_may_be_others() {
    let office = Office::open(&[JAKE, MIA]).await;
    office.customers(json!([contact("1", "Ann Lee", &[ANN])])).await;
    let (jakes, mias) = (office[JAKE].stand().await, office[MIA].stand().await);
    let away = office[JAKE].connect().await;
    for name in ["Ann Ray", "Ann Roe"] {
        office.pbx.alter("crm", json!([contact("1", name, &[ANN])])).await.ok();
    }
    assert_eq!(office[JAKE].since(&jakes).await, [told(None)]);
    assert_eq!(office[MIA].since(&mias).await, []);
    let mut back = office[JAKE].connect_at(Some(away.cursor), Some(&away.epoch)).await;
    assert!(back.resumed);
    assert_eq!(back.names(), ["names.updated"]);
    assert_eq!(back.events[0]["data"], json!({"numbers": null}));
    back.events.clear();
    assert_eq!(office.heard(&mut back).await, [], "not again");

    // What changed another way is told as well.
    let stand = office[JAKE].stand().await;
    call_ann(&office.pbx, "LEE ANN").await;
    assert_eq!(office[JAKE].since(&stand).await, [told(None)]);
    let stand = office[JAKE].stand().await;
    office.pbx.delete("/v1/pbx/phonebooks/crm").await;
    assert_eq!(office[JAKE].since(&stand).await, [told(None)]);
    let (stand, hers) = (office[JAKE].stand().await, office[MIA].stand().await);
    office.assign(JAKE, &[]).await;
    let missed = office[JAKE].since(&stand).await;
    assert_eq!(missed.iter().filter(|(name, _)| name == "names.updated").count(), 1, "{missed:?}");
    assert!(!office[MIA].since(&hers).await.iter().any(|(name, _)| name == "names.updated"));
}

#[tokio::test]
async fn after_changes_of_every_kind_it_is_still_told_once() {
    let office = Office::open(&[JAKE]).await;
    for key in ["a", "b"] {
        office.book(key, key, "manual").await;
    }
    office.assign(JAKE, &["a", "b"]).await;
    let stand = office[JAKE].stand().await;
    office.pbx.alter("a", json!([contact("1", "Ann A", &[ANN])])).await.ok();
    call_ann(&office.pbx, "LEE ANN").await;
    office.pbx.alter("b", json!([contact("1", "Ann B", &[ANN])])).await.ok();
    assert_eq!(office[JAKE].since(&stand).await, [told(None)]);
}

#[tokio::test]
async fn two_hundred_numbers_are_asked_at_once_and_no_more() {
    let office = Office::open(&[JAKE]).await;
    office.customers(json!([contact("1", "Ann Lee", &[ANN]), contact("2", "Bob", &["+14045550007"])])).await;
    let ask = async |count: usize| {
        let numbers: Vec<_> = (0..count).map(|n| encoded(&format!("+1404555{n:04}"))).collect();
        office[JAKE].get(&format!("/v1/names?numbers={}", numbers.join(","))).await
    };
    let names = ask(200).await.ok();
    assert_eq!(names.as_object().unwrap().len(), 200);
    assert_eq!((&names["+14045550007"], &names[ANN]), (&json!("Bob"), &json!("Ann Lee")));
    assert_eq!(names["+14045550008"], "+1 404-555-0008");
    assert_eq!(ask(201).await.code(), "invalid_request");
    for path in ["/v1/names", "/v1/names?numbers=%2B1&page=2"] {
        assert_eq!(office[JAKE].get(path).await.code(), "invalid_request", "{path}");
    }
    assert_eq!(office[JAKE].get("/v1/names?numbers=").await.ok(), json!({}));
    // Those who can't be called have names as well.
    assert_eq!(
        office[JAKE].get("/v1/names?numbers=72345,PARCELCO").await.ok(),
        json!({"72345": "72345", "PARCELCO": "PARCELCO"})
    );
}

#[tokio::test]
async fn a_contact_with_many_numbers_names_each_and_one_number_may_be_of_many() {
    let office = Office::open(&[JAKE]).await;
    office.customers(json!([contact("2", "Second", &[ANN, BOB]), contact("1", "First", &[ANN])])).await;
    assert_eq!((office[JAKE].name_of(ANN).await, office[JAKE].name_of(BOB).await), ("First".into(), "Second".into()));
    office.pbx.alter("crm", json!([{"key": "1", "deleted": true}])).await.ok();
    assert_eq!(office[JAKE].name_of(ANN).await, "Second");
}
