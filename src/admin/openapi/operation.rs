//! What the administrator's API offers, as data: `web/api` does it, the document describes it, a test asks for each.

use schemars::{Schema, SchemaGenerator};

use crate::admin::faq::{
    Asking, Choices, Draft, Found, How, Question, Report, Resolve, Resolved, Sought, Tried, View, Vocabulary, Wanted,
};
use crate::admin::flow::{Applied, Checked, Form, Summary, Switch, Text};
use crate::admin::page::{Asked, Page};
use crate::admin::trace::Trace;
use crate::admin::xmpp::Accounts;
use crate::model::event::call::Record;

/// Makes the schema of a type.
pub type Shape = fn(&mut SchemaGenerator) -> Schema;

/// What a request brings.
#[derive(Debug, Clone, Copy)]
pub enum Body {
    /// Nothing.
    None,
    /// JSON of this shape.
    Json(Shape),
    /// A table (CSV).
    Table,
}

/// What an answer brings.
#[derive(Debug, Clone, Copy)]
pub enum Output {
    /// Nothing.
    None,
    /// JSON of this shape.
    Json(Shape),
    /// A table (CSV).
    Table,
}

/// One thing that can be asked for.
#[derive(Debug, Clone, Copy)]
pub struct Operation {
    /// In small letters.
    pub method: &'static str,
    /// With `{id}` where something is named.
    pub path: &'static str,
    /// Its name.
    pub id: &'static str,
    /// What it is for.
    pub summary: &'static str,
    /// What it belongs to.
    pub tag: &'static str,
    /// What its address may ask for.
    pub query: Option<Shape>,
    /// What it brings.
    pub body: Body,
    /// The status when it is done.
    pub status: u16,
    /// What it is answered with.
    pub output: Output,
    /// Whether it takes an `Idempotency-Key`.
    pub once: bool,
    /// Whether it takes an `If-Match`.
    pub marked: bool,
}

impl Operation {
    /// Whether supervisors may do it, too, when they are signed in: what keeps the question base.
    #[must_use]
    pub fn is_for_supervisors(&self) -> bool {
        self.tag == "faq"
    }
}

const READ: Operation = Operation {
    method: "get",
    path: "",
    id: "",
    summary: "",
    tag: "faq",
    query: None,
    body: Body::None,
    status: 200,
    output: Output::None,
    once: false,
    marked: false,
};
const POST: Operation = Operation { method: "post", once: true, ..READ };
const PUT: Operation = Operation { method: "put", marked: true, ..READ };

fn shape<T: schemars::JsonSchema>(schemas: &mut SchemaGenerator) -> Schema {
    schemas.subschema_for::<T>()
}

/// Everything that is offered.
pub const OPERATIONS: &[Operation] = &[
    Operation {
        path: "/api/v1/faq",
        id: "listEntries",
        summary: "问答列表。The entries, by id or by their last change; all, or those that have words",
        query: Some(shape::<Sought>),
        output: Output::Json(shape::<Found>),
        ..READ
    },
    Operation {
        path: "/api/v1/faq",
        id: "addEntry",
        summary: "新增问答。Add an entry",
        body: Body::Json(shape::<Draft>),
        status: 201,
        output: Output::Json(shape::<View>),
        ..POST
    },
    Operation {
        path: "/api/v1/faq/{id}",
        id: "getEntry",
        summary: "查看问答。One entry",
        output: Output::Json(shape::<View>),
        ..READ
    },
    Operation {
        path: "/api/v1/faq/{id}",
        id: "putEntry",
        summary: "修改问答。Replace an entry",
        body: Body::Json(shape::<Draft>),
        output: Output::Json(shape::<View>),
        ..PUT
    },
    Operation {
        method: "delete",
        path: "/api/v1/faq/{id}",
        id: "removeEntry",
        summary: "删除问答。Remove an entry",
        status: 204,
        marked: true,
        ..READ
    },
    Operation {
        path: "/api/v1/faq/import",
        id: "importEntries",
        summary: "导入 CSV。Take in a table: all rows or none, unless partial is asked for",
        query: Some(shape::<How>),
        body: Body::Table,
        output: Output::Json(shape::<Report>),
        ..POST
    },
    Operation {
        path: "/api/v1/faq/export",
        id: "exportEntries",
        summary: "导出 CSV。All entries as a table",
        output: Output::Table,
        ..READ
    },
    Operation {
        path: "/api/v1/faq/try",
        id: "tryQuestion",
        summary: "试问。What is found for a question, how sure that is, and what the robot would do",
        body: Body::Json(shape::<Asking>),
        output: Output::Json(shape::<Tried>),
        once: false,
        ..POST
    },
    Operation {
        path: "/api/v1/faq-choices",
        id: "listChoices",
        summary: "问答表单的选项。Categories, and what an entry may lead to",
        output: Output::Json(shape::<Choices>),
        ..READ
    },
    Operation {
        path: "/api/v1/faq/vocabulary",
        id: "getVocabulary",
        summary: "行业词与同义词。The words of the trade",
        output: Output::Json(shape::<Vocabulary>),
        ..READ
    },
    Operation {
        path: "/api/v1/faq/vocabulary",
        id: "putVocabulary",
        summary: "修改行业词与同义词。Replace the words of the trade",
        body: Body::Json(shape::<Vocabulary>),
        output: Output::Json(shape::<Vocabulary>),
        ..PUT
    },
    Operation {
        path: "/api/v1/unknown-questions",
        id: "listUnknownQuestions",
        summary: "未知问题。Questions that no answer was found for, the most frequent first",
        query: Some(shape::<Wanted>),
        output: Output::Json(shape::<Page<Question>>),
        ..READ
    },
    Operation {
        path: "/api/v1/unknown-questions/resolve",
        id: "resolveUnknownQuestions",
        summary: "处理未知问题。Deal with questions; with an entry they become other wordings of it",
        body: Body::Json(shape::<Resolve>),
        output: Output::Json(shape::<Resolved>),
        ..POST
    },
    Operation {
        path: "/api/v1/xmpp",
        id: "showXmpp",
        summary: "XMPP 账号：连接状态与坐席订阅。How XMPP accounts stand: links, and whose presence is seen",
        tag: "xmpp",
        output: Output::Json(shape::<Accounts>),
        ..READ
    },
    Operation {
        path: "/api/v1/flows",
        id: "listFlows",
        summary: "流程列表。The tenant's own forms",
        tag: "flows",
        query: Some(shape::<Asked>),
        output: Output::Json(shape::<Page<Summary>>),
        ..READ
    },
    Operation {
        path: "/api/v1/flows",
        id: "addFlow",
        summary: "发布流程。Keep a version of a form (200 when it is there already)",
        tag: "flows",
        body: Body::Json(shape::<Text>),
        status: 201,
        output: Output::Json(shape::<Applied>),
        ..POST
    },
    Operation {
        path: "/api/v1/flows/validate",
        id: "validateFlow",
        summary: "校验流程。Check a form; nothing is kept",
        tag: "flows",
        body: Body::Json(shape::<Text>),
        output: Output::Json(shape::<Checked>),
        once: false,
        ..POST
    },
    Operation {
        path: "/api/v1/flows/{id}",
        id: "getFlow",
        summary: "查看流程。A form with all its versions",
        tag: "flows",
        output: Output::Json(shape::<Form>),
        ..READ
    },
    Operation {
        path: "/api/v1/flows/{id}/enabled",
        id: "switchFlow",
        summary: "启停流程。Whether a form is started; runs that have begun go on",
        tag: "flows",
        body: Body::Json(shape::<Switch>),
        output: Output::Json(shape::<Summary>),
        marked: false,
        ..PUT
    },
    Operation {
        path: "/api/v1/sessions/{id}/robot",
        id: "getRobotTrace",
        summary: "机器人轨迹。What robots did in a session",
        tag: "sessions",
        output: Output::Json(shape::<Trace>),
        ..READ
    },
    Operation {
        path: "/api/v1/calls/{id}",
        id: "getCall",
        summary: "通话记录。The record of a call that is over",
        tag: "calls",
        output: Output::Json(shape::<Record>),
        ..READ
    },
    Operation {
        path: "/api/v1/calls/{id}/end",
        id: "endCall",
        summary: "结束通话。End a call, with the reason admin",
        tag: "calls",
        status: 204,
        ..POST
    },
];
