//! How Redis is reached: by password, as a user with few rights, and over TLS.

use std::path::Path;
use std::process::Command;

use super::stage::{Stage, agent, frame, heard_text};
use crate::support::service::{Kind, Service};

/// Two nodes hear each other.
async fn works(stage: &Stage) {
    let [a, b] = stage.nodes().await;
    let (_li, mut inlet) = b.attach(&[agent("bank", "li")], &[&a]).await;
    a.hub.publish(&agent("bank", "li"), &frame("hello"));
    assert_eq!(heard_text(&mut inlet).await, "hello");
}

#[tokio::test]
async fn a_password_and_a_user_with_few_rights_are_enough() {
    let service = Service::start(Kind::Redis, &[]);
    let rights = "+@stream +@set +@string +@keyspace +@connection +@transaction -@dangerous";
    let mut user = vec!["ACL", "SETUSER", "yizhan", "on", ">s3cret", "~yizhan:*"];
    user.extend(rights.split(' '));
    service.redis_cli(&user);
    service.redis_cli(&["ACL", "SETUSER", "default", ">pa55"]);
    let port = service.port();
    let keys = |who: &str| format!("kind = \"redis\"\nurl = \"redis://{who}@127.0.0.1:{port}\"");
    let stage = Stage::on(service, keys("yizhan:s3cret"));
    works(&stage).await;
    let refused = Stage::at(&keys("yizhan:wrong")).starting();
    assert!(!refused.links_within_a_second().await, "a wrong password opens nothing");
    works(&Stage::at(&keys(":pa55"))).await;
}

#[tokio::test]
async fn tls_is_spoken_with_the_authority_that_is_named() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let file = |name: &str| folder.path().join(name).display().to_string();
    let service = Service::start(
        Kind::Redis,
        &[
            "--tls-port",
            "{second}",
            "--tls-cert-file",
            &file("server.pem"),
            "--tls-key-file",
            &file("server.key"),
            "--tls-ca-cert-file",
            &file("ca.pem"),
            "--tls-auth-clients",
            "no",
        ],
    );
    let url = format!("rediss://127.0.0.1:{}", service.second_port());
    let keys = |ca: &str| format!("kind = \"redis\"\nurl = \"{url}\"\nca_file = \"{ca}\"");
    let stage = Stage::on(service, keys(&file("ca.pem")));
    works(&stage).await;
    let other = Stage::at(&keys(&file("other.pem"))).starting();
    assert!(!other.links_within_a_second().await, "another authority is not believed");
}

/// An authority, a server's certificate by it, and another authority.
fn certificates(folder: &Path) {
    let openssl = |arguments: &str| {
        let output = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().expect("openssl");
        assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
    for name in ["ca", "other"] {
        openssl(&format!("req -x509 {key} -keyout {name}.key -out {name}.pem -subj /CN={name}"));
    }
    std::fs::write(folder.join("server.ext"), "subjectAltName=IP:127.0.0.1\n").unwrap();
    openssl(&format!("req {key} -keyout server.key -out server.csr -subj /CN=server"));
    openssl(
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out server.pem -extfile server.ext",
    );
}
