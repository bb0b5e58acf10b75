//! Several good answers in a row.
//!
//! A streak lives inside one look: good answers of an earlier look say nothing about now.

use crate::{
    action::{Answer, Default, Observation, Parameter, Params, Shape, Within},
    model::{Clock, Datum, Diagnostic, Evidence, span},
};
use async_trait::async_trait;
use std::time::Duration;

/// How long one look may take. Who waits for it hears nothing meanwhile, and cannot be stopped in good order.
pub(super) const LONGEST_LOOK: Duration = Duration::from_mins(5);

pub(super) const ANSWERS: Parameter = Parameter::optional(
    "answers",
    Shape::Int { least: 1, most: 100 },
    "How many good answers in a row",
)
.or(Default::Int(3))
.within(Within { each: "every", most: LONGEST_LOOK, what: "one look" });
pub(super) const EVERY: Parameter =
    Parameter::optional("every", Shape::Duration, "The time between two of them")
        .or(Default::Text("5s"));

/// What is asked again and again.
#[async_trait]
pub(super) trait Asked: Send + Sync {
    /// Where it is, as people are shown it.
    fn place(&self) -> String;

    /// Asks once; says what was wrong with the answer.
    async fn ask(&self, evidence: &mut Evidence) -> Result<(), String>;
}

pub(super) struct Streak {
    pub(super) clock: Clock,
    pub(super) answers: i64,
    pub(super) every: Duration,
}

impl Streak {
    pub(super) fn of(params: &Params<'_>, clock: &Clock) -> Result<Self, Diagnostic> {
        let (answers, every) = (params.int("answers")?, params.duration("every")?);
        Ok(Self { clock: clock.clone(), answers, every })
    }

    pub(super) async fn see(&self, asked: &dyn Asked) -> Observation {
        let mut evidence = Evidence::new();
        let look_again = self.every.min(LONGEST_LOOK);
        let not_yet =
            |why: String| Answer::NotYet { why: format!("{}: {why}", asked.place()), look_again };
        let until = self.clock.now() + LONGEST_LOOK;
        for good in 0..self.answers {
            if good > 0 {
                if self.clock.now() + self.every > until {
                    let (wanted, longest) = (self.answers, span::show(LONGEST_LOOK));
                    let why = format!("{good} of {wanted} good answers fit in {longest}");
                    return Observation::new(not_yet(why), evidence);
                }
                self.clock.sleep(self.every).await;
            }
            evidence.set("good", Datum::Count(good));
            if let Err(why) = asked.ask(&mut evidence).await {
                return Observation::new(not_yet(why), evidence);
            }
        }
        evidence.set("good", Datum::Count(self.answers));
        Observation::new(Answer::AsDesired, evidence)
    }
}
