"""Asterisk-like: people from pjsip.conf, calls from the CDR file.

BASE=… KEY=… python3 asterisk_sync.py pjsip.conf Master.csv

An endpoint whose name is a number is an extension; its `callerid` is the name. What it texts from stands in a variable of
our own: set_var = PARTYLINE_NUMBERS=+14045550100 +14045550101. cdr.conf has `usegmtime` and `loguniqueid` on.
"""

import csv
import datetime
import os
import re
import sys

from partyline import Engine

engine = Engine(os.environ["BASE"], os.environ["KEY"])


def endpoints(path):
    sections = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            line = line.split(";")[0].strip()
            if section := re.match(r"\[(\w+)\]", line):
                sections.append((section[1], {}))
            elif sections and "=" in line:
                key, value = (part.strip("> \t") for part in line.split("=", 1))
                sections[-1][1][key] = value
    return [(name, said) for name, said in sections if name.isdecimal() and said.get("type") == "endpoint"]


def extension(name, said):
    variable, _, numbers = said.get("set_var", "").partition("=")
    return {
        "name": said.get("callerid", name).split("<")[0].strip(' "') or name,
        "caller_ids": numbers.split() if variable == "PARTYLINE_NUMBERS" else [],
        "phonebooks": ["crm"],
    }


def outside(number):
    digits = re.sub(r"\D", "", number)
    return "+" + ("1" + digits)[-11:] if len(digits) >= 10 else None


def calls(path):
    names = (
        "accountcode src dst dcontext clid channel dstchannel lastapp lastdata start answer end duration billsec"
        " disposition amaflags uniqueid userfield"
    )
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file, names.split()):
            caller, callee = (re.match(r"PJSIP/(\d+)-", row[c]) for c in ("channel", "dstchannel"))
            # Who called, if that was one of us; else who was called.
            ours, number = (caller, row["dst"]) if caller else (callee, row["src"])
            if not ours or (caller and callee) or not outside(number):
                continue
            at = datetime.datetime.fromisoformat(row["start"]).replace(tzinfo=datetime.timezone.utc)
            name = row["clid"].split("<")[0].strip(' "')
            yield {
                "key": row["uniqueid"],
                "extension": ours[1],
                "direction": "outbound" if caller else "inbound",
                "number": outside(number),
                "caller_name": name if name and not caller and not outside(name) else None,
                "at": at.isoformat(),
            }


engine.make_so("/v1/pbx/extensions", "extension", {name: extension(name, said) for name, said in endpoints(sys.argv[1])})
print(engine.call("POST", "/v1/pbx/calls", list(calls(sys.argv[2]))[-1000:]))
