"""A headless Chromium that is told what to do over a pipe: what it asked for, complained of, and shows."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")

FLAGS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)

PATIENCE_S = 20.0


def chromium() -> str | None:
    """The program; None if this machine has none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@dataclass
class Page:
    """A page of the browser."""

    pipe: Pipe
    session: str

    def open(self, url: str, *, width: int = 1440, height: int = 900, dark: bool = False) -> None:
        """Load an address and forget what was heard before."""
        self.pipe.events.clear()
        self.tell(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.tell("Emulation.setEmulatedMedia", features=scheme)
        self.tell("Page.navigate", url=url)
        self.until("document.readyState === 'complete'")

    def tell(self, method: str, **parameters):
        return self.pipe.call(method, parameters, self.session)

    def run(self, script: str):
        """What an expression gives; a promise is waited for."""
        asked = {"expression": script, "returnByValue": True, "awaitPromise": True}
        answer = self.tell("Runtime.evaluate", **asked)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, script: str) -> None:
        """Wait until an expression holds."""
        end = time.monotonic() + PATIENCE_S
        while not self.run(script):
            assert time.monotonic() < end, f"never came true: {script}"
            time.sleep(0.02)

    def press(self, key: str, *, code: int, control: bool = False, text: str = "") -> None:
        """Press a key as a keyboard does."""
        what = {"key": key, "windowsVirtualKeyCode": code, "modifiers": 2 if control else 0}
        self.tell("Input.dispatchKeyEvent", type="keyDown", text=text, **what)
        self.tell("Input.dispatchKeyEvent", type="keyUp", **what)

    def type(self, words: str) -> None:
        """Type into what has the focus."""
        self.tell("Input.insertText", text=words)

    def picture(self, path: Path) -> bytes:
        """Keep what it looks like as PNG."""
        content = base64.b64decode(self.tell("Page.captureScreenshot", format="png")["data"])
        path.write_bytes(content)
        return content

    @property
    def requests(self) -> list[str]:
        """What the page asked some server for."""
        heard = self.pipe.heard("Network.requestWillBeSent")
        addresses = [each["request"]["url"] for each in heard]
        return [each for each in addresses if not each.startswith("data:")]

    @property
    def complaints(self) -> list[str]:
        """What the browser found wrong: errors of scripts, breaches of the page's policy."""
        logged = [each["entry"] for each in self.pipe.heard("Log.entryAdded")]
        thrown = [each["exceptionDetails"]["text"] for each in self.pipe.heard("Runtime.exceptionThrown")]
        said = [
            str([part.get("value") for part in each["args"]])
            for each in self.pipe.heard("Runtime.consoleAPICalled")
            if each["type"] in {"error", "assert"}
        ]
        return [each["text"] for each in logged if each["level"] == "error"] + thrown + said


@dataclass
class Pipe:
    """The DevTools protocol: JSON messages with a zero byte at the end."""

    to_browser: int
    from_browser: int
    events: list[dict] = field(default_factory=list)
    _last: int = 0
    _rest: bytes = b""

    def call(self, method: str, parameters: dict, session: str | None = None) -> dict:
        """Send a command and wait for its answer; what is heard meanwhile is kept."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self.to_browser, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._last:
            self.events.append(answer)
        assert "error" not in answer, (method, answer["error"])
        return answer["result"]

    def heard(self, method: str) -> list[dict]:
        """The events of a kind since the page was opened."""
        return [each["params"] for each in self.events if each.get("method") == method]

    def _next(self) -> dict:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self.from_browser], [], [], PATIENCE_S)
            assert ready, "the browser does not answer"
            self._rest += os.read(self.from_browser, 1 << 20) or self._gone()
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def _gone(self) -> bytes:
        raise AssertionError("the browser has ended")


@contextlib.contextmanager
def browsing(program: str, folder: Path) -> Iterator[Page]:
    """Start a browser with an empty profile; one page of it for as long as the `with` lasts."""
    flags = [*FLAGS, f"--user-data-dir={folder}"]
    if os.geteuid() == 0:
        flags.append("--no-sandbox")
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    silent = os.open(os.devnull, os.O_RDWR)
    # Far from the numbers that the browser expects its pipe under.
    moved = [os.dup2(one, 200 + at, inheritable=False) for at, one in enumerate((theirs_in, theirs_out))]
    actions = [
        (os.POSIX_SPAWN_DUP2, silent, 1),
        (os.POSIX_SPAWN_DUP2, silent, 2),
        (os.POSIX_SPAWN_DUP2, moved[0], 3),
        (os.POSIX_SPAWN_DUP2, moved[1], 4),
    ]
    process = os.posix_spawn(program, [program, *flags], dict(os.environ), file_actions=actions, setpgroup=0)
    for one in (theirs_in, theirs_out, silent, *moved):
        os.close(one)
    try:
        yield _page(Pipe(ours_out, ours_in))
    finally:
        os.killpg(process, signal.SIGKILL)
        os.waitpid(process, 0)
        os.close(ours_in)
        os.close(ours_out)


def _page(pipe: Pipe) -> Page:
    target = pipe.call("Target.createTarget", {"url": "about:blank"})["targetId"]
    session = pipe.call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
    page = Page(pipe, session)
    for domain in ("Page", "Network", "Log", "Runtime"):
        page.tell(f"{domain}.enable")
    return page
