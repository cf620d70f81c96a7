"""Answers as much of a NetSapiens-like API as the example asks for, and signs its users in: for trying it without one.

python3 pretend_netsapiens.py 8081     /jwks.json has the public key, /token?user=201@acme.example.com a token
"""

import base64
import hashlib
import json
import subprocess
import sys
import tempfile
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

port = int(sys.argv[1])
LISTS = {
    "users": [
        {"user": "201", "name-first-name": "Jake", "name-last-name": "Miller", "user-scope": "Office Manager"},
        {"user": "202", "name-first-name": "Ann", "name-last-name": "Lee", "user-scope": "Basic User"},
        {"user": "domain", "name-first-name": "Domain", "user-scope": "No Portal"},
    ],
    "smsnumbers": [{"number": "14045550100", "dest": "201"}],
    "contacts": [
        {"unique-id": "c1", "name-first-name": "Dana", "name-last-name": "Whitfield", "phonenumber-work": "4045550199"},
        {"unique-id": "c2", "company": "Atlanta Paper", "phonenumber-work": "14045550188", "phonenumber-cell": ""},
    ],
}


def openssl(*arguments, said=b""):
    return subprocess.run(["openssl", *arguments], input=said, check=True, capture_output=True).stdout


def b64(said):
    return base64.urlsafe_b64encode(said).rstrip(b"=").decode()


key = openssl("genrsa", "2048")
pem = tempfile.NamedTemporaryFile(suffix=".pem")
pem.write(key)
pem.flush()
modulus = bytes.fromhex(openssl("rsa", "-noout", "-modulus", said=key).decode().strip().partition("=")[2])
# Another key has another name: verifiers keep what they know.
kid = hashlib.sha256(modulus).hexdigest()[:8]
jwks = {"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "n": b64(modulus), "e": "AQAB"}]}


def token(user):
    extension, _, domain = user.partition("@")
    head = {"alg": "RS256", "typ": "JWT", "kid": kid}
    claims = {"iss": f"http://127.0.0.1:{port}", "aud": "partyline", "sub": extension, "domain": domain}
    claims["exp"] = int(time.time()) + 300
    signed = ".".join(b64(json.dumps(part).encode()) for part in (head, claims))
    signature = openssl("dgst", "-sha256", "-sign", pem.name, said=signed.encode())
    return f"{signed}.{b64(signature)}"


class Api(BaseHTTPRequestHandler):
    def do_GET(self):
        path, _, query = self.path.partition("?")
        asked = dict(urllib.parse.parse_qsl(query))
        if path == "/token":
            return self.answer(token(asked["user"]).encode())
        if path == "/jwks.json":
            return self.answer(json.dumps(jwks).encode())
        start, limit = int(asked["start"]), int(asked["limit"])
        self.answer(json.dumps(LISTS[path.rsplit("/", 1)[1]][start : start + limit]).encode())

    def answer(self, body):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", port), Api).serve_forever()
