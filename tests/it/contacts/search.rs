//! Whom somebody may mean by what they type.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{JAKE, MIA, Office, WYATT, contact, encoded, shown};
use crate::{
    client::Api,
    queues::{Desk, sign_in},
    sms::{ANN, BOB, MAIN},
};

async fn called(pbx: &Api, extension: &str, number: &str, caller_name: Option<&str>, at: &str) {
    let call = json!([{"key": Uuid::now_v7(), "extension": extension, "direction": "inbound", "number": number,
                       "caller_name": caller_name, "at": at}]);
    pbx.post("/v1/pbx/calls", call).await.ok();
}

/// Jake, who may text, with a phonebook.
async fn office() -> Office {
    let office = Office::open(&[JAKE, MIA]).await;
    office
        .customers(json!([
            contact("1", "Jake Miller", &["+15550101234"]),
            contact("2", "Jakub Novák", &["+420601123456"]),
            contact("3", "Anna Jakobs", &["+14045550123"]),
            contact("4", "Ann Lee", &[ANN]),
            contact("5", "Zoë Müller", &["+4915112345678"]),
            contact("6", "李小龍", &["+8613800138000"]),
            contact("7", "Pajak, Ltd.", &["+14045550166"]),
            contact("8", "Nobody can be reached", &[]),
        ]))
        .await;
    office.put(JAKE, json!({"phonebooks": ["crm"], "caller_ids": [MAIN]})).await;
    office
}

#[tokio::test]
async fn the_best_are_found_among_a_thousand_that_match() {
    let office = Office::open(&[JAKE]).await;
    let common = (0..1_000).map(|n| contact(&format!("{n}"), &format!("Aaron {n:04} Lee"), &[&format!("+1404{n:07}")]));
    let best = [contact("x", "Lee", &["+14155550101"]), contact("y", "Lee Plumbing", &["+14155550102"])];
    office.customers(Value::Array(common.chain(best).collect())).await;
    office.put(JAKE, json!({"phonebooks": ["crm"]})).await;
    let found = office[JAKE].find("lee").await;
    assert_eq!(shown(&found)[..3], ["Lee", "Lee Plumbing", "Aaron 0000 Lee"]);
    assert_eq!(shown(&office[JAKE].find("404 000 0999").await)[0], "Aaron 0999 Lee");
}

#[tokio::test]
async fn any_part_of_a_name_or_number_finds_them_best_first() {
    let office = office().await;
    for (q, found) in [
        ("jak", &["Jake Miller", "Jakub Novák", "Anna Jakobs", "Pajak, Ltd."][..]),
        ("0199", &["Ann Lee"]),
        ("(555) 010", &["Jake Miller"]),
        ("müller", &["Zoë Müller"]),
        ("李", &["李小龍"]),
        ("a", &["Ann Lee", "Anna Jakobs", "Jake Miller", "Jakub Novák", "Pajak, Ltd."]),
        ("MULLER", &["Zoë Müller"]),
        ("muller zoe", &["Zoë Müller"]),
        ("novak", &["Jakub Novák"]),
        ("NOVÁK", &["Jakub Novák"]),
        ("小龍", &["李小龍"]),
        ("ann", &["Ann Lee", "Anna Jakobs"]),
        ("lee", &["Ann Lee"]),
        ("pajak ltd", &["Pajak, Ltd."]),
        ("+1 404-555-0199", &["Ann Lee"]),
        ("(404) 555-01", &["Ann Lee", "Anna Jakobs", "Pajak, Ltd."]),
        ("404.555.0166", &["Pajak, Ltd."]),
        ("6", &["Jakub Novák", "Pajak, Ltd.", "Zoë Müller", "李小龍"]),
        ("reached", &[]),
        ("ann bob", &[]),
        ("bob", &[]),
        ("9999", &[]),
        ("%", &[]),
        ("_", &[]),
        ("'", &[]),
        ("\\", &[]),
        ("()", &[]),
    ] {
        assert_eq!(shown(&office[JAKE].find(q).await), found, "{q}");
    }
    let whole = json!({"name": "Ann Lee", "number": ANN, "sources": ["phonebook"], "phonebook": "Customers"});
    assert_eq!(office[JAKE].find("ann lee").await, [whole]);
    assert_eq!(office[MIA].find("a").await, [] as [Value; 0], "she has no phonebook");
}

#[tokio::test]
async fn a_whole_name_or_number_comes_before_those_that_begin_so_and_these_before_others() {
    let office = Office::open(&[JAKE]).await;
    office
        .customers(json!([
            contact("1", "Leander", &["+14045550101"]),
            contact("2", "Ann Lee", &["+14045550102"]),
            contact("3", "Lee", &["+14045550103"]),
            contact("4", "Charlee", &["+14045550104"]),
            contact("5", "Lee Ann", &["+14045550105"]),
            contact("6", "Bo", &["+14045550199"]),
            contact("7", "Cy", &["+14041990106"]),
            contact("8", "199 Club", &["+14045550107"]),
        ]))
        .await;
    assert_eq!(shown(&office[JAKE].find("lee").await), ["Lee", "Lee Ann", "Ann Lee", "Charlee"]);
    assert_eq!(shown(&office[JAKE].find("lea").await), ["Leander"]);
    assert_eq!(shown(&office[JAKE].find("199").await), ["199 Club", "Bo", "Cy"]);
    assert_eq!(shown(&office[JAKE].find("14045550199").await), ["Bo"]);
}

#[tokio::test]
async fn one_row_for_each_number_with_all_its_sources_and_the_name_it_has() {
    let office = office().await;
    office.book("cnam", "Network", "cnam").await;
    office.pbx.fill("cnam", json!([contact("1", "LEE ANN M", &[ANN])])).await.ok();
    office.put(JAKE, json!({"phonebooks": ["cnam", "crm"], "caller_ids": [MAIN]})).await;
    let row =
        |sources: &[&str]| json!({"name": "Ann Lee", "number": ANN, "sources": sources, "phonebook": "Customers"});
    assert_eq!(office[JAKE].find("0199").await, [row(&["phonebook"])]);
    called(&office.pbx, JAKE, ANN, Some("ANN L"), "2026-11-23T09:00:00Z").await;
    called(&office.pbx, MIA, ANN, Some("ANN L"), "2026-11-23T09:00:00Z").await;
    assert_eq!(office[JAKE].find("0199").await, [row(&["phonebook", "call"])]);
    office[JAKE].thread(ANN).await;
    let all = [row(&["phonebook", "call", "conversation"])];
    for q in ["0199", "Ann Lee", "lee"] {
        assert_eq!(office[JAKE].find(q).await, all, "{q}");
    }
    assert_eq!(
        office[MIA].find("0199").await,
        [json!({"name": "ANN L", "number": ANN, "sources": ["call"], "phonebook": null})]
    );

    // Of who has many numbers each has a row.
    office.pbx.alter("crm", json!([contact("4", "Ann Lee", &[ANN, "+14045550198"])])).await.ok();
    let found = office[JAKE].find("ann lee").await;
    assert_eq!(shown(&found), ["Ann Lee", "Ann Lee"]);
    assert_eq!((&found[0]["number"], &found[1]["number"]), (&json!("+14045550198"), &json!(ANN)));
    assert_eq!(office[JAKE].find("0198").await.len(), 1, "and is found for itself");
}

#[tokio::test]
async fn whatever_name_finds_them_they_are_called_what_they_are_called_everywhere() {
    let office = Office::open(&[JAKE]).await;
    for (key, source, name) in [("a", "crm", "Ann Lee"), ("b", "manual", "Auntie"), ("c", "cnam", "LEROY ANTONIA")] {
        office.book(key, key, source).await;
        office.pbx.fill(key, json!([contact("1", name, &[ANN])])).await.ok();
    }
    office.assign(JAKE, &["c", "a", "b"]).await;
    called(&office.pbx, JAKE, ANN, Some("CALLER X"), "2026-11-23T09:00:00Z").await;
    for q in ["ann lee", "0199", "auntie", "leroy", "caller x"] {
        assert_eq!(shown(&office[JAKE].find(q).await), ["Ann Lee"], "{q}");
    }
    assert_eq!(office[JAKE].name_of(ANN).await, "Ann Lee");
}

#[tokio::test]
async fn of_two_contacts_with_one_number_the_same_is_shown_everywhere() {
    let office = Office::open(&[JAKE]).await;
    office.customers(json!([contact("1", "Zelda", &[ANN]), contact("2", "Ann Lee", &[ANN])])).await;
    let name = office[JAKE].name_of(ANN).await;
    for q in ["zelda", "ann lee", "0199"] {
        assert_eq!(shown(&office[JAKE].find(q).await), [name.as_str()], "{q}");
    }
}

#[tokio::test]
async fn digits_that_stand_together_come_before_those_that_don_t() {
    let office = Office::open(&[JAKE]).await;
    office.customers(json!([contact("1", "Bea", &["+14045551010"]), contact("2", "Zed", &["+15550101234"])])).await;
    for q in ["(555) 010", "555-010", "555 010 12"] {
        assert_eq!(shown(&office[JAKE].find(q).await)[0], "Zed", "{q}");
    }
}

#[tokio::test]
async fn who_has_no_name_is_found_by_the_number() {
    let office = office().await;
    let nobody = "+14045550134";
    called(&office.pbx, JAKE, nobody, None, "2026-11-23T09:00:00Z").await;
    let row = |sources: &[&str]| json!({"name": null, "number": nobody, "sources": sources, "phonebook": null});
    assert_eq!(office[JAKE].find("0134").await, [row(&["call"])]);
    office.pbx.text_in(nobody, MAIN, "Hello?").await;
    assert_eq!(office[JAKE].find("555-0134").await, [row(&["call", "conversation"])]);
    office.pbx.text_in(BOB, MAIN, "Hello?").await;
    let bob = json!({"name": null, "number": BOB, "sources": ["conversation"], "phonebook": null});
    assert_eq!(office[JAKE].find("0177").await, [bob]);
    // Those who have a name come first.
    let shown: Vec<_> = office[JAKE].find("(404) 555-01").await;
    let names: Vec<_> = shown.iter().map(|row| row["name"].as_str().is_some()).collect();
    assert_eq!(names, [true, true, true, false, false], "{shown:?}");
}

#[tokio::test]
async fn those_outside_a_group_are_found_by_its_members_while_they_are_in_it() {
    let office = Office::open(&[JAKE, MIA]).await;
    office.put(JAKE, json!({"caller_ids": [MAIN]})).await;
    let body =
        json!({"kind": "group", "client_id": Uuid::now_v7(), "name": "Ops", "extensions": [MIA], "numbers": [ANN]});
    let group = office[JAKE].post("/v1/conversations", body).await.ok()["id"].as_str().unwrap().to_owned();
    let row = [json!({"name": null, "number": ANN, "sources": ["conversation"], "phonebook": null})];
    for who in [JAKE, MIA] {
        assert_eq!(office[who].find("0199").await, row, "{who}");
    }
    office[MIA].remove(&group, "me").await.ok();
    assert_eq!(office[MIA].find("0199").await, [] as [Value; 0]);
    assert_eq!(office[JAKE].find("0199").await, row);
}

#[tokio::test]
async fn a_customer_is_found_by_the_agent_who_holds_them() {
    let desk = Desk::open(&[JAKE, WYATT]).await;
    let waiting = desk.text(BOB, "Hello?").await;
    let found = async |who: &str| desk[who].find("0177").await.len();
    assert_eq!((found(JAKE).await, found(WYATT).await), (0, 0), "it is nobody's yet");
    desk[JAKE].claim(&waiting).await.ok();
    assert_eq!((found(JAKE).await, found(WYATT).await), (1, 0));
    desk[JAKE].transfer_to(&waiting, WYATT).await.ok();
    assert_eq!((found(JAKE).await, found(WYATT).await), (0, 1));
    desk[WYATT].release(&waiting).await.ok();
    assert_eq!((found(JAKE).await, found(WYATT).await), (0, 0));
}

#[tokio::test]
async fn before_anything_is_typed_the_newest_calls_and_conversations_are_shown() {
    let office = office().await;
    assert_eq!(office[JAKE].get("/v1/contacts").await.ok(), json!({"items": [], "next": null}));
    called(&office.pbx, JAKE, BOB, Some("BOB"), "2020-01-02T09:00:00Z").await;
    called(&office.pbx, JAKE, "+14045550134", None, "2020-01-03T09:00:00Z").await;
    called(&office.pbx, JAKE, BOB, Some("BOB"), "2020-01-04T09:00:00Z").await;
    called(&office.pbx, MIA, "+14045550135", None, "2020-01-05T09:00:00Z").await;
    office.pbx.text_in(ANN, MAIN, "Hello?").await;
    let all = json!([
        {"name": "Ann Lee", "number": ANN, "sources": ["conversation"], "phonebook": null},
        {"name": "BOB", "number": BOB, "sources": ["call"], "phonebook": null},
        {"name": null, "number": "+14045550134", "sources": ["call"], "phonebook": null},
    ]);
    let shown = async |query: &str| office[JAKE].get(&format!("/v1/contacts{query}")).await.ok()["items"].clone();
    let mut found = shown("").await;
    // Whether it says that Ann is in the phonebook as well, is told with its name.
    assert_eq!(found[0]["name"], "Ann Lee");
    if found[0]["phonebook"] == "Customers" {
        assert_eq!(found[0]["sources"], json!(["phonebook", "conversation"]));
        found[0] = all[0].clone();
    }
    assert_eq!(found, all);
    for nothing in ["?q=", "?q=%20", "?q=%09%0A"] {
        assert_eq!(shown(nothing).await.as_array().unwrap().len(), 3, "{nothing}");
    }
    assert_eq!(shown("?limit=2").await.as_array().unwrap().len(), 2);
    assert_eq!(shown("?limit=2").await[1]["number"], BOB);
    called(&office.pbx, JAKE, "+14045550134", None, "2099-01-01T09:00:00Z").await;
    assert_eq!(shown("?limit=1").await[0]["number"], "+14045550134");
}

#[tokio::test]
async fn what_can_t_be_asked_is_refused() {
    let office = office().await;
    let ask = async |query: &str| office[JAKE].get(&format!("/v1/contacts?{query}")).await;
    for bad in [
        &format!("q={}", "a".repeat(101)),
        &format!("q={}", encoded(&"é".repeat(101))),
        "limit=0",
        "limit=201",
        "limit=x",
        "page=2",
    ] {
        assert_eq!(ask(bad).await.code(), "invalid_request", "{bad}");
    }
    for q in ["a".repeat(100), "é".repeat(100), "a ".repeat(50)] {
        ask(&format!("q={}", encoded(&q))).await.ok();
    }
    // What no database could look for.
    for list in ["/v1/contacts", "/v1/conversations", "/v1/extensions"] {
        for q in ["%00", "a%00b"] {
            let answer = office[JAKE].get(&format!("{list}?q={q}")).await;
            assert!(answer.status == 200 || answer.code() == "invalid_request", "{list}: {answer:?}");
        }
    }
    assert_eq!(ask("q=a&limit=2").await.ok()["items"].as_array().unwrap().len(), 2);
    assert_eq!(ask("q=a&limit=200").await.ok()["items"].as_array().unwrap().len(), 5);
    assert_eq!(office.pbx.get("/v1/contacts?q=a").await.code(), "unauthenticated", "a key is nobody's extension");
}

#[tokio::test]
async fn among_very_many_the_best_are_found() {
    let office = Office::open(&[JAKE]).await;
    let mut contacts: Vec<_> = (0..1_500)
        .map(|n| contact(&format!("k{n:04}"), &format!("Bertha {n:04}"), &[&format!("+1404555{n:04}")]))
        .collect();
    contacts.push(contact("z1", "Zacharias A", &["+12125550123"]));
    contacts.push(contact("z2", "Art", &["+12125550124"]));
    contacts.push(contact("z3", "a", &["+12125550125"]));
    office.customers(json!(contacts)).await;
    let found = office[JAKE].find("a").await;
    assert_eq!(found.len(), 50, "as many as a page has");
    assert_eq!(shown(&found)[..3], ["a", "Art", "Zacharias A"]);
    assert_eq!(shown(&office[JAKE].find("2125550").await), ["a", "Art", "Zacharias A"]);
    assert_eq!(shown(&office[JAKE].find("1234").await), ["Bertha 1234"]);
}

#[tokio::test]
async fn the_directory_is_found_in_any_way_of_writing() {
    let office = Office::open(&[JAKE]).await;
    for (number, name) in [("301", "Zoë Brandt"), ("302", "Søren Møller"), ("303", "李小龍"), ("304", "J.R. O’Brien")]
    {
        office.put(number, json!({"name": name})).await;
    }
    let find = async |q: &str| -> Vec<String> {
        let found = office[JAKE].get(&format!("/v1/extensions?q={}", encoded(q))).await.ok();
        found["items"].as_array().unwrap().iter().map(|e| e["extension"].as_str().unwrap().to_owned()).collect()
    };
    for (q, found) in [
        ("zoe", &["301"][..]),
        ("ZOË", &["301"]),
        ("brandt z", &["301"]),
        ("soren moller", &["302"]),
        ("MØLLER", &["302"]),
        ("小", &["303"]),
        ("obrien", &["304"]),
        ("o'brien", &["304"]),
        ("jr", &["304"]),
        ("30", &["301", "302", "303", "304"]),
        ("%", &[]),
    ] {
        assert_eq!(find(q).await, found, "{q}");
    }
    assert_eq!(office[JAKE].get(&format!("/v1/extensions?q={}", "a".repeat(101))).await.code(), "invalid_request");
    // What somebody is called since finds them, what they were called does not.
    office.put("301", json!({"name": "Zoë Weiß"})).await;
    assert_eq!((find("weiss").await, find("brandt").await), (vec!["301".to_owned()], vec![]));
}

#[tokio::test]
async fn the_list_of_conversations_is_found_by_what_is_shown_in_it() {
    let office = office().await;
    let zoe = sign_in(&office.engine, &office.pbx, "301", "user").await;
    office.put("301", json!({"name": "Zoë Brandt"})).await;
    let jake = &office[JAKE];
    let ids = [
        jake.chat("301").await,
        jake.group("Café Ops", &[MIA]).await,
        jake.thread(ANN).await,
        jake.thread(BOB).await,
        jake.chat(MIA).await,
    ];
    let find = async |api: &Api, q: &str| -> Vec<usize> {
        let found = api.get(&format!("/v1/conversations?q={}", encoded(q))).await.ok();
        let place = |row: &Value| ids.iter().position(|id| row["id"] == id.as_str()).unwrap();
        let mut places: Vec<_> = found["items"].as_array().unwrap().iter().map(place).collect();
        places.sort_unstable();
        places
    };
    for (q, found) in [
        ("zoe", &[0][..]),
        ("BRANDT", &[0]),
        ("301", &[0]),
        ("cafe", &[1]),
        ("OPS", &[1]),
        ("ann lee", &[2]),
        ("lee", &[2]),
        ("0199", &[2]),
        ("(404) 555-01", &[2, 3]),
        ("0177", &[3]),
        ("name 202", &[4]),
        ("name 201", &[]),
        ("miller", &[]),
        ("", &[0, 1, 2, 3, 4]),
    ] {
        assert_eq!(find(jake, q).await, found, "{q}");
    }
    called(&office.pbx, JAKE, BOB, Some("Böb"), "2026-11-23T09:00:00Z").await;
    assert_eq!(find(jake, "bob").await, [3]);
    assert_eq!(find(&zoe, "name 201").await, [0], "and by nobody's own name");
    assert_eq!(find(&zoe, "zoe").await, [] as [usize; 0]);
    // What one is not called any more finds nothing.
    office.pbx.alter("crm", json!([contact("4", "Ann Ray", &[ANN])])).await.ok();
    assert_eq!((find(jake, "ray").await, find(jake, "lee").await), (vec![2], vec![]));
    jake.rename(&ids[1], "Thé").await.ok();
    assert_eq!((find(jake, "the").await, find(jake, "cafe").await), (vec![1], vec![]));
    let long = jake.get(&format!("/v1/conversations?q={}", "a".repeat(101))).await;
    assert_eq!(long.code(), "invalid_request");
}
