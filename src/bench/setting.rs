//! What every experiment with servers is told alike: where things are, and how thoroughly to measure. Knows no experiment.

use std::path::PathBuf;

use super::machine::Machine;
use super::process::Folder;

/// Where things are, and how thoroughly to measure.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The script that starts servers.
    pub service: PathBuf,
    /// Where servers keep their data for the time of the run, and where other people's programs are installed.
    pub cache: PathBuf,
    /// This program, which is started as nodes and as consumers that die.
    pub program: PathBuf,
    /// How often everything is repeated.
    pub repeats: usize,
    /// Makes the order of runs, and deaths.
    pub seed: u64,
    /// A short run: not to be quoted.
    pub quick: bool,
    /// Measure although the machine is busy.
    pub busy: bool,
}

impl Setting {
    /// A folder of the experiment's own, and the machine.
    ///
    /// # Errors
    /// The folder cannot be made, or the machine is busy.
    pub(super) fn ground(&self, name: &str) -> anyhow::Result<(Folder, Machine)> {
        let folder = Folder::new(&self.cache, name)?;
        let machine = Machine::look(folder.path())?;
        machine.must_be_quiet(self.busy)?;
        Ok((folder, machine))
    }

    /// The first line of the report: when, with what and how thoroughly it was measured.
    pub(super) fn headline(&self, machine: &Machine, versions: &[String]) -> String {
        machine.headline(versions, self.repeats, self.seed, self.quick)
    }
}
