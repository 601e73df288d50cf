//! Sealed bundles: one file that holds runs with everything they depended on, so that a customer
//! verifies who sealed it, runs every episode again offline, and gets the same bytes.
//!
//! `docs/bundle-format.md` specifies the file. A [`Manifest`] names every member with its size,
//! its digest and its [`Role`]; signatures are over the manifest.

mod archive;
mod bundle;
mod kept;
mod lineage;
mod manifest;
mod path;
mod sbom;
pub mod sealed;
pub mod signing;
pub mod statement;
pub mod trust;
mod verify;

pub use archive::{
    ARCHIVE_BYTES_MAX, ATTESTATION_BYTES_MAX, ATTESTATIONS_MAX, Archive, ArchiveError, Attachments,
    Countersignature, DosTime, Existing, MEMBER_BYTES_MAX, MemberReader, Packer,
    SIGNATURE_MEMBER_BYTES_MAX, SIGNATURES_MAX, with_attachments,
};
pub use bundle::{
    Bundle, BundleError, INPUT_BYTES_MAX, OpenSuite, SEALED_BYTES_MAX, public_form, sealed_form,
};
pub use kept::KeptRun;
pub use lineage::{LineageError, Members, ReadError, check as check_lineage};
pub use manifest::{
    FORMAT, Inputs, MANIFEST, MANIFEST_BYTES_MAX, MEMBERS_MAX, Manifest, ManifestError, Member,
    Packed, Plain, PluginSeat, PromptText, RUNS_MAX, Role, Run,
};
pub use path::{MemberPath, PATH_BYTES_MAX, PathError};
pub use sbom::SBOM;
pub use verify::{
    Attestation, Lines, Telemetry, Verified, VerifiedRun, VerifyError, read_telemetry,
};
