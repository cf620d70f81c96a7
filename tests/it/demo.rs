//! `partyline demo`: one command, and two people can chat.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use serde_json::json;

use crate::{
    client::{Answer, Api},
    engine::free_port,
};

#[tokio::test]
async fn one_command_opens_a_company_in_which_people_chat() {
    let port = free_port();
    let mut demo = Command::new(env!("CARGO_BIN_EXE_partyline"))
        .args(["demo", "--listen", &format!("127.0.0.1:{port}")])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // It prints where it is, and who can sign in with which password.
    let mut printed = BufReader::new(demo.stdout.take().unwrap()).lines();
    let mut people = Vec::new();
    let mut address = String::new();
    for line in printed.by_ref().map(Result::unwrap) {
        if let Some((_, at)) = line.split_once("Partyline is at ") {
            address = at.to_owned();
        } else if let Some((who, password)) = line.split_once(" password ") {
            people.push((who.trim()[..3].to_owned(), password.to_owned()));
        } else if line.contains("Ctrl+C") {
            break;
        }
    }
    assert_eq!(address, format!("http://localhost:{port}"));
    let url = format!("http://127.0.0.1:{port}");
    let mut signed_in = Vec::new();
    for (extension, password) in &people[..2] {
        let session = Api::new(&url, "").login(json!({"extension": extension, "password": password})).await.ok();
        signed_in.push(Api::new(&url, session["token"].as_str().unwrap()));
    }
    let chat = signed_in[0].chat(&people[1].0).await;
    let mut other = signed_in[1].connect().await;
    signed_in[0].say(&chat, "It works").await;
    assert_eq!(other.until_event("message.created").await["data"]["text"], "It works");
    // Those who are signed in by a click are the same.
    let listed = Answer::of(reqwest::get(format!("{url}/demo/people")).await.unwrap()).await.ok();
    assert_eq!(listed.as_array().unwrap().len(), people.len());

    let pid = demo.id();
    assert!(Command::new("kill").arg(pid.to_string()).status().unwrap().success());
    let status = tokio::task::spawn_blocking(move || demo.wait().unwrap()).await.unwrap();
    assert!(status.success());
    let folder = std::env::temp_dir().join(format!("partyline-demo-{pid}"));
    assert!(!folder.exists(), "it leaves nothing behind");
}
