//! What a customer's socket that opens or closes has to know, in one question: thousands come back at once, and a tenant has
//! one writer. Knows rows, not what follows from them.

use diesel::dsl::exists;
use diesel::prelude::*;

use super::conn::{ahead, on};
use super::lease::Lease;
use super::schema::{call, conversation, lease, session};
use super::stored::read_option;
use super::{Error, Tx};
use crate::model::envelope::ChannelKind;
use crate::model::id::{AccountId, ConnectionId, ContactId, SessionId};
use crate::model::session::State;

/// Whose socket it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfSocket {
    /// The lease of its device.
    pub lease: Lease,
    /// The customer.
    pub contact: ContactId,
    /// Where the customer is one.
    pub account: AccountId,
}

impl OfSocket {
    /// What the answer depends on and what such a socket changes, besides calls and sessions: what changes those has to be
    /// able to change anything.
    #[must_use]
    pub fn depends(&self) -> Vec<String> {
        vec![self.lease.participant.clone()]
    }
}

/// How things stand around a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Around {
    /// The connection that has the device's lease.
    pub holder: Option<ConnectionId>,
    /// Whether another device of the customer has a socket.
    pub elsewhere: bool,
    /// The session in which the customer waits, on the web.
    pub waits: Option<SessionId>,
    /// Whether the customer has a live call.
    pub in_call: bool,
}

/// The question of [`around`]. A macro, as diesel's type of it cannot be written down; subqueries as values borrow nothing.
macro_rules! question_of_socket {
    ($tenant:expr, $of:expr) => {{
        let (tenant, of): (&str, &OfSocket) = ($tenant, $of);
        let tenant = || tenant.to_owned();
        let open =
            || lease::table.filter(lease::tenant.eq(tenant()).and(lease::participant.eq(of.lease.participant.clone())));
        let waiting = conversation::table
            .inner_join(
                session::table.on(session::tenant
                    .eq(conversation::tenant)
                    .and(session::conv.eq(conversation::conv))
                    .and(session::ended_at.is_null())),
            )
            .filter(
                conversation::tenant
                    .eq(tenant())
                    .and(conversation::contact.eq(of.contact.to_string()))
                    .and(conversation::account.eq(of.account.to_string()))
                    .and(conversation::kind.eq(ChannelKind::Web.as_str()))
                    .and(session::state.eq(State::Queued.as_str())),
            );
        let talks = call::table.filter(
            call::tenant.eq(tenant()).and(call::contact.eq(of.contact.to_string())).and(call::ended_at.is_null()),
        );
        diesel::select((
            open().filter(lease::device.eq(of.lease.device.clone())).select(lease::connection).single_value(),
            exists(open().filter(lease::device.ne(of.lease.device.clone()))),
            waiting.select(session::id).single_value(),
            exists(talks),
        ))
    }};
}

/// How things stand around a customer's socket.
///
/// # Errors
/// When the statement fails.
pub fn around(tx: &mut Tx<'_>, of: &OfSocket) -> Result<Around, Error> {
    let (conn, tenant) = tx.parts();
    let (holder, elsewhere, waits, in_call): (Option<String>, bool, Option<String>, bool) =
        on!(conn, c => question_of_socket!(tenant, of).get_result(c))?;
    Ok(Around {
        holder: read_option("connection", holder.as_deref())?,
        elsewhere,
        waits: read_option("session", waits.as_deref())?,
        in_call,
    })
}

impl OfSocket {
    /// Lays the question ready ([`super::footing::Foresight`]).
    pub(in crate::store) fn ask(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        let (conn, tenant) = tx.parts();
        ahead!(conn, self.depends(), question_of_socket!(tenant, self))
    }
}
