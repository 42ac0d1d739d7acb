"""Pages by the hundred and an OCR service that reads them: counts what it is asked, hangs or kills on pages told.

A page is one colour that spells its number, so that nothing but a rendered image tells which page it is.
"""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
import pymupdf
from nim_service import detection
from PIL import Image

from loaders.settings import Settings

PAGE = 144
"""Points of a page's side."""


@dataclass
class PageService:
    """What the service does: `asked` is the number of each page it was sent, in order; `trouble` hangs or kills."""

    trouble: dict[int, str] = field(default_factory=dict)
    delay: float = 0.0
    asked: list[int] = field(default_factory=list)
    url: str = ""

    def settings(self) -> Settings:
        """Settings that read every page through this service, one request each."""
        options = {"url": self.url, "relations": False, "image_format": "png", "retries": 0}
        return Settings(engine="nim", engine_options=tuple(options.items()), text="ocr", dpi=36)


def write_pages(path: Path, first: int, count: int) -> Path:
    """Write a PDF whose pages have the numbers from `first` on."""
    with pymupdf.open() as document:
        for number in range(first, first + count):
            page = document.new_page(width=PAGE, height=PAGE)
            page.draw_rect(page.rect, color=None, fill=(1.0, number // 256 / 255, number % 256 / 255))
        document.save(path)
    return path


@contextmanager
def serving_pages(service: PageService) -> Iterator[PageService]:
    """Serve until the block ends."""

    class Own(_Handler):
        pass

    Own.service = service
    server = ThreadingHTTPServer(("127.0.0.1", 0), Own)
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    service.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    service: PageService
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        data = []
        for index, entry in enumerate(body["input"]):
            image = Image.open(io.BytesIO(base64.b64decode(entry["url"].partition(",")[2]))).convert("RGB")
            number = self.number(image)
            if number is not None:
                self.service.asked.append(number)
                self.misbehave(self.service.trouble.get(number, ""))
                time.sleep(self.service.delay)
            data.append({"index": index, "text_detections": [] if number is None else words(number)})
        content = json.dumps({"data": data}).encode()
        try:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except OSError:
            self.close_connection = True

    def number(self, image: Image.Image) -> int | None:
        """Return the number a page's colour spells; None for the white image that engines warm up with."""
        red, green, blue = image.getpixel((image.width // 2, image.height // 2))  # type: ignore[misc]
        return None if (red, green, blue) == (255, 255, 255) else 256 * green + blue

    def misbehave(self, trouble: str) -> None:
        if trouble == "hang":
            time.sleep(600)
        elif trouble == "kill":
            os.kill(self.caller(), signal.SIGKILL)

    def caller(self) -> int:
        """Return the process at the other end of this connection."""
        port = self.client_address[1]
        return next(c.pid for c in psutil.net_connections("tcp4") if c.laddr.port == port and c.pid != os.getpid())

    def log_message(self, *args: Any) -> None:
        """Stay silent."""


def words(number: int) -> list[dict[str, Any]]:
    """Return what stands on a page: at another height on each, since what recurs in one place is taken for a header."""
    top = 0.05 + 0.8 * (number * 0.37 % 1)
    texts = ["page", str(number), "tells", "of", f"item{number}"]
    return [detection(text, 0.9, (0.05 + 0.18 * i, top, 0.2 + 0.18 * i, top + 0.06)) for i, text in enumerate(texts)]
