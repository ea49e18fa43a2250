//! Where a topology takes place: the gateway, the XMPP server or both, with everybody's accounts.

use std::process::{Command, Stdio};

use anyhow::Context as _;

use super::client::enrol;
use super::line::{receiver, writer};
use super::wire::{Door, HOST};
use super::{Options, Path};
use crate::bench::crowd::{AGENTS, SLOTS, open_all};
use crate::bench::process::Folder;
use crate::bench::service::{Kind, Service};
use crate::bench::site::{Nodes, Site, Wish};

/// See the module.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) site: Site,
    /// Where XMPP clients come in, if there are any.
    pub(super) door: Option<Door>,
}

/// The account of the `n`th who does nothing.
pub(super) fn idler(n: usize) -> String {
    format!("idler{n}")
}

impl Place {
    /// Starts everything that a way needs; `idle` more accounts than there are senders and receivers.
    pub(super) async fn start(path: Path, options: &Options, idle: usize, folder: &Folder) -> anyhow::Result<Self> {
        let (kind, nodes) = match path {
            Path::W1 => (None, Some(Nodes::One)),
            Path::W2 => (None, Some(Nodes::Two)),
            Path::X1 | Path::X2 => (Some(Kind::Prosody), None),
            Path::X3 => (Some(Kind::Prosody), Some(Nodes::One)),
            Path::X4One => (Some(Kind::Ejabberd), None),
            Path::X4Three => (Some(Kind::Ejabberd), Some(Nodes::One)),
        };
        let (mut services, mut desk, mut door) = (Vec::new(), String::new(), None);
        if let Some(kind) = kind {
            let server = Service::start(&options.setting.service, kind, &[], folder.path()).await?;
            let clients = Door::Tcp(server.address(0));
            // The gateway asks agents for their presence at once: they have to be there before.
            open_all(AGENTS, |n| enrol_one(clients, receiver(n), n)).await?;
            if nodes.is_none() {
                open_all(SLOTS, |n| enrol_one(clients, writer(n), n)).await?;
                open_all(idle, |n| enrol_one(clients, idler(n), n)).await?;
            }
            desk = account(server.address(1).port());
            let websocket = Door::Ws(server.address(2), "/xmpp-websocket");
            door = Some(if path == Path::X2 { websocket } else { clients });
            services.push(server);
        }
        let Some(nodes) = nodes else {
            let server = services.first().context("neither gateway nor server")?.address(0);
            return Ok(Self { site: Site::new([server; 2], Vec::new(), services), door });
        };
        let wish = Wish {
            service: &options.setting.service,
            program: &options.setting.program,
            nodes,
            tenants: 1,
            workers: options.workers,
            agents_at: kind.is_some().then_some(HOST),
            extra: &desk,
        };
        Ok(Self { site: Site::gateway(&wish, services, folder).await?, door })
    }
}

async fn enrol_one(door: Door, account: String, n: usize) -> anyhow::Result<()> {
    enrol(door, &account, n).await.with_context(|| format!("making the account {account}"))
}

/// How a tenant declares the component of `scripts/service`.
fn account(port: u16) -> String {
    format!(
        "[[account]]\nid = \"desk\"\nkind = \"xmpp\"\nname = \"XMPP\"\ndomain = \"desk.{HOST}\"\nhost = \"127.0.0.1\"\n\
         port = {port}\nsecret = \"desk secret\"\n"
    )
}

/// What is compared, as Debian names it; nothing where it does not.
pub(super) fn versions() -> Vec<String> {
    let mut ask = Command::new("dpkg-query");
    ask.args(["-W", "-f", "${Package} ${Version}\\n", "prosody", "ejabberd", "postgresql", "redis-server"]);
    let told = ask.stderr(Stdio::null()).output().map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    // Whoever installed them otherwise knows what it is.
    told.unwrap_or_default().lines().map(ToOwned::to_owned).collect()
}
