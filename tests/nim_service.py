"""A real HTTP service on this machine: speaks the documented OCR API, checks what it is sent, misbehaves on order.

It answers by the page's colour, so that a test knows which image got which answer.
"""

from __future__ import annotations

import base64
import io
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from PIL import Image

LEVELS = ("word", "sentence", "paragraph")
Detection = tuple[str, float, tuple[float, float, float, float]]
DATA_URI = re.compile(r"data:image/(png|jpeg);base64,([A-Za-z0-9+/]+=*)")


@dataclass
class Script:
    """What the service does. `pages`: red of the page -> level -> detections (text, confidence, x0, y0, x1, y1 0-1).

    `trouble` is what to do with the next requests, one word each, before answering well; see Handler.misbehave.
    """

    pages: dict[int, dict[str, list[Detection]]]
    routes: tuple[str, ...] = ("/v1/ocr",)
    key: str | None = None
    limit: int | None = None
    trouble: list[str] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    sizes: list[tuple[int, int]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    promised: dict[str, bytes] = field(default_factory=dict)


@contextmanager
def serving(script: Script) -> Iterator[str]:
    """Serve until the block ends; gives the service's address."""

    class Own(Handler):
        pass

    Own.script = script
    server = ThreadingHTTPServer(("127.0.0.1", 0), Own)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert not script.complaints, script.complaints


class Handler(BaseHTTPRequestHandler):
    script: Script
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.script.paths.append(self.path)
        if self.path not in self.script.routes:
            return self.answer(404, b'{"detail": "Not Found"}')
        if self.script.key is not None and self.headers["Authorization"] != f"Bearer {self.script.key}":
            return self.answer(401, b'{"detail": "no such key"}')
        problem = self.check(body)
        if problem:
            self.script.complaints.append(problem)
            return self.answer(422, json.dumps({"detail": problem}).encode())
        request = json.loads(body)
        self.script.requests.append(request)
        good = json.dumps(self.read(request)).encode()
        if self.script.trouble:
            return self.misbehave(self.script.trouble.pop(0), good)
        return self.answer(200, good)

    def do_GET(self) -> None:
        self.script.paths.append(self.path)
        number = self.path.removeprefix("/v1/status/")
        if self.script.key is not None and self.headers["Authorization"] != f"Bearer {self.script.key}":
            return self.answer(401, b"no key on the status route")
        if self.script.trouble and self.script.trouble[0] == "still":
            self.script.trouble.pop(0)
            return self.answer(202, b"", {"NVCF-REQID": number})
        if number not in self.script.promised:
            return self.answer(404, b"no such request")
        return self.answer(200, self.script.promised[number])

    # -- the documented request ----------------------------------------------------------------------------------------

    def check(self, body: bytes) -> str:
        """Return what is wrong with a request, "" for nothing."""
        if self.headers["Content-Type"] != "application/json" or self.headers["Accept"] != "application/json":
            return "headers Accept and Content-Type are application/json"
        request = json.loads(body)
        if set(request) != {"input", "merge_levels"}:
            return f"fields {sorted(request)}"
        images, levels = request["input"], request["merge_levels"]
        if not images or len(levels) != len(images) or not set(levels) <= set(LEVELS):
            return f"{len(images)} images, merge_levels {levels}"
        for image in images:
            if set(image) != {"type", "url"} or image["type"] != "image_url":
                return f"an image has {sorted(image)}"
            found = DATA_URI.fullmatch(image["url"])
            if not found:
                return "an image is no data URI of a PNG or JPEG"
            if self.script.limit is not None and len(found[2]) >= self.script.limit:
                return f"{len(found[2])} base64 characters"
            if Image.open(io.BytesIO(base64.b64decode(found[2]))).format != found[1].upper():
                return "an image is not of the type it says"
        return ""

    def read(self, request: dict[str, Any]) -> dict[str, Any]:
        data = []
        for index, (entry, level) in enumerate(zip(request["input"], request["merge_levels"], strict=True)):
            image = Image.open(io.BytesIO(base64.b64decode(entry["url"].partition(",")[2]))).convert("RGB")
            self.script.sizes.append(image.size)
            red = image.resize((1, 1)).getpixel((0, 0))[0]  # type: ignore[index]
            page = min(self.script.pages, key=lambda known: abs(known - red))
            detections = [detection(*one) for one in self.script.pages[page][level]]
            data.append({"index": index, "text_detections": detections})
        return {"data": data[::-1], "model": "nvidia/nemotron-ocr-v1", "usage": {"images_size_mb": 0.1}}

    # -- and the undocumented ------------------------------------------------------------------------------------------

    def misbehave(self, trouble: str, good: bytes) -> None:
        answer = json.loads(good)
        if trouble.isdigit():
            echoed = json.dumps({"detail": f"headers were {dict(self.headers)}"}).encode()
            return self.answer(int(trouble), echoed, {"Retry-After": "0", "Location": "http://127.0.0.1:1/elsewhere"})
        if trouble == "promise":
            self.script.promised["abc-123"] = good
            return self.answer(202, b"", {"NVCF-REQID": "abc-123"})
        if trouble == "promise nothing":
            return self.answer(202, b"", {"NVCF-REQID": "../../elsewhere?"})
        if trouble == "hang":
            time.sleep(1.5)
            return self.answer(200, good)
        if trouble == "hang up":
            self.close_connection = True
            return self.connection.shutdown(socket.SHUT_RDWR)
        if trouble == "drip":
            return self.drip()
        if trouble == "garbage":
            return self.answer(200, b"<html>all is well</html>", {"Content-Type": "text/html"})
        if trouble == "not a page":
            return self.answer(200, b'["data"]')
        if trouble == "one less":
            answer["data"].pop()
        elif trouble == "twice the same":
            answer["data"] = [{**entry, "index": 0} for entry in answer["data"]]
        elif trouble == "no detections":
            answer["data"][0] = {"index": answer["data"][0]["index"]}
        elif trouble == "three points":
            answer["data"][0]["text_detections"][0]["bounding_box"]["points"].pop()
        elif trouble == "not a number":
            answer["data"][0]["text_detections"][0]["bounding_box"]["points"][0]["x"] = float("nan")
        elif trouble == "no text":
            answer["data"][0]["text_detections"][0]["text_prediction"]["text"] = None
        else:
            self.script.complaints.append(f"unknown trouble {trouble}")
        return self.answer(200, json.dumps(answer).encode())

    def drip(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        for _ in range(15):
            try:
                self.wfile.write(b" ")
            except OSError:
                return
            time.sleep(0.1)
        self.close_connection = True

    def answer(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json"} | (headers or {})).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        try:
            self.wfile.write(content)
        except OSError:
            self.close_connection = True

    def log_message(self, *args: Any) -> None:
        """Stay silent."""


def detection(text: str, confidence: float, box: tuple[float, float, float, float]) -> dict[str, Any]:
    x0, y0, x1, y1 = box
    points = [{"x": x, "y": y} for x, y in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))]
    return {
        "text_prediction": {"text": text, "confidence": confidence},
        "bounding_box": {"points": points, "type": "quadrilateral"},
    }
