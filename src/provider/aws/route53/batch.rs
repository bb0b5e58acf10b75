//! A batch of changes, which Route 53 makes all at once or not at all, and the time until its servers have it.

use super::{
    super::{call::Call, client, client::Aws, service::ROUTE_53},
    NAMESPACE,
    record::RecordSet,
};
use crate::{
    action::{Applied, Handle, Polled, Trouble},
    wire::{Element, Response},
};
use serde_json::json;
use std::time::Duration;

/// Changes are everywhere within 60 s (`ChangeResourceRecordSets`, "Change Propagation"). The SDKs' waiter looks every
/// 30 s, which on a bad night is half of that.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// The longest comment of a batch, in bytes (`ResourceDescription`).
const LONGEST_COMMENT: usize = 256;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Create,
    Upsert,
    Delete,
}

impl Verb {
    pub(super) const ALL: [Self; 3] = [Self::Create, Self::Upsert, Self::Delete];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Upsert => "UPSERT",
            Self::Delete => "DELETE",
        }
    }
}

/// One change of a batch.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Edit {
    pub verb: Verb,
    pub set: RecordSet,
}

impl Edit {
    pub(super) fn upsert(set: RecordSet) -> Self {
        Self { verb: Verb::Upsert, set }
    }

    fn element(&self) -> Element {
        let verb = Element::with_text("Action", self.verb.as_str());
        Element::new("Change").with([verb, self.set.element()])
    }
}

/// The one request that makes all of these changes.
pub(super) fn call(zone: &str, comment: &str, edits: &[Edit]) -> Call {
    let comment: String = comment.chars().take(LONGEST_COMMENT).collect();
    let batch = Element::new("ChangeBatch").with([
        Element::with_text("Comment", comment),
        Element::new("Changes").with(edits.iter().map(Edit::element)),
    ]);
    let path = format!("hostedzone/{zone}/rrset/");
    let root = format!("ChangeResourceRecordSetsRequest {NAMESPACE}");
    let body = Element::new(root).with([batch]);
    Call::post(&ROUTE_53, "ChangeResourceRecordSets", &path, &body)
}

/// The batch is valid, and on its way to the servers.
pub(super) fn accepted(response: &Response) -> Applied {
    let request_id = client::request_id(response);
    let text = std::str::from_utf8(response.body()).ok();
    let answer = text.and_then(Element::read);
    let info = answer.as_ref().and_then(|answer| answer.find("ChangeInfo"));
    let id = info.and_then(|info| info.text_of("Id"));
    match id.filter(|_| !is_everywhere(info)) {
        Some(id) => Applied::Accepted { handle: Handle(json!({ "change": id })), request_id },
        None => Applied::Done { request_id },
    }
}

fn is_everywhere(info: Option<&Element>) -> bool {
    info.and_then(|info| info.text_of("Status")) == Some("INSYNC")
}

/// Asks how far a batch has come. Route 53 never says that one failed.
pub(super) async fn poll(aws: &Aws, handle: &Handle) -> Result<Polled, Trouble> {
    let id = handle.0["change"].as_str().unwrap_or_default();
    let id = id.rsplit('/').next().unwrap_or_default();
    let call = Call::get(&ROUTE_53, "GetChange", &format!("change/{id}"));
    // It forgets changes. This one was accepted, and the servers are asked afterwards in any case.
    let Some(answer) = aws.find_xml(&call, &["NoSuchChange"]).await? else {
        return Ok(Polled::Done);
    };
    if is_everywhere(answer.find("ChangeInfo")) {
        return Ok(Polled::Done);
    }
    let says = format!("change {id} is PENDING: not every name server has it");
    Ok(Polled::Pending { says, look_again: LOOK_AGAIN })
}
