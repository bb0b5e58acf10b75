//! A pause.

use crate::{
    action::{
        Action, Answer, Applied, Change, Clients, Effect, Kind, Look, Observation, Parameter,
        Params, Shape, Trouble, Unapplied,
    },
    journal::Permit,
    model::{Datum, Diagnostic, Evidence, span},
};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};

pub(crate) static WAIT: Kind = Kind {
    name: "wait",
    summary: "Let some time pass",
    parameters: &[Parameter::required("for", Shape::Duration, "How long")],
    observed: &["until"],
    planes: &[],
    permissions: &[],
    // Its parameter says how long it takes; this stands for a short one.
    usual: Duration::from_mins(1),
    shows_within: Duration::ZERO,
    // Longer than any pause that a runbook should hold.
    deadline: Duration::from_hours(24),
    effect: Effect::Reads,
    proves_service: false,
    mark_valid_for: None,
    cured_by: &[],
    bind,
};

fn bind(params: &Params<'_>, _: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    Ok(Arc::new(Wait { length: params.duration("for")? }))
}

struct Wait {
    length: Duration,
}

#[async_trait]
impl Action for Wait {
    async fn observe(&self, look: &Look) -> Result<Observation, Trouble> {
        let until = look.since + self.length;
        let left = span::between(look.now, until);
        let answer = if left.is_zero() {
            Answer::AsDesired
        } else {
            let why = format!("waiting until {}", span::clock_time(until));
            Answer::NotYet { why, look_again: left }
        };
        Ok(Observation::new(answer, Evidence::new().with("until", Datum::Instant(until))))
    }

    async fn apply(&self, _: &Change, _: &Permit) -> Result<Applied, Unapplied> {
        Err(Unapplied::Refused { why: "a pause changes nothing".to_owned(), request_id: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    #[tokio::test]
    async fn a_pause_ends_when_its_time_is_over() {
        let wait = Wait { length: Duration::from_mins(5) };
        let since = Timestamp::UNIX_EPOCH;
        let at = |seconds| Look {
            now: since + Duration::from_secs(seconds),
            since,
            settled: Vec::new(),
        };
        let early = wait.observe(&at(60)).await.unwrap().answer;
        let why = "waiting until 00:05:00Z".to_owned();
        assert_eq!(early, Answer::NotYet { why, look_again: Duration::from_mins(4) });
        assert_eq!(wait.observe(&at(300)).await.unwrap().answer, Answer::AsDesired);
    }
}
