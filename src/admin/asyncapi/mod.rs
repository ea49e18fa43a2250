//! The contract with other modules as an AsyncAPI 3.0 document, made from the types that events and commands are. Knows
//! the shapes, not the broker.

mod schema;
mod yaml;

use serde_json::{Map, Value, json};

use self::schema::Schemas;
use crate::model::event::CATALOGUE;

/// The reference to a component of the document.
fn component(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}

/// The document as YAML: `docs/asyncapi.yaml`.
#[must_use]
pub fn document() -> String {
    let schemas = Schemas::collect();
    let mut text = String::from(
        "# 其他模块的契约：事件、指令与提问。由 `yizhan asyncapi` 生成，请勿手改。\n\
         # The contract with other modules: events, commands and questions. Made by `yizhan asyncapi`; not to be edited by hand.\n",
    );
    let parts = [
        ("asyncapi", json!("3.0.0")),
        ("info", info()),
        ("defaultContentType", json!("application/json")),
        ("servers", servers()),
        ("channels", channels()),
        ("operations", operations()),
        ("components", json!({ "messages": messages(&schemas), "schemas": schemas.all() })),
    ];
    for (key, value) in parts {
        yaml::entry(&mut text, key, &value, 0);
    }
    text
}

fn info() -> Value {
    json!({
        "title": "驿站 Yizhan: events, commands and questions",
        // The contract's own version: it grows by addition; what has to break gets a new type beside the old one.
        "version": "1.0.0",
        "description": "What the gateway tells other modules of a contact centre, what they can order, and what it asks them. Every event \
            arrives at least once: forget what you have seen by `id`. `sequence` counts the events of a session without \
            a hole, and is the place in the log for messages.",
        "license": { "name": "Apache-2.0" },
    })
}

fn servers() -> Value {
    json!({
        "broker": {
            "host": "mq.example.com:5672", "protocol": "amqp", "protocolVersion": "0.9.1",
            "description": "RabbitMQ 3.10 or newer; bus.url of the settings",
        },
        "gateway": {
            "host": "kf.example.com", "protocol": "wss",
            "description": "Sockets of agents and visitors; their protocol is docs/PROTOCOL.md",
        },
    })
}

fn channels() -> Value {
    let on_broker = json!([{ "$ref": "#/servers/broker" }]);
    let exchange = |name: &str, kind: &str| {
        json!({ "amqp": { "is": "routingKey", "bindingVersion": "0.3.0",
            "exchange": { "name": name, "type": kind, "durable": true, "autoDelete": false } } })
    };
    let told: Map<String, Value> =
        CATALOGUE.iter().map(|entry| (entry.kind.to_owned(), component("messages", entry.kind))).collect();
    let socket = |address: &str, who: &str| {
        json!({
            "address": address, "servers": [{ "$ref": "#/servers/gateway" }],
            "description": format!("JSON frames of {who}, sub-protocol yizhan.v1.json; see docs/PROTOCOL.md"),
            "messages": { "frame": component("messages", "frame") },
        })
    };
    json!({
        "events": {
            "address": "yizhan.{tenant}.{entity}.{verb}",
            "description": "Bind a durable queue of your own to the exchange, with the keys that you want. What no queue \
                asked for is kept in `yizhan.unrouted`, the newest only.",
            "servers": on_broker,
            "parameters": {
                "tenant": { "description": "The enterprise; `_` for events of the gateway's processes" },
                "entity": { "description": "session, assignment, transfer, message, agent, contact, ticket, queue, \
                    channel or node" },
                "verb": { "description": "What happened" },
            },
            "messages": told,
            "bindings": exchange("yizhan.events", "topic"),
        },
        "commands": {
            "address": "{door}",
            "description": "Publish persistent messages with `message_id` (your idempotency key, kept for 24 hours), and \
                `reply_to` and `correlation_id` if you want an answer. Commands that nobody can do end in the queue \
                `yizhan.commands.dead`, with the reason in the header `x-yizhan-reason`.",
            "servers": on_broker,
            "parameters": { "door": {
                "description": "`any` for commands that any node may take up; for config.reload and node.drain `all` or \
                    a node's id, as node.up tells it",
                "default": "any",
            } },
            "messages": { "command": component("messages", "command") },
            "bindings": exchange("yizhan.commands", "direct"),
        },
        "answers": {
            "address": Value::Null,
            "description": "The queue that the command named in `reply_to`",
            "servers": on_broker,
            "messages": { "answer": component("messages", "answer") },
        },
        "questions": questions(&on_broker, &exchange("yizhan.rpc", "topic")),
        "replies": {
            "address": Value::Null,
            "description": "Where the question says in `reply_to`, through the default exchange",
            "servers": on_broker,
            "messages": { "reply": component("messages", "reply") },
        },
        "agentSocket": socket("/ws/agent", "agents"),
        "visitorSocket": socket("/ws/visitor", "visitors"),
    })
}

fn questions(on_broker: &Value, binding: &Value) -> Value {
    json!({
        "address": "{service}.{op}",
        "description": "What forms ask modules. A module binds a durable queue of its own to `<service>.#`; without one \
            the asker hears at once that nobody serves. An answer is waited for as long as the form says, 30 s at most; \
            question and answer have 64 KiB at most",
        "servers": on_broker,
        "parameters": {
            "service": { "description": "The module, as tenants name it in their services" },
            "op": { "description": "What for: words with dots between them" },
        },
        "messages": { "question": component("messages", "question") },
        "bindings": binding,
    })
}

fn operations() -> Value {
    let channel = |name: &str| json!({ "$ref": format!("#/channels/{name}") });
    let persistent = json!({ "amqp": { "deliveryMode": 2, "mandatory": true, "bindingVersion": "0.3.0" } });
    json!({
        "tellEvents": {
            "action": "send", "channel": channel("events"), "bindings": persistent,
            "summary": "The gateway tells what happened, in order, at least once",
        },
        "takeCommands": {
            "action": "receive", "channel": channel("commands"),
            "summary": "The gateway does what other modules order, once per message_id, and answers",
            "reply": {
                "address": { "location": "$message.header#/reply_to" },
                "channel": channel("answers"),
                "messages": [{ "$ref": "#/channels/answers/messages/answer" }],
            },
        },
        "askModules": {
            "action": "send", "channel": channel("questions"),
            "summary": "The gateway asks a module what a form wants to know or done; a repeated message_id is the same question",
            "reply": {
                "address": { "location": "$message.header#/reply_to" },
                "channel": channel("replies"),
                "messages": [{ "$ref": "#/channels/replies/messages/reply" }],
            },
        },
        "serveAgents": { "action": "receive", "channel": channel("agentSocket") },
        "serveVisitors": { "action": "receive", "channel": channel("visitorSocket") },
    })
}

fn messages(schemas: &Schemas) -> Value {
    let mut all = Map::new();
    for entry in CATALOGUE {
        let told = json!({
            "name": format!("yizhan.{}.v1", entry.kind),
            "title": entry.kind,
            "summary": schemas.summary(entry.kind),
            "contentType": crate::model::event::CLOUD_EVENTS,
            "headers": component("schemas", "EventHeaders"),
            "payload": schemas.event(entry.kind),
        });
        all.insert(entry.kind.to_owned(), told);
    }
    let command = json!({
        "name": "command", "title": "Command", "contentType": "application/json",
        "headers": component("schemas", "CommandHeaders"), "payload": component("schemas", "Command"),
    });
    let answering = |name: &str, schema: &str| {
        json!({
            "name": name, "title": schema, "contentType": "application/json",
            "payload": component("schemas", schema), "correlationId": { "location": "$message.header#/correlation_id" },
        })
    };
    let (answer, reply) = (answering("answer", "Answer"), answering("reply", "Reply"));
    let question = json!({
        "name": "question", "title": "Question", "contentType": "application/json",
        "headers": component("schemas", "QuestionHeaders"), "payload": component("schemas", "Question"),
        "correlationId": { "location": "$message.header#/correlation_id" },
    });
    let frame = json!({ "name": "frame", "title": "Frame", "payload": component("schemas", "Frame") });
    let others = [("command", command), ("answer", answer), ("question", question), ("reply", reply), ("frame", frame)];
    all.extend(others.map(|(name, message)| (name.to_owned(), message)));
    Value::Object(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `cargo run -- asyncapi > docs/asyncapi.yaml` brings it up to date.
    #[test]
    fn the_committed_document_is_what_the_types_say() {
        let committed = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/asyncapi.yaml")).unwrap();
        let differs = document().lines().zip(committed.lines()).position(|(made, kept)| made != kept);
        assert!(committed == document(), "run: cargo run -- asyncapi > docs/asyncapi.yaml (line {differs:?} differs)");
    }
}
