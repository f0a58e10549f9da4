"""Certificates of an authority of the tests' own, as Java and as Python read them."""

import secrets
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.hazmat.primitives.serialization.pkcs12 import (
    PKCS12Certificate,
    serialize_java_truststore,
    serialize_key_and_certificates,
)
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class KeyStores:
    """What a server in Java is given: PKCS #12, both with one password."""

    keystore: Path
    truststore: Path
    password: str = field(repr=False)


class Authority:
    """`ca_file` is its certificate; all it makes lies beside that and is valid for a day."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.ca_file = folder / "ca.pem"
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(f"Authority {folder.name}")
        self._certificate = self._sign(self._name, self._key.public_key(), authority=True)
        self.ca_file.write_bytes(self._certificate.public_bytes(Encoding.PEM))

    def issue_stores(self, address: str) -> KeyStores:
        """For the server at this IP address; it trusts whom this authority has signed."""
        key, certificate = self._issue(address, address)
        password = secrets.token_hex(8)
        stores = KeyStores(self._folder / f"{address}.p12", self._folder / "trust.p12", password)
        encryption = BestAvailableEncryption(password.encode())
        stores.keystore.write_bytes(
            serialize_key_and_certificates(b"node", key, certificate, [self._certificate], encryption)
        )
        stores.truststore.write_bytes(
            serialize_java_truststore([PKCS12Certificate(self._certificate, b"authority")], encryption)
        )
        return stores

    def issue_files(self, name: str, address: str | None = None) -> tuple[Path, Path]:
        """The certificate of a client, or of the server at this IP address, and its key, PEM."""
        key, certificate = self._issue(name, address)
        files = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        files[0].write_bytes(certificate.public_bytes(Encoding.PEM))
        files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return files

    def make_context(self) -> ssl.SSLContext:
        """Of a client with a certificate, who trusts whom this authority has signed."""
        context = ssl.create_default_context(cafile=self.ca_file)
        context.load_cert_chain(*self.issue_files("tests"))
        return context

    def _issue(self, name: str, address: str | None = None) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        key = ec.generate_private_key(ec.SECP256R1())
        return key, self._sign(_name(name), key.public_key(), address=address)

    def _sign(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, *, authority: bool = False, address: str | None = None
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if address:
            names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self._key, SHA256())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
