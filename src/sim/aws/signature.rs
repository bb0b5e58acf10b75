//! The scope of a signature: which service of which region a request is for.
//!
//! Source: "Create a signed AWS API request" (IAM user guide). The signature itself is taken on trust: the keys are the
//! operator's own, and no secret of theirs is known here.

use crate::sim::call::{Call, Refusal};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

const ALGORITHM: &str = "AWS4-HMAC-SHA256 ";
/// How far the clock of whoever asks may be off ("Troubleshoot signed requests").
const SKEW: SignedDuration = SignedDuration::from_mins(5);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sim) struct Scope {
    pub key: String,
    date: String,
    pub region: String,
    pub service: String,
}

impl Scope {
    /// Reads `Credential=KEY/DATE/REGION/SERVICE/aws4_request` of the authorization; `None` when AWS is not meant.
    pub(in crate::sim) fn of(call: &Call<'_>) -> Option<Self> {
        Self::read(call.header("authorization")?)
    }

    pub(in crate::sim) fn read(authorization: &str) -> Option<Self> {
        let rest = authorization.strip_prefix(ALGORITHM)?;
        let credential = part(rest, "Credential=")?;
        let [key, date, region, service, "aws4_request"] =
            credential.split('/').collect::<Vec<_>>()[..]
        else {
            return None;
        };
        let [key, date, region, service] = [key, date, region, service].map(ToOwned::to_owned);
        Some(Self { key, date, region, service })
    }

    /// The header that says as much, without a key and without a signature.
    pub(in crate::sim) fn bare(&self) -> String {
        let Self { date, region, service, .. } = self;
        format!("{ALGORITHM}Credential=-/{date}/{region}/{service}/aws4_request")
    }

    /// Whether the signature can be of the request, as far as that can be seen.
    pub(super) fn check(&self, call: &Call<'_>) -> Result<(), Refusal> {
        let authorization = call.header("authorization").unwrap_or_default();
        let incomplete = |what: &str| {
            let why = format!("Authorization header requires '{what}' parameter.");
            Refusal::new(403, "IncompleteSignature", why)
        };
        let signed = part(authorization, "SignedHeaders=");
        let signed = signed.ok_or_else(|| incomplete("SignedHeaders"))?;
        let signature = part(authorization, "Signature=");
        let signature = signature.ok_or_else(|| incomplete("Signature"))?;
        let date = call.header("x-amz-date").ok_or_else(|| incomplete("X-Amz-Date"))?;
        let is_hex = signature.len() == 64 && signature.bytes().all(|b| b.is_ascii_hexdigit());
        let covers = |name: &str| signed.split(';').any(|header| header == name);
        if !is_hex || !covers("host") || !covers("x-amz-date") || !date.starts_with(&self.date) {
            let why = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.";
            return Err(Refusal::new(403, "SignatureDoesNotMatch", why));
        }
        let signed_at = instant(date).ok_or_else(|| incomplete("X-Amz-Date"))?;
        if signed_at.duration_since(call.now).abs() > SKEW {
            let why =
                format!("Signature expired: {date} is now earlier or later than 5 min from now.");
            return Err(Refusal::new(403, "SignatureDoesNotMatch", why));
        }
        Ok(())
    }
}

/// `20261120T100000Z`
fn instant(text: &str) -> Option<Timestamp> {
    let civil = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?;
    Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

fn part<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let after = &text[text.find(name)? + name.len()..];
    after.split([',', ' ']).next().filter(|value| !value.is_empty())
}
