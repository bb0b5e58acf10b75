//! What Terraform or OpenTofu will find changed: resources whose names it gave, and which the run changed beside it.
//!
//! Neither is asked. A change says what it does and not to which of its step's resources, so it stands beside all of
//! them, but for those that the run made: they are in no state.

use super::timeline::{End, Timeline};
use crate::plan::NamesFrom;

/// What an apply would change back.
pub(super) struct Drift<'a> {
    pub names: &'a NamesFrom,
    /// Resources, and what was changed of them. Never empty.
    pub rows: Vec<(Vec<&'a str>, Vec<String>)>,
}

/// `None` when nothing was changed, or no names came from such a tool.
pub(super) fn drift(timeline: &Timeline) -> Option<Drift<'_>> {
    let names = timeline.plan.names_from.as_ref()?;
    let mut rows: Vec<(Vec<&str>, Vec<String>)> = Vec::new();
    for (step, story) in timeline.work() {
        let touched = step.action().map(|work| work.touched()).unwrap_or_default();
        let touched = touched.into_iter().filter(|touched| !touched.made_by_the_run);
        let touched: Vec<&str> = touched.map(|touched| touched.name.as_str()).collect();
        let changes: Vec<String> = story
            .changes
            .iter()
            .filter_map(|change| match change.end {
                End::Settled => Some(change.change.says.clone()),
                End::Open | End::InDoubt(_) => Some(format!("{} (in doubt)", change.change.says)),
                End::Deferred(_) | End::Refused(_) => None,
            })
            .collect();
        if touched.is_empty() || changes.is_empty() {
            continue;
        }
        match rows.iter_mut().find(|(known, _)| *known == touched) {
            Some((_, known)) => known.extend(changes),
            None => rows.push((touched, changes)),
        }
    }
    (!rows.is_empty()).then_some(Drift { names, rows })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Owner, Resource},
        plan::{Tool, Work},
        report::{
            document, markdown,
            sample::{on, told, whole},
            status::AtWork,
        },
        run::{Fact, StepFact},
    };
    use serde_json::json;
    use std::sync::Arc;

    /// The run, of which the storage step touches these.
    fn with_names(facts: &[(i64, Fact)], touches: &[(&str, bool)]) -> Timeline {
        let mut timeline = told(facts);
        let plan = Arc::make_mut(&mut timeline.plan);
        let (tool, folder) = (Tool::OpenTofu, "runbooks/infra".to_owned());
        plan.names_from = Some(NamesFrom { tool, folder, unread: None });
        let storage = plan.steps.iter_mut().find(|step| step.id.as_str() == "storage").unwrap();
        let Work::Action(work) = &mut storage.work else { panic!("it acts") };
        let touched = |(name, made): &(&str, bool)| Resource {
            kind: "Microsoft.Storage/storageAccounts".to_owned(),
            name: (*name).to_owned(),
            owner: Owner::Azure { subscription: "s".to_owned(), resource_group: "g".to_owned() },
            region: None,
            made_by_the_run: *made,
        };
        work.touches = touches.iter().map(touched).collect();
        timeline
    }

    #[test]
    fn what_was_changed_stands_beside_what_its_step_touches() {
        let touches = [("tm", false), ("tm/second", false), ("stweb", false), ("page", true)];
        let timeline = with_names(&whole(), &touches);
        let drift = drift(&timeline).unwrap();
        let says = "fail stweb over to westus".to_owned();
        assert_eq!(drift.rows, [(vec!["tm/second", "stweb"], vec![says.clone()])]);
        let expected = "\
## What OpenTofu will want to change back

OpenTofu in `runbooks/infra` names resources of this run, and was not asked about them. An apply there may undo what \
follows, unless the configuration says by then what is so now; `tofu -chdir=runbooks/infra plan` tells.

| resources | what was changed |
| --- | --- |
| `tm/second`, `stweb` | fail stweb over to westus |

";
        let report = markdown(&timeline, AtWork::Nobody);
        assert!(report.contains(expected), "{report}");
        let changed = json!([{ "resources": ["tm/second", "stweb"], "changes": [says] }]);
        let expected =
            json!({ "tool": "opentofu", "folder": "runbooks/infra", "changed": changed });
        assert_eq!(document(&timeline)["drift"], expected);
    }

    #[test]
    fn what_was_refused_is_not_there_and_what_is_in_doubt_may_be() {
        let sent = &whole()[..10];
        let changes = |last: StepFact| {
            let facts = [sent, &[(200, on("storage", last))]].concat();
            drift(&with_names(&facts, &[("stweb", false)])).map(|drift| drift.rows[0].1.clone())
        };
        let why = || "409".to_owned();
        let refused = StepFact::ChangeRefused { why: why(), request_id: None };
        assert_eq!(changes(refused), None);
        let doubted = StepFact::ChangeDoubted { why: why(), until: None };
        assert_eq!(changes(doubted), Some(vec!["fail stweb over to westus (in doubt)".to_owned()]));
    }

    #[test]
    fn a_run_whose_names_stand_in_its_runbook_drifts_from_nothing() {
        assert!(drift(&told(&whole())).is_none());
        assert!(drift(&with_names(&whole(), &[("page", true)])).is_none());
    }
}
