//! What the datapoints of a metric say to an alarm.
//!
//! Source: "Alarm evaluation" and "Configuring how CloudWatch alarms treat missing data", Amazon CloudWatch user guide.

use super::alarm::{Alarm, Treatment};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What the data say. What an alarm then shows is another matter: anybody can set its state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::sim::aws) enum Verdict {
    Breaching,
    Fine,
    #[default]
    Insufficient,
    /// Too little is there, and the alarm is told to ignore that.
    Unchanged,
}

/// A datapoint: when its period began, and its value.
pub(super) type Point = (Timestamp, f64);

/// How many periods more than it needs an alarm looks back for datapoints that are there. The guide does not say; its
/// examples have two.
pub(super) const FURTHER_BACK: u32 = 2;

impl Alarm {
    /// Judges the periods of the evaluation range, the latest first. Gives the datapoints that decided.
    pub(super) fn judge(&self, range: &[Option<Point>]) -> (Verdict, Vec<Point>) {
        let wanted = self.evaluation_periods as usize;
        let to_alarm = self.needed.unwrap_or(self.evaluation_periods) as usize;
        let there: Vec<Point> = range.iter().flatten().take(wanted).copied().collect();
        let breaching = there.iter().filter(|(_, value)| self.is_breached_by(*value)).count();
        let lacking = wanted - there.len();
        let filled = if self.missing == Treatment::Breaching { lacking } else { 0 };
        let leaves_it_open = matches!(self.missing, Treatment::Missing | Treatment::Ignore);
        let verdict = if breaching + filled >= to_alarm {
            Verdict::Breaching
        } else if lacking == 0 || !leaves_it_open || breaching < there.len() {
            Verdict::Fine
        } else if self.missing == Treatment::Ignore {
            Verdict::Unchanged
        } else {
            // Nothing but breaching datapoints, too few of them: the oldest is enough when it is old enough.
            let oldest = range.iter().take(wanted).rposition(Option::is_some);
            let is_old = oldest.is_some_and(|age| age + 1 >= to_alarm);
            if is_old { Verdict::Breaching } else { Verdict::Insufficient }
        };
        (verdict, there)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Treatment::{Breaching, Ignore, NotBreaching};
    use Verdict::{Breaching as Alarmed, Fine, Insufficient, Unchanged};

    /// The datapoints of the guide's tables, oldest first: `0` fine, `X` breaching, `-` missing.
    fn judged(points: &str, to_alarm: u32) -> [Verdict; 4] {
        let at = Timestamp::UNIX_EPOCH;
        let point = |c: char| (c != '-').then_some((at, if c == 'X' { 1.0 } else { 0.0 }));
        let range: Vec<_> = points.chars().rev().map(point).collect();
        [Treatment::Missing, Ignore, Breaching, NotBreaching].map(|missing| {
            let alarm = Alarm {
                evaluation_periods: 3,
                needed: Some(to_alarm),
                missing,
                ..Alarm::named("any", "us-west-2", at)
            };
            alarm.judge(&range).0
        })
    }

    #[test]
    fn three_out_of_three_as_the_guide_has_it() {
        for (points, verdicts) in [
            ("0-X-X", [Fine; 4]),
            ("0----", [Fine; 4]),
            ("-----", [Insufficient, Unchanged, Alarmed, Fine]),
            ("0XX-X", [Alarmed; 4]),
            ("--X--", [Alarmed, Unchanged, Alarmed, Fine]),
        ] {
            assert_eq!(judged(points, 3), verdicts, "{points}");
        }
    }

    #[test]
    fn two_out_of_three_as_the_guide_has_it() {
        for (points, verdicts) in [
            ("0-X-X", [Alarmed; 4]),
            ("00X0X", [Alarmed; 4]),
            ("0-X--", [Fine, Fine, Alarmed, Fine]),
            ("----0", [Fine, Fine, Alarmed, Fine]),
            ("---X-", [Alarmed, Unchanged, Alarmed, Fine]),
        ] {
            assert_eq!(judged(points, 2), verdicts, "{points}");
        }
    }
}
