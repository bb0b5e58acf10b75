//! `failover simulate`: serves the simulated cloud on a port of this machine.

use super::{
    Desk, carry,
    choice::{Chosen, Unset},
    faults::FaultFlags,
    manner::OutageFlag,
    signals::Signals,
    world::outage,
};
use crate::{
    model::{Clock, Exit, Failure, span},
    plan::Plan,
    sim::{self, Cloud, Exchange, Simulated, World},
};
use clap::Args;

/// Serve the simulated cloud of a runbook on a port of this machine
///
/// Its address is printed on stdout, and every request that it gets on stderr: `~` may change something, `·` cannot.
/// A bearer for other clients comes from POST /TENANT/oauth2/v2.0/token, with any client id and secret. Requests that are
/// signed for AWS are AWS's, whoever's keys they are, and any other `Host` is asked as if it were there. By datagram, the
/// same port answers for every name server.
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

    #[command(flatten)]
    faults: FaultFlags,
}

/// One request in a line: `~` may change something, `·` cannot.
fn line(exchange: &Exchange) -> String {
    let Exchange { at, method, host, path_and_query, operation, status, is_read, .. } = exchange;
    let path = path_and_query.split('?').next().unwrap_or_default();
    let operation = operation.as_deref().unwrap_or_default();
    let status =
        status.map_or_else(|| "no answer".to_owned(), |status| status.as_u16().to_string());
    let sign = if *is_read { "·" } else { "~" };
    format!("{} {sign} {method:<6} {status}  {host}{path}{operation}", span::clock_time(*at))
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
        let bound = sim::Port::bind(self.port).await.map_err(failed)?;
        let port = bound.number().map_err(failed)?;
        let clock = Clock::paced(Clock::real().now(), self.pace);
        let cloud = Cloud::seeded(plan, outage(self.outage, plan.mode), clock.now());
        let simulated = Simulated::new(World::in_memory(cloud), clock);
        self.faults.fault.iter().cloned().for_each(|fault| simulated.fault(fault));
        let say = desk.say.clone();
        simulated.tell(move |exchange| say.talk(&line(exchange)));
        let (from, to) = (&plan.from, &plan.to);
        desk.say.talk(&format!(
            "The clouds as {} expects them, with {from} active. Ctrl-C ends it. Drive it with\n      failover execute \
             {from} {to} --runbook {} --azure-endpoint http://127.0.0.1:{port}\n      \
             AWS_ENDPOINT_URL=http://127.0.0.1:{port} aws …\n      dig @127.0.0.1 -p {port} NAME",
            plan.runbook, plan.path
        ));
        desk.say.document(&format!("http://127.0.0.1:{port}\n"));
        let mut signals = Signals::hear()?;
        tokio::select! {
            served = sim::serve(simulated, bound) => served.map(|()| Exit::Done).map_err(failed),
            () = signals.next() => Ok(Exit::Done),
        }
    }
}
