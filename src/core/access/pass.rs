//! Tickets and resume tokens of sockets, for agents and visitors.

use std::net::IpAddr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Access, SignIn, attempts, login, passes, token, too_often};
use crate::core::call::Invitation;
use crate::core::{Error, Party};
use crate::model::account::ChannelSettings;
use crate::model::code::Code;
use crate::model::envelope::ChannelKind;
use crate::model::id::{AccountId, AgentId, ContactId, DeviceId, RemoteId, TenantId};
use crate::model::label::label;
use crate::model::secret::Secret;
use crate::model::time::Millis;
use crate::store::pass::{Kind, New, Pass};
use crate::store::{Course, Tx, agent as agents, conversation, session as sessions};

/// A ticket is good for so long.
pub(super) const TICKET: Duration = Duration::from_secs(60);

/// Whom a pass lets in, as stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Bearer {
    /// A person whose sign-in is looked up when the pass is used.
    Agent(AgentId),
    /// A visitor who becomes a contact when the pass is used, not before.
    Visitor { account: AccountId, external: RemoteId, name: Option<String> },
    /// A visitor who is a contact already.
    Contact { account: AccountId, contact: ContactId },
    /// Who came by a link to a call, as this contact.
    Caller { account: AccountId, contact: ContactId },
}

impl Bearer {
    /// Whether its connection may do nothing but call.
    fn calls_only(&self) -> bool {
        matches!(self, Self::Caller { .. })
    }
}

/// A client that a pass lets in.
#[derive(Debug)]
pub struct Admitted {
    /// The enterprise.
    pub tenant: TenantId,
    /// Who.
    pub party: Party,
    /// What the connection leans on.
    pub standing: Standing,
    /// The token that resumes this connection when it is lost.
    pub token: String,
    /// Whether it may do nothing but call.
    pub calls_only: bool,
}

/// What a connection leans on.
#[derive(Debug, Clone)]
pub struct Standing {
    tenant: TenantId,
    resume_hash: String,
    login_hash: Option<String>,
}

/// What a visitor's browser says.
#[derive(Debug, Clone, Copy)]
pub struct Visit<'a> {
    /// The site's key, `<tenant>.<account>`.
    pub site: &'a str,
    /// The page's origin.
    pub origin: &'a str,
    /// The token of an earlier visit.
    pub visitor: Option<&'a str>,
    /// A name that the page gives.
    pub name: Option<&'a str>,
}

/// What whoever opens a link to a call gets.
#[derive(Debug, Clone)]
pub struct CallPass {
    /// The one-time ticket.
    pub ticket: Secret,
    /// The name under which the page may open its socket.
    pub device: DeviceId,
    /// What the link says.
    pub invitation: Invitation,
    /// The channel account's name.
    pub account_name: String,
    /// The name of the agent who serves now.
    pub agent_name: String,
}

/// What a visitor gets.
#[derive(Debug, Clone)]
pub struct VisitorPass {
    /// The one-time ticket.
    pub ticket: Secret,
    /// What makes the same browser the same visitor.
    pub visitor: String,
}

impl Access {
    /// Seconds that a ticket is good for.
    #[must_use]
    pub fn ticket_life(&self) -> u64 {
        TICKET.as_secs()
    }

    /// A one-time ticket for a socket of a signed-in agent.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn ticket(&self, sign_in: &SignIn) -> Result<Secret, Error> {
        let bearer = Bearer::Agent(sign_in.profile.id.clone());
        self.issue(sign_in.tenant(), &bearer, Some(sign_in.hash.clone())).await
    }

    async fn issue(&self, tenant: &TenantId, bearer: &Bearer, login: Option<String>) -> Result<Secret, Error> {
        let ticket = token::fresh(tenant);
        let hash = token::hash(ticket.expose());
        let party = written(bearer)?;
        let expires_at = self.now().plus(TICKET);
        self.inner
            .core
            .scope(tenant)
            .repeat(Course::Behind, None, move |tx| {
                let login_hash = login.as_deref();
                let new = New { hash: &hash, kind: Kind::Ticket, party: &party, device: None, login_hash, expires_at };
                passes::add(tx, &new)
            })
            .await
            .map_err(Error::from)?;
        Ok(ticket)
    }

    /// A one-time ticket for a visitor of a site, and the token that keeps them the same visitor. `own` are the
    /// gateway's own origins: the widget's frame speaks from there, and which pages may hold the frame the browser
    /// enforces.
    ///
    /// # Errors
    /// `forbidden` for another origin, `unauthenticated` for a token that is not of this site, `rate_limited`.
    pub async fn visitor_ticket(&self, ip: IpAddr, visit: Visit<'_>, own: &[String]) -> Result<VisitorPass, Error> {
        let Visit { site: key, origin, visitor, name } = visit;
        let inner = &self.inner;
        inner.visitors.admit(&attempts::network(ip), self.now()).map_err(too_often)?;
        let strange = || Error::new(Code::Forbidden, "此来源未登记 / this origin is not listed");
        let target = inner.core.tenants().target(key).ok_or_else(strange)?;
        let ChannelSettings::Web(site) = &target.account.channel else { return Err(strange()) };
        let listed = site.origins.iter().chain(own).any(|listed| listed.eq_ignore_ascii_case(origin));
        if !listed {
            return Err(strange());
        }
        let (tenant, account) = (&target.tenant.id, &target.account.id);
        let visitor = match visitor {
            Some(token) if inner.core.signer().verify_visitor(tenant, account, token) => token.to_owned(),
            Some(_) => return Err(Error::new(Code::Unauthenticated, "访客标识无效 / not a visitor of this site")),
            None => inner.core.signer().visitor_token(tenant, account),
        };
        let external = RemoteId::parse(&URL_SAFE_NO_PAD.encode(Sha256::digest(visitor.as_bytes())))?;
        let name = name.map(|name| label(name, 40));
        let name = name.filter(|name| !name.trim().is_empty());
        let ticket = self.issue(tenant, &Bearer::Visitor { account: account.clone(), external, name }, None).await?;
        Ok(VisitorPass { ticket, visitor })
    }

    /// A one-time ticket for whoever has opened a link to a call.
    ///
    /// # Errors
    /// `not_found` for a link that is none, `session_ended` when it or its session is over, `rate_limited`.
    pub async fn call_ticket(&self, ip: IpAddr, token: &str) -> Result<CallPass, Error> {
        let inner = &self.inner;
        inner.visitors.admit(&attempts::network(ip), self.now()).map_err(too_often)?;
        let invitation = inner.core.signer().invitation(token).ok_or_else(Error::not_found)?;
        let declared = inner.core.tenants().tenant(&invitation.tenant).ok_or_else(Error::not_found)?;
        let account = declared.account(&invitation.account).ok_or_else(Error::not_found)?;
        let over = || Error::new(Code::SessionEnded, "链接已失效 / the link is no longer good");
        if self.now() >= invitation.until {
            return Err(over());
        }
        let id = invitation.session;
        let scope = inner.core.scope(&invitation.tenant);
        let agent = scope.read(move |tx| {
            let session = sessions::find(tx, id)?.filter(|session| session.ended.is_none());
            let agent = session.as_ref().and_then(|session| session.holder.agent());
            Ok::<_, Error>(match agent {
                Some(agent) => agents::find(tx, agent)?.map(|agent| agent.name),
                None => None,
            })
        });
        let agent_name = agent.await?.ok_or_else(over)?;
        let bearer = Bearer::Caller { account: account.id.clone(), contact: invitation.contact };
        let ticket = self.issue(&invitation.tenant, &bearer, None).await?;
        // The same link is the same device, so that a page that was loaded anew goes on with its call.
        let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(token.as_bytes()));
        let device = DeviceId::parse(&format!("call-{digest}"))?;
        Ok(CallPass { ticket, device, account_name: account.name.clone(), agent_name, invitation })
    }

    /// Lets a client in by a ticket, once. `None` when the ticket is not good.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn redeem(&self, ticket: &str, device: &DeviceId) -> Result<Option<Admitted>, Error> {
        self.admit(ticket, device, Kind::Ticket).await
    }

    /// Lets the device in again that lost its connection. `None` when the token is not good any more.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn resume(&self, token: &str, device: &DeviceId) -> Result<Option<Admitted>, Error> {
        self.admit(token, device, Kind::Resume).await
    }

    async fn admit(&self, shown: &str, device: &DeviceId, kind: Kind) -> Result<Option<Admitted>, Error> {
        let Some(tenant) = token::tenant(shown) else { return Ok(None) };
        if self.inner.core.tenants().tenant(&tenant).is_none() {
            return Ok(None);
        }
        let next = token::fresh(&tenant);
        let entry = Entry {
            access: self.clone(),
            kind,
            shown: token::hash(shown),
            next: token::hash(next.expose()),
            device: device.clone(),
            now: self.now(),
        };
        let scope = self.inner.core.scope(&tenant);
        let outcome = scope.repeat(Course::Behind, None, move |tx| entry.pass(tx)).await?;
        Ok(outcome.map(|Passed { party, calls_only, resume_hash, login_hash }| Admitted {
            party,
            calls_only,
            standing: Standing { tenant: tenant.clone(), resume_hash, login_hash },
            token: next.expose().to_owned(),
            tenant,
        }))
    }

    /// Whether the sign-in behind a connection still stands; an open connection keeps it alive.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn keep_alive(&self, standing: &Standing) -> Result<bool, Error> {
        match &standing.login_hash {
            Some(hash) => Ok(self.alive(&standing.tenant, hash).await?.is_some()),
            None => Ok(true),
        }
    }

    /// The connection is gone: its resume token is good for the time to resume, or for nothing if the client has no
    /// wish to come back.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn lost(&self, standing: &Standing, for_good: bool) -> Result<(), Error> {
        let now = self.now();
        let at = if for_good { now } else { now.plus(self.inner.settings.resume) };
        let hash = standing.resume_hash.clone();
        let scope = self.inner.core.scope(&standing.tenant);
        scope.repeat(Course::Behind, None, move |tx| passes::end(tx, &hash, at)).await.map_err(Error::from)
    }
}

fn written(bearer: &Bearer) -> Result<String, Error> {
    serde_json::to_string(bearer).map_err(Error::internal)
}

/// One use of a pass, in one transaction.
struct Entry {
    access: Access,
    kind: Kind,
    shown: String,
    next: String,
    device: DeviceId,
    now: Millis,
}

/// Who was let in by a pass.
struct Passed {
    party: Party,
    calls_only: bool,
    resume_hash: String,
    login_hash: Option<String>,
}

impl Entry {
    fn pass(&self, tx: &mut Tx<'_>) -> Result<Option<Passed>, Error> {
        let found = match self.kind {
            Kind::Ticket => passes::take(tx, &self.shown, self.now)?,
            Kind::Resume => passes::resumable(tx, &self.shown, self.now)?
                .filter(|pass| pass.device.as_deref() == Some(self.device.as_str())),
        };
        let Some(pass) = found else { return Ok(None) };
        let Some((party, bearer)) = self.party(tx, &pass)? else { return Ok(None) };
        if self.kind == Kind::Resume {
            // Still good for a while: the answer may be lost together with the connection.
            passes::end(tx, &self.shown, self.now.plus(self.access.inner.settings.resume))?;
        }
        let new = New {
            hash: &self.next,
            kind: Kind::Resume,
            party: &written(&bearer)?,
            device: Some(&self.device),
            login_hash: pass.login_hash.as_deref(),
            expires_at: self.now.plus(self.access.inner.settings.sign_in),
        };
        passes::add(tx, &new)?;
        let calls_only = bearer.calls_only();
        Ok(Some(Passed { party, calls_only, resume_hash: self.next.clone(), login_hash: pass.login_hash }))
    }

    fn party(&self, tx: &mut Tx<'_>, pass: &Pass) -> Result<Option<(Party, Bearer)>, Error> {
        let bearer: Bearer = serde_json::from_str(&pass.party).map_err(Error::internal)?;
        match bearer {
            Bearer::Agent(agent) => {
                let Some(hash) = &pass.login_hash else { return Ok(None) };
                let found = login::find(tx, hash)?.filter(|found| self.access.stands(found, self.now));
                Ok(found.map(|found| {
                    let supervisor = found.role != "agent";
                    (Party::Agent { agent: agent.clone(), name: found.name, supervisor }, Bearer::Agent(agent))
                }))
            }
            Bearer::Visitor { account, external, name } => {
                let known = conversation::identity(tx, &account, &external)?;
                let identity = match known {
                    Some(identity) => identity,
                    None => conversation::create(tx, ChannelKind::Web, &account, &external, name.as_deref(), self.now)?,
                };
                let contact = identity.contact;
                Ok(Some((Party::Contact { contact, account: account.clone() }, Bearer::Contact { account, contact })))
            }
            Bearer::Contact { ref account, contact } | Bearer::Caller { ref account, contact } => {
                Ok(Some((Party::Contact { contact, account: account.clone() }, bearer)))
            }
        }
    }
}
