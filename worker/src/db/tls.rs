//! TLS towards PostgreSQL.

use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::config::Tls;
use crate::error::{Error, Result};

/// The TLS side of a connection.
///
/// # Errors
/// `File` when the authorities cannot be read.
pub(super) fn connector(tls: Tls, ca_file: Option<&Path>) -> Result<MakeRustlsConnect> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable("TLS", "ring", error.to_string()))?;
    let config = match tls {
        Tls::VerifyFull => builder
            .with_root_certificates(authorities(ca_file)?)
            .with_no_client_auth(),
        Tls::Disable | Tls::Prefer | Tls::Require => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
            .with_no_client_auth(),
    };
    Ok(MakeRustlsConnect::new(config))
}

fn unusable(what: &'static str, path: &str, why: String) -> Error {
    Error::File {
        what,
        path: path.to_owned(),
        why,
    }
}

fn authorities(ca_file: Option<&Path>) -> Result<RootCertStore> {
    let what = "the file of certificate authorities";
    let (path, certificates) = match ca_file {
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
    let (usable, _ignored) = roots.add_parsable_certificates(certificates);
    if usable == 0 {
        return Err(unusable(
            what,
            &path,
            "it holds no usable certificate".to_owned(),
        ));
    }
    Ok(roots)
}

/// Accepts every certificate, as libpq does for `prefer` and `require`; the handshake itself is still verified, so that
/// SCRAM's channel binding means something.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_of_authorities_is_named() {
        let error = connector(Tls::VerifyFull, Some(Path::new("/nowhere/ca.pem")))
            .err()
            .unwrap();
        assert!(error.to_string().contains("/nowhere/ca.pem"), "{error}");
    }

    #[test]
    fn unverified_modes_need_no_authorities() {
        assert!(connector(Tls::Require, None).is_ok());
        assert!(connector(Tls::Prefer, None).is_ok());
    }
}
