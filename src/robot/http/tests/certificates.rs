//! Certificates that are not the other side's: there is no switch that would accept them.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::{Guard, Http, PATIENCE, Permit, RobotError, fetch, names};

/// Runs openssl in this folder.
fn openssl(folder: &Path, arguments: &str) {
    let run = Command::new("openssl").current_dir(folder).args(arguments.split(' ')).output().unwrap();
    assert!(run.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&run.stderr));
}

/// What `openssl ca` wants to know.
const CA: &str = "[ca]\ndefault_ca=d\n[d]\ndatabase=index\nnew_certs_dir=.\nserial=serial\ndefault_md=sha256\npolicy=p\n\
    x509_extensions=e\n[p]\ncommonName=supplied\n[e]\nbasicConstraints=critical,CA:FALSE\nsubjectAltName=DNS:";

/// A server with a self-signed certificate of this name, valid from 2020 until this year; it answers `{}`.
async fn server(folder: &Path, name: &str, until: u16) -> u16 {
    for (file, text) in [("ca", format!("{CA}{name}\n")), ("index", String::new()), ("serial", "01\n".into())] {
        std::fs::write(folder.join(file), text).unwrap();
    }
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem";
    openssl(folder, &format!("req {key} -out request.pem -subj /CN={name}"));
    openssl(
        folder,
        &format!(
            "ca -config ca -batch -selfsign -keyfile key.pem -in request.pem -out cert.pem -notext \
             -startdate 20200101000000Z -enddate {until}0101000000Z"
        ),
    );
    let certificate = CertificateDer::from_pem_file(folder.join("cert.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join("key.pem")).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let _request = stream.read(&mut [0; 4_096]).await;
            let _hung_up = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await;
        }
    });
    port
}

#[tokio::test]
async fn only_a_valid_certificate_of_the_right_name_is_a_connection() {
    for (name, until, trusted) in [
        ("robot.example", 2099, true),
        ("robot.example", 2099, false),
        ("other.example", 2099, true),
        ("robot.example", 2021, true),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let port = server(folder.path(), name, until).await;
        let (lookup, _) = names(&[&["127.0.0.1"]]);
        // Even a host that the operator permits has to prove who it is.
        let guard = Guard::new(vec![Permit::parse(&format!("robot.example:{port}")).unwrap()], &[]);
        let endpoint = guard.endpoint(&format!("https://robot.example:{port}/")).unwrap();
        let root = std::fs::read(folder.path().join("cert.pem")).unwrap();
        let root = reqwest::Certificate::from_pem(&root).unwrap();
        let http = if trusted { Http::trusting(&lookup, root) } else { Http::new(&lookup).unwrap() };
        let outcome = fetch(&http, &endpoint, PATIENCE).await;
        if (name, until, trusted) == ("robot.example", 2099, true) {
            assert_eq!(outcome.unwrap(), b"{}");
            continue;
        }
        let Err(RobotError::Unreachable(source)) = outcome else { panic!("{name} {until}: {outcome:?}") };
        assert!(format!("{source:?}").contains("ertificate"), "{source:?}");
    }
}
