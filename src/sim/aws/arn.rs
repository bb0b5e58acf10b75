//! Amazon Resource Names. Source: "Identify AWS resources with Amazon Resource Names", IAM user guide.

/// `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`
pub(super) struct Arn<'a> {
    pub region: &'a str,
    pub resource: &'a str,
}

impl<'a> Arn<'a> {
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        let ("arn", _, _, region, _, resource) = (
            parts.next()?,
            parts.next()?,
            parts.next()?,
            parts.next()?,
            parts.next()?,
            parts.next()?,
        ) else {
            return None;
        };
        Some(Self { region, resource })
    }
}
