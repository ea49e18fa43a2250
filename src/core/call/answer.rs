//! What a callee says to a call: it rings, taken, rather not. The first device decides for all.

use serde_json::Value;

use super::request::Excuse;
use super::{gone_error, joined, party, step};
use crate::core::{Client, Core, Error};
use crate::model::call::{Media, Move, Reason};
use crate::model::id::CallId;

impl Core {
    /// It rings on a device of the callee.
    ///
    /// # Errors
    /// `not_found`; `call_gone` when it rings no more.
    pub(super) async fn ring(&self, client: &Client, id: CallId) -> Result<(), Error> {
        let owned = client.clone();
        self.change(&client.tenant, move |tx, scene, fx| {
            let (mut call, side) = party(tx, &owned, id)?;
            if call.life.caller == side || !call.life.rings() {
                return Err(gone_error());
            }
            step(tx, scene, &mut call, Move::Ring, fx).map(drop)
        })
        .await
    }

    /// A device takes the call. The first one wins; the same device again gets the same answer.
    ///
    /// # Errors
    /// `not_found`; `call_gone` when another device was first or it rings no more; `forbidden` to the caller.
    pub(super) async fn accept_call(&self, client: &Client, id: CallId, media: Media) -> Result<Value, Error> {
        let owned = client.clone();
        self.change(&client.tenant, move |tx, scene, fx| {
            let (mut call, side) = party(tx, &owned, id)?;
            if call.life.caller == side {
                return Err(super::bad("呼叫方不能接听 / not by the caller"));
            }
            let repeated = call.life.is_live() && !call.life.rings() && call.life.takes_part(side, &owned.device);
            if !repeated {
                step(tx, scene, &mut call, Move::Accept(owned.device.clone(), media), fx)?;
            }
            joined(scene, &call, side)
        })
        .await
    }

    /// The callee would rather not, or cannot.
    ///
    /// # Errors
    /// `not_found`; `call_gone` when it rings no more.
    pub(super) async fn reject_call(&self, client: &Client, id: CallId, excuse: Excuse) -> Result<(), Error> {
        let reason = match excuse {
            Excuse::Declined => Reason::Declined,
            Excuse::Busy => Reason::Busy,
            Excuse::Unsupported | Excuse::NoPermission => Reason::MediaDenied,
        };
        let owned = client.clone();
        self.change(&client.tenant, move |tx, scene, fx| {
            let (mut call, side) = party(tx, &owned, id)?;
            if call.life.caller == side {
                return Err(super::bad("呼叫方请取消 / the caller cancels"));
            }
            step(tx, scene, &mut call, Move::Reject(reason), fx).map(drop)
        })
        .await
    }
}
