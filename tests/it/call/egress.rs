//! S74: the relay's egress firewall as it is shipped, in a network of its own: without the relay's own list of forbidden
//! peers, nothing that its user sends gets inside.

use std::process::Command;

const OUTSIDE: [&str; 4] = ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "2a00:1450::1"];
const INSIDE: [&str; 17] = [
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "192.168.1.1",
    "198.18.0.1",
    "203.0.113.11",
    "::1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::a00:1",
    "2001::1",
    "2001:db8::1",
    "2002:a00:1::1",
    "fd00::1",
    "fec0::1",
];

/// The rules, for the one user whom a namespace of ours has.
fn rules() -> String {
    let shipped = include_str!("../../../deploy/coturn/egress.nft");
    assert!(shipped.contains("define relay_user = turnserver\n"));
    shipped.replace("define relay_user = turnserver\n", "define relay_user = 0\n")
}

/// Runs a script in a network whose every address leads to itself; what it says.
fn alone(rules: Option<&str>, script: &str) -> String {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("rules.nft");
    std::fs::write(&file, rules.unwrap_or_default()).unwrap();
    let around = format!(
        "set -e; PATH=$PATH:/usr/sbin; ip link set lo up; ip route add default dev lo; ip -6 route add default dev lo\n\
         nft -f {}; set +e\n{script}",
        file.display()
    );
    let run = Command::new("unshare").args(["-rn", "bash", "-c", &around]).output().expect("unshare is installed");
    let (told, complaints) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "needs nftables and namespaces: {complaints}");
    format!("{told}{complaints}")
}

/// Which of these a datagram goes to.
fn reached<'a>(rules: Option<&str>, peers: &[&'a str]) -> Vec<&'a str> {
    let each = "bash -c \"echo x >/dev/udp/$peer/50001\" && echo \"$peer: reached\"";
    let script = format!("for peer in {}; do {each}; done; true", peers.join(" "));
    let told = alone(rules, &script);
    let refused = told.matches("Operation not permitted").count();
    let found: Vec<&str> = peers.iter().copied().filter(|peer| told.contains(&format!("{peer}: reached\n"))).collect();
    assert_eq!(found.len() + refused, peers.len(), "{told}");
    found
}

#[test]
fn nothing_that_is_relayed_gets_inside() {
    assert_eq!(reached(Some(&rules()), &OUTSIDE), OUTSIDE);
    assert_eq!(reached(None, &INSIDE), INSIDE, "it is the rules that keep them");
    assert_eq!(reached(Some(&rules()), &INSIDE), [""; 0]);
}

#[test]
fn nothing_is_relayed_over_tcp() {
    let connects = "ip address add 8.8.8.8 dev lo; timeout 1 bash -c 'exec 3<>/dev/tcp/8.8.8.8/80'; echo $?";
    assert!(alone(None, connects).contains("refused"), "somebody would answer");
    assert_eq!(alone(Some(&rules()), connects).trim(), "124", "not even asked");
}
