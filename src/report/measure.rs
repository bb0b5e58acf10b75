//! What was measured of a run, against what was promised.

use super::timeline::{End, Sample, Timeline};
use crate::model::{StepId, span::between};
use jiff::Timestamp;
use std::time::Duration;

/// How long users were without the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// Nothing watched, or nothing seen.
    NotMeasured,
    /// No sample failed.
    NeverLost,
    NotYet {
        since: Timestamp,
    },
    /// From the first failed sample to the first good one after which none failed.
    Took {
        lost: Timestamp,
        back: Timestamp,
    },
}

/// How much data is gone, as far as was known when the changes that cost it were begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loss {
    NotMeasured,
    /// Nothing that could lose data was done.
    Nothing,
    UpTo(Vec<(StepId, Duration)>),
}

/// A measurement against its objective.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Met,
    Missed,
    /// Users are not back, and there is still time.
    NotYet,
    NotMeasured,
    NothingPromised,
}

impl Verdict {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Missed => "missed",
            Self::NotYet => "not yet",
            Self::NotMeasured => "not measured",
            Self::NothingPromised => "nothing promised",
        }
    }
}

/// The figures of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measures {
    pub recovery: Recovery,
    pub recovery_verdict: Verdict,
    pub loss: Loss,
    pub loss_verdict: Verdict,
    /// How many changes were begun.
    pub changes: usize,
    /// How many of them were sent more than once, all of them harmless but these.
    pub sent_again: usize,
    pub harmful_sent_again: usize,
}

impl Measures {
    pub fn of(timeline: &Timeline) -> Self {
        let now = timeline.last().unwrap_or(Timestamp::MIN);
        let objectives = &timeline.plan.objectives;
        let recovery = recovery(&timeline.samples);
        let loss = loss(timeline);
        let again = || timeline.changes().filter(|(_, change)| change.again > 0);
        Self {
            recovery_verdict: match (judge(recovery.length(now), objectives.rto), recovery) {
                (Verdict::Met, Recovery::NotYet { .. }) => Verdict::NotYet,
                (verdict, _) => verdict,
            },
            recovery,
            loss_verdict: judge(loss.length(), objectives.rpo),
            loss,
            changes: timeline.changes().count(),
            sent_again: again().count(),
            harmful_sent_again: again().filter(|(_, story)| story.change.is_harmful()).count(),
        }
    }

    pub fn has_missed(&self) -> bool {
        [self.recovery_verdict, self.loss_verdict].contains(&Verdict::Missed)
    }
}

impl Recovery {
    /// How long until they were back, or until now.
    pub fn length(self, now: Timestamp) -> Option<Duration> {
        match self {
            Self::NotMeasured => None,
            Self::NeverLost => Some(Duration::ZERO),
            Self::NotYet { since } => Some(between(since, now)),
            Self::Took { lost, back } => Some(between(lost, back)),
        }
    }
}

impl Loss {
    pub fn length(&self) -> Option<Duration> {
        match self {
            Self::NotMeasured => None,
            Self::Nothing => Some(Duration::ZERO),
            Self::UpTo(parts) => parts.iter().map(|(_, length)| *length).max(),
        }
    }
}

fn judge(measured: Option<Duration>, promised: Option<Duration>) -> Verdict {
    match (measured, promised) {
        (_, None) => Verdict::NothingPromised,
        (None, Some(_)) => Verdict::NotMeasured,
        (Some(measured), Some(promised)) if measured <= promised => Verdict::Met,
        _ => Verdict::Missed,
    }
}

/// Users are back when every watched address is: the last one counts.
fn recovery(samples: &[Sample]) -> Recovery {
    let Some(lost) = samples.iter().find(|sample| !sample.good).map(|sample| sample.at) else {
        return if samples.is_empty() { Recovery::NotMeasured } else { Recovery::NeverLost };
    };
    let mut back = lost;
    for (place, sample) in samples.iter().enumerate().filter(|(_, sample)| !sample.good) {
        let same = |later: &&Sample| later.watch == sample.watch && later.good;
        match samples[place..].iter().find(same) {
            Some(good) => back = back.max(good.at),
            None => return Recovery::NotYet { since: lost },
        }
    }
    Recovery::Took { lost, back }
}

fn loss(timeline: &Timeline) -> Loss {
    let has_happened = |end: &End| matches!(end, End::Settled | End::Open | End::InDoubt(_));
    let harmful: Vec<_> = timeline
        .changes()
        .filter(|(_, story)| story.change.is_harmful() && has_happened(&story.end))
        .collect();
    if harmful.is_empty() {
        return Loss::Nothing;
    }
    // A loss that is known must not hide one that is not.
    let known = harmful.iter().map(|(step, change)| Some((step.id.clone(), change.data_loss?)));
    known.collect::<Option<Vec<_>>>().map_or(Loss::NotMeasured, Loss::UpTo)
}
