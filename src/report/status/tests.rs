use super::*;
use crate::report::sample::{at, told, whole};

#[test]
fn a_stopped_run_says_where_it_stands_and_what_to_type() {
    let facts = whole();
    let timeline = told(&facts[..11]);
    assert_eq!(
        status(&timeline, AtWork::Nobody, at(1_000), " --state /s"),
        "\
web  eastus → westus  unplanned   run 7f3c   stopped, resumable
started 02:00:00Z by asha on bastion-2; last record 02:02:37Z, 14 min 3 s ago

 ! fence    owed  eastus does not answer
 ◐ storage  35 s  accepted, goes on in the cloud since 02:02:37Z; usually ~1 h
 ○ served         waits for storage

now:  0 of 3 steps done; storage goes on in the cloud (since 02:02:37Z); fence is owed
      users of shop: no answer since 02:00:01Z
next: go on
      failover resume 7f3c --state /s
"
    );
}

#[test]
fn a_run_that_owes_is_told_how_to_pay() {
    let text = status(&told(&whole()), AtWork::Nobody, at(9_000), "");
    assert!(text.contains("run 7f3c   done, owing\n"), "{text}");
    assert!(text.ends_with("next: pay what is owed\n      failover resume 7f3c\n"), "{text}");
}
