"""Decides which files hold secrets, by their names and, where names leave it open, by what is in them.

Pure. Of certificates, which look like keys by name, those without a private key are known to be public.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from infragen.secrecy.suspicion import looks_secret
from infragen.secrecy.texts import certain_credential

_DIRECTORIES = (
    ".ssh", ".aws*", ".azure", ".gnupg", ".kube", ".docker", ".gcloud", "gcloud", ".terraform", ".terraform.d",
    ".password-store", ".vault", ".secrets", ".credentials", ".chef", ".pulumi",
)  # fmt: skip

_NAMES = (
    ".env", ".env.*", "*.env", ".envrc", ".flaskenv", ".aws*", "id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*",
    "id_xmss*", "*.pem", "*.key", "*.p12", "*.pfx", "*.p8", "*.jks", "*.keystore", "*.kdb", "*.kdbx", "*.ppk",
    "*.pkcs12", "*.pk8", "*.gpg", "*.ovpn", "*.agekey", "secring.*", "credentials", "*credentials.json",
    "*credentials.csv", "accesskeys.csv", "*_accesskeys.csv", "rootkey.csv", "service-account*.json",
    "service_account*.json", "serviceaccount*.json", "client_secret*.json", "application_default_credentials*",
    "google-services.json", ".netrc", "_netrc", ".pgpass", "pgpass.conf", ".my.cnf", ".mylogin.cnf", ".npmrc",
    ".yarnrc.yml", ".pypirc", ".htpasswd", "*.htpasswd", ".dockercfg", ".dockerconfigjson", ".git-credentials",
    ".s3cfg", ".boto", ".vault-token", ".vault_pass*", "*.tfstate", "*.tfstate.*", "*.tfvars", "*.tfvars.json",
    ".terraformrc", "*_history", ".databrickscfg", "kubeconfig*", "*.kubeconfig", "wallet.dat", "*.token", "shadow",
    "master.key", ".pgenv", ".rhosts", ".msmtprc", ".fetchmailrc", "*.rdp", ".secret*", "*.secret", "*.secrets",
)  # fmt: skip
"""Patterns of names, in small letters. Sources: gitleaks and GitHub's list of sensitive file names, read 2026-11."""

_PUBLIC = (
    "*.pub", ".env.example", ".env.sample", ".env.template", ".env.dist", ".env.defaults", "*.example", "*.sample",
)  # fmt: skip
"""Names that would be a secret's, and are known to be public: only what is in such files counts."""

_DOCUMENT = re.compile(
    r"(licen[sc]es?|copying|notices?|readme|changelog|history)([-._](?!.*(key|token|secret|pass|serial)).*)?(\.md|\.txt)?"
)
"""Names of documents that packages come with. LICENSE is one; license_key.txt has the name of a secret."""

_PUBLISHED = frozenset({"node_modules", "site-packages"})
"""Directories of packages that everybody can read: the examples in their documents are no secrets. Other files of
theirs are looked at as any other.
"""

_PLAIN = frozenset({
    "", ".txt", ".json", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".conf", ".config", ".properties", ".xml", ".csv",
    ".plist", ".cnf", ".rc", ".dat", ".bak", ".old", ".orig", ".md", ".crt", ".cer", ".pub", ".example", ".sample",
    ".template", ".dist", ".defaults",
})  # fmt: skip
"""Ends of names of files that hold values and no code: what is in them is looked at, and their names count as names."""

_PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----")
_PUBLIC_PEM = frozenset({b"CERTIFICATE", b"TRUSTED CERTIFICATE", b"X509 CERTIFICATE", b"X509 CRL", b"PUBLIC KEY",
                         b"RSA PUBLIC KEY", b"EC PARAMETERS", b"DH PARAMETERS", b"PKCS7"})  # fmt: skip
LARGEST = 1 << 20
"""Bytes of a file that is looked into."""


def secret_file(name: str, body: bytes) -> str:
    """Return why a file, named by its path from the directory, is taken for a secret; empty when it is not."""
    path = PurePosixPath(name.lower())
    for part in path.parts[:-1]:
        if any(fnmatchcase(part, each) for each in _DIRECTORIES):
            return f"it is in {part}/, where secrets are kept"
    found = set(_PEM.findall(body[:LARGEST]))
    if found and found <= _PUBLIC_PEM and path.suffix in (".pem", ".crt", ".cer"):
        return ""
    public = any(fnmatchcase(path.name, each) for each in _PUBLIC)
    if not public and any(fnmatchcase(path.name, each) for each in _NAMES):
        return "files of this name hold secrets"
    if path.suffix not in _PLAIN:
        return ""
    document = path.suffix in _PLAIN and _DOCUMENT.fullmatch(path.name) is not None
    if not public and not document and looks_secret(PurePosixPath(name).stem):
        return "its name is that of a secret"
    if document and not _PUBLISHED.isdisjoint(path.parts[:-1]):
        return ""
    kind = certain_credential(body[:LARGEST].decode("utf-8", "replace"), encoded=False)
    return f"it holds {kind}" if kind else ""
