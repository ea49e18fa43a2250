//! Whose request it is: the address of the client, behind proxies that are trusted and no others.

use std::net::IpAddr;

use actix_web::dev::RequestHead;
use actix_web::http::header::HeaderName;

/// The client's address. Forwarding headers count only as far as trusted proxies wrote them: from the right, the first
/// address that is not a trusted proxy's.
#[must_use]
pub fn address(head: &RequestHead, trusted: &[IpAddr]) -> IpAddr {
    let direct = head.peer_addr.map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.ip().to_canonical());
    if !trusted.contains(&direct) {
        return direct;
    }
    let forwarded = HeaderName::from_static("x-forwarded-for");
    let values = head.headers().get_all(forwarded).filter_map(|value| value.to_str().ok());
    let hops: Vec<&str> = values.flat_map(|value| value.split(',')).map(str::trim).collect();
    let mut nearest = direct;
    for hop in hops.into_iter().rev() {
        let Ok(ip) = hop.parse::<IpAddr>() else { break };
        nearest = ip.to_canonical();
        if !trusted.contains(&nearest) {
            break;
        }
    }
    nearest
}

/// Whether the address belongs to this machine or a private network.
#[must_use]
pub fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn from(peer: &str, forwarded: &[&str]) -> String {
        let mut request = TestRequest::default().peer_addr(format!("{peer}:1000").parse().unwrap());
        for value in forwarded {
            request = request.append_header(("x-forwarded-for", *value));
        }
        let trusted = ["10.0.0.1", "10.0.0.2"].map(|ip| ip.parse().unwrap());
        address(request.to_http_request().head(), &trusted).to_string()
    }

    #[test]
    fn forwarding_headers_count_as_far_as_they_are_trusted() {
        assert_eq!(from("8.8.8.8", &["1.1.1.1"]), "8.8.8.8", "not a proxy");
        assert_eq!(from("10.0.0.1", &["1.1.1.1"]), "1.1.1.1");
        assert_eq!(from("10.0.0.1", &["6.6.6.6, 1.1.1.1, 10.0.0.2"]), "1.1.1.1", "what the client wrote is ignored");
        assert_eq!(from("10.0.0.1", &["6.6.6.6", "1.1.1.1"]), "1.1.1.1", "several headers are one list");
        assert_eq!(from("10.0.0.1", &["1.1.1.1, rubbish"]), "10.0.0.1");
        assert_eq!(from("10.0.0.1", &[]), "10.0.0.1");
    }
}
