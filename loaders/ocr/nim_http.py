"""One JSON request to a service and back: the key, retries, promised results, deadlines; every trouble an EngineError.

Goes in: an address and a JSON value. Comes out: the JSON value of the answer. The key never leaves in an exception, and
never goes to another address than the one given: redirects are not followed.
"""

from __future__ import annotations

import email.utils
import json
import random
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from loaders.errors import EngineError, EngineNotReady, MissingExtra, UsageError

if TYPE_CHECKING:
    import httpx

RETRIED = frozenset({429, 500, 502, 503, 504})
LONGEST_WAIT = 60.0  # seconds, whatever a Retry-After says
LARGEST_ANSWER = 1 << 28
SHOWN = 300  # characters of an answer that are repeated in a message
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
REQUEST_ID = "NVCF-REQID"
STATUS_ROUTE = "/v1/status/"


class NoSuchRoute(EngineError):
    """The service is there, but not at this path (404)."""


class Key:
    """A bearer key that cannot be printed by accident."""

    __slots__ = ("_value",)

    def __init__(self, value: str, where: str) -> None:
        if not re.fullmatch(r"[\x21-\x7e]+", value):  # an illegal header is repeated in the exception it causes
            raise UsageError(f"the key in {where} is empty or has characters that no key has")
        self._value = value

    @classmethod
    def of_file(cls, path: str | Path) -> Key:
        """Read the first line of a file."""
        try:
            lines = Path(path).expanduser().read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise EngineNotReady(f"the key file {path} cannot be read: {type(error).__name__}") from None
        return cls((lines or [""])[0].strip(), str(path))

    def header(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._value}"}

    def hidden_in(self, text: str) -> str:
        """Return a text with the key blotted out."""
        return text.replace(self._value, "***")

    def __repr__(self) -> str:
        return "Key(***)"

    def __reduce__(self) -> Any:
        raise TypeError("a key is not written anywhere")


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, read whole."""

    status: int
    headers: Mapping[str, str]
    content: bytes


@dataclass(frozen=True, slots=True)
class Service:
    """How to talk to a service.

    timeout   seconds for one request, and for a promised result
    retries   how often a request is repeated
    backoff   seconds before the first repetition; doubled each time, with up to half as much again by chance
    """

    key: Key | None = field(default=None, repr=False)
    timeout: float = 120.0
    retries: int = 5
    backoff: float = 0.5

    def post(self, url: str, value: Any) -> Any:
        """Send a JSON value and return the answer's.

        Raises EngineNotReady when nobody answers or the key is refused, EngineError for every other answer but success.
        """
        httpx = import_httpx()
        self._check_address(url)
        body = json.dumps(value).encode()
        with httpx.Client(timeout=self.timeout, follow_redirects=False) as client:
            answer = self._insist(client, "POST", url, body)
            deadline = time.monotonic() + self.timeout
            status_url, pause = "", self.backoff
            while answer.status == 202:
                status_url = status_url or _status_url(url, answer)
                if time.monotonic() + pause > deadline:
                    raise EngineError(f"{shown(url)} promised a result (202) but gave none within {self.timeout:g} s")
                time.sleep(pause)
                pause = min(pause * 1.5, 5.0)
                answer = self._insist(client, "GET", status_url, None)
        return _parsed(url, answer)

    def _insist(self, client: httpx.Client, method: str, url: str, body: bytes | None) -> Answer:
        """Send a request until it is answered with success; raises EngineError when patience ends."""
        httpx = import_httpx()
        for attempt in range(self.retries + 1):
            wait = self.backoff * 2**attempt * random.uniform(1, 1.5)
            try:
                answer = self._send(client, method, url, body)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                trouble: EngineError = EngineNotReady(f"nobody answers at {shown(url)} ({type(error).__name__})")
            except httpx.TimeoutException:
                raise EngineError(f"{shown(url)} did not answer within {self.timeout:g} s") from None
            except httpx.HTTPError as error:
                trouble = EngineError(f"the connection to {shown(url)} broke ({type(error).__name__})")
            else:
                if answer.status in (200, 202):
                    return answer
                trouble = self._refusal(url, answer)
                if answer.status not in RETRIED:
                    raise trouble
                wait = max(wait, _retry_after(answer))
            if attempt < self.retries:
                time.sleep(min(wait, LONGEST_WAIT))
        raise trouble from None

    def _send(self, client: httpx.Client, method: str, url: str, body: bytes | None) -> Answer:
        """Send one request and read its answer, within the timeout however slowly it drips."""
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        headers |= self.key.header() if self.key else {}
        deadline = time.monotonic() + self.timeout
        content = bytearray()
        with client.stream(method, url, content=body, headers=headers) as response:
            for part in response.iter_bytes():
                content += part
                if time.monotonic() > deadline:
                    raise import_httpx().ReadTimeout("the answer drips")
                if len(content) > LARGEST_ANSWER:
                    raise EngineError(f"{shown(url)} answers with more than {LARGEST_ANSWER >> 20} MB")
            return Answer(response.status_code, response.headers, bytes(content))

    def _refusal(self, url: str, answer: Answer) -> EngineError:
        """Say what an answer other than success means."""
        said = answer.content[: 4 * SHOWN].decode("utf-8", "replace").strip()
        said = self.key.hidden_in(said) if self.key else said
        said = f": {said[:SHOWN]}" if said else ""
        if answer.status in (401, 403):
            return EngineNotReady(f"{shown(url)} refuses the key ({answer.status}){said}")
        if 300 <= answer.status < 400:
            said = "; redirects are not followed, since the key must not go elsewhere"
        kind = NoSuchRoute if answer.status == 404 else EngineError
        return kind(f"{shown(url)} answered {answer.status}{said}")

    def _check_address(self, url: str) -> None:
        parts = urlsplit(url)
        if self.key and parts.scheme != "https" and parts.hostname not in LOOPBACK:
            raise UsageError(f"the key is not sent to {shown(url)} over plain HTTP; use https")


def shown(url: str) -> str:
    """Return a URL as it may be printed: without user, password and query."""
    parts = urlsplit(url)
    host = (parts.hostname or "") + (f":{parts.port}" if parts.port else "")
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def import_httpx() -> Any:
    """Import httpx; raises MissingExtra without it."""
    try:
        import httpx
    except ImportError as error:
        raise MissingExtra("httpx", "nim") from error
    return httpx


def _parsed(url: str, answer: Answer) -> Any:
    try:
        return json.loads(answer.content)
    except ValueError:
        kind = answer.headers.get("content-type", "no type")
        raise EngineError(f"{shown(url)} answered with no JSON ({kind}, {len(answer.content)} bytes)") from None


def _status_url(url: str, answer: Answer) -> str:
    """Return where to ask for a promised result; always the service's own host, since the key goes there."""
    number = answer.headers.get(REQUEST_ID, "")
    if not re.fullmatch(r"[\w-]{1,64}", number):
        raise EngineError(f"{shown(url)} promised a result (202) without a usable {REQUEST_ID}")
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, STATUS_ROUTE + number, "", ""))


def _retry_after(answer: Answer) -> float:
    """Return the seconds that an answer asks to wait, 0 where it does not say."""
    said = answer.headers.get("retry-after", "")
    if said.isdigit():
        return float(said)
    try:
        return max(email.utils.parsedate_to_datetime(said).timestamp() - time.time(), 0.0)
    except ValueError:
        return 0.0
