//! The composition root: builds everything that can fail, runs it, drains it. Nobody imports it but the command line.
//!
//! The store, the core and its services live in this file; `http` is the door. The order of a stop is the
//! supervisor's: the door first (readiness, `bye 4010`, close frames), then the work, then the ground.

mod http;
mod knowledge;
mod node;

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use crate::admin::tenant::Tenants;
use crate::bus::Bus;
use crate::channel::wechat::api::{Api, ApiSettings};
use crate::clock::Clock;
use crate::config::Config;
use crate::core::duty::Pace;
use crate::core::robot::Robots;
use crate::core::{Core, Parts};
use crate::hub::Hub;
use crate::media::Media;
use crate::model::account::ChannelSettings;
use crate::model::id::NodeId;
use crate::robot::{Guard, Http, Lookup, Permit};
use crate::runtime::{Stage, Stop, Supervisor};
use crate::secret;
use crate::simulator::{AccountSettings, Button, Platform};
use crate::store::{Settings, Store};
use crate::template::Templates;
use crate::tenant::{Declaration, Registry, Tenant};

/// What a caller decides besides the configuration.
#[derive(Debug, Default)]
pub struct Options {
    /// The time.
    pub clock: Clock,
    /// The environment that references in secrets are looked up in.
    pub env: BTreeMap<String, String>,
    /// Declarations to put in force first.
    pub declarations: Vec<Declaration>,
    /// Whether the platform simulator runs on the same port and plays the declared WeChat accounts.
    pub simulator: bool,
    /// A table for the question base of the first declared tenant, if that is empty.
    pub questions: Option<&'static str>,
    /// Whether the echo socket for conformance tests exists.
    pub conformance: bool,
}

/// A gateway that is ready to run; its port is bound.
#[derive(Debug)]
pub struct App {
    config: Config,
    core: Core,
    bus: Bus,
    tenants: Tenants,
    env: BTreeMap<String, String>,
    platform: Option<Platform>,
    listener: TcpListener,
    address: SocketAddr,
    conformance: bool,
}

impl App {
    /// Does everything that can fail, and binds the port.
    ///
    /// # Errors
    /// With what was attempted: the store, the key, a declaration, a text, the port.
    pub async fn build(mut config: Config, options: Options) -> anyhow::Result<Self> {
        config.make_data_dir().with_context(|| format!("cannot make the data folder {}", config.data_dir.display()))?;
        let listener = http::bind(config.http.bind)?;
        let address = listener.local_addr().context("cannot read the bound address")?;
        if options.simulator {
            config.wechat.api_base = format!("http://{address}/simulator");
        }
        let keys = secret::prepare(&config.secret, &options.env).context("no usable master key")?;
        let keys = Arc::new(keys);
        let store = Store::open(&Settings::from(&config.store)).context("cannot open the store")?;
        let tenants = Tenants::new(store.clone(), Arc::clone(&keys), options.clock.clone());
        let taught =
            options.declarations.first().map(|declaration| declaration.tenant.id.clone()).zip(options.questions);
        declare(&tenants, &config, options.declarations, &options.env).await?;
        let registry = Registry::new(tenants.load().await.context("cannot read the tenants")?);
        let platform = match options.simulator {
            true => Some(platform(&registry, &options.clock, address)?),
            false => None,
        };
        let media = Media::open(&config.media).context("cannot open the place of blobs")?;
        let most = usize::try_from(media.max_bytes()).unwrap_or(usize::MAX);
        let wechat = ApiSettings::of(&config.wechat, most).context("wechat.api_base is no address")?;
        let wechat = Api::sharing(&wechat, options.clock.clone(), store.clone(), Arc::clone(&keys))
            .context("cannot set up the WeChat client")?;
        let templates = Arc::new(texts(config.template_dir.as_deref())?);
        let bus = Bus::open(&config.bus).context("cannot set up the bus")?;
        let (node, clock) = (NodeId::generate(options.clock.now()), options.clock);
        let hub = Hub::open(&config.hub, node).context("cannot set up the hub")?;
        let public_url = match config.http.public_url.as_str() {
            "" => format!("http://{address}"),
            configured => configured.to_owned(),
        };
        let robots = robots(&config.robot, &config.http.public_url)?;
        let passive_wait = config.wechat.deadline.saturating_sub(SETTLE);
        let parts = Parts {
            node,
            store,
            hub,
            clock,
            tenants: registry,
            templates,
            keys,
            media,
            wechat,
            robots,
            passive_wait,
            public_url,
            is_heard: bus.leaves_process(),
        };
        let core = Core::new(parts);
        knowledge::take_up(&core, config.tenants_dir.as_deref(), taught).await?;
        let conformance = options.conformance;
        let env = options.env;
        Ok(Self { config, core, bus, tenants, env, platform, listener, address, conformance })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The platform simulator, if it runs.
    #[must_use]
    pub fn platform(&self) -> Option<&Platform> {
        self.platform.as_ref()
    }

    /// Runs until `stop`, then drains; `abort` ends it at once.
    ///
    /// # Errors
    /// When a part fails for good, or the deadline of the drain passes.
    pub async fn run(self, stop: Stop, abort: Stop) -> anyhow::Result<()> {
        let deadline = self.config.drain.deadline;
        let mut supervisor = Supervisor::new(stop.clone(), abort);
        let core = &self.core;
        // Before the first socket: sockets of a node that dies without a sign are not missed.
        core.give_sign().await.context("this node cannot be noted in the store")?;
        for (name, run) in WORK {
            let core = core.clone();
            supervisor.add(name, Stage::Work, move |stop| {
                let running = run(core.clone(), stop);
                async move {
                    running.await;
                    Ok(())
                }
            });
        }
        let links = core.clone();
        supervisor.add("xmpp", Stage::Work, move |stop| {
            let core = links.clone();
            async move {
                crate::socket::xmpp::run(core, stop).await;
                Ok(())
            }
        });
        self.add_relay(&mut supervisor);
        let hub = core.hub().clone();
        supervisor.add("hub", Stage::Ground, move |stop| {
            let hub = hub.clone();
            async move {
                hub.run(stop).await;
                Ok(())
            }
        });
        node::add(&mut supervisor, &self, stop);
        http::add(&mut supervisor, self)?;
        supervisor.run(deadline).await.context("the gateway ended")
    }

    /// Events to the bus: on one node at a time.
    fn add_relay(&self, supervisor: &mut Supervisor) {
        let duty = self.core.duty("relay", Pace::CALM);
        let (keeper, kept) = (self.core.clone(), duty.clone());
        supervisor.add("relay-duty", Stage::Ground, move |stop| {
            let (core, duty) = (keeper.clone(), kept.clone());
            async move {
                core.keep_duty(duty, stop).await;
                Ok(())
            }
        });
        let (core, bus, relaying) = (self.core.clone(), self.bus.clone(), duty.clone());
        supervisor.add("relay", Stage::Ground, move |stop| {
            let (core, bus, duty) = (core.clone(), bus.clone(), relaying.clone());
            async move {
                core.run_relay(bus, duty, stop).await;
                Ok(())
            }
        });
        if self.bus.is_local() {
            return;
        }
        let (core, bus) = (self.core.clone(), self.bus.clone());
        supervisor.add("queue-stats", Stage::Ground, move |stop| {
            let (core, bus, duty) = (core.clone(), bus.clone(), duty.clone());
            async move {
                core.run_standing(bus, duty, stop).await;
                Ok(())
            }
        });
    }
}

/// What is left of a callback's time to put an answer down and send it.
const SETTLE: Duration = Duration::from_millis(700);

/// A part of the core that runs until it is told to stop.
type Part = fn(Core, Stop) -> Pin<Box<dyn Future<Output = ()> + Send>>;

/// The parts of the core that do the work.
const WORK: &[(&str, Part)] = &[
    ("router", |core, stop| Box::pin(async move { core.run_router(stop).await })),
    ("timers", |core, stop| Box::pin(async move { core.run_timers(stop).await })),
    ("leases", |core, stop| Box::pin(async move { core.run_leases(stop).await })),
    ("sweep", |core, stop| Box::pin(async move { core.run_sweep(stop).await })),
    ("typing", |core, stop| Box::pin(async move { core.run_typing(stop).await })),
    ("sources", |core, stop| Box::pin(async move { core.run_sources(stop).await })),
    ("fetches", |core, stop| Box::pin(async move { core.run_fetches(stop).await })),
    ("copilot", |core, stop| Box::pin(async move { core.run_copilot(stop).await })),
    ("turns", |core, stop| Box::pin(async move { core.run_turns(stop).await })),
    ("knowledge", |core, stop| Box::pin(async move { core.run_knowledge(stop).await })),
    ("call-upkeep", |core, stop| Box::pin(async move { core.run_call_upkeep(stop).await })),
    ("deliveries", |core, stop| Box::pin(async move { core.run_deliveries(stop).await })),
];

/// Puts the declarations of the caller and of the folder in force.
async fn declare(
    tenants: &Tenants,
    config: &Config,
    given: Vec<Declaration>,
    env: &BTreeMap<String, String>,
) -> anyhow::Result<()> {
    let mut declarations = given;
    if let Some(folder) = &config.tenants_dir {
        declarations.extend(Declaration::read_folder(folder, env)?);
    }
    for declaration in declarations {
        let id = declaration.tenant.id.clone();
        tenants.apply(declaration).await.with_context(|| format!("cannot put tenant {id} in force"))?;
    }
    Ok(())
}

/// The way to robots and services outside. The gateway's own address is none of them.
fn robots(settings: &crate::config::Robot, public_url: &str) -> anyhow::Result<Robots> {
    let permits = settings.allow_hosts.iter().map(|text| Permit::parse(text));
    let permits = permits.collect::<Result<Vec<_>, _>>().context("robot.allow_hosts")?;
    // On this machine only what the operator names by host and port is called: another program of it may be.
    let local = |url: &url::Url| match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => true,
    };
    let own: Vec<url::Url> = url::Url::parse(public_url).into_iter().filter(|url| !local(url)).collect();
    let http = Http::new(&Lookup::System).context("cannot set up the client for robots")?;
    Ok(Robots::new(Guard::new(permits, &own), http))
}

fn texts(folder: Option<&Path>) -> anyhow::Result<Templates> {
    Ok(match folder {
        Some(folder) => Templates::load(folder)?,
        None => Templates::built_in(),
    })
}

/// A platform that plays every declared WeChat account.
fn platform(registry: &Registry, clock: &Clock, address: SocketAddr) -> anyhow::Result<Platform> {
    let tenants = registry.all();
    let accounts = tenants.iter().flat_map(|tenant| played(tenant, &format!("http://{address}"))).collect();
    let settings = crate::simulator::Settings {
        base_url: format!("http://{address}/simulator"),
        accounts,
        timing: crate::simulator::Timing::default(),
    };
    Platform::new(settings, clock.clone()).context("cannot set up the simulator")
}

/// The accounts of a tenant that a platform plays, with callbacks to this gateway.
fn played(tenant: &Tenant, gateway: &str) -> Vec<AccountSettings> {
    let wechat = tenant.accounts.iter().filter_map(|account| match &account.channel {
        ChannelSettings::Wechat(settings) => Some((account, settings)),
        ChannelSettings::Web(_) | ChannelSettings::Xmpp(_) => None,
    });
    let callback = |account| format!("{gateway}/wechat/{}.{account}", tenant.id);
    let played = wechat.map(|(account, settings)| {
        let mut played = AccountSettings::of(settings, &account.name, callback(&account.id));
        played.temper.menu = menu();
        played
    });
    played.collect()
}

/// The menu below the phone's chat: one button asks for a person, the others show what a menu reports.
fn menu() -> Vec<Button> {
    let click = |name: &str, key: &str| Button {
        name: name.into(),
        kind: Some("click".into()),
        key: Some(key.into()),
        ..Button::default()
    };
    let services = vec![click("信用卡", "CARD"), click("贷款", "LOAN"), click("网点查询", "BRANCH")];
    vec![
        click("转人工", "HANDOFF"),
        Button { name: "业务办理".into(), sub: services, ..Button::default() },
        click("优惠活动", "OFFERS"),
    ]
}

/// Runs the gateway of a configuration.
///
/// # Errors
/// As [`App::build`] and [`App::run`].
pub async fn serve(config: Config, env: BTreeMap<String, String>, stop: Stop, abort: Stop) -> anyhow::Result<()> {
    let app = App::build(config, Options { env, ..Options::default() }).await?;
    tracing::info!(address = %app.address(), "serving");
    app.run(stop, abort).await
}

/// Runs only the platform simulator, playing the accounts of a declaration for a gateway elsewhere.
///
/// # Errors
/// When the port cannot be bound, or the accounts cannot be played.
pub async fn simulate(
    bind: SocketAddr,
    gateway: String,
    tenant: Declaration,
    stop: Stop,
    abort: Stop,
) -> anyhow::Result<()> {
    let listener = http::bind(bind)?;
    let address = listener.local_addr().context("cannot read the bound address")?;
    let settings = crate::simulator::Settings {
        base_url: format!("http://{address}/simulator"),
        accounts: played(&tenant.tenant, gateway.trim_end_matches('/')),
        timing: crate::simulator::Timing::default(),
    };
    let platform = Platform::new(settings, Clock::system()).context("cannot set up the simulator")?;
    let mut supervisor = Supervisor::new(stop, abort);
    http::add_simulator(&mut supervisor, listener, platform)?;
    tracing::info!(phone = %format!("http://{address}/simulator/phone/"), "simulating the WeChat platform");
    supervisor.run(Duration::from_secs(10)).await.context("the simulator ended")
}
