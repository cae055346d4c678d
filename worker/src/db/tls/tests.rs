use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, ServerConfig, ServerConnection};

use super::*;

/// Certificates for `db.example` with their keys, one signed by an authority and one by itself as `openssl req -x509`
/// makes it: made for these tests, P-256, valid until 2126, used nowhere else.
const SIGNED: (&[u8], &[u8]) = (include_bytes!("server.pem"), include_bytes!("server.key"));
const SELF_SIGNED: (&[u8], &[u8]) = (
    include_bytes!("selfsigned.pem"),
    include_bytes!("selfsigned.key"),
);
const AUTHORITY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/db/tls/authority.pem");
const ITSELF: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/db/tls/selfsigned.pem");

/// A handshake in memory between a client of ours and a server with that certificate.
fn handshake(
    (certificate, key): (&[u8], &[u8]),
    tls: Tls,
    ca_file: Option<&str>,
    name: &str,
) -> std::result::Result<(), String> {
    let provider = Arc::new(ring::default_provider());
    let chain = vec![CertificateDer::from_pem_slice(certificate).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(key).unwrap();
    let server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let mut server = ServerConnection::new(Arc::new(server)).unwrap();
    let config = client(tls, ca_file.map(Path::new)).map_err(|error| error.to_string())?;
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
    while client.is_handshaking() || server.is_handshaking() {
        let mut bytes = Vec::new();
        client.write_tls(&mut bytes).unwrap();
        server.read_tls(&mut bytes.as_slice()).unwrap();
        server
            .process_new_packets()
            .map_err(|error| error.to_string())?;
        let mut bytes = Vec::new();
        server.write_tls(&mut bytes).unwrap();
        client.read_tls(&mut bytes.as_slice()).unwrap();
        client
            .process_new_packets()
            .map_err(|error| error.to_string())?;
    }
    Ok(())
}

#[test]
fn verify_full_accepts_the_host_that_its_authority_vouches_for() {
    assert_eq!(
        handshake(SIGNED, Tls::VerifyFull, Some(AUTHORITY), "db.example"),
        Ok(())
    );
}

#[test]
fn verify_full_accepts_a_self_signed_certificate_that_is_its_own_authority() {
    assert_eq!(
        handshake(SELF_SIGNED, Tls::VerifyFull, Some(ITSELF), "db.example"),
        Ok(())
    );
    let name = handshake(SELF_SIGNED, Tls::VerifyFull, Some(ITSELF), "other.example").unwrap_err();
    assert!(name.contains("not valid for name"), "{name}");
    let unknown =
        handshake(SELF_SIGNED, Tls::VerifyFull, Some(AUTHORITY), "db.example").unwrap_err();
    assert!(unknown.contains("invalid peer certificate"), "{unknown}");
}

#[test]
fn verify_full_refuses_another_name_and_an_unknown_authority() {
    let name = handshake(SIGNED, Tls::VerifyFull, Some(AUTHORITY), "other.example").unwrap_err();
    assert!(
        name.contains("not valid for name \"other.example\""),
        "{name}"
    );
    let authority = handshake(SIGNED, Tls::VerifyFull, Some(ITSELF), "db.example").unwrap_err();
    assert!(authority.contains("UnknownIssuer"), "{authority}");
}

#[test]
fn require_and_prefer_accept_any_certificate_as_libpq_does() {
    for tls in [Tls::Require, Tls::Prefer] {
        assert_eq!(handshake(SIGNED, tls, None, "other.example"), Ok(()));
    }
}

#[test]
fn a_file_without_authorities_is_named() {
    let missing = client(Tls::VerifyFull, Some(Path::new("/nowhere/ca.pem")))
        .unwrap_err()
        .to_string();
    assert!(missing.contains("/nowhere/ca.pem"), "{missing}");
    let key = concat!(env!("CARGO_MANIFEST_DIR"), "/src/db/tls/server.key");
    let empty = client(Tls::VerifyFull, Some(Path::new(key)))
        .unwrap_err()
        .to_string();
    assert!(empty.contains("it holds no usable certificate"), "{empty}");
}
