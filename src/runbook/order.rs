//! Who waits for whom.
//!
//! A step waits for the one above it unless it says `needs`; the steps of a group wait for what their group waits for;
//! whoever waits for a group waits for all of its steps too.

use super::{
    ast::{Runbook, Step},
    found::Found,
};
use crate::model::Diagnostic;
use std::collections::HashMap;

/// All steps of a runbook in the order of the file, a group before its children and `finally` last.
pub(crate) struct Order<'a> {
    pub(crate) steps: Vec<Placed<'a>>,
    /// The steps that each one waits for, by position.
    waits: Vec<Vec<usize>>,
    by_id: HashMap<&'a str, usize>,
}

pub(crate) struct Placed<'a> {
    pub(crate) step: &'a Step,
    pub(crate) group: Option<usize>,
    pub(crate) is_finally: bool,
}

impl<'a> Order<'a> {
    /// Reports ids that are given twice and needs that name nothing.
    pub(crate) fn of(runbook: &'a Runbook, found: &mut Found) -> Self {
        let mut steps = Vec::new();
        for (list, is_finally) in [(&runbook.steps, false), (&runbook.finally, true)] {
            for step in list {
                let group = steps.len();
                steps.push(Placed { step, group: None, is_finally });
                let children = step.children().iter();
                steps.extend(children.map(|step| Placed { step, group: Some(group), is_finally }));
            }
        }
        let mut by_id = HashMap::new();
        for (at, placed) in steps.iter().enumerate() {
            let id = &placed.step.id;
            if let Some(first) = by_id.get(id.text.as_str()) {
                let steps: &[Placed<'_>] = &steps;
                let first: &Placed<'_> = &steps[*first];
                let message = format!("two steps have the id `{}`", id.text);
                found.add(
                    Diagnostic::at(id.span, message).label(first.step.id.span, "the first one"),
                );
            } else {
                by_id.insert(id.text.as_str(), at);
            }
        }
        let mut order = Self { steps, waits: Vec::new(), by_id };
        order.waits = order.waits(found);
        order
    }

    pub(crate) fn find(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = &'a str> {
        self.steps.iter().map(|placed| placed.step.id.text.as_str())
    }

    fn waits(&self, found: &mut Found) -> Vec<Vec<usize>> {
        let mut waits: Vec<Vec<usize>> = Vec::with_capacity(self.steps.len());
        let mut above: Option<usize> = None;
        for (at, placed) in self.steps.iter().enumerate() {
            if let Some(group) = placed.group {
                waits.push(waits[group].clone());
                continue;
            }
            let direct = match &placed.step.needs {
                Some(needs) => {
                    needs.iter().filter_map(|need| self.need(need, placed, found)).collect()
                }
                None => above
                    .filter(|above| self.steps[*above].is_finally == placed.is_finally)
                    .into_iter()
                    .collect::<Vec<_>>(),
            };
            let mut all: Vec<usize> =
                direct.into_iter().flat_map(|need| self.with_children(need)).collect();
            all.sort_unstable();
            all.dedup();
            waits.push(all);
            above = Some(at);
        }
        waits
    }

    fn need(&self, need: &crate::model::Key, by: &Placed<'_>, found: &mut Found) -> Option<usize> {
        let step = &by.step.id.text;
        let Some(at) = self.find(&need.text) else {
            let message =
                format!("step `{step}` needs `{}`, which is not a step of this runbook", need.text);
            found.add(Diagnostic::at(need.span, message).did_you_mean(&need.text, self.ids()));
            return None;
        };
        if self.steps[at].is_finally != by.is_finally {
            let message = format!("step `{step}` cannot need `{}`", need.text);
            let hint = "the steps of `finally` run at the end, after all others";
            found.add(Diagnostic::at(need.span, message).hint(hint));
            return None;
        }
        Some(at)
    }

    fn with_children(&self, at: usize) -> impl Iterator<Item = usize> {
        at..=at + self.steps[at].step.children().len()
    }

    /// Reports steps that wait for themselves, each circle once.
    pub(crate) fn check_circles(&self, found: &mut Found) {
        let mut state = vec![Visit::Never; self.steps.len()];
        for start in 0..self.steps.len() {
            // The path from `start` to the step in hand, each with the needs that are still to be looked at.
            let mut path = vec![(start, 0)];
            while let Some((at, next)) = path.last_mut() {
                let at = *at;
                if *next == 0 && state[at] == Visit::Done {
                    path.pop();
                    continue;
                }
                state[at] = Visit::OnPath;
                let Some(&need) = self.waits[at].get(*next) else {
                    state[at] = Visit::Done;
                    path.pop();
                    continue;
                };
                *next += 1;
                match state[need] {
                    Visit::Never => path.push((need, 0)),
                    Visit::OnPath => self.report_circle(&path, need, found),
                    Visit::Done => {}
                }
            }
        }
    }

    fn report_circle(&self, path: &[(usize, usize)], back: usize, found: &mut Found) {
        let start = path.iter().position(|(at, _)| *at == back).unwrap_or_default();
        // A path goes from a step to what it waits for; a group's steps only repeat what their group says.
        let mut circle: Vec<usize> = path[start..].iter().map(|(at, _)| *at).collect();
        circle.push(back);
        let ids: Vec<&str> =
            circle.iter().map(|at| self.steps[*at].step.id.text.as_str()).collect();
        let step = self.steps[back].step;
        let place = step.needs.iter().flatten().next().map_or(step.id.span, |need| need.span);
        let message = format!("steps wait for each other: {}", ids.join(" -> "));
        found.add(Diagnostic::at(place, message));
    }

    /// Whether `earlier` is finished before `later` starts.
    pub(crate) fn precedes(&self, earlier: usize, later: usize) -> bool {
        let mut seen = vec![false; self.steps.len()];
        let mut ahead = vec![later];
        while let Some(at) = ahead.pop() {
            for need in &self.waits[at] {
                if *need == earlier {
                    return true;
                }
                if !std::mem::replace(&mut seen[*need], true) {
                    ahead.push(*need);
                }
            }
        }
        false
    }

    /// The needs that are left when some steps are not part of the plan: whoever waited for one of those waits for
    /// what it waited for.
    pub(crate) fn without(&self, removed: &[bool]) -> Vec<Vec<usize>> {
        let needs = |at: usize| {
            let mut left = Vec::new();
            let mut seen = vec![false; self.steps.len()];
            let mut ahead = self.waits[at].clone();
            while let Some(need) = ahead.pop() {
                if std::mem::replace(&mut seen[need], true) {
                } else if removed[need] {
                    ahead.extend(&self.waits[need]);
                } else {
                    left.push(need);
                }
            }
            left.sort_unstable();
            left
        };
        (0..self.steps.len()).map(needs).collect()
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Visit {
    Never,
    OnPath,
    Done,
}
