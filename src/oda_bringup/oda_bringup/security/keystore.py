"""A keystore as SROS2 lays it out: certificates and signed permissions for each enclave.

Signing is openssl's work; this file says what is signed by whom. Existing authorities are kept, so
that a keystore can be renewed; private keys are readable by their owner alone.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from xml.etree import ElementTree

from oda_bringup.security.permissions import (
    Grant,
    governance_xml,
    permissions_xml,
    read_permissions,
)
from oda_core.errors import SessionError
from oda_core.files import write_atomic

CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-sha256")
IDENTITY, PERMISSIONS = "identity_ca", "permissions_ca"
AUTHORITY_DAYS = 3650
FILES = (
    "cert.pem", "key.pem", f"{IDENTITY}.cert.pem", f"{PERMISSIONS}.cert.pem", "governance.p7s",
    "permissions.p7s",
)  # fmt: skip


def write_keystore(root: Path, grants: Mapping[str, Grant], domain: int, days: int) -> None:
    """Make or renew a keystore: authorities, governance, and an enclave for each grant.

    Args:
        root: directory; ROS_SECURITY_KEYSTORE names it afterwards.
        grants: permissions by enclave.
        domain: ROS_DOMAIN_ID that they hold for.
        days: how long certificates and permissions are valid.

    Raises:
        SessionError: openssl is missing or refuses.
    """
    for name in ("public", "private", "enclaves"):
        (root / name).mkdir(parents=True, exist_ok=True)
    for name in (IDENTITY, PERMISSIONS):
        _authority(root, name)
    write_atomic(root / "enclaves" / "governance.xml", governance_xml(domain))
    _sign(root, root / "enclaves" / "governance.xml")
    since = datetime.now(timezone.utc) - timedelta(days=1)  # clocks differ
    for enclave, given in grants.items():
        folder = enclave_folder(root, enclave)
        _identify(root, folder, enclave, days)
        document = permissions_xml(given, domain, since, since + timedelta(days=days))
        write_atomic(folder / "permissions.xml", document)
        _sign(root, folder / "permissions.xml")


def enclave_folder(root: Path, enclave: str) -> Path:
    """Where the files of an enclave such as /oda/policy are."""
    return root / "enclaves" / enclave.strip("/")


def _authority(root: Path, name: str) -> None:
    """A self-signed certificate authority, unless there is one."""
    key, certificate = root / "private" / f"{name}.key.pem", root / "public" / f"{name}.cert.pem"
    if key.exists() and certificate.exists():
        return
    _openssl(
        "req", "-x509", *CURVE, "-days", str(AUTHORITY_DAYS), "-subj", f"/CN=oda {name}",
        "-keyout", key, "-out", certificate,
    )  # fmt: skip


def _identify(root: Path, folder: Path, enclave: str, days: int) -> None:
    """Key and certificate of an enclave, with what it needs to check those of others."""
    folder.mkdir(parents=True, exist_ok=True)
    key, request, certificate = folder / "key.pem", folder / "request.pem", folder / "cert.pem"
    name = enclave.replace("/", r"\/")
    _openssl("req", "-new", *CURVE, "-subj", f"/CN={name}", "-keyout", key, "-out", request)
    _openssl(
        "x509", "-req", "-sha256", "-days", str(days), "-in", request,
        "-CA", root / "public" / f"{IDENTITY}.cert.pem",
        "-CAkey", root / "private" / f"{IDENTITY}.key.pem",
        "-set_serial", f"0x{os.urandom(16).hex()}", "-out", certificate,
    )  # fmt: skip
    request.unlink()
    for authority in (IDENTITY, PERMISSIONS):
        shutil.copyfile(root / "public" / f"{authority}.cert.pem", folder / f"{authority}.cert.pem")
    shared = folder / "governance.p7s"
    shared.unlink(missing_ok=True)
    shutil.copyfile(root / "enclaves" / "governance.p7s", shared)


def _sign(root: Path, document: Path) -> None:
    """Sign an XML document beside itself, as S/MIME."""
    _openssl(
        "smime", "-sign", "-text", "-in", document, "-out", document.with_suffix(".p7s"),
        "-signer", root / "public" / f"{PERMISSIONS}.cert.pem",
        "-inkey", root / "private" / f"{PERMISSIONS}.key.pem",
    )  # fmt: skip


def _openssl(*arguments: str | Path) -> str:
    try:
        result = subprocess.run(
            ["openssl", *map(str, arguments)],
            capture_output=True, text=True, check=False, umask=0o077,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise SessionError("openssl is not installed; apt-get install openssl") from error
    if result.returncode != 0:
        raise SessionError(f"openssl {arguments[0]} failed:\n{result.stderr.strip()}")
    return result.stdout


def faults(root: Path, grants: Mapping[str, Grant], domain: int) -> list[tuple[str, str]]:
    """What is wrong with a keystore, by enclave: files, signatures, dates, permissions."""
    return [
        (enclave, wrong)
        for enclave, given in grants.items()
        if (wrong := _fault(root, enclave_folder(root, enclave), given, domain))
    ]


def _fault(root: Path, folder: Path, given: Grant, domain: int) -> str:
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        return f"has no {', '.join(missing)}; run oda security keystore"
    authority = root / "public" / f"{PERMISSIONS}.cert.pem"
    try:
        signed = _verified(folder / "permissions.p7s", authority)
        _verified(folder / "governance.p7s", authority)
        _openssl("verify", "-CAfile", root / "public" / f"{IDENTITY}.cert.pem", folder / "cert.pem")
        found, domains, until = read_permissions(signed)
    except (SessionError, ElementTree.ParseError) as error:
        return str(error)
    if until < datetime.now(timezone.utc):
        return f"its permissions ended on {until:%Y-%m-%d}; run oda security keystore"
    if domains != [domain]:
        return f"is for domain {domains}, ROS_DOMAIN_ID is {domain}; make a keystore for that"
    return "" if found == given else _difference(found, given)


def _difference(found: Grant, expected: Grant) -> str:
    more = (found.publish - expected.publish) | (found.subscribe - expected.subscribe)
    less = (expected.publish - found.publish) | (expected.subscribe - found.subscribe)
    return (
        f"permits {', '.join(sorted(more)) or 'nothing'} that the graph does not use, and lacks "
        f"{', '.join(sorted(less)) or 'nothing'}; run oda security keystore"
    )


def _verified(document: Path, authority: Path) -> str:
    """Content of a signed document whose signature holds."""
    text = _openssl("smime", "-verify", "-text", "-in", document, "-CAfile", authority)
    return text[text.index("<?xml") :]
