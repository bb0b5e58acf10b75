//! `failover schema`: the language as editors want to know it.

use super::Desk;
use crate::{model::Exit, provider, runbook};

pub(super) fn carry_out(desk: &Desk) -> Exit {
    desk.say.data(&format!("{:#}", runbook::schema(provider::catalogue())));
    Exit::Done
}
