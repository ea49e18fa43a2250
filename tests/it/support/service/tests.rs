//! Services come up, survive being killed, and take their data with them.

use super::{Kind, Service, listens};

#[test]
fn a_service_is_killed_and_comes_back_on_its_port() {
    for kind in [Kind::Redis, Kind::Postgres] {
        let mut service = Service::start(kind, &[]);
        let port = service.port();
        service.kill();
        assert!(listens(port).is_none(), "{kind:?}");
        service.resume();
        assert!(listens(port).is_some(), "{kind:?}");
        drop(service);
        assert!(listens(port).is_none(), "{kind:?}");
    }
}

#[test]
fn rabbitmq_takes_its_name_server_with_it() {
    let service = Service::start(Kind::Rabbitmq, &[]);
    let port = service.port();
    assert!(listens(port + 1).is_some(), "epmd");
    drop(service);
    assert!(listens(port + 1).is_none(), "epmd");
}

#[test]
fn a_frozen_service_says_nothing_until_it_goes_on() {
    let service = Service::start(Kind::Redis, &[]);
    service.freeze();
    assert!(!Kind::Redis.answers(service.port()));
    service.thaw();
    assert!(Kind::Redis.answers(service.port()));
}
