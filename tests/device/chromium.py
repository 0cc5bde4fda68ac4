"""A real browser without a window, driven through its debugging pipe (no extra package)."""

import base64
import json
import os
import shutil
import subprocess
import time

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars", "--remote-debugging-pipe",
)  # fmt: skip


def find():
    """Chromium's path, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


class Browser:
    """One tab; use as a context manager."""

    def __init__(self, profile, size=(1400, 1100), dark=False):
        ours, theirs = os.pipe(), os.pipe()
        os.set_inheritable(ours[0], True)
        os.set_inheritable(theirs[1], True)
        flags = [*FLAGS, f"--user-data-dir={profile}", f"--window-size={size[0]},{size[1]}"]
        command = f'exec "$0" "$@" 3<&{ours[0]} 4>&{theirs[1]}'
        self.process = subprocess.Popen(
            ["bash", "-c", command, find(), *flags, "about:blank"],
            pass_fds=(ours[0], theirs[1]),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(ours[0])
        os.close(theirs[1])
        self._send, self._receive = os.fdopen(ours[1], "wb", 0), os.fdopen(theirs[0], "rb")
        self._number, self._session, self._rest = 0, None, b""
        pages = self.call("Target.getTargets")["targetInfos"]
        page = next(p["targetId"] for p in pages if p["type"] == "page")
        attached = self.call("Target.attachToTarget", targetId=page, flatten=True)
        self._session = attached["sessionId"]
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.process.terminate()
        self.process.wait(10)
        self._send.close()
        self._receive.close()

    def call(self, method, **parameters):
        self._number += 1
        order = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            order["sessionId"] = self._session
        self._send.write(json.dumps(order).encode() + b"\0")
        while True:
            while b"\0" not in self._rest:
                read = os.read(self._receive.fileno(), 1 << 16)
                assert read, "the browser has gone"
                self._rest += read
            text, _, self._rest = self._rest.partition(b"\0")
            answer = json.loads(text)
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]

    def open(self, address):
        self.call("Page.navigate", url=address)

    def ask(self, expression):
        """A JavaScript expression's value."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def wait_for(self, expression, seconds=20):
        deadline = time.monotonic() + seconds
        while not (value := self.ask(expression)):
            assert time.monotonic() < deadline, f"never true: {expression}"
            time.sleep(0.1)
        return value

    def press(self, key):
        code = ord(key.upper())
        for kind in ("keyDown", "keyUp"):
            text = key if kind == "keyDown" else ""
            event = {"type": kind, "key": key, "text": text, "windowsVirtualKeyCode": code}
            self.call("Input.dispatchKeyEvent", **event)

    def picture(self, path):
        data = self.call("Page.captureScreenshot", format="png")["data"]
        path.write_bytes(base64.b64decode(data))
