//! Encryption of the way to a server.

use std::error::Error as _;
use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

/// What encrypts a connection. A server must prove who it is to the authorities that this
/// machine trusts, or to those in the file. Errors say what is wrong.
pub(super) fn connector(authorities: Option<&Path>) -> Result<MakeRustlsConnect, String> {
    let mut roots = RootCertStore::empty();
    // A machine without any, or with one that can't be read, still has those of the file.
    roots.add_parsable_certificates(trusted_by_machine().iter().cloned());
    if let Some(file) = authorities {
        let wrong = |error: &dyn std::fmt::Display| {
            format!(
                "the certificates in {} are of no use: {error}",
                file.display()
            )
        };
        let trusted_before = roots.len();
        for certificate in CertificateDer::pem_file_iter(file).map_err(|error| wrong(&error))? {
            let certificate = certificate.map_err(|error| wrong(&error))?;
            roots.add(certificate).map_err(|error| wrong(&error))?;
        }
        if roots.len() == trusted_before {
            return Err(wrong(&"there are none in it"));
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

/// What is wrong with the server's certificate, if that is why there is no connection.
pub(super) fn distrust(error: &tokio_postgres::Error) -> Option<String> {
    let cause = error.source()?.downcast_ref::<io::Error>()?.get_ref()?;
    match cause.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidCertificate(wrong) => {
            Some(format!("the server's certificate is not trusted: {wrong}"))
        }
        _ => None,
    }
}

/// Reading them takes longer than connecting.
fn trusted_by_machine() -> &'static [CertificateDer<'static>] {
    static TRUSTED: OnceLock<Vec<CertificateDer<'static>>> = OnceLock::new();
    TRUSTED.get_or_init(|| rustls_native_certs::load_native_certs().certs)
}
