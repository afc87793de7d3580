"""What the tests of access control are written with: tokens, an OpenID Connect issuer, certificates."""

import base64
import http.server
import json
import os
import re
import ssl
import subprocess
import threading
import time

import harness


def openssl(*args, data=None):
    return subprocess.run(["openssl", *args], input=data, check=True, capture_output=True).stdout


def basic(secret, user="any"):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()}


def bearer(secret):
    return {"Authorization": "Bearer " + secret}


def make_token(data_dir, *scopes, name="ci", expires="90d"):
    """A token of the gateway with that data folder."""
    os.makedirs(data_dir, exist_ok=True)
    flags = [word for scope in scopes for word in ("--scope", scope)]
    done = harness.modgate("token", "create", "--data-dir", str(data_dir), "--name", name, "--expires", expires,
                           *flags, check=0)
    return done.stdout.strip()


def token_id(token):
    return token.split("_")[1]


def coded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Key:
    """A key pair that openssl made: RS256, ES256 or EdDSA."""

    def __init__(self, folder, alg, kid):
        self.alg, self.kid = alg, kid
        self.file = os.path.join(str(folder), f"key-{alg}-{kid}.pem")
        kind = {"RS256": ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
                "ES256": ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"], "EdDSA": ["ED25519"]}[alg]
        openssl("genpkey", "-algorithm", *kind, "-out", self.file)

    def jwk(self):
        der = openssl("pkey", "-in", self.file, "-pubout", "-outform", "DER")
        made = {"kid": self.kid, "use": "sig", "alg": self.alg}
        if self.alg == "RS256":
            modulus = openssl("rsa", "-in", self.file, "-noout", "-modulus").decode().strip().split("=")[1]
            return {**made, "kty": "RSA", "n": coded(bytes.fromhex(modulus)), "e": "AQAB"}
        if self.alg == "ES256":
            return {**made, "kty": "EC", "crv": "P-256", "x": coded(der[-64:-32]), "y": coded(der[-32:])}
        return {**made, "kty": "OKP", "crv": "Ed25519", "x": coded(der[-32:])}

    def sign(self, text, scratch):
        if self.alg == "EdDSA":
            with open(scratch, "wb") as file:
                file.write(text)
            return openssl("pkeyutl", "-sign", "-rawin", "-inkey", self.file, "-in", scratch)
        made = openssl("dgst", "-sha256", "-sign", self.file, data=text)
        return made if self.alg == "RS256" else self._raw(made)

    @staticmethod
    def _raw(der):
        """r and s of an ECDSA signature, 32 bytes each."""
        out, at = b"", 2
        for _ in range(2):
            length = der[at + 1]
            out += der[at + 2:at + 2 + length].lstrip(b"\0").rjust(32, b"\0")
            at += 2 + length
        return out


class Issuer:
    """An OpenID Connect issuer over https. Tests change keys, and hold its answers back."""

    def __init__(self, folder):
        self.folder = str(folder)
        os.makedirs(self.folder, exist_ok=True)
        self.ca_file, key, _ = harness.server_context(self.folder)
        self.keys = [Key(folder, alg, f"{alg}-1") for alg in ("RS256", "ES256", "EdDSA")]
        self.published = list(self.keys)
        self.requests = []
        self.is_broken = False
        self.gate = threading.Event()
        self.gate.set()
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # pylint: disable=invalid-name
                issuer.answer(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.ca_file, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def answer(self, request):
        self.requests.append(request.path)
        self.gate.wait(harness.PATIENCE_S)
        pages = {"/.well-known/openid-configuration": {"issuer": self.url, "jwks_uri": self.url + "/keys"},
                 "/keys": {"keys": [key.jwk() for key in self.published]}}
        page = pages.get(request.path)
        if request.path.startswith("/github?"):  # as a CI's endpoint for id tokens
            audience = request.path.split("audience=")[1]
            is_known = request.headers.get("Authorization") == "bearer ci-secret"
            page = {"value": self.token(aud=audience, repository="acme/api")} if is_known else None
        body = json.dumps(page).encode()
        request.send_response(500 if self.is_broken else 200 if page else 404)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def fetches(self):
        return self.requests.count("/keys")

    def token(self, key=None, header=None, cut=None, **claims):
        """A token; claims given as None are left out."""
        key = key or self.keys[0]
        now = int(time.time())
        body = {"iss": self.url, "aud": "modgate", "sub": "job:1", "exp": now + 600, "nbf": now, "iat": now, **claims}
        head = {"alg": key.alg, "kid": key.kid, "typ": "JWT", **(header or {})}
        text = ".".join(coded(json.dumps({k: v for k, v in part.items() if v is not None}).encode())
                        for part in (head, body))
        if cut is not None:
            return text + cut
        return text + "." + coded(key.sign(text.encode(), self.folder + "/scratch"))

    def settings(self, scopes="*:*:read", claims="repository=acme/*"):
        return (f"access_issuers:\n  tests:\n    url: {self.url}\n    audience: modgate\n"
                f"    ca_file: {self.ca_file}\n"
                f"access_claims:\n  - {{issuer: tests, claims: '{claims}', scopes: '{scopes}'}}\n")

    def stop(self):
        self.gate.set()
        self.server.shutdown()
        self.server.server_close()


class Authority:
    """Signs client certificates."""

    def __init__(self, folder, name="authority"):
        self.folder = str(folder)
        os.makedirs(self.folder, exist_ok=True)
        self.ca_file, self.key = f"{self.folder}/{name}.pem", f"{self.folder}/{name}.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
                self.key, "-out", self.ca_file, "-days", "2", "-subj", f"/CN={name}")

    def certificate(self, name, alternatives=None):
        """(certificate file, key file)"""
        plain = re.sub(r"\W", "-", name)
        cert, key, request = (f"{self.folder}/{plain}.{end}" for end in ("pem", "key", "csr"))
        more = ["-addext", f"subjectAltName={alternatives}"] if alternatives else []
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key,
                "-out", request, "-subj", f"/CN={name}", *more)
        openssl("x509", "-req", "-in", request, "-CA", self.ca_file, "-CAkey", self.key, "-CAcreateserial", "-days",
                "2", "-copy_extensions", "copy", "-out", cert)
        return cert, key


def tls_flags(cert, key):
    return ["--tls-cert-file", cert, "--tls-key-file", key]


def settings_file(folder, text):
    path = os.path.join(str(folder), "modgate.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path
