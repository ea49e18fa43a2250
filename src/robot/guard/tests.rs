//! Group K of the bad-input table: what is not called, in every spelling.

use proptest::prelude::*;

use super::*;

fn judged(text: &str) -> Result<Endpoint, Blocked> {
    Guard::default().endpoint(text)
}

fn is_internal(text: &str) -> bool {
    matches!(judged(text), Err(Blocked::Internal(_)))
}

#[test]
fn k1_this_machine_in_every_spelling() {
    for host in [
        "127.0.0.1",
        "127.1",
        "0x7f.1",
        "2130706433",
        "017700000001",
        "0",
        "127。0。0。1",
        "①②⑦.0.0.1",
        "127.0.0.1.",
        "LOCALHOST",
        "localhost.",
        "a.localhost",
        "0177.0.0.0x1",
        "１２７.0.0.1",
        "%31%32%37.0.0.1",
    ] {
        for url in [format!("http://{host}/"), format!("https://{host}/"), format!("https://{host}:8443/x")] {
            assert!(is_internal(&url), "{url}: {:?}", judged(&url));
        }
    }
}

#[test]
fn k2_addresses_inside_addresses() {
    for host in [
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:169.254.169.254]",
        "[::169.254.169.254]",
        "[64:ff9b::a9fe:a9fe]",
        "[64:ff9b::169.254.169.254]",
        "[64:ff9b:1::a9fe:a9fe]",
        "[2002:a9fe:a9fe::]",
        "[2001:0:4136:e378:8000:63bf:3fff:fdd2]",
        "[fe80::1]",
        "[fe81::1]",
        "[fd00:ec2::254]",
        "[fc00::1]",
        "[ff02::1]",
        "[2001:db8::1]",
        "100.64.0.1",
        "100.100.100.200",
        "169.254.169.254",
        "10.0.0.1",
        "192.168.1.1",
        "172.16.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "198.51.100.7",
    ] {
        assert!(is_internal(&format!("https://{host}/")), "{host}");
    }
    assert!(judged("https://[2400:3200::1]/").is_ok() && judged("https://223.5.5.5/dns-query").is_ok());
}

#[test]
fn k5_schemes_ports_and_credentials() {
    for url in
        ["gopher://a.example/", "file:///etc/passwd", "ftp://a.example/", "data:text/plain,x", "http://a.example/"]
    {
        assert_eq!(judged(url), Err(Blocked::Scheme), "{url}");
    }
    for port in [22, 25, 80, 6379] {
        assert_eq!(judged(&format!("https://a.example:{port}/")), Err(Blocked::Port(port)));
    }
    for url in [
        "https://user:pass@a.example/",
        "https://user@a.example/",
        "https://:p@a.example/",
        "https://a.example@b.example/",
    ] {
        assert_eq!(judged(url), Err(Blocked::Credentials), "{url}");
    }
    for url in ["https://a.example", "https://a.example:443/x?y", "https://a.example:8443/"] {
        assert!(judged(url).is_ok(), "{url}");
    }
}

#[test]
fn k6_hosts_that_hide_what_they_are() {
    for url in [
        "https://a.exam\tple/",
        "https://a.example/\r\nX-Evil: 1",
        "https://a.example\\@b.example/",
        "https:\\\\a.example/",
        " https://a.example/",
        "https://a.ex\u{200b}ample/",
        "https://a.example/\u{202e}gpj",
        "https://",
        "a.example",
        "",
        &format!("https://a.example/{}", "x".repeat(2_048)),
    ] {
        assert!(matches!(judged(url), Err(Blocked::Malformed(_))), "{url:?}: {:?}", judged(url));
    }
    // A homograph is not forbidden, but shown as what it is.
    let cyrillic = judged("https://аpple.example/").unwrap();
    assert_eq!(cyrillic.url().as_str(), "https://xn--pple-43d.example/");
}

#[test]
fn k10_the_gateways_own_hosts() {
    let own = ["https://yizhan.example/".parse().unwrap(), "https://gw.example:8443".parse().unwrap()];
    let guard = Guard::new(vec![Permit::parse("gw.example:443").unwrap()], &own);
    for url in
        ["https://yizhan.example/x", "https://YIZHAN.example.:8443/", "https://gw.example/", "http://gw.example/"]
    {
        assert!(matches!(guard.endpoint(url), Err(Blocked::Own(_))), "{url}");
    }
    assert!(guard.endpoint("https://not-yizhan.example/").is_ok());
}

#[test]
fn permits_are_for_one_host_and_one_port() {
    let permits = ["rasa.internal:5005", "10.0.0.7:80", "[fd00::7]:8080"].map(|text| Permit::parse(text).unwrap());
    let guard = Guard::new(permits.to_vec(), &[]);
    for url in
        ["http://rasa.internal:5005/", "https://RASA.internal.:5005/x", "http://10.0.0.7/", "http://[fd00::7]:8080/"]
    {
        assert!(guard.endpoint(url).is_ok_and(|endpoint| endpoint.is_permitted()), "{url}");
    }
    for url in ["http://rasa.internal/", "https://10.0.0.7/", "http://10.0.0.7:81/", "http://x.rasa.internal:5005/"] {
        assert!(guard.endpoint(url).is_err(), "{url}");
    }
    assert!(!guard.endpoint("https://rasa.internal/").unwrap().is_permitted(), "another port is anybody's");
    for text in ["", "a", "a:", ":1", "a:0", "a:65536", "http://a:1", "a/b:1", "a@b:1", "a b:1", "::1:5005"] {
        assert!(Permit::parse(text).is_err(), "{text}");
    }
}

#[test]
fn what_is_printed_is_only_the_place() {
    let endpoint = judged("https://a.example/hook/s3cret?token=s3cret").unwrap();
    assert_eq!(format!("{endpoint:?}"), "https://a.example/…");
    let below = endpoint.below(&["a b", "../c"]).with("x", "&");
    assert_eq!(below.url().as_str(), "https://a.example/hook/s3cret/a%20b/..%2Fc?token=s3cret&x=%26");
}

proptest! {
    #[test]
    fn no_spelling_of_a_special_address_is_called(
        first in prop::sample::select(vec![0_u8, 10, 127, 224, 240, 255]), rest in any::<[u8; 3]>(), spelling in 0..7_usize,
    ) {
        let [b, c, d] = rest;
        let number = u32::from_be_bytes([first, b, c, d]);
        let host = match spelling {
            0 => format!("{first}.{b}.{c}.{d}"),
            1 => number.to_string(),
            2 => format!("{number:#x}"),
            3 => format!("{number:#o}").replace("0o", "0"),
            4 => format!("{first:#x}.{}", number & 0xff_ffff),
            5 => format!("[::ffff:{first}.{b}.{c}.{d}]"),
            _ => format!("[64:ff9b::{first}.{b}.{c}.{d}]"),
        };
        let url = format!("https://{host}/");
        prop_assert!(is_internal(&url), "{}", url);
    }
}
