//! What a batch still has to do, beside what stands in the zone. It is told here what Route 53 would do without a word:
//! an UPSERT replaces a set, and what it does not repeat is gone.

use super::{
    batch::{Edit, Verb},
    record::{Key, RecordSet},
};

/// The changes that are not made yet, in the order of the batch; or why the batch must not be sent.
pub(super) fn missing(edits: &[Edit], there: &[RecordSet]) -> Result<Vec<Edit>, String> {
    let mut left = Vec::new();
    let mut keys: Vec<Key> = Vec::new();
    for edit in edits {
        let key = edit.set.key();
        if keys.contains(&key) {
            continue;
        }
        let of_key: Vec<_> = edits.iter().filter(|edit| edit.set.key() == key).collect();
        let now = there.iter().find(|set| set.key() == key);
        left.extend(of_one(&of_key, now)?);
        keys.push(key);
    }
    for edit in left.iter().filter(|edit| edit.verb != Verb::Delete) {
        check_beside(&edit.set, &left, there)?;
    }
    Ok(left)
}

/// The same for the changes of one record set: one, or a DELETE and what comes in its place.
fn of_one(edits: &[&Edit], now: Option<&RecordSet>) -> Result<Vec<Edit>, String> {
    let (first, last) = match edits {
        [] => return Ok(Vec::new()),
        [first, .., last] => (first, last),
        [only] => (only, only),
    };
    let wanted = Some(&last.set).filter(|_| last.verb != Verb::Delete);
    if now == wanted {
        return Ok(Vec::new());
    }
    let Some(now) = now else {
        let is_left = |edit: &&&Edit| edit.verb != Verb::Delete;
        return Ok(edits.iter().filter(is_left).map(|edit| (*edit).clone()).collect());
    };
    let label = now.label();
    if let Some(policy) = now.policy() {
        return Err(format!(
            "{label} belongs to the traffic policy instance {policy}, which alone may change it"
        ));
    }
    let lost = match first.verb {
        Verb::Delete if *now != first.set => {
            let change = first.set.change_to(now);
            return Err(format!(
                "DELETE of {label} must name what is there, and differs: {change}"
            ));
        }
        Verb::Create => {
            let change = now.change_to(&first.set);
            return Err(format!(
                "CREATE of {label}: it is there already, with other values ({change}); an UPSERT would change them"
            ));
        }
        Verb::Delete => Vec::new(),
        Verb::Upsert => now.lost_in(&first.set),
    };
    if !lost.is_empty() {
        let lost = lost.join(", ");
        return Err(format!(
            "UPSERT of {label} would drop its {lost}: repeat it, or DELETE the set and CREATE it anew in the same batch"
        ));
    }
    // A DELETE must repeat everything as it is kept.
    let as_kept = |edit: &&Edit| match edit.verb {
        Verb::Delete => Edit { verb: Verb::Delete, set: now.clone() },
        Verb::Create | Verb::Upsert => (*edit).clone(),
    };
    Ok(edits.iter().map(as_kept).collect())
}

/// A set without a `SetIdentifier` stands alone.
fn check_beside(set: &RecordSet, left: &[Edit], there: &[RecordSet]) -> Result<(), String> {
    let is_removed = |one: &&RecordSet| {
        left.iter().any(|edit| edit.verb == Verb::Delete && edit.set.key() == one.key())
    };
    let shares = |one: &&RecordSet| {
        one.name() == set.name() && one.kind() == set.kind() && one.key() != set.key()
    };
    let stays = there.iter().filter(shares).find(|one| !is_removed(one));
    match (stays, set.identifier()) {
        (Some(other), None) => Err(format!(
            "{} is one of several, and {} names no SetIdentifier: say which of them is meant",
            other.label(),
            set.label()
        )),
        (Some(other), Some(_)) if other.identifier().is_none() => Err(format!(
            "{} cannot stand beside {}, which has no SetIdentifier: DELETE that one in the same batch",
            set.label(),
            other.label()
        )),
        _ => Ok(()),
    }
}

/// What a change does, for people.
pub(super) fn says(edit: &Edit, there: &[RecordSet]) -> String {
    let label = edit.set.label();
    let now = there.iter().find(|set| set.key() == edit.set.key());
    match (edit.verb, now) {
        (Verb::Delete, _) => format!("{label} removed, was {}", edit.set.target()),
        (_, Some(now)) => format!("{label}: {}", now.change_to(&edit.set)),
        (_, None) => format!("{label}: new, {}", edit.set.target()),
    }
}
