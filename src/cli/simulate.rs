//! `failover simulate`: serves the simulated cloud on a port of this machine.

use super::{
    Desk, carry,
    choice::{Chosen, Unset},
    manner::OutageFlag,
    signals::Signals,
    world::outage,
};
use crate::{
    model::{Clock, Exit, Failure},
    plan::Plan,
    sim::{self, Cloud, Simulated, World},
};
use clap::Args;
use tokio::net::TcpListener;

/// Serve the simulated cloud of a runbook on a port of this machine
#[derive(Args)]
pub(super) struct Simulate {
    #[command(flatten)]
    chosen: Chosen,

    /// The port; any free one without it
    #[arg(long, default_value_t = 0)]
    port: u16,

    /// What is out of order in `from`
    #[arg(long, value_enum)]
    outage: Option<OutageFlag>,

    /// Simulated seconds in each real second
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = pace)]
    pace: f64,
}

/// Sockets need time that passes: it cannot jump.
fn pace(text: &str) -> Result<f64, String> {
    let pace = text.parse().ok().filter(|pace: &f64| pace.is_finite() && *pace > 0.0);
    pace.ok_or_else(|| "it must be a number above 0".to_owned())
}

impl Simulate {
    pub(super) fn carry_out(&self, desk: &Desk) -> Result<Exit, Failure> {
        desk.say.mark_simulated();
        let plan = self.chosen.plan(desk, Unset::IsMadeUp)?;
        carry::runtime()?.block_on(self.serve(desk, &plan))
    }

    async fn serve(&self, desk: &Desk, plan: &Plan) -> Result<Exit, Failure> {
        let failed = |error| {
            let what = format!("cannot serve on port {} of 127.0.0.1", self.port);
            Failure::new(Exit::CommandLine, what).because(error)
        };
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        let clock = Clock::paced(Clock::real().now(), self.pace);
        let cloud = Cloud::seeded(plan, outage(self.outage, plan.mode), clock.now());
        let simulated = Simulated::new(World::in_memory(cloud), clock);
        let (from, to) = (&plan.from, &plan.to);
        desk.say.talk(&format!(
            "Azure as {} expects it, with {from} active. Ctrl-C ends it. Drive it with\n      failover execute \
             {from} {to} --runbook {} --azure-endpoint http://127.0.0.1:{port}",
            plan.runbook, plan.path
        ));
        desk.say.document(&format!("http://127.0.0.1:{port}\n"));
        let mut signals = Signals::hear()?;
        tokio::select! {
            served = sim::serve(simulated, listener) => served.map(|()| Exit::Done).map_err(failed),
            () = signals.next() => Ok(Exit::Done),
        }
    }
}
