//! One event as it is stored and sent: its address, and its data as JSON. Knows no broker.

use std::sync::Arc;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::model::id::TenantId;
use crate::model::time::Millis;

/// The content type of an event's written form.
pub const CLOUD_EVENTS: &str = "application/cloudevents+json";

/// One event on its way to other modules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrence {
    /// The tenant.
    pub tenant: TenantId,
    /// Unique: whoever gets the same id twice has got the same event twice.
    pub id: String,
    /// What happened, as `<entity>.<verb>`.
    pub kind: String,
    /// What it is about, as `<entity>/<id>`.
    pub subject: String,
    /// The session that it belongs to, if any.
    pub session: Option<String>,
    /// Its place among the events of its subject, from 1 and without a hole, where they are counted.
    pub sequence: Option<i64>,
    /// The node on which it happened.
    pub node: String,
    /// When.
    pub at: Millis,
    /// The details, as JSON.
    pub data: Arc<str>,
}

/// CloudEvents 1.0, structured mode, with the extensions `tenant` and `sequence`.
#[derive(Serialize)]
struct CloudEvent<'a> {
    specversion: &'static str,
    id: &'a str,
    #[serde(rename = "type")]
    kind: String,
    source: String,
    subject: &'a str,
    time: Millis,
    datacontenttype: &'static str,
    dataschema: String,
    tenant: &'a TenantId,
    /// Text, as the `sequence` extension of CloudEvents asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<String>,
    data: &'a RawValue,
}

/// The name of the schema of an event's details.
#[must_use]
pub fn urn(kind: &str) -> String {
    format!("urn:yizhan:event:{kind}:v1")
}

impl Occurrence {
    /// The type that listeners see: `yizhan.<entity>.<verb>.v1`.
    #[must_use]
    pub fn cloud_type(&self) -> String {
        format!("yizhan.{}.v1", self.kind)
    }

    /// The whole event as CloudEvents 1.0 in structured JSON.
    ///
    /// # Errors
    /// Never in practice: everything in it has a written form.
    pub fn cloud_event(&self) -> Result<String, serde_json::Error> {
        // Details that are damaged are passed on as the text that they are: they must neither be lost nor stop others.
        let damaged;
        let (data, datacontenttype) = match serde_json::from_str::<&RawValue>(&self.data) {
            Ok(data) => (data, "application/json"),
            Err(_not_json) => {
                damaged = serde_json::value::to_raw_value(&*self.data)?;
                (&*damaged, "text/plain")
            }
        };
        serde_json::to_string(&CloudEvent {
            specversion: "1.0",
            id: &self.id,
            kind: self.cloud_type(),
            source: format!("/yizhan/{}/{}", self.tenant, self.node),
            subject: &self.subject,
            time: self.at,
            datacontenttype,
            dataschema: urn(&self.kind),
            tenant: &self.tenant,
            sequence: self.sequence.map(|number| number.to_string()),
            data,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_written_form_has_the_fields_of_cloud_events() {
        let event = Occurrence {
            tenant: TenantId::parse("bank").unwrap(),
            id: "0192".into(),
            kind: "session.connected".into(),
            subject: "session/s_1".into(),
            session: Some("s_1".into()),
            sequence: Some(7),
            node: "n_1".into(),
            at: Millis(1_795_392_073_482),
            data: r#"{"agent":"li"}"#.into(),
        };
        let expected = concat!(
            r#"{"specversion":"1.0","id":"0192","type":"yizhan.session.connected.v1","source":"/yizhan/bank/n_1","#,
            r#""subject":"session/s_1","time":"2026-11-23T00:01:13.482Z","datacontenttype":"application/json","#,
            r#""dataschema":"urn:yizhan:event:session.connected:v1","tenant":"bank","sequence":"7","#,
            r#""data":{"agent":"li"}}"#
        );
        assert_eq!(event.cloud_event().unwrap(), expected);
        let damaged = Occurrence { data: "{".into(), ..event }.cloud_event().unwrap();
        assert!(damaged.contains(r#""datacontenttype":"text/plain""#) && damaged.ends_with(r#""data":"{"}"#));
    }
}
