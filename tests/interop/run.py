"""Our gateway against other people's code: callbacks written by wechatpy, sockets driven by kosoku (Autobahn's cases).

Starts the program named by YIZHAN_BIN as a demo of its own, acts through its public faces only, and ends with
"N passed, N failed" and an exit code.
"""

import os
import subprocess
import sys
import tempfile
import traceback
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import requests

import sockets
import wechat
from support import free_port

ROOT = Path(__file__).resolve().parents[2]
START_S = 60


def program():
    return os.environ.get("YIZHAN_BIN", str(ROOT / "target/debug/yizhan"))


@contextmanager
def gateway(folder):
    """A running demo with the tenants `demo` and `interop`; yields its address."""
    port = free_port()
    settings = {"YIZHAN__DATA__DIR": folder, "YIZHAN__SECRET__GENERATE": "true"}
    declaration = str(Path(__file__).with_name("interop.toml"))
    subprocess.run([program(), "tenant", "apply", declaration], env={**os.environ, **settings}, check=True)
    command = [program(), "demo", "--port", str(port), "--data", folder, "--conformance"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield ready(process, port)
        process.terminate()
        code = process.wait(timeout=40)
        assert code == 0, f"the gateway ended with exit code {code} after SIGTERM"
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def ready(process, port):
    address = f"http://127.0.0.1:{port}"
    deadline = monotonic() + START_S
    while monotonic() < deadline:
        assert process.poll() is None, "the gateway ended while it was starting"
        try:
            if requests.get(f"{address}/readyz", timeout=2).status_code == 200:
                return address
        except requests.ConnectionError:
            pass
    raise AssertionError(f"the gateway was not ready within {START_S} s")


def attempt(name, test):
    try:
        test()
    except Exception:  # every failure is one failed test; the others still run
        print(f"FAIL {name}\n{traceback.format_exc()}", flush=True)
        return False
    print(f"ok   {name}", flush=True)
    return True


def main():
    outcomes = []
    with tempfile.TemporaryDirectory(prefix="yizhan-interop-") as folder:
        with gateway(folder) as address:
            for name, test in [*wechat.tests(address), *sockets.tests(address)]:
                outcomes.append(attempt(name, test))
    failed = outcomes.count(False)
    print(f"{outcomes.count(True)} passed, {failed} failed")
    return 1 if failed or not outcomes else 0


if __name__ == "__main__":
    sys.exit(main())
