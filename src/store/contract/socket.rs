//! Customers' sockets that open and close in one group: each knows of those before it.

use futures_util::future::join_all;

use super::{NOW, account, customer, scope};
use crate::model::id::{ConnectionId, ContactId, NodeId};
use crate::store::footing::Foresight;
use crate::store::lease::{self, Lease};
use crate::store::socket::{self, Around, OfSocket};
use crate::store::trial::{Trial, on_both};
use crate::store::{Course, Error, Scope, Tx};

on_both! {
    sockets_that_open_in_one_group_know_of_each_other
}

fn of(node: &Scope, contact: ContactId, device: &str) -> OfSocket {
    let (participant, connection) = (format!("contact:{contact}"), ConnectionId::generate(NOW));
    let lease = Lease { tenant: node.tenant().clone(), participant, device: device.to_owned(), connection };
    OfSocket { lease, contact, account: account() }
}

/// Opens or closes it, and says how things stood.
fn step(tx: &mut Tx<'_>, of: &OfSocket, opens: bool) -> Result<Around, Error> {
    let around = socket::around(tx, of)?;
    tx.changes_only(&of.depends());
    if opens {
        lease::give(tx, &of.lease, NodeId::generate(NOW), NOW)?;
    } else {
        lease::end(tx, &of.lease)?;
    }
    Ok(around)
}

async fn sockets_that_open_in_one_group_know_of_each_other(on: Trial) {
    let ground = on.ground();
    let node = scope(&ground.store());
    let (a, b) = (customer(&node, "o1").await.contact, customer(&node, "o2").await.contact);
    let (first, other, second) = (of(&node, a, "tab"), of(&node, b, "tab"), of(&node, a, "tab"));
    let phone = of(&node, a, "phone");
    let steps = [
        (&first, true),
        (&other, true),
        (&second, true),
        (&phone, true),
        (&first, false),
        (&second, false),
        (&phone, false),
    ];
    let (let_go, held) = std::sync::mpsc::channel();
    let holds = node.write(move |_| held.recv().map_err(|_closed| Error::Unavailable));
    let all = join_all(steps.into_iter().map(|(of, opens)| {
        let (asks, of) = (Some(Foresight::Socket(of.clone())), of.clone());
        node.repeat(Course::Behind, asks, move |tx| step(tx, &of, opens))
    }));
    let (held, all, ()) = tokio::join!(holds, all, async { let_go.send(()).unwrap() });
    held.unwrap();
    let seen: Vec<_> = all.into_iter().map(|around| around.unwrap()).collect();
    assert!(seen.iter().all(|around| around.waits.is_none() && !around.in_call));
    let seen: Vec<_> = seen.into_iter().map(|around| (around.holder, around.elsewhere)).collect();
    let [first, second, phone] = [&first, &second, &phone].map(|of| Some(of.lease.connection));
    let known =
        [(None, false), (None, false), (first, false), (None, true), (second, true), (second, true), (phone, false)];
    assert_eq!(seen, known);
    let left = node.read(move |tx| {
        Ok::<_, Error>((lease::any(tx, &format!("contact:{a}"))?, lease::any(tx, &format!("contact:{b}"))?))
    });
    assert_eq!(left.await.unwrap(), (false, true), "what a newer connection has is not taken from it");
}
