//! The schemas of the document, made from the types. Events and answers are described as we write them, commands as we
//! read them.

use std::collections::BTreeMap;

use schemars::generate::{Contract, SchemaSettings};
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::bus::ask;
use crate::core::order::answer::Answer;
use crate::core::order::letter::Body;
use crate::model::event::{CATALOGUE, urn};

/// Everything below `components/schemas`, and which schema an event's details have.
pub(super) struct Schemas {
    all: Map<String, Value>,
    details: BTreeMap<&'static str, Value>,
}

/// Makes schemas whose parts stand at `place` of the document. AsyncAPI's own dialect is draft 7.
fn generator(place: &'static str, contract: Contract) -> SchemaGenerator {
    let settings = SchemaSettings::draft07().with(|settings| {
        settings.definitions_path = place.into();
        settings.meta_schema = None;
        settings.contract = contract;
        settings.untagged_enum_variant_titles = true;
    });
    settings.into_generator()
}

/// The schema of `T` with its own parts inside, so that they cannot be mistaken for those of another contract.
fn closed<T: JsonSchema>(place: &'static str, contract: Contract) -> Value {
    let mut schema = generator(place, contract).into_root_schema_for::<T>().to_value();
    // They are put where the root of the document would have them: our root is not the document's.
    let parts = schema.pointer(place).cloned();
    if let Some(fields) = schema.as_object_mut() {
        fields.remove("components");
        fields.extend(parts.map(|parts| ("definitions".to_owned(), parts)));
    }
    schema
}

impl Schemas {
    pub(super) fn collect() -> Self {
        let mut events = generator("/components/schemas", Contract::Serialize);
        let details: BTreeMap<_, _> =
            CATALOGUE.iter().map(|entry| (entry.kind, (entry.schema)(&mut events).to_value())).collect();
        let mut all: Map<String, Value> = events.take_definitions(true);
        let command = closed::<Body>("/components/schemas/Command/definitions", Contract::Deserialize);
        let answer = closed::<Answer>("/components/schemas/Answer/definitions", Contract::Serialize);
        let question = closed::<ask::Asked<'_>>("/components/schemas/Question/definitions", Contract::Serialize);
        let reply = closed::<ask::Answer>("/components/schemas/Reply/definitions", Contract::Deserialize);
        all.insert("Question".into(), question);
        all.insert("QuestionHeaders".into(), question_headers());
        all.insert("Reply".into(), reply);
        all.insert("Command".into(), command);
        all.insert("Answer".into(), answer);
        all.insert("CloudEvent".into(), cloud_event());
        all.insert("EventHeaders".into(), event_headers());
        all.insert("CommandHeaders".into(), command_headers());
        all.insert("Frame".into(), frame());
        Self { all, details }
    }

    pub(super) fn all(&self) -> &Map<String, Value> {
        &self.all
    }

    /// The whole event of a kind.
    pub(super) fn event(&self, kind: &str) -> Value {
        let data = self.details.get(kind).cloned().unwrap_or_default();
        json!({ "allOf": [
            { "$ref": "#/components/schemas/CloudEvent" },
            { "type": "object", "properties": {
                "type": { "const": format!("yizhan.{kind}.v1") },
                "dataschema": { "const": urn(kind) },
                "data": data,
            } },
        ] })
    }

    /// The first sentence about a kind.
    pub(super) fn summary(&self, kind: &str) -> Value {
        let name = self.details.get(kind).and_then(|schema| schema.get("$ref")).and_then(Value::as_str);
        let name = name.and_then(|reference| reference.rsplit('/').next()).unwrap_or_default();
        self.all.get(name).and_then(|schema| schema.get("description")).cloned().unwrap_or_default()
    }
}

fn cloud_event() -> Value {
    let text = |description: &str| json!({ "type": "string", "minLength": 1, "description": description });
    json!({
        "type": "object",
        "description": "CloudEvents 1.0 in structured JSON, with the extensions tenant and sequence",
        "required": ["specversion", "id", "type", "source", "subject", "time", "datacontenttype", "dataschema", "tenant",
            "data"],
        "properties": {
            "specversion": { "const": "1.0" },
            "id": text("Unique. The same id twice is the same event twice"),
            "type": text("yizhan.<entity>.<verb>.v<version>"),
            "source": { "type": "string", "format": "uri-reference", "description": "/yizhan/<tenant>/<node>" },
            "subject": text("What it is about: <entity>/<id>"),
            "time": { "type": "string", "format": "date-time" },
            "datacontenttype": { "const": "application/json" },
            "dataschema": { "type": "string", "format": "uri", "description": "The name of the schema of data" },
            "tenant": { "type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$" },
            "sequence": { "type": "string", "pattern": "^[1-9][0-9]*$",
                "description": "The place among the events of a session, from 1 without a hole; for message.accepted the \
                    place in the conversation's log" },
            "data": { "type": "object" },
        },
    })
}

fn event_headers() -> Value {
    json!({
        "type": "object",
        "description": "For a headers exchange of your own",
        "required": ["tenant", "type"],
        "properties": {
            "tenant": { "type": "string" }, "type": { "type": "string" }, "session": { "type": "string" },
        },
    })
}

fn command_headers() -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    json!({
        "type": "object",
        "description": "AMQP properties of the message",
        "required": ["message_id"],
        "properties": {
            "message_id": { "type": "string", "minLength": 1, "maxLength": 128,
                "description": "The same id means the same command: it is done once and answered alike for 24 hours" },
            "reply_to": text("A queue for the answer, through the default exchange"),
            "correlation_id": text("Comes back with the answer"),
            "expiration": text("Milliseconds after which it is not to be done any more"),
        },
    })
}

fn question_headers() -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    json!({
        "type": "object",
        "description": "AMQP properties of the message, and the header tenant",
        "required": ["message_id", "correlation_id", "reply_to", "expiration", "tenant"],
        "properties": {
            "message_id": { "type": "string", "minLength": 1, "maxLength": ask::ID_MAX,
                "description": "The same id means the same question: do it once, and answer alike" },
            "reply_to": text("Where the answer goes, through the default exchange"),
            "correlation_id": text("Comes back with the answer"),
            "expiration": text("Milliseconds after which nobody waits any more"),
            "tenant": text("For whom, as in the payload"),
        },
    })
}

fn frame() -> Value {
    json!({
        "type": "object", "required": ["op"],
        "properties": {
            "op": { "type": "string" }, "id": { "type": "integer" }, "d": {},
        },
    })
}
