//! What is asked for a whole group at once: as true for each job as if it had asked itself.

use futures_util::future::join_all;

use super::{append, customer, log, scope};
use crate::model::id::ConversationId;
use crate::store::footing::{self, Foresight, OfSend};
use crate::store::trial::{Trial, on_both};
use crate::store::{Course, Error, Scope, Tx};

on_both! {
    whoever_asked_ahead_knows_what_those_before_it_have_done
    a_client_id_that_was_used_meanwhile_is_known
    whatever_changes_without_a_word_spoils_what_was_asked
    what_is_undone_was_seen_by_nobody
    answers_that_nobody_wants_hold_up_nobody
}

/// One send of the device `tab`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Job {
    /// Says that it changes nothing else.
    Plain(ConversationId, u8),
    /// Does not say so.
    Silent(ConversationId, u8),
    /// Thinks better of it when it is done.
    Fails(ConversationId, u8),
}

impl Job {
    fn of(self) -> OfSend {
        let (Self::Plain(conv, cid) | Self::Silent(conv, cid) | Self::Fails(conv, cid)) = self;
        OfSend { conv, agent: None, device: "tab".into(), cid: format!("c-{cid}"), timers: ["a", "b"] }
    }

    /// Says where the log stood, and whether the client id was used before.
    fn run(self, tx: &mut Tx<'_>) -> Result<(i64, bool), Error> {
        let of = self.of();
        let found = footing::of_send(tx, &of)?.expect("a conversation");
        if !matches!(self, Self::Silent(..)) {
            tx.changes_only(&of.depends());
        }
        if !found.repeated {
            append(tx, of.conv, &of.cid, Some(("tab", &of.cid)))?;
        }
        match self {
            Self::Fails(..) => Err(Error::Unavailable),
            Self::Plain(..) | Self::Silent(..) => Ok((found.conversation.last_seq, found.repeated)),
        }
    }
}

/// All of them wait while the lane is held, and are taken together when it is let go.
async fn together(node: &Scope, jobs: &[Job]) -> Vec<Option<(i64, bool)>> {
    let (let_go, held) = std::sync::mpsc::channel();
    let holds = node.write(move |_| held.recv().map_err(|_closed| Error::Unavailable));
    let all = join_all(
        jobs.iter().map(|&job| node.repeat(Course::Lane, Some(Foresight::Send(job.of())), move |tx| job.run(tx))),
    );
    let (held, all, ()) = tokio::join!(holds, all, async { let_go.send(()).unwrap() });
    held.unwrap();
    all.into_iter().map(Result::ok).collect()
}

async fn whoever_asked_ahead_knows_what_those_before_it_have_done(on: Trial) {
    let ground = on.ground();
    let node = scope(&ground.store());
    let (a, b) = (customer(&node, "o1").await.conv, customer(&node, "o2").await.conv);
    let jobs = [a, b, a, a, b].into_iter().zip(1..).map(|(conv, cid)| Job::Plain(conv, cid)).collect::<Vec<_>>();
    let seen = together(&node, &jobs).await;
    assert_eq!(seen, [0, 0, 1, 2, 1].map(|seq| Some((seq, false))));
    assert_eq!((log(&node, a).await.len(), log(&node, b).await.len()), (3, 2));
}

async fn a_client_id_that_was_used_meanwhile_is_known(on: Trial) {
    let ground = on.ground();
    let node = scope(&ground.store());
    let (a, b) = (customer(&node, "o1").await.conv, customer(&node, "o2").await.conv);
    let seen = together(&node, &[Job::Plain(a, 1), Job::Plain(b, 2), Job::Plain(a, 1), Job::Plain(b, 1)]).await;
    assert_eq!(seen, [(0, false), (0, false), (1, true), (1, true)].map(Some));
}

async fn whatever_changes_without_a_word_spoils_what_was_asked(on: Trial) {
    let ground = on.ground();
    let node = scope(&ground.store());
    let (a, b) = (customer(&node, "o1").await.conv, customer(&node, "o2").await.conv);
    let jobs = [Job::Plain(a, 1), Job::Plain(b, 2), Job::Silent(b, 3), Job::Plain(b, 4), Job::Plain(a, 5)];
    let seen = together(&node, &jobs).await;
    assert_eq!(seen, [0, 0, 1, 2, 1].map(|seq| Some((seq, false))));
}

async fn what_is_undone_was_seen_by_nobody(on: Trial) {
    let ground = on.ground();
    let node = scope(&ground.store());
    let (a, b) = (customer(&node, "o1").await.conv, customer(&node, "o2").await.conv);
    let jobs =
        [Job::Plain(a, 1), Job::Fails(a, 2), Job::Plain(a, 2), Job::Plain(b, 3), Job::Fails(b, 4), Job::Plain(a, 4)];
    let seen = together(&node, &jobs).await;
    let good = |seq| Some((seq, false));
    assert_eq!(seen, [good(0), None, good(1), good(0), None, good(2)]);
    assert_eq!((log(&node, a).await.len(), log(&node, b).await.len()), (3, 1));
}

/// So many that their answers are far more than the driver takes in by itself.
async fn answers_that_nobody_wants_hold_up_nobody(on: Trial) {
    let ground = on.ground();
    let node = scope(&ground.store_with_groups_of(256));
    let mut convs = Vec::new();
    for n in 0..150 {
        convs.push(customer(&node, &format!("{n}-{}", "o".repeat(100))).await.conv);
    }
    let job = |(&conv, cid)| if cid % 9 == 4 { Job::Silent(conv, cid) } else { Job::Plain(conv, cid) };
    let jobs: Vec<Job> = convs.iter().zip(0..).map(job).collect();
    let seen = together(&node, &jobs).await;
    assert_eq!(seen, vec![Some((0, false)); 150]);
}
