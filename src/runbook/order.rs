//! Who waits for whom.
//!
//! A step waits for the one above it unless it says `needs`; the steps of a group wait for what their group waits for;
//! whoever waits for a group waits for all of its steps too.

use super::{
    ast::{Runbook, Step},
    found::Found,
};
use crate::model::{Diagnostic, Key, Span};
use std::collections::HashMap;

/// All steps of a runbook in the order of the file, a group before its children and `finally` last.
pub(crate) struct Order<'a> {
    pub(crate) steps: Vec<Placed<'a>>,
    /// The steps that each one waits for, by position.
    waits: Vec<Vec<usize>>,
    /// Whether a step needs something that is not there: it is not known what it would wait for.
    is_broken: Vec<bool>,
    by_id: HashMap<&'a str, usize>,
}

pub(crate) struct Placed<'a> {
    pub(crate) step: &'a Step,
    pub(crate) group: Option<usize>,
    pub(crate) is_finally: bool,
}

impl Placed<'_> {
    /// What people call it.
    pub(super) fn called(&self) -> String {
        match self.step.id.text.as_str() {
            "" => "a step without an id".to_owned(),
            id => format!("step `{id}`"),
        }
    }
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
            if id.text.is_empty() {
                continue;
            }
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
        let is_broken = vec![false; steps.len()];
        let mut order = Self { steps, waits: Vec::new(), is_broken, by_id };
        let has_all = runbook.has_all_steps;
        for at in 0..order.steps.len() {
            let (waits, is_broken) = order.waits_of(at, has_all, found);
            order.waits.push(waits);
            order.is_broken[at] = is_broken;
        }
        order
    }

    pub(crate) fn find(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = &'a str> {
        self.steps.iter().map(|placed| placed.step.id.text.as_str())
    }

    /// What a step waits for, and whether that is all.
    fn waits_of(&self, at: usize, has_all: bool, found: &mut Found) -> (Vec<usize>, bool) {
        let placed = &self.steps[at];
        if let Some(group) = placed.group {
            return (self.waits[group].clone(), self.is_broken[group]);
        }
        let above = (0..at).rfind(|above| self.steps[*above].group.is_none());
        let direct: Vec<Option<usize>> = match &placed.step.needs {
            Some(needs) => {
                needs.iter().map(|need| self.need(need, placed, has_all, found)).collect()
            }
            None => above
                .filter(|above| self.steps[*above].is_finally == placed.is_finally)
                .map(Some)
                .into_iter()
                .collect(),
        };
        let is_broken = direct.contains(&None);
        let mut all: Vec<usize> =
            direct.into_iter().flatten().flat_map(|need| self.with_children(need)).collect();
        all.sort_unstable();
        all.dedup();
        (all, is_broken)
    }

    fn need(&self, need: &Key, by: &Placed<'_>, has_all: bool, found: &mut Found) -> Option<usize> {
        let step = by.called();
        let Some(at) = self.find(&need.text) else {
            // It may stand in what could not be read, or could itself not be read.
            if has_all && !need.text.is_empty() {
                let message =
                    format!("{step} needs `{}`, which is not a step of this runbook", need.text);
                found.add(Diagnostic::at(need.span, message).did_you_mean(&need.text, self.ids()));
            }
            return None;
        };
        if self.steps[at].is_finally != by.is_finally {
            let message = format!("{step} cannot need `{}`", need.text);
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
    pub(super) fn check_circles(&self, found: &mut Found) {
        let mut state = vec![Visit::Never; self.steps.len()];
        for start in 0..self.steps.len() {
            // The path from `start` to the step in hand, each with the needs that are still to be looked at.
            let mut path = vec![(self.top(start), 0)];
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
                let need = self.top(need);
                match state[need] {
                    Visit::Never => path.push((need, 0)),
                    Visit::OnPath => self.report_circle(&path, need, found),
                    Visit::Done => {}
                }
            }
        }
    }

    /// The step itself, or its group: the steps of a group wait for what their group waits for.
    fn top(&self, at: usize) -> usize {
        self.steps[at].group.unwrap_or(at)
    }

    fn report_circle(&self, path: &[(usize, usize)], back: usize, found: &mut Found) {
        let start = path.iter().position(|(at, _)| *at == back).unwrap_or_default();
        // A path goes from a step to what it waits for.
        let mut circle: Vec<usize> = path[start..].iter().map(|(at, _)| *at).collect();
        circle.push(back);
        // A step that waits for the one above it has written nothing that could be pointed at.
        let place = circle.windows(2).find_map(|pair| self.need_between(pair[0], pair[1]));
        let place = place.unwrap_or(self.steps[back].step.id.span);
        let ids: Vec<_> = circle.iter().map(|at| self.steps[*at].step.id.text.as_str()).collect();
        let message = match ids.as_slice() {
            [_, _] => format!("{} waits for itself", self.steps[back].called()),
            _ => format!("steps wait for each other: {}", ids.join(" -> ")),
        };
        found.add(Diagnostic::at(place, message));
    }

    /// Where a step says that it needs another one, or a step of that group.
    fn need_between(&self, step: usize, needed: usize) -> Option<Span> {
        let mut needs = self.steps[step].step.needs.iter().flatten();
        let names = |need: &&Key| self.find(&need.text).is_some_and(|at| self.top(at) == needed);
        needs.find(names).map(|need| need.span)
    }

    /// Whether `earlier` is finished before `later` starts, as far as that is known.
    pub(crate) fn precedes(&self, earlier: usize, later: usize) -> bool {
        let mut seen = vec![false; self.steps.len()];
        let mut ahead = vec![later];
        while let Some(at) = ahead.pop() {
            if self.is_broken[at] {
                return true;
            }
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
