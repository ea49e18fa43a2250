//! A customer who waits in a queue as XEP-0142 has it: told the place until somebody takes over, or the wait is over.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::frame::{Place, Session, Told};
use super::traffic::Desk;
use crate::channel::xmpp::element::Element;
use crate::channel::xmpp::ns;
use crate::channel::xmpp::outgoing::Refusal;
use crate::channel::xmpp::stream::COMPONENT;
use crate::core::request::Request;
use crate::core::{Client, Error};
use crate::hub::{Attachment, Hint, Inlet, Recipient};
use crate::model::code::Code;
use crate::model::id::{ContactId, QueueId};
use crate::model::jid::Jid;

/// Hints that may wait for somebody who waits.
const HINTS: usize = 64;
/// Nobody is told a place for longer.
const LONGEST: Duration = Duration::from_secs(3_600);

/// Somebody who waits.
#[derive(Debug)]
pub(super) struct Waiter {
    desk: Arc<Desk>,
    inlet: Inlet,
    _attachment: Attachment,
    /// The queue's address.
    at: Jid,
    /// The client that joined.
    to: Jid,
    told: Option<i64>,
}

impl Waiter {
    /// Joins a queue. Attached before, so that no change of the place is missed.
    ///
    /// # Errors
    /// As the request: already waiting, closed, nobody there.
    pub(super) async fn join(
        desk: &Arc<Desk>,
        client: &Client,
        contact: ContactId,
        queue: QueueId,
        (at, to): (Jid, Jid),
    ) -> Result<Self, Error> {
        let recipients = vec![Recipient::Contact(client.tenant.clone(), contact)];
        let (attachment, inlet) = desk.core.hub().attach(client.connection, recipients, HINTS);
        let mut waiter = Self { desk: Arc::clone(desk), inlet, _attachment: attachment, at, to, told: None };
        desk.core.perform(client, Request::Open { entry: serde_json::Value::Null }).await?;
        let joined = desk.core.perform(client, Request::Handoff { queue: Some(queue) }).await?;
        let session: Session = serde_json::from_value(joined).map_err(|_unreadable| Error::not_found())?;
        if session.state != "queued" && session.state != "active" {
            return Err(Error::new(Code::QueueClosed, "现在无人接待，请留言 / nobody is there now, leave a message"));
        }
        waiter.place(&session).await;
        Ok(waiter)
    }

    /// Tells the place until the wait is over.
    pub(super) async fn wait(mut self) {
        let end = Instant::now() + LONGEST;
        while let Ok(Some(hint)) = timeout_at(end, self.inlet.hints.recv()).await {
            let frame = match hint {
                Hint::Frame(frame) | Hint::Swept(frame) => frame,
                _ => continue,
            };
            let Ok(Told::Session(session)) = Told::read(&frame.text) else { continue };
            if session.state != "queued" {
                break;
            }
            self.place(&session).await;
        }
        let over = Element::new("depart-queue", ns::WORKGROUP);
        self.say(over).await;
    }

    async fn place(&mut self, session: &Session) {
        let Some(place) = session.queue.as_ref().filter(|place| self.told != Some(place.pos)) else { return };
        self.told = Some(place.pos);
        let position = Element::new("position", ns::WORKGROUP).text(place.pos.to_string());
        let time = self.guess(place).await.map(|seconds| Element::new("time", ns::WORKGROUP).text(seconds.to_string()));
        self.say(Element::new("queue-status", ns::WORKGROUP).child(position).children(time)).await;
    }

    /// Seconds that the wait may take: as long as the first in the line has waited by now. Whoever is the first has
    /// nobody to compare with.
    async fn guess(&self, place: &Place) -> Option<u64> {
        if place.pos <= 1 {
            return None;
        }
        let (tenant, _) = &self.desk.key;
        match self.desk.core.xmpp_longest(tenant, &place.queue).await {
            Ok(longest) => {
                longest.map(|longest| longest.as_millis().div_ceil(1_000)).and_then(|s| u64::try_from(s).ok())
            }
            Err(error) => {
                tracing::debug!(error = ?error, "how long a queue waits could not be read");
                None
            }
        }
    }

    async fn say(&self, payload: Element) {
        let message = Element::new("message", COMPONENT)
            .attr("from", self.at.to_string())
            .attr("to", self.to.to_string())
            .child(payload);
        self.desk.out.send(message).await;
    }
}

/// How a refusal of a queue is told.
pub(super) fn refusal(error: &Error) -> Refusal {
    match error.code {
        Code::AlreadyQueued | Code::Conflict => Refusal::Conflict,
        Code::NotFound => Refusal::NotFound,
        Code::DependencyUnavailable | Code::Timeout | Code::RateLimited | Code::Internal => Refusal::Wait,
        _ => Refusal::Unavailable,
    }
}
