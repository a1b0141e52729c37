"""GPUs are leased: two processes never hold the same one, and a dead one holds none."""

from __future__ import annotations

import ctypes
import gc
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest

from basegate.engines import cuda_driver as driver, devices
from basegate.errors import CandidateError
from basegate.runner import gpu_leases as leases
from basegate.runner.gpu_leases import take, visible_gpus

VARIABLE = "CUDA_VISIBLE_DEVICES"
PROCESSES = multiprocessing.get_context("spawn")
LONG = 60.0
"""Seconds after which a test that waits has failed."""


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "leases"


@pytest.fixture
def start():
    """Start functions of this file in processes, and end those that are left."""
    started = []

    def begin(function, *given):
        started.append(PROCESSES.Process(target=function, args=given, daemon=True))
        started[-1].start()
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.join()


def give_back():
    while leases._held:
        leases._held.pop().close()


@pytest.fixture
def release():
    """Give back what a test has leased; a process does so by its end."""
    yield
    give_back()


pytestmark = pytest.mark.usefixtures("release")


def hold(folder, devices, count, told):
    """Take a lease and keep it until this process is killed."""
    told.send(take(count, devices, folder=folder, waiting=lambda: told.send("waiting")))
    time.sleep(LONG)


def use(folder, devices, count, rounds):
    """Take leases again and again, each time marking the devices as this process's own."""
    for _ in range(rounds):
        taken = take(count, devices, folder=folder, poll=0.002)
        assert len(set(taken)) == count
        marks = [folder / f"in-use-{device}" for device in taken]
        for mark in marks:
            mark.touch(exist_ok=False)  # fails where another process holds it, too
        time.sleep(0.002)
        for mark in marks:
            mark.unlink()
        give_back()


def holder(start, folder, devices, count):
    """Return a process that holds a lease, and its devices."""
    ours, theirs = PROCESSES.Pipe()
    process = start(hold, folder, devices, count, theirs)
    assert ours.poll(LONG)
    return process, ours.recv()


def test_processes_get_different_devices(start, folder):
    found = [holder(start, folder, ("0", "1", "2"), count)[1] for count in (1, 2)]
    assert found == [("0",), ("1", "2")]


@pytest.mark.parametrize("count", [1, 2])
def test_processes_never_share_a_device_and_never_wait_for_ever(start, folder, count):
    devices = ("0", "1", "2")
    users = [start(use, folder, devices, count, 15) for _ in range(4)]
    for user in users:
        user.join(LONG)
    assert [user.exitcode for user in users] == [0] * 4


def test_two_that_need_all_devices_in_another_order_do_not_wait_for_each_other(start, folder):
    users = [start(use, folder, order, 2, 15) for order in (("0", "1"), ("1", "0"))]
    for user in users:
        user.join(LONG)
    assert [user.exitcode for user in users] == [0, 0]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_killed_process_holds_nothing(start, folder):
    process, devices = holder(start, folder, ("0",), 1)
    told = []
    timer = threading.Timer(0.3, os.kill, (process.pid, signal.SIGKILL))
    timer.start()
    taken = take(1, ("0",), folder=folder, waiting=lambda: told.append(1), poll=0.01)
    assert (taken, told) == (devices, [1]), "it waited, and said so once"
    timer.join()


def test_who_cannot_have_all_holds_none(start, folder):
    keeper, _ = holder(start, folder, ("0",), 1)
    ours, theirs = PROCESSES.Pipe()
    start(hold, folder, ("0", "1"), 2, theirs)
    assert ours.poll(LONG)
    assert ours.recv() == "waiting"
    assert take(1, ("0", "1"), folder=folder) == ("1",)
    keeper.kill()
    assert not ours.poll(1.0)
    give_back()
    assert ours.poll(LONG)
    assert ours.recv() == ("0", "1")


def test_nothing_is_said_where_there_is_nothing_to_wait_for(folder):
    assert take(1, ("0",), folder=folder, waiting=lambda: pytest.fail("it waits")) == ("0",)


def test_a_lease_that_nobody_refers_to_is_held_on(start, folder):
    take(1, ("0", "1"), folder=folder)
    gc.collect()
    assert holder(start, folder, ("0", "1"), 1)[1] == ("1",)


def test_a_lease_is_the_processs_whichever_thread_took_it(start, folder):
    thread = threading.Thread(target=take, args=(1, ("0", "1")), kwargs={"folder": folder})
    thread.start()
    thread.join()
    gc.collect()
    assert holder(start, folder, ("0", "1"), 1)[1] == ("1",)
    give_back()
    assert holder(start, folder, ("0", "1"), 1)[1] == ("0",)


@pytest.mark.parametrize(
    ("devices", "sentence"),
    [
        (("0",), "it needs 2 GPUs and 1 can be used here (0)."),
        ((), "it needs 2 GPUs and there is none."),
    ],
)
def test_more_than_there_are_is_an_error_at_once(folder, devices, sentence):
    with pytest.raises(CandidateError) as caught:
        take(2, devices, folder=folder)
    assert str(caught.value).startswith(sentence)
    assert "models.toml" in str(caught.value)


def test_names_of_mig_devices_are_no_paths(folder):
    taken = take(1, ("MIG-GPU-8932f937/1/2",), folder=folder)
    assert taken == ("MIG-GPU-8932f937/1/2",)
    assert {path.parent for path in folder.rglob("*")} == {folder}


def test_the_folder_is_the_users_own(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    take(1, ("0",))
    (own,) = tmp_path.iterdir()
    assert own.name.startswith("basegate-gpus-")
    if sys.platform != "win32":
        assert own.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be_used_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CandidateError, match=r"no GPU can be leased: .* TMPDIR"):
        take(1, ("0",), folder=tmp_path / "file")


@pytest.mark.parametrize(
    ("variable", "there", "seen"),
    [
        (None, 3, ("0", "1", "2")),
        (None, 0, ()),
        ("1", 1, ("1",)),
        ("2,0", 2, ("2", "0")),
        (" 2 , 0 ", 2, ("2", "0")),
        ("", 0, ()),
        ("-1", 0, ()),
        ("0,2,-1,1", 2, ("0", "2")),
        ("0,,1", 1, ("0",)),
        ("0,nonsense,1", 1, ("0",)),
        ("0,1,7", 2, ("0", "1")),  # there is no 7: the driver shows two
        ("0,1", 0, ("0", "1")),  # no driver to ask
        ("0,0", 0, ()),
        ("GPU-8932f937,GPU-11111111", 2, ("GPU-8932f937", "GPU-11111111")),
        ("MIG-GPU-8932f937/1/2", 1, ("MIG-GPU-8932f937/1/2",)),
    ],
)
def test_the_visible_gpus_are_those_that_cuda_would_show(monkeypatch, variable, there, seen):
    monkeypatch.setattr(leases, "gpu_count", lambda: there)
    if variable is None:
        monkeypatch.delenv(VARIABLE, raising=False)
    else:
        monkeypatch.setenv(VARIABLE, variable)
    assert visible_gpus() == seen


class Driver:
    """Stands for NVIDIA's driver library with some GPUs."""

    def __init__(self, *names, status=0, initialised=False):
        self.names = names
        self.status = status
        self.initialised = initialised

    def cuInit(self, _flags):
        self.initialised = self.status == 0
        return self.status

    def cuDeviceGetCount(self, count):
        if not self.initialised:
            return 3
        ctypes.cast(count, ctypes.POINTER(ctypes.c_int))[0] = len(self.names)
        return 0

    def cuDeviceGet(self, device, index):
        ctypes.cast(device, ctypes.POINTER(ctypes.c_int))[0] = index
        return 0

    def cuDeviceGetName(self, name, _length, device):
        if self.names[device.value] is None:
            return 1
        name.value = self.names[device.value]
        return 0


@pytest.mark.parametrize(
    ("library", "names"),
    [
        (Driver(b"H100", b"H200"), ["H100", "H200"]),
        (Driver(b"H100", None), ["H100", "unknown"]),
        (Driver(), []),
        (Driver(b"H100", status=100), []),
    ],
    ids=["two", "one without a name", "none", "no device"],
)
def test_the_driver_names_the_visible_gpus(library, names):
    assert driver.names(library) == names


@pytest.mark.parametrize(
    ("initialised", "variable"), [(False, "1,0"), (True, "unchanged")], ids=["before", "after"]
)
def test_a_lease_is_exported_before_cuda_is_initialised_or_not_at_all(
    monkeypatch, initialised, variable
):
    monkeypatch.setenv(VARIABLE, "unchanged")
    monkeypatch.setattr(driver, "load", lambda: Driver(b"H100", initialised=initialised))
    if initialised:
        with pytest.raises(RuntimeError, match="initialised already"):
            leases.export(("1", "0"))
    else:
        leases.export(("1", "0"))
    assert os.environ[VARIABLE] == variable


def test_a_lease_is_exported_where_there_is_no_driver(monkeypatch):
    monkeypatch.setenv(VARIABLE, "unchanged")
    monkeypatch.setattr(driver, "load", lambda: None)
    leases.export(("1",))
    assert os.environ[VARIABLE] == "1"


def test_without_a_driver_there_is_no_gpu(monkeypatch):
    monkeypatch.setattr(driver, "load", lambda: None)
    assert devices._gpus.__wrapped__(None) == ()


STAND_IN = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* Four GPUs of single digits; like NVIDIA's, it reads the variable once, when it is first asked. */
static int shown = -1;
static char devices[8];
int cuInit(unsigned flags) {
    if (shown >= 0) return 0;
    const char *given = getenv("CUDA_VISIBLE_DEVICES");
    if (!given) given = "0,1,2,3";
    for (shown = 0; ; given += given[1] == ',' ? 2 : 1) {
        if (!strncmp(given, "GPU-", 4)) given += 4;
        if (*given < '0' || *given > '3') return 0;
        devices[shown++] = *given;
    }
}
int cuDeviceGetCount(int *count) { if (shown < 0) return 3; *count = shown; return 0; }
int cuDeviceGet(int *device, int index) { *device = index; return 0; }
int cuDeviceGetName(char *name, int length, int device) {
    return snprintf(name, length, "GPU %c", devices[device]) < 0;
}
int cuDeviceGetUuid_v2(char *uuid, int device) { memset(uuid, devices[device], 16); return 0; }
"""

SEEN = """
import json, sys
from pathlib import Path
from basegate.engines import cuda_driver as driver
from basegate.engines.devices import gpu_count, gpu_name
from basegate.runner.gpu_leases import export, take, visible_gpus

before = [gpu_count(), gpu_name(), visible_gpus()]
take(1, ("0", "1"), folder=Path(sys.argv[1]))
export(take(2, visible_gpus(), folder=Path(sys.argv[1])))
after = [gpu_count(), gpu_name(), visible_gpus()]
# What torch would see, which asks in this process.
print(json.dumps([before, after, driver.names(driver.load())]))
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """A folder with a library that stands for NVIDIA's driver."""
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("needs a C compiler on Linux")
    folder = tmp_path_factory.mktemp("driver")
    (folder / "driver.c").write_text(STAND_IN)
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-o", folder / "libcuda.so.1", folder / "driver.c"],
        check=True,
    )
    return folder


@pytest.mark.parametrize(
    ("variable", "before", "leased"),
    [
        (None, [4, "GPU 0", ["0", "1", "2", "3"]], ["1", "2"]),
        ("3,0,1", [3, "GPU 3", ["3", "0", "1"]], ["3", "1"]),
        ("2,1,9,0", [2, "GPU 2", ["2", "1"]], ["2", "1"]),
    ],
)
def test_asking_for_gpus_leaves_the_choice_to_a_later_lease(
    library, folder, variable, before, leased
):
    clean = {key: value for key, value in os.environ.items() if key != VARIABLE}
    chosen = {} if variable is None else {VARIABLE: variable}
    done = subprocess.run(
        [sys.executable, "-c", SEEN, str(folder)],
        env={**clean, "LD_LIBRARY_PATH": str(library), **chosen},
        capture_output=True,
        text=True,
        check=True,
    )
    names = [f"GPU {device}" for device in leased]
    assert json.loads(done.stdout) == [before, [2, names[0], leased], names]


HELD = """
import sys
from pathlib import Path
from basegate.runner.gpu_leases import take, visible_gpus

print(*take(1, visible_gpus(), folder=Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize(
    ("first", "second", "taken"),
    [
        ("0,1", "GPU-0,GPU-1", ["0", "GPU-1"]),
        ("GPU-1", None, ["GPU-1", "0"]),
        ("GPU-0", None, ["GPU-0", "1"]),
        ("1", "GPU-0,GPU-1", ["1", "GPU-0"]),
    ],
)
def test_a_gpu_has_one_lock_by_whatever_name(library, folder, first, second, taken):
    processes = []
    found = []
    for variable in (first, second):
        clean = {key: value for key, value in os.environ.items() if key != VARIABLE}
        chosen = {} if variable is None else {VARIABLE: variable}
        processes.append(
            subprocess.Popen(
                [sys.executable, "-c", HELD, str(folder)],
                env={**clean, "LD_LIBRARY_PATH": str(library), **chosen},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        found.append(processes[-1].stdout.readline().strip())
    for process in processes:
        process.communicate()
    assert found == taken


def test_a_driver_that_is_too_old_for_uuids_leaves_the_names():
    assert driver.uuids(Driver(b"H100", b"H200")) == [None, None]
