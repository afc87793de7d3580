"""kill -9 of the gateway while it publishes and withdraws: a version is whole or absent, what was promised holds, and the
store is valid.

MODGATE_TEST_PUBLISH_KILLS is the number of kills (`make test-publish-kills` makes 1,000)."""

import os
import random
import threading
import time

import pytest

import harness
from publishing import make_zip, path_of, send, settings, stage_is_empty, token

KILLS = int(os.environ.get("MODGATE_TEST_PUBLISH_KILLS", "25"))
LIB = "corp.example/lib"


class House:
    """A store, and the gateways that are killed over it one after the other."""

    def __init__(self, tmp_path):
        self.folder, self.data = tmp_path, tmp_path / "data"
        self.data.mkdir()
        self.config = settings(tmp_path)
        self.admin = token(self.data, "*:*:admin")
        self.gateway = None

    def start(self):
        self.gateway = harness.Gateway(self.data, "--config-file", self.config, "--sumdb", "off")

    def ask(self, version, method, body=None, query=""):
        """The status, or None when the gateway was gone before it answered."""
        try:
            return send(self.gateway.url, "/internal" + path_of(LIB, version) + query, body, self.admin, method).status
        except (OSError, harness.http.client.HTTPException):
            return None

    def ask_and_kill(self, after_s, *args):
        killer = threading.Timer(after_s, self.gateway.process.kill)
        killer.start()
        status = self.ask(*args)
        killer.join()
        self.gateway.process.wait()
        return status

    def state(self, version, body):
        """"whole", "absent" or "withdrawn"; anything else fails."""
        found = {kind: self.gateway.get("/internal" + path_of(LIB, version, kind)) for kind in ("info", "mod", "zip")}
        statuses = {answer.status for answer in found.values()}
        assert len(statuses) == 1, f"{version} is there in part: {found}"
        listed = version in self.gateway.get("/internal/corp.example/lib/@v/list").text.split()
        status = statuses.pop()
        assert listed == (status == 200)
        if status == 200:
            assert found["zip"].body == body and found["info"].json()["Version"] == version
        return {200: "whole", 404: "absent", 403: "withdrawn"}[status]

    def verify(self):
        done = harness.modgate("verify", os.path.join(str(self.data), "repositories", "internal"))
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path)
    made.start()
    yield made
    made.gateway.stop()


def body_of(house, rng, version):
    return make_zip(house.folder / "lib.zip", LIB, version, {"lib.go": "package lib\n", "data": rng.randbytes(rng.choice([100, 400_000, 3_000_000]))})


def measure(call):
    start = time.monotonic()
    call()
    return time.monotonic() - start


def test_kill_9_while_publishing(house):
    rng, outcomes = random.Random(1), []
    body = body_of(house, rng, "v0.0.1")
    usual_s = measure(lambda: house.ask("v0.0.1", "PUT", body))
    for i in range(KILLS):
        version = f"v1.{i}.0"
        body = body_of(house, rng, version)
        status = house.ask_and_kill(rng.random() * 1.5 * usual_s, version, "PUT", body)
        house.start()
        state = house.state(version, body)
        assert state in ("whole", "absent") and (status != 201 or state == "whole"), f"{version}: {status}, then {state}"
        assert stage_is_empty(house.data), "what broke off is gone at the start"
        again = house.ask(version, "PUT", body)
        assert again == (200 if state == "whole" else 201)
        assert house.state(version, body) == "whole"
        outcomes.append(state)
    house.verify()
    assert set(outcomes) == {"whole", "absent"}, outcomes


def test_kill_9_while_withdrawing(house):
    rng, outcomes, versions = random.Random(2), [], {}
    for i in range(max(KILLS // 3, 3)):
        version = f"v1.{i}.0"
        versions[version] = body_of(house, rng, version)
        assert house.ask(version, "PUT", versions[version]) == 201
    for version, body in versions.items():
        status = house.ask_and_kill(rng.random() * 0.1, version, "DELETE", None, "?reason=why")
        house.start()
        state = house.state(version, body)
        assert state in ("whole", "withdrawn") and (status != 200 or state == "withdrawn"), f"{version}: {status}, then {state}"
        assert house.ask(version, "PUT", body) == (200 if state == "whole" else 409)
        assert house.ask(version, "DELETE", None, "?reason=again") == 200
        assert house.state(version, body) == "withdrawn"
        outcomes.append(state)
    house.verify()


def test_a_client_that_leaves(house):
    """At every point of its upload: nothing is left."""
    body = make_zip(house.folder / "lib.zip", LIB, "v1.0.0", {"data": os.urandom(400_000)})
    host, port = house.gateway.address.rsplit(":", 1)
    head = (f"PUT /internal{path_of(LIB, 'v1.0.0')} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {house.admin}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode()
    for part in (0, 1, 1000, 70_000, 300_000, len(body) - 1):
        with harness.socket.create_connection((host, int(port))) as link:
            link.sendall(head + body[:part])
    harness.wait_until(lambda: stage_is_empty(house.data), "the stage is empty")
    assert house.state("v1.0.0", body) == "absent"
    assert house.ask("v1.0.0", "PUT", body) == 201
