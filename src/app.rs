//! The one file that knows every concrete part, and starts and stops them in order.

#[cfg(feature = "smpp")]
use std::collections::BTreeMap;
use std::{
    net::{SocketAddr, TcpListener},
    sync::{Arc, OnceLock},
    time::Duration,
};

use actix_web::{
    HttpServer,
    dev::{Extensions, ServerHandle},
    rt::net::TcpStream,
    web::Data,
};
use futures_util::future::join_all;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use socket2::SockRef;
use thiserror::Error;
use tokio::runtime::{Builder, Handle, Runtime};
use tracing::{info, warn};

#[cfg(feature = "smpp")]
use crate::{
    actors::exchange::{Exchange, LinkEnd},
    carriers::smpp::{self, Smpp},
};
use crate::{
    actors::{Behaviour, Engine, Failures, Probe, SigningIn, simulated::SimulatedNetwork, sweep, webhooks},
    carriers::{Account, Carrier, Carriers, Places, Simulator, Telnyx, TelnyxAccount, Twilio},
    clock::Clock,
    config::{self, Config, ConfigError},
    domain::limits::Quota,
    http::{self, DemoPerson, Shared},
    jwt::{Issuer, KeySet, Keys, Pace, Source},
    storage::{
        Database, InUse, Storage, StorageError,
        ledger::{Faults, Ledger},
    },
    webhooks::Post,
};

/// A stalled reader's bytes in the kernel: without this it takes megabytes before anyone notices.
const SEND_BUFFER: usize = 128 << 10;
/// A peer that makes no progress for so long is gone.
const NO_PROGRESS: Duration = Duration::from_secs(20);
/// Clients come back spread over this time when a server stops.
const SPREAD: Duration = Duration::from_secs(5);

/// What a test, or the demo, wants to be otherwise.
#[derive(Clone, Default)]
pub struct Options {
    /// What time it is.
    pub clock: Clock,
    /// Waits that are shorter in tests.
    pub behaviour: Option<Behaviour>,
    /// What goes wrong with commits.
    pub faults: Option<Faults>,
    /// What is called before each decision.
    pub probe: Option<Probe>,
    /// How often public keys are fetched.
    pub jwks_pace: Option<Pace>,
    /// How long things take on links.
    #[cfg(feature = "smpp")]
    pub links: smpp::Timing,
    /// Who can be signed in by a click.
    pub demo: Vec<DemoPerson>,
}

/// Why the engine did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The database.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// Another engine has this database.
    #[error(transparent)]
    InUse(#[from] InUse),
    /// The address.
    #[error("cannot listen on {0}: {1}")]
    Listen(String, std::io::Error),
    /// A thread or runtime.
    #[error("cannot start: {0}")]
    Runtime(#[from] std::io::Error),
    /// Signed tokens.
    #[error("jwt: {0}")]
    Jwt(String),
    /// A carrier's configuration.
    #[error("carriers.{0}: {1}")]
    Carrier(String, String),
    /// What posts events.
    #[error("webhooks: {0}")]
    Webhooks(String),
    /// Metrics.
    #[error("cannot count: {0}")]
    Metrics(#[from] BuildError),
    /// A task that should not have ended.
    #[error("a task ended early")]
    Ended,
}

/// An engine that runs.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// The engine.
    pub engine: Arc<Engine>,
    server: ServerHandle,
    database: DatabaseThreads,
    _lock: Option<std::fs::File>,
}

/// Opens a database without an engine, as the command line does.
pub fn open_storage(config: &Config, clock: Clock) -> Result<(Storage, DatabaseThreads), StartError> {
    let runtime = DatabaseThreads::start()?;
    let storage = runtime.handle().block_on(Database { url: config.database_url.clone() }.open(clock))?;
    Ok((storage, runtime))
}

/// Starts everything. Runs within an actix system.
pub async fn start(config: Config, options: Options) -> Result<Running, StartError> {
    let metrics = recorder()?;
    let database = Database { url: config.database_url.clone() };
    let lock = database.lock()?;
    let runtime = DatabaseThreads::start()?;
    let clock = options.clock.clone();
    let opened = runtime.handle().spawn(async move { database.open(clock).await });
    let storage = opened.await.map_err(|_| StartError::Ended)??;
    let mut networks = Networks::default();
    let carriers = carriers(&config, &options, &storage, &mut networks)?;
    let ledger = Ledger::start(&storage, runtime.handle(), options.faults);
    let behaviour = options.behaviour.unwrap_or_else(|| behaviour(&config));
    let failures = Failures::new(config.limits.failed_logins, config.limits.failed_logins_per_address);
    let post = Post::new(config.webhooks.allow_private, behaviour.webhooks.answer_within);
    let post = post.map_err(StartError::Webhooks)?;
    let issuer = issuer(&config, options.jwks_pace, runtime.handle()).await.map_err(StartError::Jwt)?;
    let signing_in = SigningIn { failures, issuer };
    let engine = Engine::start(storage, ledger, carriers, options.clock, behaviour, signing_in, options.probe);
    networks.reach(&engine, runtime.handle());
    runtime.handle().spawn(sweep::run(Arc::downgrade(&engine)));
    runtime.handle().spawn(sweep::fetch_files(Arc::downgrade(&engine)));
    runtime.handle().spawn(sweep::clear(Arc::downgrade(&engine)));
    runtime.handle().spawn(sweep::deadlines(Arc::downgrade(&engine)));
    runtime.handle().spawn(webhooks::run(Arc::downgrade(&engine), post));

    let listener =
        TcpListener::bind(&config.listen).map_err(|error| StartError::Listen(config.listen.clone(), error))?;
    let address = listener.local_addr()?;
    let shared = Data::new(Shared { engine: engine.clone(), config, metrics, demo: options.demo });
    let routes = Data::new(http::routes());
    let server = HttpServer::new(move || http::application(shared.clone(), routes.clone()))
        .on_connect(contain)
        .disable_signals()
        .shutdown_timeout(10)
        .listen(listener)?
        .run();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    info!(%address, "listening");
    Ok(Running { address, engine, server: handle, database: runtime, _lock: lock })
}

impl Running {
    /// Stops in order: no new sessions, sessions, requests, what was decided, the database.
    pub async fn stop(self) {
        info!("stopping");
        self.engine.go_away(SPREAD).await;
        self.server.stop(true).await;
        self.engine.stop().await;
        join_all(self.engine.carriers.values().map(|carrier| carrier.close())).await;
        self.engine.storage.close().await;
        drop(self.database);
        info!("stopped");
    }
}

/// Whose signed tokens are taken. Public keys are kept up to date from now on.
async fn issuer(config: &Config, pace: Option<Pace>, threads: &Handle) -> Result<Option<Issuer>, String> {
    let jwt = &config.jwt;
    if !jwt.is_set() {
        return Ok(None);
    }
    let keys = if jwt.jwks.is_empty() {
        Keys::Secret(jwt.secret.0.clone())
    } else {
        let source = Source::of(&jwt.jwks)?;
        let pace = pace.unwrap_or(source.pace());
        let set = KeySet::new(source, pace);
        set.check().await.map_err(|why| format!("{}: {why}", jwt.jwks))?;
        threads.spawn(set.clone().keep());
        Keys::Set(set)
    };
    Ok(Some(Issuer::new(jwt.issuer.clone(), jwt.audience.clone(), jwt.tenant_claim.clone(), keys)))
}

/// What carriers reach once the engine is there.
#[derive(Default)]
struct Networks {
    simulated: Vec<Arc<SimulatedNetwork>>,
    /// By the sections that share an account: what it reaches, and its links.
    #[cfg(feature = "smpp")]
    accounts: BTreeMap<Vec<String>, (Arc<Exchange>, Vec<Smpp>)>,
}

impl Networks {
    fn reach(self, engine: &Arc<Engine>, threads: &Handle) {
        self.simulated.iter().for_each(|network| network.reaches(engine));
        #[cfg(feature = "smpp")]
        for (exchange, links) in self.accounts.into_values() {
            exchange.reaches(engine);
            Smpp::share(&links);
            for link in links {
                threads.spawn(link.keep(Arc::new(LinkEnd(exchange.clone()))));
            }
            threads.spawn(exchange.keep());
        }
        #[cfg(not(feature = "smpp"))]
        let _ = threads;
    }
}

/// The carriers of the configuration.
fn carriers(
    config: &Config,
    options: &Options,
    storage: &Storage,
    networks: &mut Networks,
) -> Result<Carriers, StartError> {
    let mut carriers = Carriers::new();
    for (name, section) in &config.carriers {
        let wrong = |why| StartError::Carrier(name.clone(), why);
        let places = |base_url: &Option<String>, usual: &str| Places {
            base_url: base_url.clone().unwrap_or_else(|| usual.into()),
            public_url: config.public_url.clone(),
            name: name.clone(),
        };
        let carrier: Arc<dyn Carrier> = match section {
            config::Carrier::Simulator(c) => {
                let network = SimulatedNetwork::new(storage.clone(), name.clone());
                networks.simulated.push(network.clone());
                Arc::new(Simulator::new(network, c.knobs.clone(), c.pace_per_s))
            }
            config::Carrier::Twilio(c) => {
                let account = Account {
                    account_sid: c.account_sid.clone(),
                    auth_tokens: c.auth_token.all(),
                    messaging_service_sid: c.messaging_service_sid.clone(),
                    places: places(&c.base_url, "https://api.twilio.com"),
                    pace_per_s: c.pace_per_s,
                };
                Arc::new(Twilio::new(account).map_err(wrong)?)
            }
            #[cfg(feature = "smpp")]
            config::Carrier::Smpp(c) => {
                let account = smpp::Account {
                    name: name.clone(),
                    host: c.host.clone(),
                    port: c.port,
                    tls: c.tls,
                    system_id: c.system_id.clone(),
                    password: c.password.0.clone(),
                    window: c.window,
                    data_coding_0: c.data_coding_0,
                    receipt_ids: c.receipt_ids,
                    pace_per_s: c.pace_per_s,
                };
                let link = Smpp::new(account, options.links, options.clock.clone()).map_err(wrong)?;
                let sections = config.sections_of(c);
                let account = networks.accounts.entry(sections.clone());
                let (_, links) = account.or_insert_with(|| (Exchange::new(sections, c.data_coding_0), vec![]));
                links.push(link.clone());
                Arc::new(link)
            }
            config::Carrier::Telnyx(c) => {
                let account = TelnyxAccount {
                    api_key: c.api_key.0.clone(),
                    public_keys: c.public_key.all(),
                    messaging_profile_id: c.messaging_profile_id.clone(),
                    places: places(&c.base_url, "https://api.telnyx.com"),
                    pace_per_s: c.pace_per_s,
                };
                Arc::new(Telnyx::new(account).map_err(wrong)?)
            }
        };
        carriers.insert(name.clone(), carrier);
    }
    #[cfg(not(feature = "smpp"))]
    let _ = options;
    Ok(carriers)
}

fn behaviour(config: &Config) -> Behaviour {
    let limits = &config.limits;
    Behaviour {
        sends: Quota { per_s: limits.sends_per_s.into(), burst: limits.sends_burst.into() },
        frames: Quota { per_s: limits.frames_per_s.into(), burst: limits.frames_burst.into() },
        give_up_after: Duration::from_secs(limits.sms_give_up_s),
        attachment_max: limits.attachment_max_bytes,
        ..Behaviour::default()
    }
}

/// Sees to it that a peer which stops reading can be noticed, and costs little until then.
fn contain(io: &dyn std::any::Any, _: &mut Extensions) {
    let Some(stream) = io.downcast_ref::<TcpStream>() else { return };
    let socket = SockRef::from(stream);
    let set = socket.set_send_buffer_size(SEND_BUFFER).and_then(|()| socket.set_tcp_nodelay(true));
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let set = set.and_then(|()| socket.set_tcp_user_timeout(Some(NO_PROGRESS)));
    if let Err(error) = set {
        warn!(%error, "a socket's options could not be set");
    }
}

/// The database's own threads: what waits for a disk must not wait on an arbiter.
#[derive(Debug)]
pub struct DatabaseThreads {
    handle: Handle,
    runtime: Option<Runtime>,
}

impl DatabaseThreads {
    fn start() -> Result<Self, std::io::Error> {
        let runtime = Builder::new_multi_thread().worker_threads(2).thread_name("database").enable_all().build()?;
        Ok(Self { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }

    /// The runtime on them.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for DatabaseThreads {
    /// Without waiting: a runtime may not wait for another.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// One recorder a process, however many engines a test starts.
fn recorder() -> Result<PrometheusHandle, StartError> {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    if let Some(handle) = RECORDER.get() {
        return Ok(handle.clone());
    }
    let seconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
    let units = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0];
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &seconds)?
        .set_buckets_for_metric(Matcher::Suffix("_units".into()), &units)?
        .install_recorder();
    // Another thread was faster, at worst: then its recorder is the process's.
    Ok(match handle {
        Ok(handle) => RECORDER.get_or_init(|| handle).clone(),
        Err(_) => RECORDER.wait().clone(),
    })
}
