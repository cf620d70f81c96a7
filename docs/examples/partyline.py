"""The engine's API, as far as the examples beside this need it, with the standard library alone."""

import json
import urllib.error
import urllib.parse
import urllib.request


class Engine:
    def __init__(self, base, key):
        self.base, self.key = base.rstrip("/"), key

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        return self.send(method, path, data, "application/json")

    def send(self, method, path, data, content_type):
        """`data` may be an iterable of bytes: it is sent as it comes."""
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": content_type}
        request = urllib.request.Request(self.base + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request) as answer:
                said = answer.read()
        except urllib.error.HTTPError as refusal:
            raise RuntimeError(f"{method} {path}: {refusal.read().decode()}") from None
        return json.loads(said) if said else None

    def all(self, path):
        """Every item of a list."""
        after = {}
        while True:
            page = self.call("GET", f"{path}?{urllib.parse.urlencode({'limit': 200, **after})}")
            yield from page["items"]
            if page["next"] is None:
                return
            after = {"after": page["next"]}

    def make_so(self, path, name, wanted):
        """Makes the list be what is wanted, a body by key. Fields that aren't given stay as they are."""
        there = {item.pop(name): item for item in self.all(path)}
        gone = there.keys() - wanted.keys()
        # An export that came to nothing must not take everybody away.
        if len(gone) > max(3, len(there) // 10):
            raise SystemExit(f"{path}: {len(gone)} of {len(there)} would go: look at that first")
        other = {key: {**there.get(key, {}), **body} for key, body in wanted.items()}
        other = {key: body for key, body in other.items() if there.get(key) != body}
        for key, body in other.items():
            self.call("PUT", f"{path}/{urllib.parse.quote(key, safe='')}", body)
        for key in gone:
            self.call("DELETE", f"{path}/{urllib.parse.quote(key, safe='')}")
        print(f"{path}: {len(other)} put, {len(gone)} deleted")
