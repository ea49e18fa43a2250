//! Answers that a tenant's program gives by a call of its own: verified, once, and only while the robot still has the
//! control under which it was asked.

use super::outside::Heard;
use super::reply;
use crate::core::{Core, Error};
use crate::model::code::Code;
use crate::model::id::TenantId;
use crate::model::robot::RobotSetting;
use crate::robot::webhook::{self, Signed};
use crate::robot::{Adapter, Caps};
use crate::store::order::{self, Outcome};
use crate::store::turn;
use crate::tenant::robot::Adapter as Declared;

/// The name under which calls of robots are noted, apart from orders of modules.
const NOTED: &str = "robot:";
/// Lines of a list that a program may offer.
const ROWS: usize = 10;

/// Why a call of a tenant's program is not heard.
#[derive(Debug, thiserror::Error)]
pub enum Unheard {
    /// It is not the tenant's program, or not an answer.
    #[error(transparent)]
    Refused(#[from] webhook::Refused),
    /// The same call was heard before.
    #[error("this webhook-id was used before")]
    Replayed,
    /// Nothing waits for it: there is no such tenant, robot or turn, or another party has the control.
    #[error("nothing waits for this answer")]
    Nothing,
    /// It could not be kept.
    #[error(transparent)]
    Core(#[from] Error),
}

impl Core {
    /// Takes a later answer of the tenant's program.
    ///
    /// # Errors
    /// See [`Unheard`].
    pub async fn robot_answers(&self, tenant: &TenantId, signed: &Signed<'_>, body: &[u8]) -> Result<(), Unheard> {
        let known = self.tenants().tenant(tenant).ok_or(Unheard::Nothing)?;
        let declared = known.robot.as_ref().map(|robot| &robot.adapter);
        let Some(Declared::Outside(setting @ RobotSetting::Webhook(_))) = declared else {
            return Err(Unheard::Nothing);
        };
        let adapter = self.inner.parts.robots.adapter(tenant, known.version, setting, self.clock());
        let adapter = adapter.map_err(|_unfit| Unheard::Nothing)?;
        let Adapter::Webhook(program) = &*adapter else { return Err(Unheard::Nothing) };
        let answer = webhook::verify(signed, body, program.keys(), self.clock().now())?;
        let (id, session, epoch) = (format!("{NOTED}{}", answer.id), answer.session, answer.epoch);
        let caps = Caps { streaming: false, rich: true, max_options: ROWS };
        let mut heard = Heard::default();
        for event in answer.into_events(caps) {
            heard.event(event, &|_growing| {});
        }
        let found = heard.said();
        let noted = self.change(tenant, move |tx, scene, fx| {
            let outcome = Outcome { digest: session.to_string(), reply: "{}".into() };
            if !order::note(tx, &id, &outcome, scene.now)? {
                return Ok(Err(Unheard::Replayed));
            }
            match turn::later(tx, session, epoch)? {
                Some(turn) => reply::conclude(tx, scene, &turn, found, fx).map(Ok),
                None => Err(Error::new(Code::NotFound, "没有等待的问题 / nothing waits for this answer")),
            }
        });
        noted.await.map_err(|error| if error.code == Code::NotFound { Unheard::Nothing } else { error.into() })?
    }
}
