//! What a client gets when it arrives: who it is to the gateway, what is open, what is offered.

use serde::Serialize;

use super::asker::own_conversation;
use super::effect::{AgentView, ConversationView, OfferView, QueueView};
use super::view::{self, Viewer};
use super::{Client, Core, Error, Party, Scene, call, session};
use crate::hub::Mark;
use crate::model::id::ConversationId;
use crate::store::conversation::Conversation;
use crate::store::{Tx, agent};

/// Everything that a client needs to start or to go on.
#[derive(Debug, Default, Serialize)]
pub struct Ready {
    /// The conversations in its list.
    pub convs: Vec<ConversationView>,
    /// The agent's own state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentView>,
    /// Offers that wait for an answer.
    pub offers: Vec<OfferView>,
    /// The queues that the agent serves.
    pub queues: Vec<QueueView>,
    /// The other agents.
    pub colleagues: Vec<AgentView>,
    /// What it has to know of calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls: Option<call::push::Standing>,
    /// How far the log of each conversation is: pushes go on from there.
    #[serde(skip)]
    pub positions: Vec<(ConversationId, i64)>,
    /// What this tells, for a sweep to compare with. Empty where there is none.
    #[serde(skip)]
    pub marks: Vec<Mark>,
}

impl Core {
    /// The state of a client that has just arrived.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn ready(&self, client: &Client) -> Result<Ready, Error> {
        let scene = self.scene(&client.tenant)?;
        let owned = client.clone();
        let mut ready = self.scope(&client.tenant).read(move |tx| ready(tx, &scene, &owned)).await?;
        ready.positions = ready.convs.iter().map(|conv| (conv.conv, conv.last_seq)).collect();
        for conv in &mut ready.convs {
            conv.last = conv.last.take().map(|last| self.dress(last));
        }
        if self.hub().spans_nodes() {
            ready.marks = ready.marks().map_err(Error::internal)?;
        }
        Ok(ready)
    }

    /// Opens the conversation of a customer on the web: a session starts and is greeted.
    pub(super) async fn open(&self, client: &Client) -> Result<ConversationView, Error> {
        let owned = client.clone();
        let mut opened = self
            .change(&client.tenant, move |tx, scene, effects| {
                let conversation = own_conversation(tx, &owned)?;
                session::opened(tx, scene, &conversation, effects)?;
                let conversation = own_conversation(tx, &owned)?;
                contact_conversation(tx, &owned, &conversation)
            })
            .await?;
        opened.last = opened.last.take().map(|last| self.dress(last));
        Ok(opened)
    }
}

fn contact_conversation(
    tx: &mut Tx<'_>,
    client: &Client,
    conversation: &Conversation,
) -> Result<ConversationView, Error> {
    let open = session::current(tx, conversation.conv)?;
    view::conversation_view(tx, conversation, open.as_ref(), Viewer::of(client), Some(client.device.as_str()))
}

fn ready(tx: &mut Tx<'_>, scene: &Scene, client: &Client) -> Result<Ready, Error> {
    let calls = call::standing(tx, scene, client)?;
    if client.calls_only {
        return Ok(Ready { calls, ..Ready::default() });
    }
    let Party::Agent { agent: id, .. } = &client.party else {
        let conversation = own_conversation(tx, client)?;
        return Ok(Ready { convs: vec![contact_conversation(tx, client, &conversation)?], calls, ..Ready::default() });
    };
    let everybody = agent::all(tx)?;
    let served = agent::queues_of(tx, id)?;
    let queues = served.iter().map(|queue| view::queue_view(tx, scene, queue)).collect::<Result<_, _>>()?;
    Ok(Ready {
        convs: view::agent_conversations(tx, id, Some(client.device.as_str()))?,
        agent: everybody.iter().find(|agent| agent.agent == *id).map(view::agent_view),
        offers: view::offers(tx, scene, id)?,
        queues,
        colleagues: everybody.iter().filter(|agent| agent.agent != *id).map(view::agent_view).collect(),
        calls,
        positions: Vec::new(),
        marks: Vec::new(),
    })
}
