//! TLS towards PostgreSQL.

mod verify;

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::config::Tls;
use crate::error::{Error, Result};
use verify::{Anybody, Vouched};

/// The TLS side of a connection.
///
/// # Errors
/// `File` when the authorities cannot be read.
pub(super) fn connector(tls: Tls, ca_file: Option<&Path>) -> Result<MakeRustlsConnect> {
    client(tls, ca_file).map(MakeRustlsConnect::new)
}

fn client(tls: Tls, ca_file: Option<&Path>) -> Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = match tls {
        Tls::VerifyFull => Arc::new(vouched(ca_file, &provider)?),
        Tls::Disable | Tls::Prefer | Tls::Require => Arc::new(Anybody(Arc::clone(&provider))),
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable("TLS", "ring", error.to_string()))?;
    Ok(builder
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth())
}

fn unusable(what: &'static str, path: &str, why: String) -> Error {
    Error::File {
        what,
        path: path.to_owned(),
        why,
    }
}

fn vouched(ca_file: Option<&Path>, provider: &Arc<CryptoProvider>) -> Result<Vouched> {
    let what = "the file of certificate authorities";
    let (path, authorities) = match ca_file {
        None => (
            "the system's store".to_owned(),
            rustls_native_certs::load_native_certs().certs,
        ),
        Some(file) => {
            let path = file.display().to_string();
            let certificates = CertificateDer::pem_file_iter(file)
                .and_then(|certificates| certificates.collect::<std::result::Result<Vec<_>, _>>())
                .map_err(|error| unusable(what, &path, error.to_string()))?;
            (path, certificates)
        }
    };
    let mut roots = RootCertStore::empty();
    let (usable, _ignored) = roots.add_parsable_certificates(authorities.iter().cloned());
    if usable == 0 {
        return Err(unusable(
            what,
            &path,
            "it holds no usable certificate".to_owned(),
        ));
    }
    let chain =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build();
    let chain = chain.map_err(|error| unusable(what, &path, error.to_string()))?;
    Ok(Vouched { chain, authorities })
}

#[cfg(test)]
mod tests;
