//! The description of the admin API as a page to read: made from the same document, without a script or anything from
//! elsewhere. Knows the document's shape, no server.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::described_api;

/// How the page looks; it names the file as `docs.css` beside itself.
pub const STYLE: &str = include_str!("page.css");

/// The page.
#[must_use]
pub fn page() -> String {
    let document = described_api();
    let info = |name: &str| document.pointer(&format!("/info/{name}")).and_then(Value::as_str).unwrap_or_default();
    let mut page = format!(
        "<!doctype html>\n<html lang=\"zh-CN\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{title}</title>\
         <link rel=\"stylesheet\" href=\"/api/docs.css\"></head><body><main><h1>{title} <small>{version}</small></h1>",
        title = escape(info("title")),
        version = escape(info("version")),
    );
    for part in info("description").split("\n\n") {
        say(&mut page, format_args!("<p>{}</p>", escape(part)));
    }
    page.push_str("<p><a href=\"/api/openapi.json\">openapi.json</a></p><h2>登录 Signing in</h2><dl>");
    for (name, scheme) in fields(document.pointer("/components/securitySchemes")) {
        say(&mut page, format_args!("<dt><code>{}</code></dt><dd>{}</dd>", escape(name), text(scheme, "description")));
    }
    page.push_str("</dl>");
    operations(&mut page, &document);
    page.push_str("<h2>数据 Data</h2>");
    for (name, schema) in fields(document.pointer("/components/schemas")) {
        say(&mut page, format_args!("<details id=\"{0}\"><summary><code>{0}</code></summary>", escape(name)));
        described(&mut page, schema);
        page.push_str("</details>");
    }
    page.push_str("</main></body></html>\n");
    page
}

/// Writing to a text cannot fail.
fn say(page: &mut String, words: std::fmt::Arguments<'_>) {
    let _written = page.write_fmt(words);
}

fn fields(object: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    object.and_then(Value::as_object).into_iter().flat_map(Map::iter)
}

fn items<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}

/// A text of the document, ready for the page.
fn text(value: &Value, name: &str) -> String {
    escape(value.get(name).and_then(Value::as_str).unwrap_or_default())
}

/// Everything that can be asked for, under what it belongs to.
fn operations(page: &mut String, document: &Value) {
    let mut last = String::new();
    for (path, methods) in fields(document.get("paths")) {
        for (method, operation) in fields(Some(methods)) {
            let tag = items(operation, "tags").next().and_then(Value::as_str).unwrap_or_default();
            if tag != last {
                say(page, format_args!("<h2>{}</h2>", escape(tag)));
                tag.clone_into(&mut last);
            }
            let (id, method) = (text(operation, "operationId"), escape(&method.to_uppercase()));
            say(
                page,
                format_args!(
                    "<details id=\"{id}\"><summary><b class=\"{method}\">{method}</b> <code>{}</code> {}</summary>",
                    escape(path),
                    text(operation, "summary"),
                ),
            );
            asked(page, operation);
            answered(page, operation);
            page.push_str("</details>");
        }
    }
}

fn asked(page: &mut String, operation: &Value) {
    let rows: Vec<_> = items(operation, "parameters").collect();
    if !rows.is_empty() {
        page.push_str("<table><tr><th>参数 Parameter</th><th>在 In</th><th></th><th></th></tr>");
        for row in rows {
            say(
                page,
                format_args!(
                    "<tr><td><code>{}</code></td><td>{}</td><td>{}</td><td>{}</td></tr>",
                    text(row, "name"),
                    text(row, "in"),
                    kind(row.get("schema")),
                    text(row, "description"),
                ),
            );
        }
        page.push_str("</table>");
    }
    for (mime, content) in fields(operation.pointer("/requestBody/content")) {
        say(page, format_args!("<p>请求 Request · {} · {}</p>", escape(mime), kind(content.get("schema"))));
    }
}

fn answered(page: &mut String, operation: &Value) {
    for (status, answer) in fields(operation.get("responses")) {
        let what = match answer.get("$ref") {
            Some(_) => "<a href=\"#Problem\">Problem</a>".to_owned(),
            None => text(answer, "description"),
        };
        say(page, format_args!("<p>{} · {what}", escape(status)));
        for (mime, content) in fields(answer.get("content")) {
            say(page, format_args!(" · {} · {}", escape(mime), kind(content.get("schema"))));
        }
        page.push_str("</p>");
    }
}

/// A schema in full.
fn described(page: &mut String, schema: &Value) {
    say(page, format_args!("<p>{}</p>", text(schema, "description")));
    let rows: Vec<_> = fields(schema.get("properties")).collect();
    if rows.is_empty() {
        return say(page, format_args!("<p>{}</p>", kind(Some(schema))));
    }
    page.push_str("<table>");
    for (name, field) in rows {
        let must = items(schema, "required").any(|required| required == name);
        say(
            page,
            format_args!(
                "<tr><td><code>{}</code>{}</td><td>{}</td><td>{}</td></tr>",
                escape(name),
                if must { "" } else { " ?" },
                kind(Some(field)),
                text(field, "description"),
            ),
        );
    }
    page.push_str("</table>");
}

/// What a schema is, in a few words; named ones as links.
fn kind(schema: Option<&Value>) -> String {
    let Some(schema) = schema else { return String::new() };
    if let Some(name) = schema.get("$ref").and_then(Value::as_str).and_then(|place| place.rsplit('/').next()) {
        return format!("<a href=\"#{0}\">{0}</a>", escape(name));
    }
    let either = |name: &str| items(schema, name).map(|one| kind(Some(one))).collect::<Vec<_>>().join(" | ");
    if let Some(name) = ["anyOf", "oneOf", "allOf"].into_iter().find(|name| schema.get(name).is_some()) {
        return either(name);
    }
    if let Some(one) = schema.get("const") {
        return format!("<code>{}</code>", escape(&one.to_string()));
    }
    let words: Vec<String> =
        items(schema, "enum").map(|word| format!("<code>{}</code>", escape(&word.to_string()))).collect();
    if !words.is_empty() {
        return words.join(" | ");
    }
    let types: Vec<&str> = match schema.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let of = schema.get("items").map(|items| format!(" of {}", kind(Some(items)))).unwrap_or_default();
    format!("{}{of}", escape(&types.join(" | ")))
}

fn escape(text: &str) -> String {
    quick_xml::escape::escape(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::operation::OPERATIONS;
    use super::*;

    #[test]
    fn everything_that_can_be_asked_for_is_on_the_page() {
        let page = page();
        for operation in OPERATIONS {
            assert!(page.contains(&format!("id=\"{}\"", operation.id)), "{}", operation.id);
            assert!(page.contains(&escape(operation.summary)), "{}", operation.id);
        }
        for link in page.split("href=\"#").skip(1) {
            let name = link.split('"').next().unwrap();
            assert!(page.contains(&format!("id=\"{name}\"")), "{name}");
        }
        assert!(!page.contains("<script") && !page.contains("style=") && !page.contains("http:"));
    }

    #[test]
    fn no_text_becomes_markup() {
        assert_eq!(escape("yz_<tenant> & \"x\""), "yz_&lt;tenant&gt; &amp; &quot;x&quot;");
    }
}
