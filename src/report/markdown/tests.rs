use super::*;
use crate::{
    plan::{Needed, Plan, Work},
    report::{
        document,
        sample::{told, whole},
    },
};
use std::sync::Arc;

#[test]
fn the_report_tells_the_whole_run() {
    assert_eq!(
        markdown(&told(&whole()), AtWork::Nobody),
        "\
# web: eastus → westus

Move the web shop

|  |  |
| --- | --- |
| outcome | done, owing |
| run | `7f3c` (01990000-0000-7000-8000-000000007f3c) |
| mode | unplanned |
| runbook | `runbooks/web.yaml` |
| total time | 1 h 10 min |
| changes | 1 change, none sent twice |
| by | asha on bastion-2, as sp-drill, 2026-08-21 02:00:00Z to 03:10:11Z, failover 0.1.0 |

## Promised and measured

|  | measured | promised |  | seen |
| --- | --- | --- | --- | --- |
| recovery time | 1 h 10 min | of 2 h | met | first failed sample 02:00:01Z, first good one 03:10:01Z |
| data loss | 4 min 12 s | of 15 min | met | storage 4 min 12 s |
| people | 31 s |  |  | waiting for an answer (1 question) |

## Steps

|  | step | outcome | started | machine | people | attempts |
| --- | --- | --- | --- | --- | --- | --- |
| 1 | `fence` | owed: eastus does not answer | 02:00:02Z | 2 min |  |  |
| 2a | `storage` Fail the videos over | done | 02:02:02Z | 1 h 4 min |  |  |
| 3 | `served` | done | 03:06:41Z | 3 min 29 s |  |  |

## Questions

| asked | question | evidence | answer | after |
| --- | --- | --- | --- | --- |
| 02:02:04Z | `go` move the storage to westus | primary eastus, data loss 4 min 12 s | asha says yes | 31 s |

## Changes

| begun | step | change | end | request id |
| --- | --- | --- | --- | --- |
| 02:02:36Z | `storage` | ! fail stweb over to westus | settled 03:06:40Z | 8f2c |

## What users saw

| from | address |  | answer |
| --- | --- | --- | --- |
| 02:00:01Z | shop | not good | no answer |
| 03:10:01Z | shop | good | 200 from westus |

## Left to do

- `fence`: owed: eastus does not answer
"
    );
}

#[test]
fn the_report_tells_what_was_waived_and_why() {
    let mut timeline = told(&whole());
    let mut plan = Plan::clone(&timeline.plan);
    let storage = &mut plan.steps[2];
    storage.waive = Some("its keys are in both | regions".to_owned());
    if let Work::Action(work) = &mut storage.work {
        let data = Needed::Data { region: Some("eastus".into()) };
        work.planes = vec![data, Needed::Global { service: "Storage".to_owned() }];
    }
    timeline.plan = Arc::new(plan);
    let report = markdown(&timeline, AtWork::Nobody);
    let expected = "\
## Waived

| step | needs, presumed lost | why it was begun |
| --- | --- | --- |
| `storage` | eastus data | its keys are in both \\| regions |

";
    assert!(report.contains(expected), "{report}");
    let step = &document(&timeline)["steps"][2];
    assert_eq!(step["waived"], "its keys are in both | regions");
    assert_eq!(step["planes"][1]["plane"], "global");
}
