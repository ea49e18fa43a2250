//! Records of calls, for whoever looks one up. Reads only.

use super::office::{Author, Office};
use super::problem::Error;
use crate::core::call;
use crate::model::event::call::Record;
use crate::model::id::CallId;

impl Office {
    /// The record of a call that is over, as `call.ended` told it, with what has become known since: recordings that
    /// are complete now, what the sides thought of it.
    ///
    /// # Errors
    /// [`Error::Absent`] when the tenant has no such call, a conflict while it is not over.
    pub async fn call_record(&self, author: &Author, id: CallId) -> Result<Record, Error> {
        let found = self.read(author, move |tx| call::record(tx, id).map_err(Error::from)).await?;
        found.ok_or_else(|| Error::Conflict("通话尚未结束 / the call is not over".into()))
    }
}
