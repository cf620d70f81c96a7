"""Starts an engine, has it send events here, and verifies each with the library of Standard Webhooks."""
import base64
import json
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from standardwebhooks import Webhook, WebhookVerificationError

BINARY = sys.argv[1]
GIVEN = "whsec_" + base64.b64encode(bytes(range(64))).decode()
came = {}
some_came = threading.Condition()


class Receiver(BaseHTTPRequestHandler):
    """Refuses each event once, so that there are retries to verify."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        with some_came:
            attempts = came.setdefault((self.path, self.headers["webhook-id"]), [])
            attempts.append((dict(self.headers), body))
            some_came.notify_all()
        self.send_response(500 if len(attempts) == 1 else 204)
        self.end_headers()

    def log_message(self, *_):
        pass


def call(base, method, path, token, body=None):
    request = urllib.request.Request(
        base + path,
        method=method,
        data=json.dumps(body).encode() if body is not None else None,
        headers={"authorization": f"Bearer {token}", "content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.loads(answer.read() or "null")


def listening(engine):
    """The address that the engine's log tells."""
    for line in engine.stderr:
        if '"listening"' in line:
            threading.Thread(target=engine.stderr.read, daemon=True).start()
            return "http://" + json.loads(line)["fields"]["address"]
    raise SystemExit("the engine did not start")


def provision_and_chat(base, key, receiver):
    secrets = {"/given": GIVEN}
    call(base, "PUT", "/v1/pbx/webhooks/given", key, {"url": receiver + "/given", "events": ["*"], "secret": GIVEN})
    made = call(base, "PUT", "/v1/pbx/webhooks/made", key, {"url": receiver + "/made", "events": ["message.created"]})
    secrets["/made"] = made["secret"]
    for number, name in [("201", "Jake"), ("202", "Ann Müller 李")]:
        call(base, "PUT", f"/v1/pbx/extensions/{number}", key, {"name": name, "password": "correct horse"})
    token = call(base, "POST", "/v1/login", key, {"extension": "201", "password": "correct horse"})["token"]
    chat = call(base, "POST", "/v1/conversations", token, {"kind": "direct", "extension": "202"})["id"]
    message = {"client_id": "0199aaaa-0000-7000-8000-000000000001", "text": 'Grüße 👋 "quoted" \\ <b>\u2028</b>'}
    call(base, "POST", f"/v1/conversations/{chat}/messages", token, message)
    return secrets


def has_all():
    texts = {path for (path, _), tries in came.items() if len(tries) > 1 and b"message.created" in tries[0][1]}
    return texts == {"/given", "/made"}


def verify(secrets):
    verified = 0
    for (path, _), attempts in came.items():
        assert len({body for _, body in attempts}) == 1, "each attempt sends the same bytes"
        for headers, body in attempts:
            event = Webhook(secrets[path]).verify(body, headers)
            assert set(event) == {"type", "timestamp", "data"}, event
            verified += 1
            for broken in [body + b" ", body.replace(b"data", b"date")]:
                try:
                    Webhook(secrets[path]).verify(broken, headers)
                except WebhookVerificationError:
                    continue
                raise SystemExit("the library takes what was altered: it verifies nothing")
    return verified


def main():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "partyline.toml")
        config.write_text(
            f'listen = "127.0.0.1:0"\nlog_format = "json"\ndatabase_url = "sqlite://{folder}/p.db?mode=rwc"\n'
            "[webhooks]\nallow_private = true\n"
        )
        create = [BINARY, "api-key", "create", "--tenant", "default", "--scope", "pbx", "--config", str(config)]
        key = subprocess.run(create, check=True, capture_output=True, text=True).stdout.split()[-1]
        engine = subprocess.Popen([BINARY, "serve", "--config", str(config)], stderr=subprocess.PIPE, text=True)
        try:
            base = listening(engine)
            secrets = provision_and_chat(base, key, f"http://127.0.0.1:{server.server_port}")
            until = time.monotonic() + 120
            with some_came:
                while not has_all():
                    assert some_came.wait(until - time.monotonic()), f"not all events came: {list(came)}"
                verified = verify(secrets)
        finally:
            engine.terminate()
            engine.wait(30)
    print(f"{verified} signatures of {len(came)} events verified by standardwebhooks")


main()
