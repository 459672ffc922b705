"""One call and its answer, between the server and the functions that know what a call means."""

from __future__ import annotations

import json
import random
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any, TypeAlias

from msgspec import Struct, field

from veospec.emulator import params, refusals
from veospec.emulator.desk import Desk, Work
from veospec.emulator.faults import Rule
from veospec.emulator.options import Options
from veospec.emulator.replies import Links
from veospec.emulator.state import Job, State
from veospec.emulator.studio import Sizes, Studio
from veospec.emulator.tables import TABLES, Table
from veospec.emulator.webhooks import Webhooks

Json: TypeAlias = Any

LOGGED_CALLS = 20_000


class House:
    """Everything that belongs to one running emulator."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.table: Table = TABLES[options.table]
        self.state = State(options.state, options.accounts)
        self.desk = Desk(options, self.state, self.table)
        self.studio = Studio(self.state)
        self.sizes = Sizes(4 if options.media == "small" else 1)
        self.rules = options.faults
        self.calls: deque[dict[str, Json]] = deque(maxlen=LOGGED_CALLS)
        self._lengths = random.Random(1)  # noqa: S311 - the same lengths every time are the point
        if self.state.settings.get("rules") != repr(self.rules):  # another script than before the restart
            self.replace_rules(self.rules)
        if "secret" not in self.state.settings:
            self.state.set("secret", secrets.token_hex(16))
        self.secret = str(self.state.settings["secret"]).encode()
        self.hooks = Webhooks(self.state, self.secret, self.table.link_life_s)

    def replace_rules(self, rules: tuple[Rule, ...]) -> None:
        """Take another fault script and count from one again."""
        self.rules = rules
        self.state.set("rules", repr(rules))
        self.state.forget_counts()

    def job_seconds(self) -> float:
        """Return how long the next video job takes."""
        return self.options.job_seconds + self._lengths.uniform(0, self.options.job_spread)

    def close(self) -> None:
        """Stop the thread and let the file go."""
        self.studio.close()
        self.state.close()


class Call(Struct):
    """One request as the functions behind it see it.

    `args` are the decoded variable parts of the path; `size` is how many bytes came, more than those of `content` when
    they were beyond every limit.
    """

    house: House
    name: str
    method: str
    path: str
    args: tuple[str, ...]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    user: str
    base: str
    content: bytes = b""
    size: int = 0
    rule: Rule | None = None
    raw_args: tuple[str, ...] = ()
    _body: dict[str, Json] | None = field(default=None)

    @property
    def now(self) -> float:
        """The emulator's time."""
        return self.house.state.clock.now()

    def fault(self, *names: str) -> Rule | None:
        """Return the rule that fires for this call if it is one of these faults."""
        return self.rule if self.rule and self.rule.fault in names else None

    def accept(self, work: Work) -> Job:
        """Make a job of it, charge it, and tell whoever wants to know."""
        job = self.house.desk.accept(work, self.rule)
        self.house.hooks.tell(job, self.base)
        return job

    def links(self, made_at: float | None = None) -> Links:
        """Return the signer of this answer's links.

        They live from the moment something was finished; a dead one is signed anew when it is asked for again.
        """
        life = self.house.table.link_life_s
        expires = (self.now if made_at is None else made_at) + life
        if expires <= self.now:
            expires = self.now + life
        if self.fault("expired-link"):
            return self.dead_links()
        return Links(self.base, self.house.secret, int(expires))

    def dead_links(self) -> Links:
        """Return a signer of links that died a minute ago."""
        return Links(self.base, self.house.secret, int(self.now - 60))

    def body(self, *, allows_form: bool = False) -> dict[str, Json]:
        """Return the JSON object (or form) that was sent. Raises `Refusal` 400."""
        if self._body is None:
            self._body = self._read(allows_form=allows_form)
        return self._body

    def _read(self, *, allows_form: bool) -> dict[str, Json]:
        kind = self.headers.get("content-type", "")
        media_type = kind.partition(";")[0].strip().lower()
        if media_type == "multipart/form-data" and allows_form:
            return params.from_form(_form(kind, self.content))
        if media_type != "application/json":
            raise refusals.bad("Content-Type must be application/json")
        try:
            body = json.loads(self.content, parse_constant=_no_constant)
            if b"\\ud" in self.content.lower():
                json.dumps(body, ensure_ascii=False).encode()  # half of a surrogate pair is no text
        except (ValueError, RecursionError):
            raise refusals.bad("Request body is not valid JSON") from None
        if not isinstance(body, dict):
            raise refusals.bad("Request body must be a JSON object")
        return body


def _no_constant(text: str) -> Json:
    raise ValueError(text)


def _form(content_type: str, content: bytes) -> dict[str, str]:
    message = BytesParser(policy=HTTP).parsebytes(
        b"Content-Type: " + content_type.encode("latin-1") + b"\r\n\r\n" + content
    )
    values: dict[str, str] = {}
    if not message.is_multipart():
        raise refusals.bad("Request body is not a valid multipart form")
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        raw = part.get_payload(decode=True)
        if not isinstance(name, str) or not isinstance(raw, bytes):
            raise refusals.bad("Request body is not a valid multipart form")
        try:
            values[name] = raw.decode()
        except UnicodeDecodeError:
            raise refusals.wrong_format(name) from None
    return values


class Answer(Struct, frozen=True):
    """What goes back: JSON when `body` is a dict, a page when it is text, else the bytes of `content`."""

    status: int
    body: Json = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""
    media_type: str = ""

    def encoded(self) -> tuple[bytes, str]:
        """Return the bytes and their type."""
        if self.media_type:
            return self.content, self.media_type
        if isinstance(self.body, str):
            return self.body.encode(), "text/html; charset=UTF-8"
        return json.dumps(
            self.body, ensure_ascii=False, separators=(",", ":")
        ).encode(), "application/json; charset=utf-8"


def refused(refusal: refusals.Refusal) -> Answer:
    """Return a refusal as an answer."""
    return Answer(refusal.status, refusal.body, refusal.headers)


Handler: TypeAlias = Callable[[Call], Awaitable[Answer]]
