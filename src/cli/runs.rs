//! `failover runs`: what is kept.

use super::{Desk, kept};
use crate::model::{Exit, Failure};

pub(super) fn carry_out(desk: &Desk) -> Result<Exit, Failure> {
    let all = kept::all(&desk.settings)?;
    if all.is_empty() {
        let state = desk.settings.shorten(&desk.settings.state);
        desk.say.talk(&format!("no runs are kept in {state}"));
    } else {
        desk.say.data(&kept::table(&all, &desk.settings));
    }
    Ok(Exit::Done)
}
