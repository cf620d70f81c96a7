//! Recent calls, as the PBX reports them.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{JAKE, MIA, Office, contact, rows, shown, told};
use crate::{
    client::{Answer, Api},
    queues::sign_in,
    sms::{ANN, BOB, MAIN},
};

const CALLS: &str = "/v1/pbx/calls";

fn call(key: &str, extension: &str, number: &str, caller_name: impl Into<Option<&'static str>>, at: &str) -> Value {
    json!({"key": key, "extension": extension, "direction": "inbound", "number": number,
           "caller_name": caller_name.into(), "at": at})
}

async fn report(api: &Api, calls: Value) -> Answer {
    api.post(CALLS, calls).await
}

#[tokio::test]
async fn calls_name_their_callers_and_reported_again_change_nothing() {
    let office = Office::open(&[JAKE, MIA]).await;
    let (mut jake, mut mia) = (office[JAKE].connect().await, office[MIA].connect().await);
    let calls = json!([
        call("1", JAKE, "(404) 555-0199", "LEE ANN", "2026-11-23T09:00:00Z"),
        {"key": "2", "extension": JAKE, "direction": "outbound", "number": BOB, "at": "2026-11-23T10:00:00+02:00"},
    ]);
    assert_eq!(report(&office.pbx, calls.clone()).await.ok(), json!({"changed": 2}));
    assert_eq!(office[JAKE].name_of(ANN).await, "LEE ANN");
    assert_eq!(office[JAKE].name_of(BOB).await, "+1 404-555-0177");
    assert_eq!(office[MIA].name_of(ANN).await, "+1 404-555-0199", "it was not her call");
    assert_eq!(office[MIA].find("0199").await, [] as [Value; 0]);
    assert_eq!(office.heard(&mut jake).await, [told(vec![BOB, ANN])]);
    assert_eq!(office.heard(&mut mia).await, []);

    let before = office.version().await;
    for again in [calls.clone(), json!([calls[1], calls[0]]), json!([calls[0]]), json!([])] {
        assert_eq!(report(&office.pbx, again).await.ok(), json!({"changed": 0}));
    }
    let same = json!([call("1", JAKE, ANN, "LEE ANN", "2026-11-23T10:00:00.000+01:00")]);
    assert_eq!(report(&office.pbx, same).await.ok(), json!({"changed": 0}), "the same time, said otherwise");
    assert_eq!(office.version().await, before);
    assert_eq!(office.heard(&mut jake).await, []);

    // The newest call that has a name names them; one without leaves it.
    let newer = json!([
        call("3", JAKE, ANN, "ANN L", "2026-11-23T11:00:00Z"),
        call("4", JAKE, ANN, None, "2026-11-23T12:00:00Z"),
        call("5", JAKE, ANN, "OLD ANN", "2026-11-22T12:00:00Z"),
    ]);
    assert_eq!(report(&office.pbx, newer).await.ok(), json!({"changed": 3}));
    assert_eq!(office[JAKE].name_of(ANN).await, "ANN L");
    assert_eq!(office.heard(&mut jake).await, [told(vec![ANN])]);
    // A call that was another number's: both may be called otherwise.
    assert_eq!(
        report(&office.pbx, json!([call("3", JAKE, BOB, "BOB", "2026-11-23T11:00:00Z")])).await.ok(),
        json!({"changed": 1})
    );
    assert_eq!((office[JAKE].name_of(ANN).await, office[JAKE].name_of(BOB).await), ("LEE ANN".into(), "BOB".into()));
    assert_eq!(office.heard(&mut jake).await, [told(vec![BOB, ANN])]);
}

#[tokio::test]
async fn a_call_that_turns_out_to_be_a_colleague_s_is_theirs() {
    let office = Office::open(&[JAKE, MIA]).await;
    report(&office.pbx, json!([call("1", JAKE, ANN, "LEE ANN", "2026-11-23T09:00:00Z")])).await.ok();
    let (mut jake, mut mia) = (office[JAKE].connect().await, office[MIA].connect().await);
    let moved = json!([call("1", MIA, ANN, "LEE ANN", "2026-11-23T09:00:00Z")]);
    assert_eq!(report(&office.pbx, moved).await.ok(), json!({"changed": 1}));
    assert_eq!(office[JAKE].name_of(ANN).await, "+1 404-555-0199");
    assert_eq!(office[MIA].name_of(ANN).await, "LEE ANN");
    assert_eq!(office.heard(&mut jake).await, [told(vec![ANN])]);
    assert_eq!(office.heard(&mut mia).await, [told(vec![ANN])]);
}

#[tokio::test]
async fn of_a_key_that_comes_twice_the_last_counts() {
    let office = Office::open(&[JAKE]).await;
    let twice = json!([
        call("1", JAKE, ANN, "FIRST", "2026-11-23T09:00:00Z"),
        call("1", JAKE, ANN, "LAST", "2026-11-23T09:00:00Z"),
    ]);
    assert_eq!(report(&office.pbx, twice.clone()).await.ok(), json!({"changed": 1}));
    assert_eq!(office[JAKE].name_of(ANN).await, "LAST");
    assert_eq!(report(&office.pbx, twice).await.ok(), json!({"changed": 0}));
}

#[tokio::test]
async fn the_same_calls_reported_by_many_at_once_are_there_once() {
    let office = Office::open(&[JAKE]).await;
    let calls: Vec<_> = (0..50)
        .map(|n| call(&n.to_string(), JAKE, &format!("+1404555{n:04}"), "SOMEBODY", "2026-11-23T09:00:00Z"))
        .collect();
    let answers = join_all((0..8).map(|_| report(&office.pbx, json!(calls)))).await;
    assert!(answers.iter().all(|a| a.status == 200), "{answers:?}");
    assert_eq!(office.rows("recent_call").await, 50);
    assert_eq!(office[JAKE].find("SOMEBODY").await.len(), 50);
}

#[tokio::test]
async fn the_newest_500_of_each_are_kept() {
    let office = Office::open(&[JAKE, MIA]).await;
    let at = |n: usize| format!("2026-11-23T{:02}:{:02}:{:02}Z", n / 3_600, n / 60 % 60, n % 60);
    let calls: Vec<_> =
        (0..800).map(|n| call(&format!("k{n}"), JAKE, &format!("+1404555{n:04}"), "JAKE'S", &at(n))).collect();
    report(&office.pbx, json!([call("mia", MIA, ANN, "LEE ANN", &at(0))])).await.ok();
    assert_eq!(report(&office.pbx, json!(calls[..400])).await.ok(), json!({"changed": 400}));
    assert_eq!(report(&office.pbx, json!(calls[400..])).await.ok(), json!({"changed": 400}));
    assert_eq!(office.rows("recent_call").await, 501);
    assert_eq!(office[JAKE].name_of("+14045550299").await, "+1 404-555-0299", "it is the 501st");
    assert_eq!(office[JAKE].name_of("+14045550300").await, "JAKE'S");
    assert_eq!(office[MIA].name_of(ANN).await, "LEE ANN", "hers are counted for themselves");
}

#[tokio::test]
async fn a_night_that_reports_more_than_are_kept_again_changes_nothing() {
    let office = Office::open(&[JAKE]).await;
    let at = |n: usize| format!("2026-11-23T00:{:02}:{:02}Z", n / 60 % 60, n % 60);
    let calls: Vec<_> =
        (0..600).map(|n| call(&format!("k{n}"), JAKE, &format!("+1404555{n:04}"), "X", &at(n))).collect();
    report(&office.pbx, json!(calls)).await.ok();
    let mut jake = office[JAKE].connect().await;
    let before = office.version().await;
    assert_eq!(report(&office.pbx, json!(calls)).await.ok(), json!({"changed": 0}));
    assert_eq!(office.version().await, before);
    assert_eq!(office.heard(&mut jake).await, []);
}

#[tokio::test]
async fn who_comes_later_has_the_calls_that_came_before() {
    let office = Office::open(&[]).await;
    report(&office.pbx, json!([call("1", "205", ANN, "LEE ANN", "2026-11-23T09:00:00Z")])).await.ok();
    let eve = sign_in(&office.engine, &office.pbx, "205", "user").await;
    assert_eq!(eve.name_of(ANN).await, "LEE ANN");
    assert_eq!(shown(&eve.find("lee").await), ["LEE ANN"]);
}

#[tokio::test]
async fn what_can_t_be_a_call_is_refused_and_none_of_the_others_is_taken() {
    let office = Office::open(&[JAKE]).await;
    let good = call("good", JAKE, ANN, "LEE ANN", "2026-11-23T09:00:00Z");
    let with = |field: &str, value: Value| {
        let mut bad = call("bad", JAKE, BOB, "BOB", "2026-11-23T09:00:00Z");
        bad[field] = value;
        bad
    };
    let without = |field: &str| {
        let mut bad = with("key", json!("bad"));
        bad.as_object_mut().unwrap().remove(field);
        bad
    };
    let before = office.version().await;
    for (bad, code, said) in [
        (with("colour", json!(1)), "invalid_request", "colour"),
        (with("direction", json!("up")), "invalid_request", "up"),
        (with("key", json!("")), "invalid_request", "key"),
        (with("key", json!("x".repeat(201))), "invalid_request", "key"),
        (with("extension", json!("abc")), "invalid_request", "number"),
        (with("caller_name", json!("")), "invalid_request", "caller_name"),
        (with("caller_name", json!("a\nb")), "invalid_request", "caller_name"),
        (with("caller_name", json!("x".repeat(201))), "invalid_request", "caller_name"),
        (with("at", json!("yesterday")), "invalid_request", "at"),
        (with("at", json!("2026-11-23")), "invalid_request", "at"),
        (with("at", json!(1_732_354_800)), "invalid_request", "string"),
        (with("number", json!("911")), "invalid_number", ""),
        (with("number", json!("anonymous")), "invalid_number", ""),
        (without("key"), "invalid_request", "key"),
        (without("extension"), "invalid_request", "extension"),
        (without("direction"), "invalid_request", "direction"),
        (without("number"), "invalid_request", "number"),
        (without("at"), "invalid_request", "at"),
    ] {
        let refused = report(&office.pbx, json!([good, bad])).await;
        assert_eq!(refused.code(), code, "{bad}");
        assert!(refused.body["detail"].as_str().unwrap().contains(said), "{bad}: {refused:?}");
    }
    assert_eq!(report(&office.pbx, json!({})).await.code(), "invalid_request");
    let many = |n: usize| -> Value {
        let whose = |n: usize| if n.is_multiple_of(2) { JAKE } else { MIA };
        (0..n).map(|n| call(&format!("k{n}"), whose(n), BOB, None, "2026-11-23T09:00:00Z")).collect()
    };
    assert_eq!(report(&office.pbx, many(1_001)).await.code(), "invalid_request");
    assert_eq!(office.rows("recent_call").await, 0);
    assert_eq!(office.version().await, before);
    assert_eq!(report(&office[JAKE], json!([good])).await.code(), "forbidden");
    assert_eq!(report(&office.pbx, many(1_000)).await.ok(), json!({"changed": 1_000}));
}

#[tokio::test]
async fn another_company_s_calls_are_not_there() {
    let office = Office::open(&[JAKE]).await;
    let (_, key) = office.engine.tenant("other").await;
    let theirs = office.pbx.with_token(&key);
    let others = theirs.people_of("other", &[JAKE]).await;
    report(&office.pbx, json!([call("1", JAKE, ANN, "LEE ANN", "2026-11-23T09:00:00Z")])).await.ok();
    assert_eq!(others[JAKE].name_of(ANN).await, "+1 404-555-0199");
    // The same key is another call there, even if it is told in the same words.
    for name in ["LEE ANN", "ANNA"] {
        let answer = report(&theirs, json!([call("1", JAKE, ANN, name, "2026-11-23T09:00:00Z")])).await;
        assert_eq!(answer.ok(), json!({"changed": 1}));
        assert_eq!(others[JAKE].name_of(ANN).await, name);
    }
    assert_eq!(office[JAKE].name_of(ANN).await, "LEE ANN");
    assert_eq!(rows(office.engine.folder.path(), "recent_call").await, 2);
}

#[tokio::test]
async fn numbers_are_read_in_the_company_s_region() {
    let office = Office::open(&[JAKE]).await;
    office.put(JAKE, json!({"caller_ids": [MAIN]})).await;
    office.pbx.put("/v1/pbx/settings", json!({"region": "GB"})).await.ok();
    report(&office.pbx, json!([call("1", JAKE, "020 7946 0018", "LONDON", "2026-11-23T09:00:00Z")])).await.ok();
    assert_eq!(office[JAKE].name_of("+442079460018").await, "LONDON");
    office.customers(json!([contact("1", "Bo", &["020 7946 0018"])])).await;
    assert_eq!(office[JAKE].name_of("+442079460018").await, "Bo");
}
