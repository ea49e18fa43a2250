//! The administrator's API as an OpenAPI 3.1 document, made from the types that requests and answers are. Knows the
//! shapes, not the server.

pub mod operation;
pub mod page;

use schemars::generate::{Contract, SchemaSettings};
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use self::operation::{Body, OPERATIONS, Operation, Output};
use super::problem::Finding;

/// Where schemas stand in the document.
const PLACE: &str = "/components/schemas";

/// The document as JSON: `docs/openapi.json`.
#[must_use]
pub fn document() -> String {
    let mut text = serde_json::to_string_pretty(&described_api()).unwrap_or_default();
    text.push('\n');
    text
}

fn described_api() -> Value {
    let mut schemas = Schemas { read: generator(Contract::Deserialize), written: generator(Contract::Serialize) };
    let mut paths: Map<String, Value> = Map::new();
    for operation in OPERATIONS {
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(operation.method.to_owned(), described(operation, &mut schemas));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": info(),
        "servers": [{ "url": "/", "description": "This gateway" }],
        "security": [{ "key": [] }, { "signIn": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": security(),
            "responses": { "Problem": {
                "description": "It was not done. `errors` names every mistake with its place, where there are several",
                "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
            } },
            "schemas": schemas.all(),
        },
    })
}

fn info() -> Value {
    json!({
        "title": "驿站 Yizhan: admin API",
        // The contract's own version: it grows by addition.
        "version": "1.0.0",
        "description": "A tenant's administrator keeps what robots know and the forms that they lead through, and steers calls. \
            管理员维护机器人的问答与流程，也可结束通话。\n\n\
            Lists come in pages: give `next` as `after`. A POST with an `Idempotency-Key` is done once and answered alike for \
            24 hours; the same key for another request is a conflict (409). What was read has an `ETag`: a PUT or DELETE \
            with `If-Match` is refused (412) when somebody has changed it since. All nodes take a change up within a second.",
        "license": { "name": "Apache-2.0" },
    })
}

fn security() -> Value {
    json!({
        "key": { "type": "http", "scheme": "bearer",
            "description": "A key out of the tenant's declaration ([[api_key]]): yz_<tenant>_<secret>" },
        "signIn": { "type": "apiKey", "in": "cookie", "name": "__Host-yizhan_session",
            "description": "The console's sign-in (POST /api/v1/login) of an agent with the role admin, or for what is tagged \
                faq supervisor; `yizhan_session` without https. Writes need the header X-CSRF-Token with the `csrf` of the sign-in" },
    })
}

struct Schemas {
    read: SchemaGenerator,
    written: SchemaGenerator,
}

fn generator(contract: Contract) -> SchemaGenerator {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = PLACE.into();
        settings.meta_schema = None;
        settings.contract = contract;
    });
    settings.into_generator()
}

impl Schemas {
    fn all(&mut self) -> Map<String, Value> {
        let finding = self.written.subschema_for::<Finding>();
        let mut all = self.read.take_definitions(true);
        all.extend(self.written.take_definitions(true));
        all.insert("Problem".into(), problem(&finding));
        all
    }
}

fn problem(finding: &Schema) -> Value {
    json!({
        "type": "object",
        "description": "RFC 9457",
        "required": ["type", "title", "status", "code", "detail", "request_id"],
        "properties": {
            "type": { "const": "about:blank" },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "code": { "type": "string", "description": "What programs act on: bad_request, unauthenticated, forbidden, \
                not_found, conflict, too_large, rate_limited, dependency_unavailable, internal" },
            "detail": { "type": "string", "description": "For people, in Chinese and English" },
            "errors": { "type": "array", "items": finding },
            "request_id": { "type": "string" },
        },
    })
}

fn described(operation: &Operation, schemas: &mut Schemas) -> Value {
    let mut fields = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": parameters(operation, schemas),
        "responses": {
            operation.status.to_string(): answer(operation, schemas),
            "default": { "$ref": "#/components/responses/Problem" },
        },
    });
    let content = match operation.body {
        Body::None => None,
        Body::Json(schema) => Some(json!({ "application/json": { "schema": schema(&mut schemas.read) } })),
        Body::Table => Some(json!({ "text/csv": { "schema": { "type": "string" } } })),
    };
    if let (Some(content), Some(fields)) = (content, fields.as_object_mut()) {
        fields.insert("requestBody".into(), json!({ "required": true, "content": content }));
    }
    fields
}

fn parameters(operation: &Operation, schemas: &mut Schemas) -> Vec<Value> {
    let mut all = Vec::new();
    if operation.path.contains("{id}") {
        all.push(json!({ "name": "id", "in": "path", "required": true, "schema": { "type": "string" } }));
    }
    if let Some(query) = operation.query {
        let reference = query(&mut schemas.read).to_value();
        let name = reference.get("$ref").and_then(Value::as_str).and_then(|place| place.rsplit('/').next());
        let name = name.unwrap_or_default().to_owned();
        let schema = schemas.read.definitions_mut().remove(&name).unwrap_or_default();
        let fields = schema.get("properties").and_then(Value::as_object);
        all.extend(fields.into_iter().flatten().map(|(name, schema)| {
            let description = schema.get("description").cloned().unwrap_or_default();
            json!({ "name": name, "in": "query", "description": description, "schema": schema })
        }));
    }
    let mut header = |name: &str, description: &str| {
        all.push(json!({ "name": name, "in": "header", "description": description, "schema": { "type": "string" } }));
    };
    if operation.once {
        header("Idempotency-Key", "1 to 200 characters; the same request once more is answered alike for 24 hours");
    }
    if operation.marked {
        header("If-Match", "The ETag that was read: refused (412) when it is another one now");
    }
    all
}

fn answer(operation: &Operation, schemas: &mut Schemas) -> Value {
    match operation.output {
        Output::None => json!({ "description": "Done" }),
        Output::Table => json!({
            "description": "All entries; no cell begins a formula, `POST /api/v1/faq/import` reads them back",
            "content": { "text/csv": { "schema": { "type": "string" } } },
        }),
        Output::Json(schema) => json!({
            "description": "Done",
            "content": { "application/json": { "schema": schema(&mut schemas.written) } },
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `cargo run -- openapi > docs/openapi.json` brings it up to date.
    #[test]
    fn the_committed_document_is_what_the_types_say() {
        let committed = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json")).unwrap();
        let differs = document().lines().zip(committed.lines()).position(|(made, kept)| made != kept);
        assert!(committed == document(), "run: cargo run -- openapi > docs/openapi.json (line {differs:?} differs)");
    }

    #[test]
    fn every_reference_leads_somewhere_and_every_operation_has_one_name() {
        let document: Value = serde_json::from_str(&document()).unwrap();
        let text = document.to_string();
        for part in text.split("\"$ref\":\"#").skip(1) {
            let place = part.split('"').next().unwrap();
            assert!(document.pointer(place).is_some(), "{place}");
        }
        let mut names: Vec<&str> = OPERATIONS.iter().map(|operation| operation.id).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), OPERATIONS.len());
    }
}
