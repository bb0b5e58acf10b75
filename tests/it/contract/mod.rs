//! Every exchange against the vendors' published contracts.
//!
//! The excerpts in `tests/contracts` were made from Microsoft's published specifications and from AWS's published API
//! models, or by hand where none exist; each names its source. Neither the provider nor the simulator had a part in
//! them, so that they cannot agree on a misreading.

mod aws;
mod azure;
mod kubernetes;
mod patroni;
mod postgres;
mod redis;

use failover::sim::Exchange;
use serde_json::Value;
use std::path::Path;

/// Whether what was sent and what came back are as the vendor's contract says. An exchange without an excerpt is not.
///
/// The vendors' own hosts have contracts. All others are apps or their public names, and what they answer is their
/// owners' business. Of a request that nobody answered, only the address is judged.
pub(crate) fn check(exchange: &Exchange) -> Result<(), String> {
    if azure::is_meant(exchange) {
        azure::check(exchange)
    } else if aws::is_meant(exchange) {
        aws::check(exchange)
    } else if postgres::is_meant(exchange) {
        postgres::check(exchange)
    } else if kubernetes::is_meant(exchange) {
        kubernetes::check(exchange)
    } else if patroni::is_meant(exchange) {
        patroni::check(exchange)
    } else if redis::is_meant(exchange) {
        redis::check(exchange)
    } else {
        Ok(())
    }
}

/// The files of a vendor, by their names.
fn files(vendor: &str) -> impl Iterator<Item = (String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contracts").join(vendor);
    std::fs::read_dir(folder).unwrap().map(|entry| {
        let path = entry.unwrap().path();
        let file: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        assert!(file["source"].is_string(), "{}: an excerpt without its source", path.display());
        (path.file_stem().unwrap().to_str().unwrap().to_owned(), file)
    })
}
