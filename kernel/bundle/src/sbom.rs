//! What the program consists of.

/// The bill of materials in CycloneDX 1.6 JSON: the crates that the program is linked from, their
/// licences and digests. A test holds it to Cargo.lock.
pub const SBOM: &str = include_str!("../../../docs/sbom.cdx.json");
