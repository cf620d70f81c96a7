"""Asterisk-like: queues of calls, both ways, over the manager interface (AMI).

What the queues say of their members is reported to the engine; what agents ask for in the portal comes as a webhook, and
becomes QueueAdd, QueuePause or QueueRemove.

BASE=… KEY=… AMI=127.0.0.1:5038 AMI_USER=… AMI_SECRET=… AGENTS=agents.json LISTEN=9000 \\
  URL=http://pbx.example.com:9000/ python3 asterisk_queues.py

agents.json says whose each queue is, logged in or not: {"support": ["201", "202"]}.
"""

import base64
import hashlib
import hmac
import json
import os
import re
import secrets
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from partyline import Engine

engine = Engine(os.environ["BASE"], os.environ["KEY"])
with open(os.environ["AGENTS"], encoding="utf-8") as file:
    agents_of = json.load(file)
# What Asterisk said of each member, by queue and extension.
members = {queue: {} for queue in agents_of}
secret = secrets.token_bytes(32)
host, _, port = os.environ["AMI"].partition(":")
ami = socket.create_connection((host, int(port)))
writing = threading.Lock()


def ask(**action):
    # A line break in a value would be a header of its own.
    lines = [f"{key}: {' '.join(value.splitlines())}\r\n" for key, value in action.items()]
    with writing:
        ami.sendall("".join([*lines, "\r\n"]).encode())


def report(queue):
    def agent(extension):
        member = members[queue].get(extension)
        paused = member is not None and member["Paused"] == "1"
        said = {"extension": extension, "logged_in": member is not None, "paused": paused}
        return said | ({"pause_reason": member["PausedReason"]} if paused and member.get("PausedReason") else {})

    agents = [agent(extension) for extension in agents_of[queue]]
    engine.call("PUT", f"/v1/pbx/voice-queues/{queue}", {"name": queue.capitalize(), "agents": agents})
    print("reported", queue, [a["extension"] + " in" * a["logged_in"] + " paused" * a["paused"] for a in agents], flush=True)


def hear(event):
    if event.get("Event") == "QueueStatusComplete":
        return [report(queue) for queue in members]
    queue = event.get("Queue")
    number = re.search(r"/(\d+)", event.get("Interface") or event.get("Location") or "")
    if queue not in members or not number:
        return
    if event["Event"] == "QueueMemberRemoved":
        members[queue].pop(number[1], None)
    elif event["Event"].startswith("QueueMember"):
        members[queue][number[1]] = event
    if event["Event"] != "QueueMember":  # of those the whole list is on its way
        report(queue)


class Webhook(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        named, at = self.headers["webhook-id"], self.headers["webhook-timestamp"]
        signed = hmac.new(secret, f"{named}.{at}.".encode() + body, hashlib.sha256).digest()
        ours = "v1," + base64.b64encode(signed).decode()
        is_ours = any(hmac.compare_digest(ours, theirs) for theirs in self.headers["webhook-signature"].split())
        if not is_ours or abs(time.time() - int(at)) > 300:
            return self.answer(401)
        wish = json.loads(body)["data"]
        member = {"Queue": wish["queue"], "Interface": f"PJSIP/{wish['extension']}"}
        if wish["logged_in"]:
            ask(Action="QueueAdd", **member)  # of one who is there: an error, and no more
            ask(Action="QueuePause", **member, Paused=str(wish["paused"]).lower(), Reason=wish["pause_reason"] or "")
        else:
            ask(Action="QueueRemove", **member)
        self.answer(204)

    def answer(self, status):
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_):
        pass


ask(Action="Login", Username=os.environ["AMI_USER"], Secret=os.environ["AMI_SECRET"])
ask(Action="QueueStatus")
server = ThreadingHTTPServer(("127.0.0.1", int(os.environ["LISTEN"])), Webhook)
threading.Thread(target=server.serve_forever, daemon=True).start()
hook = {"url": os.environ["URL"], "events": ["voice_agent.requested"]}
engine.call("PUT", "/v1/pbx/webhooks/asterisk", hook | {"secret": "whsec_" + base64.b64encode(secret).decode()})

packet = {}
for line in ami.makefile(encoding="utf-8", newline="\r\n"):
    key, colon, value = line.strip().partition(": ")
    if colon or line.strip().endswith(":"):
        packet[key.rstrip(":")] = value
    elif packet:
        hear(packet)
        packet = {}
