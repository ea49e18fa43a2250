//! The door: binds the port, mounts every face, and closes in order.

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::{App as Actix, HttpServer, web as actix};
use anyhow::Context as _;
use socket2::{Domain, Protocol, Socket, Type};

use super::App;
use crate::bus::Bus;
use crate::config::Config;
use crate::core::Core;
use crate::core::access::{self, Access};
use crate::runtime::{Stage, Stop, Supervisor};
use crate::simulator::{self, Platform};
use crate::socket;
use crate::socket::connection::Shared;
use crate::socket::roster::Roster;
use crate::socket::written::Written;
use crate::web::metric::Metrics;
use crate::web::wechat::CallbackLimits;
use crate::web::{self, Counts, Deps, link, shield};

/// Connections that the kernel keeps until they are accepted: a storm of reconnects fits.
const BACKLOG: i32 = 8192;
/// After the sockets are told to go, requests under way get this long.
const LAST_REQUESTS: u64 = 5;
/// How often old sign-ins are cleared away.
const FORGET: Duration = Duration::from_secs(300);
/// How often the end of the sockets is looked for.
const LOOK: Duration = Duration::from_millis(50);

/// Binds an address, so that problems show before anything else is started.
pub(super) fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let attempt = || {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok::<_, std::io::Error>(TcpListener::from(socket))
    };
    attempt().map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => anyhow::Error::from(error).context(format!(
            "端口已被占用，请先停止占用它的程序，或换一个端口（demo 用 --port，否则 http.bind）\n\
             {address} is taken: stop the program that has it, or choose another port (demo: --port, otherwise http.bind)"
        )),
        _ => anyhow::Error::from(error).context(format!("cannot listen on {address}")),
    })
}

/// The bound port: kept over restarts of the server, and closed for good when it stops, so that whoever still comes is
/// refused at once.
#[derive(Debug, Clone)]
struct Port(Arc<Mutex<Option<TcpListener>>>);

impl Port {
    fn new(listener: TcpListener) -> Self {
        Self(Arc::new(Mutex::new(Some(listener))))
    }

    fn listener(&self) -> anyhow::Result<TcpListener> {
        let port = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let listener = port.as_ref().context("the port is closed")?;
        listener.try_clone().context("cannot share the port")
    }

    fn close(&self) {
        drop(self.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

/// Adds the gateway's server to the running parts.
pub(super) fn add(supervisor: &mut Supervisor, app: App) -> anyhow::Result<()> {
    let App { config, core, bus, platform, listener, address, conformance, .. } = app;
    let deps = deps(&config, (core, bus), address, platform.is_some(), conformance)?;
    let counts = Counts::new(&deps.settings);
    let access = deps.access.clone();
    supervisor.add("sign-ins", Stage::Ground, move |stop| forget(access.clone(), stop));
    let port = Port::new(listener);
    supervisor.add("http", Stage::Door, move |stop| {
        let server = server(&config, &deps, &counts, platform.clone(), &port);
        let (roster, platform, spread) = (deps.roster.clone(), platform.clone(), config.drain.spread);
        let port = port.clone();
        async move { serve(server?, stop, Some((roster, spread)), platform, port).await }
    });
    Ok(())
}

/// Adds a server that is only the platform simulator.
pub(super) fn add_simulator(
    supervisor: &mut Supervisor,
    listener: TcpListener,
    platform: Platform,
) -> anyhow::Result<()> {
    let port = Port::new(listener);
    supervisor.add("http", Stage::Door, move |stop| {
        let (mounted, stopped) = (platform.clone(), platform.clone());
        let server = port.listener().and_then(|listener| {
            let app = move || {
                let mounted = mounted.clone();
                Actix::new()
                    .configure(web::asset::configure_phone)
                    .service(actix::scope("/simulator").configure(|cfg| simulator::configure(cfg, mounted)))
            };
            Ok(HttpServer::new(app).disable_signals().workers(1).listen(listener)?.run())
        });
        let port = port.clone();
        async move { serve(server?, stop, None, Some(stopped), port).await }
    });
    Ok(())
}

fn deps(
    config: &Config,
    (core, bus): (Core, Bus),
    address: SocketAddr,
    phone: bool,
    conformance: bool,
) -> anyhow::Result<Deps> {
    let mut own_origins = vec![format!("http://{address}")];
    if address.ip().is_loopback() {
        own_origins.push(format!("http://localhost:{}", address.port()));
    }
    if !config.http.public_url.is_empty() {
        own_origins.push(config.http.public_url.clone());
    }
    let mut metrics = Metrics::register(&prometheus::Registry::new()).context("cannot register metrics")?;
    if core.hub().spans_nodes() {
        metrics = metrics.among_nodes().context("cannot register metrics")?;
    }
    let settings = web::Settings {
        own_origins,
        secure: config.http.is_https(),
        trusted_proxies: config.http.trusted_proxies.clone(),
        public_metrics: false,
        handshakes_per_minute: config.socket.handshakes_per_minute,
        body_bytes: config.http.body_bytes,
        phone,
        conformance,
    };
    let access = access::Settings {
        sign_in: config.http.sign_in,
        resume: config.socket.resume,
        per_minute: config.http.logins_per_minute,
    };
    let sockets = socket::Settings {
        heartbeat: config.socket.heartbeat,
        resume: config.socket.resume,
        auth: config.socket.auth,
        max_frame: config.socket.max_frame_bytes,
        outbox_messages: config.socket.outbox_messages,
        outbox_bytes: config.socket.outbox_bytes,
        per_visitor: config.socket.per_visitor,
        drain_spread: config.drain.spread,
        ..socket::Settings::default()
    };
    let (written, found) = (Written::default(), AtomicU64::new(0));
    let shared = Shared { settings: sockets, node: core.node(), signer: core.signer().clone(), written, found };
    let access = Access::new(core.clone(), access);
    let settings = Arc::new(settings);
    Ok(Deps { core, bus, access, shared: Arc::new(shared), roster: Roster::default(), metrics, settings })
}

fn server(
    config: &Config,
    deps: &Deps,
    counts: &Counts,
    platform: Option<Platform>,
    port: &Port,
) -> anyhow::Result<Server> {
    let (deps, counts) = (deps.clone(), counts.clone());
    let callbacks = CallbackLimits { deadline: config.wechat.deadline };
    let app = move || {
        let platform = platform.clone();
        Actix::new()
            .wrap(from_fn(shield::shield))
            .app_data(actix::Data::new(callbacks))
            .configure(web::wechat::configure)
            .configure(|cfg| web::configure(cfg, &deps, &counts))
            .configure(|cfg| {
                if let Some(platform) = platform {
                    cfg.service(actix::scope("/simulator").configure(|cfg| simulator::configure(cfg, platform)));
                }
            })
    };
    let mut server = HttpServer::new(app)
        .on_connect(link::on_connect)
        .disable_signals()
        .shutdown_timeout(LAST_REQUESTS)
        .client_request_timeout(config.http.head_timeout)
        .keep_alive(config.http.keep_alive)
        .max_connections(config.http.max_connections);
    if let Some(workers) = config.http.workers {
        server = server.workers(workers);
    }
    Ok(server.listen(port.listener()?)?.run())
}

/// Clears away sign-ins, tickets and resume tokens that are over.
async fn forget(access: Access, stop: Stop) -> anyhow::Result<()> {
    while tokio::time::timeout(FORGET, stop.cancelled()).await.is_err() {
        if let Err(error) = access.sweep().await {
            tracing::warn!(error = ?error, "old sign-ins could not be cleared away");
        }
    }
    Ok(())
}

/// Serves until `stop`; then sends the sockets elsewhere, waits for them, and closes the port.
async fn serve(
    server: Server,
    stop: Stop,
    sockets: Option<(Roster, Duration)>,
    platform: Option<Platform>,
    port: Port,
) -> anyhow::Result<()> {
    let handle = server.handle();
    tokio::pin!(server);
    tokio::select! {
        ended = &mut server => return ended.context("the HTTP server ended"),
        () = stop.cancelled() => {}
    }
    if let Some((roster, spread)) = sockets {
        roster.drain();
        let gone = async {
            while roster.counts().0 > 0 {
                tokio::time::sleep(LOOK).await;
            }
        };
        let waited = async {
            if tokio::time::timeout(spread + Duration::from_secs(2), gone).await.is_err() {
                tracing::warn!(open = roster.counts().0, "sockets are cut that did not go by themselves");
            }
        };
        tokio::select! {
            ended = &mut server => return ended.context("the HTTP server ended"),
            () = waited => {}
        }
    }
    if let Some(platform) = platform {
        platform.stop();
    }
    port.close();
    let (ended, ()) = tokio::join!(server, handle.stop(true));
    ended.context("the HTTP server ended")
}
