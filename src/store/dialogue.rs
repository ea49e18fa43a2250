//! What the robot of a session remembers. What it means is decided in `model::robot`.

use diesel::prelude::*;

use super::conn::{on, put};
use super::schema::dialogue;
use super::stored::damaged;
use super::{Error, Tx};
use crate::model::dialogue::Dialogue;
use crate::model::id::SessionId;

/// What is remembered of a session; nothing yet for a new one.
///
/// # Errors
/// When the statement fails.
pub fn find(tx: &mut Tx<'_>, session: SessionId) -> Result<Dialogue, Error> {
    let (conn, tenant) = tx.parts();
    let body: Option<String> = on!(conn, c => dialogue::table
        .filter(dialogue::tenant.eq(tenant).and(dialogue::session.eq(session.to_string())))
        .select(dialogue::body)
        .first(c)
        .optional())?;
    let body = body.map(|body| serde_json::from_str(&body)).transpose();
    Ok(body.map_err(|source| damaged("dialogue", &source.to_string()))?.unwrap_or_default())
}

/// Keeps what is remembered of a session.
///
/// # Errors
/// When the statement fails.
pub fn keep(tx: &mut Tx<'_>, session: SessionId, remembered: &Dialogue) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    let body = serde_json::to_string(remembered).map_err(|source| damaged("dialogue", &source.to_string()))?;
    put!(
        conn,
        diesel::insert_into(dialogue::table)
            .values((dialogue::tenant.eq(tenant), dialogue::session.eq(session.to_string()), dialogue::body.eq(&body)))
            .on_conflict((dialogue::tenant, dialogue::session))
            .do_update()
            .set(dialogue::body.eq(&body))
    )?;
    Ok(())
}
