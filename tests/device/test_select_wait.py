"""A script's own server or asyncio loop in a deterministic run: the cameras go on beside it."""

import asyncio
import http.server
import selectors
import subprocess
import sys
import threading
import time

import depthai as dai

from oakwright.device import VirtualOak


def camera():
    pipeline = dai.Pipeline()
    source = pipeline.create(dai.node.ColorCamera)
    source.setPreviewSize(32, 32)
    source.setFps(30)
    link = pipeline.create(dai.node.XLinkOut)
    link.setStreamName("out")
    source.preview.link(link.input)
    return pipeline


class Answer(http.server.BaseHTTPRequestHandler):
    """Answers 'seen' and how many frames there were."""

    frames = 0

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"seen {type(self).frames}".encode())

    def log_message(self, *arguments):
        """Nothing is printed."""


def test_a_server_thread_serves_while_the_camera_goes_on():
    with VirtualOak(deterministic=True), dai.Device(camera()) as device:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        queue = device.getOutputQueue("out", 4, True)
        for _ in range(40):
            queue.get()
            Answer.frames += 1
        # Whoever looks at the page is none of the run's: another process.
        client = subprocess.Popen(
            [sys.executable, "-c", "import sys, urllib.request as u;"
             "print(u.urlopen(sys.argv[1], timeout=120).read().decode())",
             f"http://127.0.0.1:{server.server_port}/"],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        while client.poll() is None:
            queue.get()
        server.shutdown()
        server.server_close()
    assert client.communicate()[0].strip() == "seen 40"


def test_an_asyncio_loop_sleeps_in_virtual_time():
    async def watch(device, seen):
        queue = device.getOutputQueue("out", 4, False)
        started = time.monotonic()
        while time.monotonic() - started < 2:
            if queue.has():
                seen.append(queue.get().getSequenceNum())
            await asyncio.sleep(0.01)

    def run():
        seen = []
        with VirtualOak(deterministic=True) as oak, dai.Device(camera()) as device:
            asyncio.run(watch(device, seen))
            return seen, oak.report()["digest"]

    first, again = run(), run()
    assert 55 <= len(first[0]) <= 61
    assert first == again


def test_no_virtual_time_passes_while_a_process_is_waited_for():
    with VirtualOak(deterministic=True), dai.Device(camera()):
        before = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", "print('done')"], capture_output=True, text=True, check=True
        )
        assert done.stdout == "done\n"
        assert time.monotonic() - before < 0.1


def test_afterwards_selectors_are_as_they_were():
    before = {
        name: vars(getattr(selectors, name)).get("select")
        for name in ("SelectSelector", "PollSelector", "EpollSelector")
    }
    with VirtualOak(deterministic=True), dai.Device(camera()):
        assert selectors.EpollSelector.select is not before["EpollSelector"]
    after = {name: vars(getattr(selectors, name)).get("select") for name in before}
    assert after == before
