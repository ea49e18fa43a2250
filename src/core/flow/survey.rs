//! What customers think of a session: asked when a person has served them or a robot was enough, heard after the end.
//! Knows no form.
//!
//! The question and its answers are texts of the tenant; the answer is one key. It stays open beside whatever comes next:
//! words that are no answer go where words go.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::act::speak;
use crate::channel::is_counted;
use crate::core::effect::Effects;
use crate::core::event::emit;
use crate::core::session::by_channel;
use crate::core::{Error, Scene, robot};
use crate::flow::words::{Choice, chosen};
use crate::model::content::{Content, MenuOption};
use crate::model::event::session::Rated;
use crate::model::id::ConversationId;
use crate::model::session::EndedBy;
use crate::model::time::Millis;
use crate::store::session::Session;
use crate::store::{Tx, flow as rows, rating};
use crate::template::{Audience, Prompt};

const SURVEY: &str = "survey";

/// A survey that waits for its answer.
#[derive(Debug, Serialize, Deserialize)]
struct Pending {
    options: Vec<MenuOption>,
    until: Millis,
}

/// Asks what the customer thought of a session, if the tenant wants to know.
pub(in crate::core) fn send(tx: &mut Tx<'_>, scene: &Scene, session: &Session, fx: &mut Effects) -> Result<(), Error> {
    let Some(survey) = scene.tenant.survey else { return Ok(()) };
    let tenant = &scene.tenant;
    let audience = Audience { tenant: &tenant.id, name: &tenant.name, lang: tenant.lang };
    let text = |prompt: &Prompt<'_>| {
        scene.templates.render(&audience, prompt).map(|text| text.trim_end().to_owned()).map_err(Error::internal)
    };
    let prompt = text(&Prompt::Survey)?;
    let mut options = Vec::new();
    for (key, label) in [("1", Prompt::SurveyGood), ("2", Prompt::SurveyFair), ("3", Prompt::SurveyPoor)] {
        options.push(MenuOption { key: key.to_owned(), label: text(&label)? });
    }
    let conversation = crate::core::session::home(tx, session)?;
    let pending = Pending { options: options.clone(), until: scene.now.plus(by_channel(survey, conversation.kind)) };
    let body = serde_json::to_string(&pending).map_err(Error::internal)?;
    rows::begin(
        tx,
        &rows::Run { session: session.session, purpose: SURVEY.into(), conv: session.conv, body, version: 1 },
    )?;
    speak(tx, session, scene, Content::Menu { prompt, options, tail: None }, fx)
}

/// Keeps what a form has asked about the service: 3 is the best score there.
pub(super) fn rate(
    tx: &mut Tx<'_>,
    scene: &Scene,
    session: &Session,
    args: &Map<String, Value>,
) -> Result<Value, Error> {
    let given = args.get("score").and_then(|score| match score {
        Value::String(text) => text.parse::<i64>().ok(),
        other => other.as_i64(),
    });
    let score = match given {
        Some(3) => 5,
        Some(1) => 1,
        _ => 3,
    };
    let words = args.get("words").and_then(Value::as_str).filter(|words| !words.is_empty());
    rating::keep(tx, session.session, score, words, scene.now)?;
    emit(tx, scene, &Rated { session: session.session, conv: session.conv, score, late: false })?;
    Ok(Value::Bool(true))
}

/// A message that is the answer to a survey.
#[derive(Debug)]
pub(in crate::core) struct Rating {
    row: rows::Run,
    score: i32,
}

/// The survey that waits in a conversation, if the message is an answer to it.
pub(in crate::core) fn answered(
    tx: &mut Tx<'_>,
    scene: &Scene,
    conv: ConversationId,
    content: &Content,
) -> Result<Option<Rating>, Error> {
    let words = match content {
        Content::Text { text } => text.as_str(),
        Content::Choice { key, .. } => key.as_str(),
        _ => return Ok(None),
    };
    let Some(row) = rows::run_in(tx, conv, SURVEY)?.filter(|_| scene.tenant.survey.is_some()) else { return Ok(None) };
    let pending: Pending = serde_json::from_str(&row.body).map_err(Error::internal)?;
    if scene.now > pending.until {
        rows::end(tx, &row)?;
        return Ok(None);
    }
    let options = pending.options.iter().map(|option| Choice { key: &option.key, text: &option.label });
    let place = chosen(options, words);
    // 1 is the best answer, and 5 the best score.
    let score = place.and_then(|place| [5, 3, 1].get(place).copied());
    Ok(score.map(|score| Rating { row, score }))
}

impl Rating {
    /// Keeps it and says thanks. A second answer finds nothing to answer.
    pub(in crate::core) fn keep(self, tx: &mut Tx<'_>, scene: &Scene, fx: &mut Effects) -> Result<(), Error> {
        let Self { row, score } = self;
        if !rows::end(tx, &row)? {
            return Ok(());
        }
        rating::keep(tx, row.session, score, None, scene.now)?;
        emit(tx, scene, &Rated { session: row.session, conv: row.conv, score, late: true })?;
        crate::core::switchboard::prompt(tx, scene, row.conv, None, &Prompt::SurveyThanks, fx).map(drop)
    }
}

/// Whether the customer of a session that ends is asked: there was a person, or a robot settled it and the customer is still
/// there to say so. On some channels every message counts, and none reaches a customer who has been silent for long.
pub(in crate::core) fn is_due(tx: &mut Tx<'_>, scene: &Scene, session: &Session, by: EndedBy) -> Result<bool, Error> {
    if scene.tenant.survey.is_none() {
        return Ok(false);
    }
    let settled = by == EndedBy::Contact && robot::contained(tx, scene, session)?;
    if session.connected_at.is_none() && !settled {
        return Ok(false);
    }
    let conversation = crate::core::session::home(tx, session)?;
    Ok(!is_counted(conversation.kind) || conversation.window.open(scene.now))
}

/// Whether the survey stands for the words at the end: where every message counts, one has to do.
pub(in crate::core) fn says_goodbye(
    tx: &mut Tx<'_>,
    scene: &Scene,
    session: &Session,
    by: EndedBy,
) -> Result<bool, Error> {
    Ok(is_due(tx, scene, session, by)? && is_counted(crate::core::session::home(tx, session)?.kind))
}
