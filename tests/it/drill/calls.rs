//! The requests of a run that change something, as places where a fault can be put.

use super::run::Drill;
use failover::{
    model::StepId,
    run::{Fact, StepFact},
    sim::{Exchange, Fault, Mishap},
};

/// One request that changes something.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The step that sent it.
    pub step: StepId,
    pub method: http::Method,
    /// Its address without its parameters, which ends in `?`, and what it asks of AWS.
    pub path: String,
    /// How many like it this run had sent by then, itself included.
    pub nth: u32,
}

impl Call {
    pub fn fault(&self, mishap: Mishap) -> Fault {
        let (method, path) = (Some(self.method.clone()), self.path.clone());
        Fault { method, path, nth: self.nth, mishap }
    }
}

/// What the run of this drill has sent to change something, in order.
pub fn calls(drill: &Drill) -> Vec<Call> {
    let facts = drill.facts();
    let begun = |record: &u64| {
        let place = usize::try_from(record - 1).unwrap();
        match &facts[place].1 {
            Fact::Step { step, what: StepFact::ChangeBegun { .. } } => step.clone(),
            other => panic!("sent without a change that was begun: {other:?}"),
        }
    };
    let records = drill.sent.lock().unwrap().clone();
    let log: Vec<_> = drill.cloud.log().into_iter().filter(|one| !one.is_read).collect();
    let sent = &log[log.len() - records.len()..];
    let address = |exchange: &Exchange| {
        let path = exchange.path_and_query.split('?').next().unwrap();
        let operation = exchange.operation.as_deref().unwrap_or_default();
        // Every run takes the endpoints of routing controls in an order of its own.
        let is_one_of_five = exchange.host.contains(".cluster.routing-control.");
        let host = if is_one_of_five { "" } else { &exchange.host };
        (exchange.method.clone(), format!("{host}{path}?{operation}"))
    };
    let call = |(place, record): (usize, &u64)| {
        let (method, path) = address(&sent[place]);
        let same =
            sent[..=place].iter().filter(|one| address(one) == (method.clone(), path.clone()));
        let nth = u32::try_from(same.count()).unwrap();
        Call { step: begun(record), method, path, nth }
    };
    records.iter().enumerate().map(call).collect()
}
