"""Order in which transfers reach the mesh, against a stand-in that records it."""

from types import SimpleNamespace
from typing import Any

import pytest

from wafersim.runtime.device import Device, Transfer
from wafersim.runtime.errors import DeadlockError
from wafersim.runtime.settings import RunSettings


class RecordingMesh:
    """Completes one open ticket per `run`, in the order given by `plan` (names) or of starting."""

    def __init__(self):
        self.cycle = 0
        self.started: list[str] = []
        self.finished: set[int] = set()
        self.stuck: set[str] = set()

    def warnings(self) -> list:
        return []

    def begin(self, name: str) -> int:
        self.started.append(name)
        return len(self.started) - 1

    def run(self, max_cycles: int, tickets: list[int]) -> str:
        self.cycle += 1
        for ticket in tickets:
            if self.started[ticket] not in self.stuck:
                self.finished.add(ticket)
        return "done" if all(ticket in self.finished for ticket in tickets) else "deadlock"

    def done(self, ticket: int) -> bool:
        return ticket in self.finished

    def result(self, ticket: int):
        return None

    def log(self):
        return []

    def deadlock(self):
        return {}

    def stats(self):
        return {}


@pytest.fixture
def mesh():
    return RecordingMesh()


@pytest.fixture
def submit(mesh):
    image = SimpleNamespace(memcpy=True, width=1, height=1, colors={})
    device = Device(mesh, image, RunSettings(log_path=""))  # type: ignore[arg-type]
    kinds: dict[str, dict[str, Any]] = {
        "stream in": {"blocks": True},
        "stream out": {"immediate": True},
        "copy": {"waits": True, "copies": True},
        "launch": {"waits": True},
    }

    def submit_one(name: str) -> Transfer:
        return device.submit(Transfer(name, lambda: mesh.begin(name), **kinds[name.rstrip(" 0123456789")]))

    submit_one.device = device
    return submit_one


def test_commands_are_handed_over_at_once(mesh, submit):
    submit("launch 1")
    submit("copy 2")
    assert mesh.started == ["launch 1", "copy 2"]


def test_commands_wait_for_streams_to_the_device(mesh, submit):
    submit("stream in 1")
    launch = submit("launch 2")
    assert mesh.started == ["stream in 1"]
    submit.device.wait(launch)
    assert mesh.started == ["stream in 1", "launch 2"]
    assert launch.done


def test_streams_from_the_device_overtake(mesh, submit):
    submit("stream in 1")
    submit("launch 2")
    submit("stream out 3")
    assert mesh.started == ["stream in 1", "stream out 3"]


def test_streams_to_the_device_run_side_by_side(mesh, submit):
    submit("stream in 1")
    submit("stream in 2")
    assert mesh.started == ["stream in 1", "stream in 2"]


def test_streams_to_the_device_do_not_overtake_copies(mesh, submit):
    submit("copy 1")
    stream = submit("stream in 2")
    assert mesh.started == ["copy 1"]
    submit.device.wait(stream)
    assert mesh.started == ["copy 1", "stream in 2"]


def test_wait_all_completes_everything(mesh, submit):
    transfers = [submit(name) for name in ("stream in 1", "launch 2", "stream in 3", "copy 4", "stream out 5")]
    submit.device.wait_all()
    assert all(transfer.done for transfer in transfers)


def test_deadlock_names_what_is_waited_for_and_drops_the_rest(mesh, submit):
    mesh.stuck.add("stream in 1")
    submit("stream in 1")
    launch = submit("launch 2")
    with pytest.raises(DeadlockError, match="the host waits for launch 2"):
        submit.device.wait(launch)
    assert submit.device.failed
    submit.device.wait_all()
    assert mesh.started == ["stream in 1"]


def test_no_deadlock_while_other_transfers_complete(mesh, submit):
    mesh.stuck.add("stream in 1")
    submit("stream in 1")
    out = submit("stream out 2")
    submit.device.wait(out)
    assert out.done
