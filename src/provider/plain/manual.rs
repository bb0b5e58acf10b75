//! Something that a person does and attests.

use crate::{
    action::{
        Action, Answer, Applied, By, Change, Clients, Effect, Kind, Look, Observation, Parameter,
        Params, Repeat, Shape, Sign, Trouble, Unapplied,
    },
    journal::Permit,
    model::{ChangeId, Diagnostic, Evidence},
};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};

pub(crate) static MANUAL: Kind = Kind {
    name: "manual",
    summary: "Ask a person to do something, and to say that it is done",
    parameters: &[Parameter::required("instructions", Shape::Text, "What the person should do")],
    observed: &[],
    planes: &[],
    permissions: &[],
    // People at night: a guess, which the runbook's `timeout` betters.
    usual: Duration::from_mins(5),
    // Nobody but the person can see it.
    shows_within: Duration::ZERO,
    deadline: Duration::from_hours(12),
    effect: Effect::Changes,
    proves_service: false,
    mark_valid_for: None,
    cured_by: &[],
    bind,
};

fn bind(params: &Params<'_>, _: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    Ok(Arc::new(Manual { instructions: params.text("instructions")? }))
}

struct Manual {
    instructions: String,
}

#[async_trait]
impl Action for Manual {
    async fn observe(&self, _: &Look) -> Result<Observation, Trouble> {
        let change = Change {
            id: ChangeId::new("done"),
            says: self.instructions.clone(),
            sign: Sign::Changes,
            repeat: Repeat::Never,
            stay_before: Duration::ZERO,
            by: By::Person,
        };
        Ok(Observation::new(Answer::Unseen(vec![change]), Evidence::new()))
    }

    async fn apply(&self, _: &Change, _: &Permit) -> Result<Applied, Unapplied> {
        Err(Unapplied::Refused { why: "only a person can do this".to_owned(), request_id: None })
    }
}
