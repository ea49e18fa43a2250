//! Where a topology takes place: the gateway, the XMPP server or both, with everybody's accounts.

use std::process::{Command, Stdio};

use anyhow::Context as _;

use super::client::enrol;
use super::line::{receiver, writer};
use super::wire::{Door, HOST};
use super::{Options, Path};
use crate::bench::certificate::Certificates;
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
    /// Starts everything that a way needs, for clients who come by TLS where there are certificates; `idle` more accounts
    /// than there are senders and receivers.
    pub(super) async fn start(
        path: Path,
        options: &Options,
        idle: usize,
        tls: Option<&Certificates>,
        folder: &Folder,
    ) -> anyhow::Result<Self> {
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
            let (server, clients) = server(kind, path == Path::X2, options, tls, folder).await?;
            // Making accounts is not measured, and done in clear.
            let plain = Door::Tcp(server.address(0).into());
            // The gateway asks agents for their presence at once: they have to be there before.
            open_all(AGENTS, |n| enrol_one(&plain, receiver(n), n)).await?;
            if nodes.is_none() {
                open_all(SLOTS, |n| enrol_one(&plain, writer(n), n)).await?;
                open_all(idle, |n| enrol_one(&plain, idler(n), n)).await?;
            }
            desk = account(server.address(1).port());
            door = Some(clients);
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
            tls,
            extra: &desk,
        };
        Ok(Self { site: Site::gateway(&wish, services, folder).await?, door })
    }
}

/// Starts an XMPP server; the server, and where clients come in.
async fn server(
    kind: Kind,
    by_websocket: bool,
    options: &Options,
    tls: Option<&Certificates>,
    folder: &Folder,
) -> anyhow::Result<(Service, Door)> {
    let shown = tls.map(|tls| tls.server().display().to_string());
    let words: Vec<&str> = shown.iter().flat_map(|file| ["--tls", file]).collect();
    let mut server = Service::start(&options.setting.service, kind, &words, folder.path()).await?;
    let port = match (by_websocket, tls.is_some()) {
        (false, false) => 0,
        (true, false) => 2,
        (false, true) => 3,
        (true, true) => 4,
    };
    server.listens(port).await?;
    let address = server.address(port);
    let target = tls.map_or_else(|| address.into(), |tls| tls.target(address));
    let door = if by_websocket { Door::Ws(target, "/xmpp-websocket") } else { Door::Tcp(target) };
    Ok((server, door))
}

async fn enrol_one(door: &Door, account: String, n: usize) -> anyhow::Result<()> {
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
pub(super) fn versions(tls: bool) -> Vec<String> {
    let mut ask = Command::new("dpkg-query");
    ask.args(["-W", "-f", "${Package} ${Version}\\n", "prosody", "ejabberd", "postgresql", "redis-server"]);
    ask.args(["haproxy", "openssl"].iter().filter(|_| tls));
    let told = ask.stderr(Stdio::null()).output().map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    // Whoever installed them otherwise knows what it is.
    told.unwrap_or_default().lines().map(ToOwned::to_owned).collect()
}
