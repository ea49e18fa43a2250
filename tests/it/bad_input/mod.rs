//! The catalogue of bad input: one table per group, every answer exact, nothing left behind.

mod configuration;
mod limit;
mod row;
mod runner;

#[tokio::test(flavor = "multi_thread")]
async fn group_a_verification_of_the_address() {
    runner::run(include_str!("../../fixture/bad_input/a.toml")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn group_b_envelope_and_cryptography() {
    runner::run(include_str!("../../fixture/bad_input/b.toml")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn group_c_decrypted_documents() {
    runner::run(include_str!("../../fixture/bad_input/c.toml")).await;
}
