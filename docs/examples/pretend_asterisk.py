"""Speaks as much of the manager interface as the example asks for: for trying it without an Asterisk.

python3 pretend_asterisk.py 5038
"""

import socketserver
import sys

members = {("support", "PJSIP/201"): ("0", "")}


class Manager(socketserver.StreamRequestHandler):
    def say(self, **said):
        self.wfile.write("".join(f"{key}: {value}\r\n" for key, value in said.items()).encode() + b"\r\n")

    def tell(self, event, queue, interface):
        paused, reason = members.get((queue, interface), ("0", ""))
        self.say(Event=event, Queue=queue, Interface=interface, Paused=paused, PausedReason=reason, Status="1")

    def handle(self):
        self.wfile.write(b"Asterisk Call Manager/9.0.0\r\n")
        action = {}
        for line in self.rfile:
            key, _, value = line.decode().strip().partition(":")
            if key:
                action[key] = value.strip()
                continue
            self.do(action)
            action = {}

    def do(self, action):
        print(*(f"{key}={value}" for key, value in action.items() if key != "Secret"), flush=True)
        member = (action.get("Queue"), action.get("Interface"))
        match action["Action"]:
            case "QueueAdd" if member in members:
                return self.say(Response="Error", Message="Unable to add interface: Already there")
            case "QueuePause" | "QueueRemove" if member not in members:
                return self.say(Response="Error", Message="Interface not found")
        self.say(Response="Success")
        match action["Action"]:
            case "QueueStatus":
                for member in members:
                    self.tell("QueueMember", *member)
                self.say(Event="QueueStatusComplete")
            case "QueueAdd":
                members[member] = ("0", "")
                self.tell("QueueMemberAdded", *member)
            case "QueuePause":
                members[member] = ("1", action["Reason"]) if action["Paused"] == "true" else ("0", "")
                self.tell("QueueMemberPause", *member)
            case "QueueRemove":
                del members[member]
                self.tell("QueueMemberRemoved", *member)


socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer(("127.0.0.1", int(sys.argv[1])), Manager).serve_forever()
