//! The store alone: appends that share a commit, against one commit for each.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use yizhan::model::content::Content;
use yizhan::model::envelope::{ChannelKind, ChannelRef, Envelope, Role, Sender, Visibility};
use yizhan::model::event::Occurrence;
use yizhan::model::id::{AccountId, ConversationId, MessageId, RemoteId, TenantId};
use yizhan::model::time::Millis;
use yizhan::store::{self, Backend, Scope, Settings, Store, Tx, conversation, inbox, message, outbox};

use super::measure::{Plan, Series, number};
use super::process::folder;

const NOW: Millis = Millis(1_795_392_073_000);

/// Measures and prints.
pub(crate) fn run(plan: &Plan) -> anyhow::Result<()> {
    plan.begin("store: appends/s, SQLite, WAL, synchronous=FULL")?;
    println!("one append: the inbox key, the next seq, the message, the outbox row\n");
    let cases: Vec<(usize, usize)> = [1, 8, 32, 128, 512].iter().flat_map(|n| [(*n, 1), (*n, 256)]).collect();
    let mut rows: Vec<((usize, usize), Series, Series)> =
        cases.iter().map(|case| (*case, Series::default(), Series::default())).collect();
    for case in plan.shuffled(&cases) {
        let (rate, group) = measure(case.0, case.1)?;
        if let Some((_, rates, groups)) = rows.iter_mut().find(|(known, ..)| *known == case) {
            rates.push(rate);
            groups.push(group);
        }
    }
    println!(
        "| concurrent writers | one commit each, per second | group commit, per second | appends per commit | ratio |"
    );
    println!("|---|---|---|---|---|");
    for pair in rows.chunks(2) {
        let [((writers, _), single, _), (_, group, size)] = pair else { continue };
        println!(
            "| {writers} | {} | {} | {:.1} | {:.1} × |",
            single.show(0),
            group.show(0),
            size.median(),
            group.median() / single.median()
        );
    }
    Ok(())
}

/// Appends per second and per commit.
fn measure(writers: usize, group_max: usize) -> anyhow::Result<(f64, f64)> {
    let dir = folder()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let store = open(dir.path(), group_max)?;
        let scope = store.tenant(&TenantId::parse("bench")?);
        let mut convs = Vec::new();
        for n in 0..writers {
            convs.push(create(&scope, n).await?);
        }
        let (begin, seconds) = (Instant::now(), Duration::from_secs(3));
        let before = store.commits();
        let tasks: Vec<_> = convs
            .into_iter()
            .map(|conv| {
                let scope = scope.clone();
                tokio::spawn(async move {
                    let mut count = 0_usize;
                    while begin.elapsed() < seconds {
                        append(&scope, conv, count).await?;
                        count += 1;
                    }
                    Ok::<_, store::Error>(count)
                })
            })
            .collect();
        let mut count = 0;
        for task in tasks {
            count += task.await??;
        }
        let time = begin.elapsed().as_secs_f64();
        let (commits, jobs) = (store.commits().0 - before.0, store.commits().1 - before.1);
        let per_commit = number(usize::try_from(jobs)?) / number(usize::try_from(commits)?);
        Ok((number(count) / time, per_commit))
    })
}

fn open(dir: &Path, group_max: usize) -> Result<Store, store::Error> {
    Store::open(&Settings { backend: Backend::Sqlite { path: dir.join("bench.db") }, readers: 1, group_max })
}

/// A conversation of its own for each writer.
pub(crate) async fn create(scope: &Scope, n: usize) -> anyhow::Result<ConversationId> {
    let (account, external) = (AccountId::parse("oa")?, RemoteId::parse(&format!("o-{n}"))?);
    let create = move |tx: &mut Tx<'_>| conversation::create(tx, ChannelKind::Wechat, &account, &external, None, NOW);
    Ok(scope.write(create).await?.conv)
}

/// One append.
pub(crate) async fn append(scope: &Scope, conv: ConversationId, n: usize) -> Result<(), store::Error> {
    let job = move |tx: &mut Tx<'_>| {
        let account = AccountId::parse("oa").map_err(|_form| store::Error::Unavailable)?;
        inbox::note(tx, &account, &format!("1795392073.{n}.{conv}"), NOW)?;
        let Some(found) = conversation::advance(tx, conv, NOW)? else { return Err(store::Error::Unavailable) };
        let text = format!("#{n} {}", "x".repeat(440));
        let envelope = Arc::new(Envelope {
            v: 1,
            id: MessageId::generate(NOW),
            tenant: tx.tenant().clone(),
            conv,
            session: None,
            seq: found.last_seq,
            cid: None,
            ts: NOW,
            from: Sender { role: Role::Contact, id: found.contact.to_string(), name: None },
            visibility: Visibility::All,
            fallback: text.clone(),
            content: Content::Text { text },
            reply_to: None,
            replaces: None,
            channel: ChannelRef { kind: ChannelKind::Wechat, account, ext_id: Some(n.to_string()), raw_type: None },
            control_epoch: 0,
        });
        message::insert(tx, &envelope, None)?;
        let event = Occurrence {
            tenant: tx.tenant().clone(),
            id: envelope.id.to_string(),
            kind: "message.accepted".into(),
            subject: format!("conversation/{conv}"),
            session: None,
            sequence: Some(envelope.seq),
            node: "n_01ARZ3NDEKTSV4RRFFQ69G5FAV".into(),
            at: NOW,
            data: serde_json::to_string(&*envelope).map_err(|_form| store::Error::Unavailable)?.into(),
        };
        outbox::add(tx, &event)
    };
    scope.write(job).await
}
