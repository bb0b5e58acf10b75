//! The simulated cloud in this process, kept beside the run's journal.

use super::World;
use crate::{
    action::{Aws, Clients, Gateway, Tokens, Trouble},
    cli::{
        Desk,
        kept::{Kept, Realm},
        manner::{Format, Manner, OutageFlag},
    },
    model::{Clock, Exit, Failure, Mode, RunId, Seal, Secret},
    plan::Plan,
    sim::{self, Cloud, Fault, Outage, Simulated, WorldError},
    wire::{Ears, Patient},
};
use async_trait::async_trait;
use jiff::Timestamp;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// How long a whole run takes for somebody who watches it.
const WATCHED_FOR: f64 = 25.0;
/// How often a simulated address is probed: each second would be thousands of requests a run.
const WATCH_SIMULATED: Duration = Duration::from_secs(10);
const WORLD: &str = "world";

/// How a simulated world begins.
pub(in crate::cli) struct Scene<'a> {
    pub plan: &'a Plan,
    pub run: RunId,
    pub outage: Option<OutageFlag>,
    pub manner: &'a Manner,
    pub faults: &'a [Fault],
}

impl World {
    /// A world of which nothing is kept: for who only looks.
    pub(in crate::cli) fn rehearsed_once(desk: &Desk, scene: &Scene<'_>) -> Self {
        let clock = clock(desk, scene, Clock::real().now());
        let outage = outage(scene.outage, scene.plan.mode);
        let cloud = Cloud::seeded(scene.plan, outage, clock.now());
        Self::around(sim::World::in_memory(cloud), clock, scene)
    }

    /// A world that the plan expects, or the one that another run left.
    pub(in crate::cli) fn simulated(
        desk: &Desk,
        scene: &Scene<'_>,
        kept: &Kept,
        after: Option<&Kept>,
    ) -> Result<Self, Failure> {
        kept.folder.make()?;
        let folder = kept.folder.path().join(WORLD);
        let Scene { plan, .. } = scene;
        let Some(after) = after else {
            let clock = clock(desk, scene, Clock::real().now());
            let cloud = Cloud::seeded(plan, outage(scene.outage, plan.mode), clock.now());
            let world = sim::World::create(&folder, cloud)?;
            return Ok(Self::around(world, clock, scene));
        };
        let left = after.read()?.last().unwrap_or_else(|| Clock::real().now());
        let clock = clock(desk, scene, left);
        let old = after.folder.path().join(WORLD);
        let mut world = sim::World::after(&old, &folder, plan, clock.now())?;
        let outage = outage(scene.outage, plan.mode);
        world.set_outage(outage, plan.from.as_str(), clock.now())?;
        Ok(Self::around(world, clock, scene))
    }

    /// The world of a run that goes on: as it was left, at the time of the last record.
    pub(in crate::cli) fn reopened(
        desk: &Desk,
        scene: &Scene<'_>,
        folder: &Path,
        last: Timestamp,
    ) -> Result<Self, Failure> {
        let clock = clock(desk, scene, last);
        let mut world = sim::World::open(&folder.join(WORLD))?;
        if scene.outage.is_some() {
            let outage = outage(scene.outage, scene.plan.mode);
            world.set_outage(outage, scene.plan.from.as_str(), clock.now())?;
        }
        Ok(Self::around(world, clock, scene))
    }

    fn around(world: sim::World, clock: Clock, scene: &Scene<'_>) -> Self {
        let simulated = Simulated::new(world, clock.clone());
        scene.faults.iter().cloned().for_each(|fault| simulated.fault(fault));
        let transport = Arc::new(Patient::new(Arc::new(simulated.clone()), clock.clone()));
        let dns = Arc::new(simulated.clone());
        let tokens = Arc::new(Issued(simulated));
        let pace = Some(pace(scene)).filter(|_| !clock.is_virtual());
        Self {
            clients: Clients {
                transport,
                tokens,
                clock,
                seal: Seal::random(),
                run: scene.run,
                azure: super::public_azure(),
                aws: Aws::with_keys("simulated", "simulated"),
                clusters: Arc::new(Gateway::new(sim::GATEWAY, "simulated")),
                dns,
                secrets: Arc::new(Secret::new(sim::SECRET)),
                ears: Ears::default(),
            },
            vault: None,
            realm: Realm::Simulated,
            pace,
            watch_every: WATCH_SIMULATED,
            about: "simulated".to_owned(),
        }
    }
}

/// What was asked for. A loss of the region's services is what an unplanned run is for; a planned one meets none.
pub(in crate::cli) fn outage(asked: Option<OutageFlag>, mode: Mode) -> Outage {
    match (asked, mode) {
        (Some(OutageFlag::None), _) | (None, Mode::Planned) => Outage::None,
        (Some(OutageFlag::Data), _) | (None, Mode::Unplanned) => Outage::Data,
        (Some(OutageFlag::Region), _) => Outage::Region,
    }
}

/// Time runs ahead where somebody watches, and jumps where nobody does.
fn clock(desk: &Desk, scene: &Scene<'_>, origin: Timestamp) -> Clock {
    let is_watched = desk.settings.has_terminal && scene.manner.format == Format::Human;
    match scene.manner.pace {
        Some(pace) if pace > 0.0 => Clock::paced(origin, pace),
        None if is_watched => Clock::paced(origin, pace(scene)),
        _ => Clock::virtual_from(origin),
    }
}

fn pace(scene: &Scene<'_>) -> f64 {
    // What comes after users are served may take hours, and goes by faster than people care to see.
    let whole = scene.plan.served_after().unwrap_or_else(|| scene.plan.expected().length);
    let usual = whole.as_secs_f64() / WATCHED_FOR;
    scene.manner.pace.unwrap_or(usual).max(1.0)
}

impl From<WorldError> for Failure {
    fn from(error: WorldError) -> Self {
        let failure = Self::new(Exit::Journal, error.to_string());
        match error {
            WorldError::Io { source, .. } => failure.because(source),
            WorldError::Unreadable { source, .. } => failure.because(source),
            WorldError::Unrepeatable { .. } => failure,
        }
    }
}

/// The tokens of a simulated cloud.
struct Issued(Simulated);

#[async_trait]
impl Tokens for Issued {
    async fn token(&self, _: &str, _: bool) -> Result<Secret, Trouble> {
        Ok(Secret::new(self.0.token()))
    }

    fn identity(&self) -> String {
        "the operator of a simulated cloud".to_owned()
    }
}

/// The folder of a run that may not begin. It is taken away again unless the run does.
pub(in crate::cli) struct Draft {
    folder: Option<PathBuf>,
}

impl Draft {
    pub(in crate::cli) fn new(kept: &Kept) -> Self {
        Self { folder: Some(kept.folder.path().to_owned()) }
    }

    pub(in crate::cli) fn keep(mut self) {
        self.folder = None;
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            // A folder without a plan is no run: left behind it does no harm.
            std::fs::remove_dir_all(folder).ok();
        }
    }
}
