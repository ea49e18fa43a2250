//! People: customers on WeChat, visitors, agents, and whoever sets the pace. They act through public faces only.

pub mod client;
pub mod contact;
pub mod crowd;
pub mod desk;
pub mod pace;
pub mod socket;
pub mod web;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rand::SeedableRng;
use rand::rngs::StdRng;

use self::desk::Desk;
use crate::history::{Mint, Token};
use crate::journal::Journal;
use crate::system::declare::Firm;

/// What all people share.
#[derive(Debug)]
pub struct World {
    /// Histories.
    pub journal: Journal,
    /// Marks.
    pub mint: Mint,
    /// The balancer.
    pub front: SocketAddr,
    /// For requests.
    pub http: reqwest::Client,
    /// Who serves whom.
    pub desk: Desk,
    /// Messages that were accepted.
    pub accepted: AtomicUsize,
    /// Of all choices.
    pub seed: u64,
    /// Where each delivery of WeChat goes at once; to the balancer, once, when empty.
    pub everywhere: Mutex<Vec<SocketAddr>>,
    numbers: AtomicU32,
}

impl World {
    /// A world in front of a balancer.
    pub fn new(journal: Journal, mint: Mint, front: SocketAddr, seed: u64) -> anyhow::Result<Arc<Self>> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(std::time::Duration::from_secs(5))
            .timeout(std::time::Duration::from_secs(10))
            .build()?;
        let (accepted, everywhere, numbers) = (AtomicUsize::new(0), Mutex::default(), AtomicU32::new(1));
        Ok(Arc::new(Self { journal, mint, front, http, desk: Desk::default(), accepted, seed, everywhere, numbers }))
    }

    /// A new mark.
    pub fn token(&self, firm: &Firm, thread: u32) -> Token {
        Token { tenant: firm.letter, thread, n: self.numbers.fetch_add(1, Ordering::Relaxed) }
    }

    /// Somebody's own dice.
    pub fn dice(&self, whose: u64) -> StdRng {
        StdRng::seed_from_u64(self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(whose))
    }

    /// Where deliveries go at the moment.
    pub fn places(&self) -> Vec<SocketAddr> {
        self.everywhere.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sends each delivery to all of these at once from now on.
    pub fn double(&self, to: Vec<SocketAddr>) {
        *self.everywhere.lock().unwrap_or_else(PoisonError::into_inner) = to;
    }

    /// Counts an accepted message.
    pub fn accept(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }
}
