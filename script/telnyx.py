"""Starts an engine whose carrier Telnyx is a server of this script, and a customer who texts with Jake by it."""
import base64
import contextlib
import json
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from nacl.signing import SigningKey
from telnyx import Telnyx

BINARY = sys.argv[1]
OURS, THEIRS = "+14045550100", "+14045550199"
PUBLIC_URL = "https://messages.example.com/engine"
INBOUND = "/v1/carriers/tx/inbound"
KEY = SigningKey.generate()
PUBLIC_KEY = base64.b64encode(bytes(KEY.verify_key)).decode()


class Carrier(BaseHTTPRequestHandler):
    """Takes texts as Telnyx says that it does: a key that it knows is answered as it was before."""

    asked = []
    texts = {}
    lock = threading.Lock()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        key, text = self.headers["idempotency-key"], json.loads(body)["text"]
        with self.lock:
            is_new = key not in self.texts
            self.asked.append((key, body, self.path, self.headers["authorization"]))
            first = self.texts.setdefault(key, (str(uuid.uuid4()), body))
        if text == "lose the answer" and is_new:
            self.close_connection = True
        elif text == "is blocked":
            error = {"code": "40300", "title": "Blocked due to STOP message", "detail": f"From {OURS} to {THEIRS}"}
            self.answer(403, {"errors": [error]})
        elif first[1] != body:
            self.answer(422, {"errors": [{"code": "10015", "title": "Idempotency-Key was used for another request"}]})
        else:
            to = [{"phone_number": THEIRS, "status": "queued"}]
            self.answer(200, {"data": {"id": first[0], "record_type": "message", "parts": 1, "to": to}})

    def answer(self, status, body):
        body = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def ask(method, url, headers, body=None):
    """Status and body of the answer."""
    request = urllib.request.Request(url, method=method, data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()


def call(base, method, path, token, body=None):
    body = json.dumps(body).encode() if body is not None else None
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    status, answer = ask(method, base + path, headers, body)
    assert status < 300, f"{method} {path}: {status} {answer}"
    return json.loads(answer or "null")


def event(event_type, payload):
    data = {"record_type": "event", "id": str(uuid.uuid4()), "event_type": event_type, "payload": payload}
    return json.dumps({"data": data, "meta": {"attempt": 1}}, ensure_ascii=False).encode()


def received(text):
    to = [{"phone_number": OURS, "status": "webhook_delivered"}]
    payload = {"id": str(uuid.uuid4()), "type": "SMS", "from": {"phone_number": THEIRS}, "to": to, "text": text}
    return event("message.received", {**payload, "media": [], "autoresponse_type": None})


def signed(body, key=KEY, after=0):
    timestamp = str(int(time.time()) + after)
    signature = base64.b64encode(key.sign(f"{timestamp}|".encode() + body).signature).decode()
    return {"telnyx-signature-ed25519": signature, "telnyx-timestamp": timestamp, "content-type": "application/json"}


def webhooks():
    """What is brought: a name, headers, a body, and whether it is to be taken."""
    text = lambda name: received(f"Grüße 👋: {name}")
    yield "signed rightly", signed(body := text("signed rightly")), body, True
    yield "four minutes old", signed(body := text("four minutes old"), after=-240), body, True
    yield "a clock that is four minutes ahead", signed(body := text("ahead"), after=240), body, True
    yield "another body", signed(body := text("another body")), body.replace(b"another", b"changed"), False
    headers = signed(body := text("another time"))
    yield "another time", {**headers, "telnyx-timestamp": str(int(headers["telnyx-timestamp"]) - 1)}, body, False
    yield "too old", signed(body := text("too old"), after=-330), body, False
    yield "of the future", signed(body := text("of the future"), after=330), body, False
    yield "another key", signed(body := text("another key"), key=SigningKey.generate()), body, False
    for name in ["telnyx-signature-ed25519", "telnyx-timestamp"]:
        headers = signed(body := text(f"without {name}"))
        yield f"without {name}", {k: v for k, v in headers.items() if k != name}, body, False
        yield f"with an odd {name}", {**headers, name: "x"}, body, False


def verified_by_telnyx(body, headers):
    try:
        Telnyx(api_key="unused", public_key=PUBLIC_KEY).webhooks.unwrap(body.decode(), headers=headers)
    except ValueError:
        return False
    return True


def texts_of(base, token, thread):
    items = call(base, "GET", f"/v1/conversations/{thread}/messages", token)["items"]
    return [message.get("text") for message in items]


def the_verifier_and_the_engine_say_the_same(base, token, thread):
    expected = texts_of(base, token, thread)
    judged = 0
    for name, headers, body, is_right in webhooks():
        assert verified_by_telnyx(body, headers) == is_right, f"Telnyx's verifier on {name}"
        status, _ = ask("POST", base + INBOUND, headers, body)
        assert status == (200 if is_right else 403), f"the engine on {name}: {status}"
        if is_right:
            expected.append(json.loads(body)["data"]["payload"]["text"])
        judged += 1
    assert texts_of(base, token, thread) == expected, "what was refused left something"
    return f"{judged} webhooks judged by Telnyx's verifier and the engine alike"


def a_text_that_is_brought_twice_is_one(base, token, thread):
    body = received("twice")
    for _ in range(2):
        assert ask("POST", base + INBOUND, signed(body), body)[0] == 200
    assert texts_of(base, token, thread).count("twice") == 1
    return "a text that is brought twice is one"


def send(base, token, thread, text):
    message = {"client_id": str(uuid.uuid4()), "text": text}
    return call(base, "POST", f"/v1/conversations/{thread}/messages", token, message)["seq"]


def delivery(base, token, thread, seq, *statuses):
    """The delivery of a text, once it has one of these statuses."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        items = call(base, "GET", f"/v1/conversations/{thread}/messages", token)["items"]
        found = next(message for message in items if message["seq"] == seq)["deliveries"][0]
        if found["status"] in statuses:
            return found
        time.sleep(0.1)
    raise SystemExit(f"the text has not become {statuses}: {found}")


def a_text_goes_out_and_hears_of_itself(base, token, thread):
    seq = send(base, token, thread, "Your order is ready")
    delivery(base, token, thread, seq, "sent")
    key, body, path, authorization = Carrier.asked[-1]
    message = json.loads(body)
    assert (path, authorization) == ("/v2/messages", "Bearer KEY-of-the-account")
    assert message["webhook_url"] == f"{PUBLIC_URL}/v1/carriers/tx/status/{key}", message
    assert (message["from"], message["to"], message["text"]) == (OURS, THEIRS, "Your order is ready")
    to = [{"phone_number": THEIRS, "status": "delivered"}]
    news = event("message.finalized", {"id": Carrier.texts[key][0], "to": to, "errors": []})
    status_path = message["webhook_url"].removeprefix(PUBLIC_URL)
    assert ask("POST", base + status_path, signed(news), news)[0] == 200
    delivery(base, token, thread, seq, "delivered")
    return "a text went out and was delivered"


def a_lost_answer_is_asked_for_again(base, token, thread):
    seq = send(base, token, thread, "lose the answer")
    delivery(base, token, thread, seq, "sent")
    asked = [(key, body) for key, body, *_ in Carrier.asked if b"lose the answer" in body]
    assert len(asked) > 1 and len(set(asked)) == 1, f"not asked again byte for byte: {asked}"
    made = [name for name, body in Carrier.texts.values() if b"lose the answer" in body]
    assert len(made) == 1, made
    return f"a lost answer was asked for again under the same key: {len(asked)} requests, one text"


def a_block_of_telnyxs_is_an_opt_out_here(base, token, thread):
    failed = delivery(base, token, thread, send(base, token, thread, "is blocked"), "failed")
    assert (failed["error"]["code"], failed["error"]["source"]) == ("40300", "carrier"), failed
    message = json.dumps({"client_id": str(uuid.uuid4()), "text": "refused"}).encode()
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    status, answer = ask("POST", f"{base}/v1/conversations/{thread}/messages", headers, message)
    assert json.loads(answer)["code"] == "opted_out", (status, answer)
    return "a block of Telnyx's is an opt-out here"


CHECKS = [
    the_verifier_and_the_engine_say_the_same,
    a_text_that_is_brought_twice_is_one,
    a_text_goes_out_and_hears_of_itself,
    a_lost_answer_is_asked_for_again,
    a_block_of_telnyxs_is_an_opt_out_here,
]


def provision(base, key):
    """Jake's token, and his thread with the customer."""
    number = {"label": "Main line", "sms_enabled": True, "carrier": "tx", "extension": "201"}
    call(base, "PUT", f"/v1/pbx/numbers/{OURS}", key, number)
    jake = {"name": "Jake", "password": "correct horse", "caller_ids": [OURS]}
    call(base, "PUT", "/v1/pbx/extensions/201", key, jake)
    token = call(base, "POST", "/v1/login", key, {"extension": "201", "password": "correct horse"})["token"]
    return token, call(base, "POST", "/v1/conversations", token, {"kind": "sms", "number": THEIRS})["id"]


@contextlib.contextmanager
def engine(folder, carrier):
    """A running one: its address, and a key to provision it."""
    config = Path(folder, "partyline.toml")
    config.write_text(
        f'listen = "127.0.0.1:0"\nlog_format = "json"\ndatabase_url = "sqlite://{folder}/p.db?mode=rwc"\n'
        f'public_url = "{PUBLIC_URL}"\n[carriers.tx]\nkind = "telnyx"\npace_per_s = 1000\n'
        f'api_key = "KEY-of-the-account"\npublic_key = "{PUBLIC_KEY}"\nbase_url = "{carrier}"\n'
    )
    create = [BINARY, "api-key", "create", "--tenant", "default", "--scope", "pbx", "--config", str(config)]
    key = subprocess.run(create, check=True, capture_output=True, text=True).stdout.split()[-1]
    process = subprocess.Popen([BINARY, "serve", "--config", str(config)], stderr=subprocess.PIPE, text=True)
    try:
        listening = next((line for line in process.stderr if '"listening"' in line), None)
        assert listening, "the engine did not start"
        threading.Thread(target=process.stderr.read, daemon=True).start()
        yield "http://" + json.loads(listening)["fields"]["address"], key
    finally:
        process.terminate()
        process.wait(30)


def main():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Carrier)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        with engine(folder, f"http://127.0.0.1:{server.server_port}") as (base, key):
            token, thread = provision(base, key)
            for check in CHECKS:
                print(check(base, token, thread))


main()
