//! How every run begins.

use failover::run::{Fact, RunFact};

/// The first fact of a run.
pub fn opening() -> Fact {
    Fact::Run(RunFact::Started {
        plan: String::new(),
        who: "asha".to_owned(),
        host: "bastion-2".to_owned(),
        tool: String::new(),
        identity: "nobody".to_owned(),
        simulated: false,
    })
}
