//! The desk played through on each back end of the store with a clock that is turned: no socket, no channel.

mod audit;
mod away;
mod calls;
mod cluster;
mod dead;
mod events;
mod fetches;
mod held;
mod offers;
mod orphans;
mod platform;
mod random;
mod reach;
mod recordings;
mod services;
mod sessions;
mod swept;
mod transfers;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::effect::{AgentView, Effects, OfferView};
use super::silence::Deadlines;
use super::switchboard::{Draft, append};
use super::view::{self, Around, Viewer};
use super::{Client, Core, Error, Parts, Party, session};
use crate::channel::wechat::api::{Api, ApiSettings};
use crate::clock::Clock;
use crate::config;
use crate::core::robot::Robots;
use crate::hub::{Attachment, Hint, Hub, Inlet, Recipient};
use crate::media::Media;
use crate::model::code::Code;
use crate::model::content::Content;
use crate::model::envelope::{ChannelKind, Envelope, Role, Sender};
use crate::model::id::{
    AccountId, AgentId, ConnectionId, ConversationId, DeviceId, NodeId, QueueId, RemoteId, SessionId, TenantId,
};
use crate::model::time::Millis;
use crate::robot::{Guard, Http, Lookup};
use crate::secret::{Key, Keyring};
use crate::store::agent::{self, Agent};
use crate::store::assignment::{self, Assignment};
use crate::store::conversation::{self, Conversation};
use crate::store::session::{self as store, Session};
use crate::store::tenant::{DeclaredAgent, apply as declare};
use crate::store::trial::{Ground, Trial, on_both};
use crate::store::{Scope, Store, Tx, message, outbox, timer};
use crate::template::Templates;
use crate::tenant::{Declaration, Registry};

/// A bank with two queues; the second takes what the first cannot hold.
const BANK: &str = r#"
id = "bank"
name = "示例银行"
lang = "zh"
[[account]]
id = "site"
kind = "web"
name = "官网"
origins = ["http://127.0.0.1:8080"]
[[account]]
id = "oa"
kind = "wechat"
name = "公众号"
appid = "wx0123456789abcdef"
gh_id = "gh_0123456789ab"
secret = "0123456789abcdef0123456789abcdef"
token = "tokentoken"
aes_key = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
mode = "safe"
[[queue]]
id = "service"
name = "人工客服"
max_len = 3
max_wait_s = 300
offer_s = 20
strategy = "least_loaded"
overflow_to = "loan"
[[queue]]
id = "loan"
name = "贷款"
strategy = "least_loaded"
"#;

/// A running core with the bank in it.
struct Desk {
    core: Core,
    clock: Clock,
    tenant: TenantId,
    staff: Mutex<Vec<DeclaredAgent>>,
    ground: Ground,
}

/// A customer with a conversation.
struct Customer {
    client: Client,
    conv: ConversationId,
}

fn queue_id(name: &str) -> QueueId {
    QueueId::parse(name).unwrap()
}

/// A process on these tables. Nothing here calls the WeChat platform: its address leads nowhere.
fn parts(store: Store, clock: Clock, tenants: Registry, folder: &Path) -> Parts {
    let max_bytes = 1 << 20;
    let disk = config::Disk { path: folder.join("media"), max_bytes, url_ttl: Duration::from_secs(600) };
    let nowhere = ApiSettings::at("http://127.0.0.1:9".parse().unwrap());
    Parts {
        store,
        node: NodeId::generate(clock.now()),
        hub: Hub::local(),
        wechat: Api::new(&nowhere, clock.clone()).unwrap(),
        clock,
        tenants,
        templates: Arc::new(Templates::built_in()),
        keys: Arc::new(Keyring::new(Key::new([7; 32]), Vec::new())),
        media: Media::open(&config::Media::Disk(disk)).unwrap(),
        robots: Robots::new(Guard::default(), Http::new(&Lookup::System).unwrap()),
        passive_wait: Duration::from_secs(3),
        public_url: "http://127.0.0.1:1".into(),
        is_heard: true,
    }
}

impl Desk {
    fn open(on: Trial) -> Self {
        Self::open_with(on, "")
    }

    /// The bank with more lines at the end of its declaration.
    fn open_with(on: Trial, more: &str) -> Self {
        let ground = on.ground();
        let text = format!("{BANK}{more}");
        let declaration = Declaration::parse("bank.toml", &text, &BTreeMap::new(), Path::new("")).unwrap();
        let clock = Clock::system();
        let parts = parts(ground.store(), clock.clone(), Registry::new([declaration.tenant]), ground.folder());
        let tenant = TenantId::parse("bank").unwrap();
        Self { core: Core::new(parts), clock, tenant, staff: Mutex::default(), ground }
    }

    /// A core of its own on the same tables, as another process has.
    fn another_node(&self) -> Core {
        let tenants = self.core.tenants().clone();
        Core::new(parts(self.ground.store(), self.clock.clone(), tenants, self.ground.folder()))
    }

    fn turn(&self, seconds: u64) {
        self.clock.turn(Duration::from_secs(seconds));
    }

    /// Lets the time pass, and everything happen that it brings.
    async fn pass(&self, seconds: u64) {
        self.turn(seconds);
        self.core.fire_due().await.unwrap();
        self.route().await;
    }

    async fn route(&self) {
        self.core.route(&self.tenant).await.unwrap();
    }

    async fn read<T: Send + 'static>(&self, work: impl FnOnce(&mut Tx<'_>) -> Result<T, Error> + Send + 'static) -> T {
        self.core.scope(&self.tenant).read(work).await.unwrap()
    }

    /// Somebody of the bank who serves these queues and has not signed in.
    async fn hire(&self, name: &str, capacity: i32, queues: &[&str]) -> Client {
        let id = AgentId::parse(name).unwrap();
        let declared = DeclaredAgent {
            id: id.clone(),
            login: name.to_owned(),
            name: format!("客服{name}"),
            password_hash: String::new(),
            role: "agent",
            capacity,
            queues: queues.iter().map(|queue| queue_id(queue)).collect(),
        };
        let staff = {
            let mut staff = self.staff.lock().unwrap();
            staff.push(declared);
            staff.clone()
        };
        let now = self.clock.now();
        self.core.scope(&self.tenant).write(move |tx| declare(tx, "", &staff, now)).await.unwrap();
        self.client(Party::Agent { agent: id, name: format!("客服{name}"), supervisor: false }, "tab-1")
    }

    fn client(&self, party: Party, device: &str) -> Client {
        Client {
            tenant: self.tenant.clone(),
            party,
            device: DeviceId::parse(device).unwrap(),
            connection: ConnectionId::generate(self.clock.now()),
            calls_only: false,
        }
    }

    /// Somebody of the bank at work.
    async fn ready(&self, name: &str, capacity: i32, queues: &[&str]) -> Client {
        let client = self.hire(name, capacity, queues).await;
        self.core.attached(&client).await.unwrap();
        self.choose(&client, "ready").await;
        client
    }

    async fn choose(&self, client: &Client, status: &str) -> AgentView {
        self.core.presence_set(client, status, None, None).await.unwrap()
    }

    async fn customer(&self, name: &str, kind: ChannelKind) -> Customer {
        let account = AccountId::parse(if kind == ChannelKind::Web { "site" } else { "oa" }).unwrap();
        let external = RemoteId::parse(name).unwrap();
        let (now, at) = (self.clock.now(), account.clone());
        let made = self
            .core
            .scope(&self.tenant)
            .write(move |tx| conversation::create(tx, kind, &at, &external, None, now))
            .await
            .unwrap();
        let party = Party::Contact { contact: made.contact, account };
        Customer { client: self.client(party, "phone"), conv: made.conv }
    }

    async fn visitor(&self, name: &str) -> Customer {
        self.customer(name, ChannelKind::Web).await
    }

    /// A visitor who has written and is looked after by whoever is free.
    async fn writer(&self, name: &str) -> Customer {
        let customer = self.visitor(name).await;
        self.says(&customer, "您好").await;
        self.route().await;
        customer
    }

    /// Puts something into the log as a channel does, and gives the holder the turn.
    async fn says(&self, customer: &Customer, text: &str) {
        let (conv, text) = (customer.conv, text.to_owned());
        self.core
            .change(&self.tenant, move |tx, scene, fx| {
                let conversation = conversation::find(tx, conv)?.unwrap();
                let open = session::ensure_open(tx, scene, &conversation, fx)?;
                let mut draft = Draft::system(conv, Some(open.session), Content::text(text));
                draft.from = Sender { role: Role::Contact, id: conversation.contact.to_string(), name: None };
                let envelope = append(tx, scene, draft, fx)?;
                session::contact_said(tx, scene, (open, Deadlines::UNKNOWN), &envelope, fx)
            })
            .await
            .unwrap();
    }

    /// An agent's words, if the agent may speak.
    async fn answers(
        &self,
        client: &Client,
        conv: ConversationId,
        text: &str,
        epoch: Option<i64>,
    ) -> Result<(), Error> {
        self.shows(client, conv, Content::text(text.to_owned()), epoch).await
    }

    /// What an agent shows, if the agent may speak.
    async fn shows(
        &self,
        client: &Client,
        conv: ConversationId,
        content: Content,
        epoch: Option<i64>,
    ) -> Result<(), Error> {
        let agent = client_agent(client);
        self.core
            .change(&self.tenant, move |tx, scene, fx| {
                let conversation = conversation::find(tx, conv)?.unwrap();
                let held = session::agent_speaks(session::current(tx, conv)?, &agent, epoch)?;
                let mut draft = Draft::system(conv, Some(held.session), content.clone());
                draft.from = Sender { role: Role::Agent, id: agent.to_string(), name: None };
                draft.control_epoch = held.control_epoch;
                append(tx, scene, draft, fx)?;
                session::agent_said(tx, scene, &conversation, (held, Deadlines::UNKNOWN), fx)
            })
            .await
    }

    async fn unfollow(&self, conv: ConversationId) {
        self.core
            .change(&self.tenant, move |tx, scene, fx: &mut Effects| {
                let conversation: Conversation = conversation::find(tx, conv)?.unwrap();
                session::unfollowed(tx, scene, &conversation, fx)
            })
            .await
            .unwrap();
    }

    async fn session(&self, conv: ConversationId) -> Session {
        self.read(move |tx| Ok(store::latest_of(tx, conv)?)).await.expect("no session")
    }

    async fn person(&self, client: &Client) -> Agent {
        let id = client_agent(client);
        self.read(move |tx| Ok(agent::find(tx, &id)?)).await.unwrap()
    }

    async fn shares(&self, client: &Client) -> Vec<Assignment> {
        let id = client_agent(client);
        self.read(move |tx| Ok(assignment::of_agent(tx, &id)?)).await
    }

    async fn offers(&self, client: &Client) -> Vec<OfferView> {
        let (id, scene) = (client_agent(client), self.core.scene(&self.tenant).unwrap());
        self.read(move |tx| view::offers(tx, &scene, &id)).await
    }

    async fn only_offer(&self, client: &Client) -> OfferView {
        let mut offers = self.offers(client).await;
        assert_eq!(offers.len(), 1, "{offers:?}");
        offers.remove(0)
    }

    /// Takes whatever is offered to the agent.
    async fn accept(&self, client: &Client) -> ConversationId {
        let offer = self.only_offer(client).await;
        self.core.offer_accept(client, offer.assignment, offer.token).await.unwrap().conv
    }

    async fn log(&self, conv: ConversationId) -> Vec<Envelope> {
        self.read(move |tx| {
            let origin = conversation::find(tx, conv)?.unwrap().origin(tx);
            Ok(message::after(tx, &origin, conv, 0, 500)?)
        })
        .await
    }

    /// What the customer reads, system's texts included.
    async fn texts(&self, conv: ConversationId) -> Vec<String> {
        let log = self.log(conv).await;
        assert!(log.iter().zip(1..).all(|(envelope, seq)| envelope.seq == seq), "the log has a hole");
        log.into_iter().filter(Envelope::for_contact).map(|envelope| envelope.fallback).collect()
    }

    async fn place(&self, customer: &Customer) -> Option<i64> {
        let Party::Contact { contact, .. } = customer.client.party else { panic!("not a customer") };
        let session = self.session(customer.conv).await;
        let view = self
            .read(move |tx| {
                let around = Around::read(tx, &session)?;
                Ok(view::session_view(&session, &around, Viewer::Contact(contact)))
            })
            .await;
        view.queue.map(|place| place.pos)
    }

    /// The kinds of events that other modules were told, oldest first.
    async fn events(&self) -> Vec<String> {
        let pending = self.core.store().survey(|conn| outbox::pending(conn, 1000)).await.unwrap();
        pending.into_iter().map(|row| row.event.kind).collect()
    }

    /// A tab's ear.
    fn listen(&self, client: &Client) -> (Attachment, Inlet) {
        let to = match &client.party {
            Party::Agent { agent, .. } => Recipient::Agent(self.tenant.clone(), agent.clone()),
            Party::Contact { contact, .. } => Recipient::Contact(self.tenant.clone(), *contact),
        };
        self.core.hub().attach(client.connection, vec![to], 256)
    }
}

fn client_agent(client: &Client) -> AgentId {
    match &client.party {
        Party::Agent { agent, .. } => agent.clone(),
        Party::Contact { .. } => panic!("not an agent"),
    }
}

/// The frames that have arrived, by `op`.
fn frames(inlet: &mut Inlet) -> Vec<serde_json::Value> {
    std::iter::from_fn(|| inlet.hints.try_recv().ok())
        .filter_map(|hint| match hint {
            Hint::Frame(frame) => Some(serde_json::from_str(&frame.text).unwrap()),
            _ => None,
        })
        .collect()
}

fn ops(frames: &[serde_json::Value]) -> Vec<&str> {
    frames.iter().map(|frame| frame["op"].as_str().unwrap()).collect()
}

fn code<T: std::fmt::Debug>(outcome: Result<T, Error>) -> Code {
    outcome.expect_err("must be refused").code
}
