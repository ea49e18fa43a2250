//! The hub: a hint reaches whoever is attached, on whatever node; nobody waits for it; and what was lost comes back.

mod promise;
mod rabbitmq;
mod reach;
mod redis;
mod stage;

use stage::Stage;

/// Checks every promise on a stage, one after the other.
async fn keeps_its_promises(stage: &Stage) {
    promise::hints_of_one_publisher_arrive_in_order_everywhere(stage).await;
    promise::an_agent_on_two_nodes_hears_on_both(stage).await;
    promise::a_tenant_hears_its_own_and_nobody_elses(stage).await;
    promise::whoever_left_is_told_nothing(stage).await;
    promise::a_slow_socket_elsewhere_is_marked(stage).await;
    promise::a_node_that_stops_is_forgotten(stage).await;
    promise::everything_that_is_said_arrives_as_it_was_said(stage).await;
    promise::ten_thousand_hints_arrive(stage).await;
}

#[tokio::test]
async fn redis_keeps_its_promises() {
    keeps_its_promises(&Stage::redis()).await;
}

#[tokio::test]
async fn a_redis_cluster_keeps_its_promises() {
    keeps_its_promises(&Stage::redis_cluster()).await;
}
