//! Engines for tests: one in this process, whose commits and decisions can be made to fail, and one as a process of its
//! own, which can be killed.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::Duration,
};

use partyline::{
    actors::Engine,
    app::{self, Options},
    clock::Clock,
    config::{Config, Limits},
    domain::TenantId,
    storage::Scope,
};
use tempfile::TempDir;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::client::{Api, People, ready_for_tls};

/// What a browser's `Origin` must be.
pub const ORIGIN: &str = "http://portal.test";

/// Where a test's database is: in its folder; on PostgreSQL, if `TEST_POSTGRES` names a server
/// (`postgres://user@host:port`), in a database named after the folder.
pub fn database_url(folder: &Path) -> String {
    let Ok(server) = std::env::var("TEST_POSTGRES") else {
        return format!("sqlite://{}?mode=rwc", folder.join("partyline.db").display());
    };
    let name = folder.file_name().unwrap().to_str().unwrap().trim_start_matches('.').to_lowercase();
    let marker = folder.join("database");
    if !marker.exists() {
        let create = format!("CREATE DATABASE \"{name}\"");
        let made = Command::new("psql").args([&format!("{server}/postgres"), "-qc", &create]).status();
        assert!(made.unwrap().success());
        std::fs::write(marker, "").unwrap();
    }
    format!("{server}/{name}")
}

/// No limits but those a test is about.
pub fn config(folder: &Path) -> Config {
    Config {
        listen: "127.0.0.1:0".into(),
        public_url: ORIGIN.into(),
        database_url: database_url(folder),
        limits: Limits {
            sends_per_s: 1_000_000,
            sends_burst: 1_000_000,
            frames_per_s: 1_000_000,
            frames_burst: 1_000_000,
            ..Limits::default()
        },
        ..Config::default()
    }
}

/// An engine in this process.
pub struct TestEngine {
    pub engine: Arc<Engine>,
    pub url: String,
    pub key: String,
    pub folder: Arc<TempDir>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl TestEngine {
    pub async fn start() -> Self {
        Self::with(Options::default()).await
    }

    pub async fn with(options: Options) -> Self {
        Self::on(Arc::new(tempfile::tempdir().unwrap()), options, |_| ()).await
    }

    pub async fn configured(configure: impl FnOnce(&mut Config)) -> Self {
        Self::on(Arc::new(tempfile::tempdir().unwrap()), Options::default(), configure).await
    }

    /// On a folder that may have been used before.
    pub async fn on(folder: Arc<TempDir>, options: Options, configure: impl FnOnce(&mut Config)) -> Self {
        ready_for_tls();
        let mut config = config(folder.path());
        configure(&mut config);
        let (started, running) = oneshot::channel();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let running = app::start(config, options).await.unwrap();
                started.send((running.address, running.engine.clone())).ok().unwrap();
                let _ = stopped.await;
                running.stop().await;
            });
        });
        let (address, engine) = running.await.unwrap();
        let tenant = engine.storage.make_tenant("default").await.unwrap();
        let key = engine.storage.create_api_key(tenant, Scope::Pbx).await.unwrap();
        let (stop, thread) = (Some(stop), Some(thread));
        Self { engine, url: format!("http://{address}"), key, folder, stop, thread }
    }

    /// Another company, and a key for it.
    pub async fn tenant(&self, name: &str) -> (TenantId, String) {
        let tenant = self.engine.storage.make_tenant(name).await.unwrap();
        (tenant, self.engine.storage.create_api_key(tenant, Scope::Pbx).await.unwrap())
    }

    pub fn api(&self) -> Api {
        Api::new(&self.url, &self.key)
    }

    /// These people of the company `default`, signed in.
    pub async fn people(&self, numbers: &[&str]) -> People {
        self.api().people(numbers).await
    }

    /// Stops cleanly, and keeps the database.
    pub async fn stop(mut self) -> Arc<TempDir> {
        self.end().await;
        self.folder.clone()
    }

    async fn end(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            tokio::task::spawn_blocking(move || thread.join().unwrap()).await.unwrap();
        }
    }
}

impl Drop for TestEngine {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }
}

/// A port for a process to listen on: below those that the system gives to whoever connects, or it might be somebody's
/// by the time the process has started.
pub fn free_port() -> u16 {
    let port = || 10_000 + u16::try_from(Uuid::now_v7().as_u128() % 20_000).unwrap();
    std::iter::repeat_with(port).find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}

/// An engine as a process of its own.
pub struct Process {
    pub url: String,
    pub key: String,
    pub folder: Arc<TempDir>,
    pub child: Child,
    /// What it has logged.
    pub log: Log,
    file: PathBuf,
}

/// Lines of a log.
pub type Log = Arc<Mutex<Vec<String>>>;

impl Process {
    pub async fn start() -> Self {
        Self::configured("").await
    }

    /// With more sections in its configuration.
    pub async fn configured(sections: &str) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let port = free_port();
        let file = folder.path().join("partyline.toml");
        let database = database_url(folder.path());
        let toml = format!(
            "listen = \"127.0.0.1:{port}\"\npublic_url = \"{ORIGIN}\"\nlog = \"partyline=trace,warn\"\n\
             database_url = \"{database}\"\n\
             [limits]\nsends_per_s = 1000000\nsends_burst = 1000000\nframes_per_s = 1000000\nframes_burst = 1000000\n{sections}"
        );
        std::fs::write(&file, toml).unwrap();
        let key = create_key(&file);
        let log = Log::default();
        let child = spawn(&mut Command::new(env!("CARGO_BIN_EXE_partyline")), &file, &log);
        let process = Self { url: format!("http://127.0.0.1:{port}"), key, folder, child, log, file };
        process.ready().await;
        process
    }

    pub fn api(&self) -> Api {
        Api::new(&self.url, &self.key)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Pulls the plug.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts again where it was.
    pub async fn restart(&mut self) {
        self.child = spawn(&mut Command::new(env!("CARGO_BIN_EXE_partyline")), &self.file, &self.log);
        self.ready().await;
    }

    pub async fn ready(&self) {
        wait_until_ready(&self.url).await;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `partyline serve`, its log in the test's output.
pub fn spawn(command: &mut Command, config: &Path, kept: &Log) -> Child {
    command.arg("serve").arg("--config").arg(config);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let (log, kept) = (BufReader::new(child.stderr.take().unwrap()), kept.clone());
    std::thread::spawn(move || {
        log.lines().map_while(Result::ok).for_each(|line| {
            println!("engine: {line}");
            kept.lock().unwrap().push(line);
        });
    });
    child
}

/// `partyline api-key create`: the key is the last word of its output.
pub fn create_key(config: &Path) -> String {
    let made = Command::new(env!("CARGO_BIN_EXE_partyline"))
        .args(["api-key", "create", "--tenant", "default", "--scope", "pbx", "--config"])
        .arg(config)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    String::from_utf8(made.stdout).unwrap().split_whitespace().last().unwrap().to_owned()
}

pub async fn wait_until_ready(url: &str) {
    ready_for_tls();
    for _ in 0..600 {
        let ready = reqwest::get(format!("{url}/readyz")).await;
        if ready.is_ok_and(|r| r.status() == 200) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the engine did not become ready");
}

/// A clock that a test moves.
pub fn manual_clock() -> Clock {
    Clock::Manual(Arc::new((Clock::System.now().0).into()))
}
