//! Phonebooks, as the PBX provisions them and as people have them.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::{BOOKS, JAKE, MIA, Office, WYATT, contact, shown, told};
use crate::{
    client::Answer,
    sms::{ANN, BOB},
};

#[tokio::test]
async fn a_phonebook_is_put_as_a_whole_and_again_changes_nothing() {
    let office = Office::open(&[JAKE]).await;
    office.assign(JAKE, &["crm"]).await;
    let path = format!("{BOOKS}/crm");
    let body = json!({"name": "Customers", "source": "crm"});
    let made = office.pbx.put(&path, body.clone()).await;
    assert_eq!(made.status, 201);
    let id = made.body["id"].as_str().unwrap();
    assert_eq!(made.body, json!({"key": "crm", "id": id, "name": "Customers", "source": "crm", "contacts": 0}));
    let people = json!([contact("1", "Ann Lee", &[ANN]), contact("2", "Bob Ray", &[])]);
    assert_eq!(
        office.pbx.fill("crm", people.clone()).await.ok(),
        json!({"contacts": 2, "added": 2, "changed": 0, "removed": 0})
    );

    let mut jake = office[JAKE].connect().await;
    let before = office.version().await;
    let again = office.pbx.put(&path, body).await;
    assert_eq!((again.status.as_u16(), &again.body["contacts"]), (200, &json!(2)));
    let none = json!({"contacts": 2, "added": 0, "changed": 0, "removed": 0});
    assert_eq!(office.pbx.fill("crm", people.clone()).await.ok(), none);
    assert_eq!(office.pbx.alter("crm", people).await.ok()["contacts"], 2);
    office.assign(JAKE, &["crm"]).await;
    assert_eq!(office.version().await, before, "the same again is no change");
    assert_eq!(office.heard(&mut jake).await, []);

    let renamed = office.pbx.put(&path, json!({"name": "Clients", "source": "manual"})).await;
    let whole = json!({"key": "crm", "id": id, "name": "Clients", "source": "manual", "contacts": 2});
    assert_eq!((renamed.status.as_u16(), &renamed.body), (200, &whole), "and who is in it stays");
    assert_eq!(office.pbx.get(BOOKS).await.ok(), json!({"items": [whole], "next": null}));
    assert_eq!(office.heard(&mut jake).await, [told(None)]);
    assert_eq!(office[JAKE].name_of(ANN).await, "Ann Lee");
}

#[tokio::test]
async fn what_can_t_be_a_phonebook_is_refused() {
    let office = Office::open(&[JAKE]).await;
    let path = format!("{BOOKS}/crm");
    for (body, field) in [
        (json!({"name": "Customers", "source": "crm", "colour": 1}), "colour"),
        (json!({"name": "Customers", "source": "ldap"}), "ldap"),
        (json!({"name": "Customers"}), "source"),
        (json!({"source": "crm"}), "name"),
        (json!({"name": 7, "source": "crm"}), "string"),
    ] {
        let refused = office.pbx.put(&path, body).await;
        assert_eq!(refused.code(), "invalid_request", "{field}");
        assert!(refused.body["detail"].as_str().unwrap().contains(field), "{refused:?}");
    }
    for name in ["", " ", "a\nb", &"x".repeat(81)] {
        let refused = office.pbx.put(&path, json!({"name": name, "source": "crm"})).await;
        assert_eq!(refused.code(), "invalid_name", "{name}");
    }
    // What no database could look for is as good as not there.
    for key in ["%0A", "%20", "a%00b", &"k".repeat(101)] {
        let path = format!("{BOOKS}/{key}");
        for answer in [
            office.pbx.put(&path, json!({"name": "Customers", "source": "crm"})).await,
            office.pbx.delete(&path).await,
            office.pbx.get(&format!("{path}/contacts")).await,
            office.pbx.put(&format!("{path}/contacts"), json!([])).await,
            office.pbx.patch(&format!("{path}/contacts"), json!([])).await,
        ] {
            assert!(["not_found", "invalid_request"].contains(&answer.code()), "{key}: {answer:?}");
        }
    }
    for method in [Method::GET, Method::PUT, Method::PATCH] {
        let request = office.pbx.request(method.clone(), &format!("{BOOKS}/none/contacts")).json(&json!([]));
        assert_eq!(Answer::of(request.send().await.unwrap()).await.code(), "not_found", "{method}");
    }
    assert_eq!(office.pbx.delete(&path).await.code(), "not_found");
    let jake = &office[JAKE];
    assert_eq!(jake.put(&path, json!({"name": "Customers", "source": "crm"})).await.code(), "forbidden");
    assert_eq!(jake.get(BOOKS).await.code(), "forbidden");
    assert_eq!(jake.fill("crm", json!([])).await.code(), "forbidden");
    assert_eq!(office.pbx.get("/v1/phonebooks").await.code(), "unauthenticated", "a key is nobody's extension");
    assert_eq!(office.pbx.get(BOOKS).await.ok()["items"], json!([]));
}

#[tokio::test]
async fn phonebooks_of_an_extension_that_can_t_be_are_refused() {
    let office = Office::open(&[JAKE]).await;
    let many: Vec<_> = (0..21).map(|n| n.to_string()).collect();
    for bad in [json!(["a", "b", "a"]), json!([""]), json!(["a\nb"]), json!(many), json!([7]), json!("crm")] {
        let body = json!({"name": "Jake", "phonebooks": bad});
        let refused = office.pbx.put("/v1/pbx/extensions/201", body).await;
        assert_eq!(refused.code(), "invalid_request", "{bad}");
    }
    office.assign(JAKE, &many.iter().map(String::as_str).take(20).collect::<Vec<_>>()).await;
    let listed = office.pbx.get("/v1/pbx/extensions").await.ok();
    assert_eq!(listed["items"][0]["phonebooks"], json!(many[..20]), "in their order");
}

#[tokio::test]
async fn assigned_before_it_is_there_it_counts_when_it_comes() {
    let office = Office::open(&[JAKE, MIA]).await;
    office.assign(JAKE, &["late", "crm"]).await;
    assert_eq!(office[JAKE].get("/v1/phonebooks").await.ok()["items"], json!([]));
    let (mut jake, mut mia) = (office[JAKE].connect().await, office[MIA].connect().await);
    office.book("late", "Latecomers", "manual").await;
    office.pbx.fill("late", json!([contact("1", "Ann Lee", &[ANN])])).await.ok();
    assert_eq!(office[JAKE].name_of(ANN).await, "Ann Lee");
    let heard = office.heard(&mut jake).await;
    assert!(heard.contains(&told(vec![ANN])), "{heard:?}");
    assert!(heard.iter().all(|(name, _)| name == "names.updated"), "{heard:?}");
    let books = office[JAKE].get("/v1/phonebooks").await.ok();
    assert_eq!(books["items"][0]["name"], "Latecomers");
    assert_eq!(books["items"][0]["contacts"], 1);
    assert_eq!(office.heard(&mut mia).await, [], "it is not hers");
    assert_eq!(office[MIA].name_of(ANN).await, "+1 404-555-0199");
}

#[tokio::test]
async fn the_order_of_the_phonebooks_decides_the_name_and_cnam_yields_to_all() {
    let office = Office::open(&[JAKE, MIA]).await;
    for (key, source, name) in [("a", "manual", "Ann A"), ("b", "crm", "Ann B"), ("c", "cnam", "ANN C")] {
        office.book(key, key, source).await;
        office.pbx.fill(key, json!([contact("1", name, &[ANN])])).await.ok();
    }
    let name = async |books: &[&str]| {
        office.assign(JAKE, books).await;
        let name = office[JAKE].name_of(ANN).await;
        // What is found is called so, too.
        let found = office[JAKE].find("0199").await;
        assert_eq!(shown(&found), if name.starts_with('+') { vec![] } else { vec![name.as_str()] }, "{books:?}");
        name
    };
    assert_eq!(name(&[]).await, "+1 404-555-0199");
    assert_eq!(name(&["a", "b", "c"]).await, "Ann A");
    assert_eq!(name(&["b", "a", "c"]).await, "Ann B");
    assert_eq!(name(&["c", "b", "a"]).await, "Ann B", "CNAM yields, wherever it stands");
    assert_eq!(name(&["c"]).await, "ANN C");
    let call = json!([{"key": "1", "extension": JAKE, "direction": "inbound", "number": ANN, "caller_name": "ANN CALL",
                       "at": "2026-11-23T09:00:00Z"}]);
    office.pbx.post("/v1/pbx/calls", call).await.ok();
    assert_eq!(name(&["c"]).await, "ANN C", "a caller's name yields to CNAM");
    assert_eq!(name(&[]).await, "ANN CALL");
    office.book("b", "b", "cnam").await;
    assert_eq!(name(&["b", "a"]).await, "Ann A", "it is CNAM's since");
    assert_eq!(name(&["b", "c"]).await, "Ann B", "in their order, as others");
    office.book("c", "c", "manual").await;
    assert_eq!(name(&["b", "c"]).await, "ANN C");
    assert_eq!(office[MIA].name_of(ANN).await, "+1 404-555-0199", "she has none of them");
}

#[tokio::test]
async fn what_is_taken_from_somebody_is_theirs_no_longer_at_once() {
    let office = Office::open(&[JAKE, MIA]).await;
    office.customers(json!([contact("1", "Ann Lee", &[ANN])])).await;
    office.assign(MIA, &["crm"]).await;
    let books = office[JAKE].get("/v1/phonebooks").await.ok();
    let path = format!("/v1/phonebooks/{}/contacts", books["items"][0]["id"].as_str().unwrap());
    assert_eq!(shown(&office[JAKE].all(&path).await), ["Ann Lee"]);
    let (mut jake, mut mia) = (office[JAKE].connect().await, office[MIA].connect().await);
    office.assign(JAKE, &[]).await;
    assert_eq!(office[JAKE].name_of(ANN).await, "+1 404-555-0199");
    assert_eq!(office[JAKE].find("Ann").await, [] as [Value; 0]);
    assert_eq!(office[JAKE].get("/v1/phonebooks").await.ok()["items"], json!([]));
    assert_eq!(office[JAKE].get(&path).await.code(), "not_found");
    let heard = office.heard(&mut jake).await;
    assert!(heard.contains(&told(None)), "{heard:?}");
    assert!(!office.heard(&mut mia).await.iter().any(|(name, _)| name == "names.updated"), "hers are what they were");
    assert_eq!(office[MIA].name_of(ANN).await, "Ann Lee");
}

#[tokio::test]
async fn deleted_and_made_again_it_is_empty() {
    let office = Office::open(&[JAKE]).await;
    office.customers(json!([contact("1", "Ann Lee", &[ANN])])).await;
    let mut jake = office[JAKE].connect().await;
    let path = format!("{BOOKS}/crm");
    assert_eq!(office.pbx.delete(&path).await.status, 204);
    assert_eq!(office.pbx.delete(&path).await.code(), "not_found");
    assert_eq!(office.pbx.get(&format!("{path}/contacts")).await.code(), "not_found");
    assert_eq!(office.pbx.alter("crm", json!([contact("2", "Bob", &[])])).await.code(), "not_found");
    assert_eq!(office.pbx.fill("crm", json!([contact("2", "Bob", &[])])).await.code(), "not_found");
    assert_eq!(office.pbx.get(BOOKS).await.ok()["items"], json!([]));
    assert_eq!(office[JAKE].name_of(ANN).await, "+1 404-555-0199");
    assert_eq!(office[JAKE].find("ann").await, [] as [Value; 0]);
    assert_eq!(office[JAKE].get("/v1/phonebooks").await.ok()["items"], json!([]));
    assert_eq!(office.heard(&mut jake).await, [told(None)]);
    let again = office.pbx.put(&path, json!({"name": "Customers", "source": "crm"})).await;
    assert_eq!((again.status.as_u16(), &again.body["contacts"]), (201, &json!(0)));
    assert_eq!(office.pbx.contacts("crm").await, [] as [Value; 0]);
    assert_eq!(office[JAKE].name_of(ANN).await, "+1 404-555-0199");
    office.pbx.alter("crm", json!([contact("1", "Ann Ray", &[ANN])])).await.ok();
    assert_eq!(office[JAKE].name_of(ANN).await, "Ann Ray", "it is still assigned");
    // What nobody has is deleted in time.
    crate::sms::eventually(async || match (office.rows("contact").await, office.rows("contact_load").await) {
        (1, 0) => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
}

#[tokio::test]
async fn another_company_sees_none_of_it() {
    let office = Office::open(&[JAKE]).await;
    office.customers(json!([contact("1", "Ann Lee", &[ANN])])).await;
    let (_, key) = office.engine.tenant("other").await;
    let theirs = office.pbx.with_token(&key);
    let others = theirs.people_of("other", &[JAKE]).await;
    let mut eve = others[JAKE].connect().await;
    theirs.put("/v1/pbx/extensions/201", json!({"name": "Eve", "phonebooks": ["crm"]})).await.ok();
    eve.until_event("names.updated").await;
    eve.events.clear();
    assert_eq!(theirs.get(BOOKS).await.ok()["items"], json!([]));
    assert_eq!(theirs.get(&format!("{BOOKS}/crm/contacts")).await.code(), "not_found");
    assert_eq!(theirs.alter("crm", json!([contact("1", "Evil", &[ANN])])).await.code(), "not_found");
    assert_eq!(theirs.fill("crm", json!([])).await.code(), "not_found");
    assert_eq!(theirs.delete(&format!("{BOOKS}/crm")).await.code(), "not_found");
    assert_eq!(others[JAKE].get("/v1/phonebooks").await.ok()["items"], json!([]));
    assert_eq!(others[JAKE].name_of(ANN).await, "+1 404-555-0199");
    assert_eq!(others[JAKE].find("ann").await, [] as [Value; 0]);
    let ours = office[JAKE].get("/v1/phonebooks").await.ok();
    let path = format!("/v1/phonebooks/{}/contacts", ours["items"][0]["id"].as_str().unwrap());
    assert_eq!(others[JAKE].get(&path).await.code(), "not_found");
    office.pbx.alter("crm", json!([contact("1", "Ann Ray", &[ANN])])).await.ok();

    // The same key is another phonebook there, with contacts of its own.
    let made = theirs.put(&format!("{BOOKS}/crm"), json!({"name": "Theirs", "source": "crm"})).await;
    assert_eq!((made.status.as_u16(), &made.body["contacts"]), (201, &json!(0)));
    theirs.fill("crm", json!([contact("1", "Anna", &[ANN])])).await.ok();
    assert_eq!(others[JAKE].name_of(ANN).await, "Anna");
    assert_eq!(office[JAKE].name_of(ANN).await, "Ann Ray");
    let first = eve.until_event("names.updated").await;
    assert_eq!(first["data"], json!({"numbers": null}), "of our change she has heard nothing");
    assert_eq!(eve.until_event("names.updated").await["data"], json!({"numbers": [ANN]}));
    assert_eq!(eve.names(), ["names.updated", "names.updated"]);
}

#[tokio::test]
async fn numbers_come_in_any_way_and_are_read_in_the_company_s_region() {
    let office = Office::open(&[JAKE]).await;
    office.book("crm", "Customers", "crm").await;
    let written = ["(404) 555-0199", "+1 404 555 0199", "404.555.0188", "+44 20 7946 0018"];
    office.pbx.alter("crm", json!([contact("1", "Ann Lee", &written)])).await.ok();
    let read = json!([ANN, "+14045550188", "+442079460018"]);
    assert_eq!(office.pbx.contacts("crm").await[0]["numbers"], read, "each once, in their order");
    let before = office.version().await;
    office.pbx.fill("crm", json!([contact("1", "Ann Lee", &[ANN, "1-404-555-0188", "+442079460018"])])).await.ok();
    assert_eq!(office.version().await, before, "the same numbers, however they are written");

    office.pbx.put("/v1/pbx/settings", json!({"region": "GB"})).await.ok();
    office.pbx.alter("crm", json!([contact("2", "Bo", &["020 7946 0018"])])).await.ok();
    assert_eq!(office.pbx.contacts("crm").await[1]["numbers"], json!(["+442079460018"]));
    office.pbx.fill("crm", json!([contact("3", "Cy", &["(020) 7946 0019", ANN])])).await.ok();
    assert_eq!(office.pbx.contacts("crm").await, [contact("3", "Cy", &["+442079460019", ANN])]);
}

#[tokio::test]
async fn what_is_wrong_with_a_contact_is_said_of_that_contact_and_changes_nothing() {
    let office = Office::open(&[JAKE]).await;
    office.customers(json!([contact("1", "Ann Lee", &[ANN])])).await;
    let before = office.version().await;
    let many: Vec<_> = (0..21).map(|n| format!("+1404555{n:04}")).collect();
    let cases = [
        (contact("k7", "Bob", &["911"]), "invalid_number", "k7"),
        (contact("k7", "Bob", &[BOB, "555"]), "invalid_number", "k7"),
        (contact("k7", "Bob", &["PARCELCO"]), "invalid_number", "PARCELCO"),
        (contact("k7", "Bob", &["404-555-0188 ext. 5"]), "invalid_number", "k7"),
        (contact("k7", "", &[BOB]), "invalid_request", "k7"),
        (contact("k7", "a\nb", &[BOB]), "invalid_request", "k7"),
        (contact("k7", &"x".repeat(201), &[BOB]), "invalid_request", "k7"),
        (contact("k7", "Bob", &many.iter().map(String::as_str).collect::<Vec<_>>()), "invalid_request", "k7"),
        (contact("", "Bob", &[BOB]), "invalid_request", "key"),
        (contact(&"k".repeat(201), "Bob", &[BOB]), "invalid_request", "key"),
        (contact("a\0b", "Bob", &[BOB]), "invalid_request", "key"),
        (json!({"key": "k7", "name": "Bob", "numbers": [BOB], "colour": 1}), "invalid_request", "colour"),
        (json!({"key": "k7", "name": "Bob"}), "invalid_request", "numbers"),
        (json!({"key": "k7", "numbers": [BOB]}), "invalid_request", "name"),
        (json!({"name": "Bob", "numbers": [BOB]}), "invalid_request", "key"),
        (json!({"key": 7, "name": "Bob", "numbers": [BOB]}), "invalid_request", "string"),
        (json!({"key": "k7", "name": "Bob", "numbers": [7]}), "invalid_request", "string"),
        (json!({"key": "k7", "name": "Bob", "numbers": BOB}), "invalid_request", "sequence"),
    ];
    for (bad, code, said) in cases {
        let contacts = json!([contact("2", "Cy", &[]), bad]);
        for refused in [office.pbx.fill("crm", contacts.clone()).await, office.pbx.alter("crm", contacts).await] {
            assert_eq!(refused.code(), code, "{bad}");
            assert!(refused.body["detail"].as_str().unwrap().contains(said), "{bad}: {refused:?}");
        }
    }
    for contacts in [json!({}), json!([1]), json!(["1"]), json!(null), json!([[]]), json!("x")] {
        assert_eq!(office.pbx.fill("crm", contacts.clone()).await.code(), "invalid_request", "{contacts}");
        assert_eq!(office.pbx.alter("crm", contacts.clone()).await.code(), "invalid_request", "{contacts}");
    }
    assert_eq!(office.pbx.contacts("crm").await, [contact("1", "Ann Lee", &[ANN])]);
    assert_eq!(office.version().await, before);
    let largest =
        contact(&"k".repeat(200), &"é".repeat(200), &many.iter().map(String::as_str).take(20).collect::<Vec<_>>());
    office.pbx.fill("crm", json!([largest])).await.ok();
    assert_eq!(office.pbx.contacts("crm").await, [largest]);
}

#[tokio::test]
async fn some_contacts_are_altered_and_others_stay() {
    let office = Office::open(&[JAKE]).await;
    office.customers(json!([contact("1", "Ann", &[ANN]), contact("2", "Bob", &[BOB]), contact("3", "Cy", &[])])).await;
    let mut jake = office[JAKE].connect().await;
    let gone = |key: &str| json!({"key": key, "deleted": true});
    let new = json!([contact("4", "Di", &["+14045550144"]), gone("2"), contact("3", "Cyd", &[BOB])]);
    let altered = office.pbx.alter("crm", new.clone()).await.ok();
    assert_eq!((&altered["key"], &altered["contacts"]), (&json!("crm"), &json!(3)));
    let all = [contact("1", "Ann", &[ANN]), contact("3", "Cyd", &[BOB]), contact("4", "Di", &["+14045550144"])];
    assert_eq!(office.pbx.contacts("crm").await, all);
    assert_eq!((office[JAKE].name_of(BOB).await, office[JAKE].name_of(ANN).await), ("Cyd".into(), "Ann".into()));
    assert_eq!(office.heard(&mut jake).await, [told(vec!["+14045550144", BOB])], "Ann is called what she was");

    let before = office.version().await;
    assert_eq!(office.pbx.alter("crm", new).await.ok()["contacts"], 3, "the same again");
    assert_eq!(office.pbx.alter("crm", json!([])).await.ok()["contacts"], 3);
    assert_eq!(office.pbx.alter("crm", json!([gone("nobody")])).await.ok()["contacts"], 3);
    for (bad, said) in [
        (json!([{"key": "1", "name": "Ann", "deleted": true}]), "deleted"),
        (json!([{"key": "1", "numbers": [], "deleted": true}]), "deleted"),
        (json!([{"key": "1"}]), "1"),
        (json!([{"key": "1", "deleted": false}]), "1"),
        (json!([{"deleted": true}]), "key"),
        (json!([gone("1"), gone("1")]), "twice"),
        (json!([contact("1", "Ann", &[]), gone("1")]), "twice"),
        (json!([contact("1", "Ann", &[]), contact("1", "Anna", &[])]), "twice"),
    ] {
        let refused = office.pbx.alter("crm", bad.clone()).await;
        assert_eq!(refused.code(), "invalid_request", "{bad}");
        assert!(refused.body["detail"].as_str().unwrap().contains(said), "{bad}: {refused:?}");
    }
    assert_eq!(office.version().await, before);
    assert_eq!(office.pbx.contacts("crm").await, all);

    let many = |n: usize| -> Value { (0..n).map(|n| contact(&format!("n{n}"), "Somebody", &[])).collect() };
    assert_eq!(office.pbx.alter("crm", many(1_001)).await.code(), "invalid_request");
    assert_eq!(office.pbx.alter("crm", many(1_000)).await.ok()["contacts"], 1_003);
}

#[tokio::test]
async fn many_at_once_alter_it_and_all_of_them_count() {
    let office = Office::open(&[JAKE]).await;
    let put = json!({"name": "Customers", "source": "crm"});
    let made = join_all((0..20).map(|_| office.pbx.put("/v1/pbx/phonebooks/crm", put.clone()))).await;
    assert_eq!(made.iter().filter(|a| a.status == 201).count(), 1);
    assert_eq!(made.iter().filter(|a| a.status == 200).count(), 19);
    let contacts = (0..10).map(|n| json!([contact(&format!("{n}"), &format!("Name {n}"), &[ANN])])).collect::<Vec<_>>();
    let altered = join_all(contacts.iter().map(|c| office.pbx.alter("crm", c.clone()))).await;
    assert!(altered.iter().all(|a| a.status == 200), "{altered:?}");
    let all: Vec<Value> = contacts.into_iter().map(|c| c[0].clone()).collect();
    assert_eq!(office.pbx.contacts("crm").await, all);
    assert_eq!(office.pbx.get(BOOKS).await.ok()["items"][0]["contacts"], 10);
}

#[tokio::test]
async fn my_phonebooks_and_who_is_in_them_come_by_name_page_by_page() {
    let office = Office::open(&[JAKE, WYATT]).await;
    for (key, name, source) in [("a", "Zoo", "manual"), ("b", "Bank", "crm"), ("c", "Arms", "cnam")] {
        office.book(key, name, source).await;
    }
    office.assign(JAKE, &["c", "none", "a"]).await;
    let books = office[JAKE].get("/v1/phonebooks").await.ok();
    let of = |n: usize, field: &str| books["items"][n][field].as_str().unwrap().to_owned();
    let listed: Vec<_> = (0..2).map(|n| (of(n, "name"), of(n, "source"))).collect();
    assert_eq!(listed, [("Arms".into(), "cnam".into()), ("Zoo".into(), "manual".into())], "in the assignment's order");
    assert_eq!((books["items"].as_array().unwrap().len(), &books["next"]), (2, &Value::Null));

    let names = ["Émile", "ada", "Zoë", "Bob", "bob", "Ångström", "李小龍", "Zoe"];
    let contacts: Vec<_> = names.iter().enumerate().map(|(n, name)| contact(&n.to_string(), name, &[])).collect();
    office.pbx.fill("a", json!(contacts)).await.ok();
    let path = format!("/v1/phonebooks/{}/contacts", of(1, "id"));
    let sorted = ["ada", "Ångström", "Bob", "bob", "Émile", "Zoë", "Zoe", "李小龍"];
    assert_eq!(shown(&office[JAKE].all(&path).await), sorted, "accents and case don't matter");
    for limit in [1, 3, 8] {
        let (mut found, mut after) = (vec![], String::new());
        loop {
            let page = office[JAKE].get(&format!("{path}?limit={limit}{after}")).await.ok();
            let items = page["items"].as_array().unwrap();
            assert!(items.len() <= limit);
            found.extend(items.iter().map(|c| c["name"].as_str().unwrap().to_owned()));
            let Some(next) = page["next"].as_str() else { break };
            after = format!("&after={next}");
        }
        assert_eq!(found, sorted, "{limit}");
    }
    assert_eq!(shown(&office[JAKE].all(&format!("{path}?q=zoe")).await), ["Zoë", "Zoe"]);
    assert_eq!(shown(&office[JAKE].all(&format!("{path}?q=%20")).await), sorted, "nothing was typed");
    for bad in ["limit=0", "limit=201", "page=2", "after=x", &format!("q={}", "a".repeat(101))] {
        assert_eq!(office[JAKE].get(&format!("{path}?{bad}")).await.code(), "invalid_request", "{bad}");
    }
    assert_eq!(office[WYATT].get(&path).await.code(), "not_found");
    assert_eq!(office[JAKE].get("/v1/phonebooks/a/contacts").await.code(), "not_found", "its key is the PBX's");
}

#[tokio::test]
async fn lists_are_complete_however_small_the_page() {
    let office = Office::open(&[]).await;
    let keys: Vec<_> = (100..150).map(|n| format!("b{n}")).collect();
    join_all(keys.iter().map(|key| office.book(key, "A book", "manual"))).await;
    let contacts: Vec<_> = (100..350).map(|n| contact(&format!("k{n}"), "Somebody", &[])).collect();
    office.pbx.fill("b100", json!(contacts)).await.ok();
    let keys_of = async |path: &str, limit: usize| {
        let (mut found, mut after) = (vec![], String::new());
        loop {
            let page = office.pbx.get(&format!("{path}?limit={limit}{after}")).await.ok();
            let items = page["items"].as_array().unwrap();
            assert!(items.len() <= limit);
            found.extend(items.iter().map(|one| one["key"].as_str().unwrap().to_owned()));
            let Some(next) = page["next"].as_str() else { return found };
            after = format!("&after={next}");
        }
    };
    let all: Vec<_> = contacts.iter().map(|c| c["key"].as_str().unwrap().to_owned()).collect();
    let path = format!("{BOOKS}/b100/contacts");
    for limit in [7, 50, 125, 200] {
        assert_eq!(keys_of(BOOKS, limit).await, keys, "{limit}");
        assert_eq!(keys_of(&path, limit).await, all, "{limit}");
    }
    for path in [BOOKS, &path] {
        assert_eq!(office.pbx.get(&format!("{path}?limit=201")).await.code(), "invalid_request");
        assert_eq!(office.pbx.get(&format!("{path}?page=2")).await.code(), "invalid_request");
        // What no database could look for.
        let nul = office.pbx.get(&format!("{path}?after=%00")).await;
        assert!(nul.status == 200 || nul.code() == "invalid_request", "{nul:?}");
    }
}
