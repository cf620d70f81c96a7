"""A nightly sync from CSV files: BASE=… KEY=… python3 nightly.py FOLDER

extensions.csv  extension,name,enabled,caller_ids,phonebooks   and role, if you like; lists are separated by spaces
numbers.csv     number,label,sms_enabled,carrier               and queue, extension
contacts.csv    key,name,numbers                               numbers separated by semicolons
"""

import csv
import json
import os
import sys

from partyline import Engine

LISTS, FLAGS = ("caller_ids", "phonebooks"), ("enabled", "sms_enabled")
folder = sys.argv[1]
engine = Engine(os.environ["BASE"], os.environ["KEY"])


def rows(name):
    with open(os.path.join(folder, name), newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def read(field, text):
    if field in LISTS:
        return text.split()
    if field in FLAGS:
        return text in ("t", "true", "yes", "1")
    return text or None


def wanted(name, key):
    return {row.pop(key): {field: read(field, text) for field, text in row.items()} for row in rows(name)}


def contacts():
    for row in rows("contacts.csv"):
        yield json.dumps({**row, "numbers": row["numbers"].split(";")}).encode() + b"\n"


engine.make_so("/v1/pbx/extensions", "extension", wanted("extensions.csv", "extension"))
engine.make_so("/v1/pbx/numbers", "number", wanted("numbers.csv", "number"))
engine.call("PUT", "/v1/pbx/phonebooks/contacts", {"name": "Contacts", "source": "crm"})
print(engine.send("PUT", "/v1/pbx/phonebooks/contacts/contacts", contacts(), "application/x-ndjson"))
