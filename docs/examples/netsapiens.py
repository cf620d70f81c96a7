"""NetSapiens-like: a domain's users, SMS numbers and contacts, from its API.

NS=https://api.example.com NS_TOKEN=… DOMAIN=acme.example.com CARRIER=main BASE=… KEY=… python3 netsapiens.py
"""

import json
import os
import re
import urllib.request

from partyline import Engine

ROLES = {"Office Manager": "admin", "Call Center Supervisor": "supervisor"}
domain, carrier = os.environ["DOMAIN"], os.environ["CARRIER"]
engine = Engine(os.environ["BASE"], os.environ["KEY"])


def every(what, at_once=100):
    start = 0
    while True:
        url = f"{os.environ['NS']}/ns-api/v2/domains/{domain}/{what}?limit={at_once}&start={start}"
        with urllib.request.urlopen(
            urllib.request.Request(url, headers={"Authorization": f"Bearer {os.environ['NS_TOKEN']}"})
        ) as answer:
            page = json.load(answer)
        yield from page
        if len(page) < at_once:
            return
        start += at_once


def name(item):
    return " ".join(filter(None, (item.get("name-first-name"), item.get("name-last-name"))))


def e164(text):
    digits = re.sub(r"\D", "", text or "")
    return "+" + ("1" + digits)[-11:] if len(digits) >= 10 else None


def contact(item):
    numbers = (e164(value) for field, value in item.items() if field.startswith("phonenumber-"))
    return {"key": item["unique-id"], "name": name(item) or item["company"], "numbers": list(filter(None, numbers))}


numbers = {e164(item["number"]): item["dest"].split("@")[0] for item in every("smsnumbers")}
people = {
    item["user"]: {
        "name": name(item),
        "role": ROLES.get(item["user-scope"], "user"),
        "caller_ids": [number for number, whose in numbers.items() if whose == item["user"]],
        "phonebooks": ["contacts"],
    }
    for item in every("users")
    if item["user"].isdecimal()
}
engine.make_so("/v1/pbx/extensions", "extension", people)
sms = {"sms_enabled": True, "carrier": carrier}
engine.make_so("/v1/pbx/numbers", "number", {number: sms | {"extension": whose} for number, whose in numbers.items()})
engine.call("PUT", "/v1/pbx/phonebooks/contacts", {"name": "Contacts", "source": "crm"})
contacts = (json.dumps(contact(item)).encode() + b"\n" for item in every("contacts"))
print(engine.send("PUT", "/v1/pbx/phonebooks/contacts/contacts", contacts, "application/x-ndjson"))
