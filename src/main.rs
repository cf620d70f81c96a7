//! The command line.

use std::{
    io::{IsTerminal, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, Subcommand, ValueEnum};
use partyline::{
    app::{self, Options, Running},
    carriers::Knobs,
    clock::Clock,
    config::{Carrier, Config, LogFormat, Simulator},
    demo, http,
    storage::Scope,
};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failure = Box<dyn std::error::Error>;

/// The real-time messaging engine of a business phone system.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Everything on one machine, with a made-up company to try it as.
    Demo {
        /// Where to keep its data; a temporary folder if absent.
        #[arg(long)]
        dir: Option<PathBuf>,
        /// Where to listen.
        #[arg(long, default_value = "127.0.0.1:8080")]
        listen: String,
    },
    /// The engine.
    Serve {
        /// The configuration; without one the environment and the defaults count.
        #[arg(long)]
        config: Option<PathBuf>,
    },
    /// Keys for the PBX.
    ApiKey {
        #[command(subcommand)]
        command: ApiKey,
    },
    /// Prints the OpenAPI document.
    Openapi,
}

#[derive(Subcommand)]
enum ApiKey {
    /// Makes a key, and the tenant if need be. The key is the last word printed, and is never shown again.
    Create {
        /// The company.
        #[arg(long)]
        tenant: String,
        /// What the key may do.
        #[arg(long)]
        scope: KeyScope,
        /// The configuration.
        #[arg(long)]
        config: Option<PathBuf>,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum KeyScope {
    /// All of `/v1/pbx`.
    Pbx,
    /// The same, to read.
    PbxRead,
}

impl From<KeyScope> for Scope {
    fn from(scope: KeyScope) -> Self {
        match scope {
            KeyScope::Pbx => Scope::Pbx,
            KeyScope::PbxRead => Scope::PbxRead,
        }
    }
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Demo { dir, listen } => run_demo(dir, listen),
        Command::Serve { config } => serve(config.as_deref()),
        Command::ApiKey { command: ApiKey::Create { tenant, scope, config } } => {
            create_key(&tenant, scope, config.as_deref())
        }
        Command::Openapi => print_document(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "partyline: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(file: Option<&Path>) -> Result<(), Failure> {
    let config = Config::read(file)?;
    log(&config.log, config.log_format)?;
    actix_web::rt::System::new().block_on(async {
        let running = app::start(config, Options::default()).await?;
        until_told_to_stop(running).await
    })
}

fn run_demo(dir: Option<PathBuf>, listen: String) -> Result<(), Failure> {
    log("warn", LogFormat::Text)?;
    let temporary = std::env::temp_dir().join(format!("partyline-demo-{}", std::process::id()));
    let folder = dir.clone().unwrap_or_else(|| temporary.clone());
    // A temporary folder is ours alone: one that is there already is somebody's.
    if dir.is_some() {
        std::fs::create_dir_all(&folder)?
    } else {
        std::fs::create_dir(&folder)?
    }
    let port = listen.rsplit(':').next().unwrap_or("8080").to_owned();
    let simulator =
        Simulator { pace_per_s: 1.0, open: false, knobs: Knobs { receipt_delay_ms: 800, ..Knobs::default() } };
    let config = Config {
        carriers: [(demo::CARRIER.to_owned(), Carrier::Simulator(simulator))].into(),
        public_url: format!("http://localhost:{port}"),
        database_url: format!("sqlite://{}?mode=rwc", folder.join("partyline.db").display()),
        listen,
        ..Config::default()
    };
    let done = actix_web::rt::System::new().block_on(async {
        let people = demo::people()?;
        let running = app::start(config.clone(), Options { demo: people.clone(), ..Options::default() }).await?;
        demo::furnish(&running.engine, &people).await?;
        let mut out = std::io::stdout().lock();
        writeln!(out, "\n  Partyline is at {}\n", config.public_url)?;
        for person in &people {
            writeln!(out, "    {} {:<12} password {}", person.extension, person.name, person.password)?;
        }
        writeln!(out, "\n  You are a customer's phone at {}/phone", config.public_url)?;
        writeln!(out, "\n  Open two browser windows (one of them private), and chat. Ctrl+C stops it.\n")?;
        out.flush()?;
        drop(out);
        until_told_to_stop(running).await
    });
    if dir.is_none() {
        std::fs::remove_dir_all(temporary)?;
    }
    done
}

async fn until_told_to_stop(running: Running) -> Result<(), Failure> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    running.stop().await;
    Ok(())
}

fn create_key(tenant: &str, scope: KeyScope, file: Option<&Path>) -> Result<(), Failure> {
    let (storage, threads) = app::open_storage(&Config::read(file)?, Clock::System)?;
    let key = threads.handle().block_on(async {
        let tenant = storage.make_tenant(tenant).await?;
        storage.create_api_key(tenant, scope.into()).await
    })?;
    writeln!(std::io::stdout(), "The key for {tenant}, shown this once: {key}")?;
    Ok(())
}

fn print_document() -> Result<(), Failure> {
    writeln!(std::io::stdout(), "{}", http::document().to_pretty_json()?)?;
    Ok(())
}

fn log(directives: &str, format: LogFormat) -> Result<(), Failure> {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_new(directives)?)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().init(),
    }
    Ok(())
}
