//! A full disk: writes are refused, the process lives, reads work, and writes work again when there is room.
//!
//! The engine runs in a mount namespace of its own, on a disk of a few megabytes.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Stdio},
};

use uuid::Uuid;

use crate::{
    client::Api,
    engine::{ORIGIN, free_port, wait_until_ready},
};

#[tokio::test]
async fn a_full_disk_refuses_writes_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let port = free_port();
    let config = folder.path().join("partyline.toml");
    let database = disk.join("partyline.db").display().to_string();
    let toml = format!(
        "listen = \"127.0.0.1:{port}\"\npublic_url = \"{ORIGIN}\"\nlog = \"off\"\n\
         database_url = \"sqlite://{database}?mode=rwc\"\n[limits]\nsends_per_s = 100000\nsends_burst = 100000\n"
    );
    fs::write(&config, toml).unwrap();
    let script = format!(
        "mount -t tmpfs -o size=6m tmpfs {disk} && \
         {bin} api-key create --tenant default --scope pbx --config {config} && exec {bin} serve --config {config}",
        disk = disk.display(),
        bin = env!("CARGO_BIN_EXE_partyline"),
        config = config.display(),
    );
    let mut unshare = Command::new("unshare");
    unshare.args(["--map-root-user", "--mount", "sh", "-c", &script]).stdout(Stdio::piped());
    let mut engine = Engine(unshare.spawn().unwrap());
    let mut line = String::new();
    BufReader::new(engine.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let key = line.split_whitespace().last().unwrap();
    let url = format!("http://127.0.0.1:{port}");
    wait_until_ready(&url).await;

    let people = Api::new(&url, key).people(&["201", "202"]).await;
    let chat = people["201"].chat("202").await;
    people["201"].say(&chat, "there is room").await;
    // Through the process, because only there is the disk mounted.
    let inside = format!("/proc/{}/root{}", engine.0.id(), disk.display());
    let filler = Path::new(&inside).join("filler");
    fill(&filler);

    let text = "x".repeat(4_000);
    let mut kept = 1;
    let mut refused = 0;
    // The last pages of the log may still take a small one after a large one was refused.
    while refused < 20 {
        let answer = people["201"].send(&chat, Uuid::now_v7(), &text).await;
        if answer.status == 201 {
            (kept, refused) = (kept + 1, 0);
        } else {
            assert_eq!((answer.status.as_u16(), answer.code()), (503, "storage_unavailable"));
            refused += 1;
        }
        assert!(kept < 5_000, "the disk never got full");
    }
    assert!(engine.0.try_wait().unwrap().is_none(), "the process lives");
    assert_eq!(people["202"].history(&chat).await.len(), kept, "reads work, and what was refused is not there");
    people["202"].connect().await;

    fs::remove_file(&filler).unwrap();
    let next = people["201"].say(&chat, "there is room again").await;
    assert_eq!(next["seq"], kept as i64 + 1);
    assert_eq!(people["202"].history(&chat).await.len(), kept + 1);
}

struct Engine(Child);

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    for size in [64 << 10, 4 << 10, 1] {
        let block = vec![0u8; size];
        while file.write_all(&block).and_then(|()| file.flush()).is_ok() {}
    }
}
