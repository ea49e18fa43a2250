//! Data forms (XEP-0004) and commands (XEP-0050) as elements. Knows no command.

use super::element::Element;
use super::ns;

/// A field to choose from: its name, what it is called, and values with what they are called.
pub type Choice<'a> = (&'a str, &'a str, &'a [(String, String)]);

/// A form to fill in, with fields to choose from.
#[must_use]
pub fn choices(title: &str, fields: &[Choice<'_>]) -> Element {
    let title = Element::new("title", ns::DATA).text(title);
    let fields = fields.iter().map(|field| choice(*field));
    Element::new("x", ns::DATA).attr("type", "form").child(title).children(fields.collect::<Vec<_>>())
}

fn choice((field, label, options): Choice<'_>) -> Element {
    let text = |name, text: &str| Element::new(name, ns::DATA).text(text);
    let options = options.iter().map(|(value, label)| {
        Element::new("option", ns::DATA).attr("label", label.clone()).child(text("value", value))
    });
    Element::new("field", ns::DATA)
        .attr("type", "list-single")
        .attr("var", field)
        .attr("label", label)
        .child(Element::new("required", ns::DATA))
        .children(options)
}

/// The value of a field of a form that was filled in.
#[must_use]
pub fn value(form: &Element, field: &str) -> Option<String> {
    let fields = form.elements().filter(|child| child.is("field", ns::DATA));
    let found = fields.into_iter().find(|child| child.get("var") == Some(field))?;
    found.find("value", ns::DATA).map(Element::content)
}

/// How a command stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// Done; what is to be read.
    Completed(String),
    /// Wants this form filled in.
    Executing(Element),
}

/// The answer to a command.
#[must_use]
pub fn command(node: &str, session: &str, stage: Stage) -> Element {
    let command = Element::new("command", ns::COMMANDS).attr("node", node).attr("sessionid", session);
    match stage {
        Stage::Completed(text) => {
            let note = Element::new("note", ns::COMMANDS).attr("type", "info").text(text);
            command.attr("status", "completed").child(note)
        }
        Stage::Executing(form) => {
            let actions = Element::new("actions", ns::COMMANDS).attr("execute", "complete");
            let actions = actions.child(Element::new("complete", ns::COMMANDS));
            command.attr("status", "executing").child(actions).child(form)
        }
    }
}

/// One line of a list of what is there.
#[must_use]
pub fn item(jid: String, node: Option<&str>, name: &str) -> Element {
    Element::new("item", ns::DISCO_ITEMS).attr("jid", jid).maybe_attr("node", node).attr("name", name)
}

/// What something is and can do.
#[must_use]
pub fn info(node: Option<&str>, identity: (&str, &str, &str), features: &[&str]) -> Element {
    let (category, kind, name) = identity;
    let identity =
        Element::new("identity", ns::DISCO_INFO).attr("category", category).attr("type", kind).attr("name", name);
    let features = features.iter().map(|feature| Element::new("feature", ns::DISCO_INFO).attr("var", *feature));
    Element::new("query", ns::DISCO_INFO).maybe_attr("node", node).child(identity).children(features)
}
