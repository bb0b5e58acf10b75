//! Faults of a simulated cloud, as they are typed: `POST /failover?=503`.

use crate::sim::{Fault, Mishap};
use clap::Args;
use http::{Method, StatusCode};

/// What goes wrong in a simulated cloud.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct FaultFlags {
    /// Let a request of the simulated cloud go wrong
    ///
    /// `[METHOD ]PART-OF-ADDRESS[@NTH]=WHAT`, such as `POST /failover?=503` or `GET /sites/@3=429:47`. WHAT is a status,
    /// with the seconds of its Retry-After; `lost` (carried out, and no answer comes), `late:STATUS` (carried out, and
    /// answered so), `cut` (carried out, and the answer breaks off), `hang` (not carried out, and no answer comes),
    /// `unsent` or `pretend` (answered well, and not carried out). What is asked of AWS stands behind a `?`, such as
    /// `monitoring.us-west-2.amazonaws.com/?PutMetricData=429`.
    #[arg(long, value_name = "FAULT", value_parser = fault)]
    pub fault: Vec<Fault>,
}

fn fault(text: &str) -> Result<Fault, String> {
    let example = "it must look like `POST /failover?=503`, `GET /sites/@3=429:47` or `/stop=lost`";
    let (place, what) = text.rsplit_once('=').ok_or(example)?;
    let mishap = mishap(what).ok_or_else(|| {
        format!(
            "`{what}` is not a status, `lost`, `late:STATUS`, `cut`, `hang`, `unsent` or `pretend`"
        )
    })?;
    let (method, place) = match place.trim().split_once(' ') {
        Some((method, rest)) => (Some(known(method)?), rest.trim()),
        None => (None, place.trim()),
    };
    let (path, nth) = match place.rsplit_once('@') {
        Some((path, nth)) => (path, nth.parse().ok().filter(|nth| *nth > 0).ok_or(example)?),
        None => (place, 1),
    };
    if path.is_empty() {
        return Err(example.to_owned());
    }
    Ok(Fault { method, path: path.to_owned(), nth, mishap })
}

fn known(method: &str) -> Result<Method, String> {
    let method = method.to_ascii_uppercase();
    let known = [Method::GET, Method::PUT, Method::POST, Method::PATCH, Method::DELETE];
    known
        .into_iter()
        .find(|known| known.as_str() == method)
        .ok_or_else(|| format!("`{method}` is not GET, PUT, POST, PATCH or DELETE"))
}

fn mishap(what: &str) -> Option<Mishap> {
    let status = |text: &str| {
        let code = StatusCode::from_bytes(text.as_bytes()).ok()?;
        (code.is_client_error() || code.is_server_error()).then_some(code)
    };
    match what.trim().split_once(':') {
        Some(("late", code)) => status(code).map(Mishap::LateStatus),
        Some((code, seconds)) => {
            let retry_after = Some(seconds.parse().ok()?);
            Some(Mishap::Status { code: status(code)?, retry_after })
        }
        None => match what.trim() {
            "lost" => Some(Mishap::LostAnswer),
            "cut" => Some(Mishap::CutOff),
            "hang" => Some(Mishap::Hang),
            "unsent" => Some(Mishap::NotSent),
            "pretend" => Some(Mishap::Pretend),
            code => Some(Mishap::Status { code: status(code)?, retry_after: None }),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_a_place_and_what_goes_wrong_there() {
        let told = |text: &str| {
            let Fault { method, path, nth, mishap } = fault(text).unwrap();
            format!("{method:?} {path} {nth} {mishap:?}")
        };
        assert_eq!(
            told("POST /failover?=503"),
            "Some(POST) /failover? 1 Status { code: 503, retry_after: None }"
        );
        assert_eq!(
            told("get /sites/@3=429:47"),
            "Some(GET) /sites/ 3 Status { code: 429, retry_after: Some(47) }"
        );
        assert_eq!(told("/stop=lost"), "None /stop 1 LostAnswer");
        assert_eq!(told("/a?b=c=late:504"), "None /a?b=c 1 LateStatus(504)");
    }

    #[test]
    fn what_is_no_fault_is_told_with_an_example() {
        for text in
            ["", "/stop", "/stop=200", "=503", "/stop@0=503", "FETCH /stop=503", "/stop=boom"]
        {
            assert!(fault(text).is_err(), "{text}");
        }
    }
}
