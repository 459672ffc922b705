"""What a provider owes the rest of the program: a pure profile for planning, and one of two ways to make things.

`Profile` answers without network or files: what a node costs, what else decides its bytes, what would be sent.
A free, deterministic provider is a `Renderer`: it draws a file in place. A service that costs money is a
`Remote`: prepare, submit, poll, fetch, recover, each of which may fail with an `ApiError` whose `charge` and
`scope` decide what the runner does next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from msgspec import Struct

from veospec.errors import ApiError
from veospec.model import Cost, Digest, Input, Key, MediaFacts, Node

Json: TypeAlias = Any
"""A value that `json` can write: what goes over a wire or into a key document."""


class Receipt(Struct, frozen=True):
    """What a service needs to find a result again: never part of a key, never in a manifest.

    `media_id` is the provider's own handle of the result (needed to extend, upscale or refer to it), `account`
    the owner of that handle, `seed` the one the service says it used.
    """

    provider: str
    account: str = ""
    job_id: str = ""
    media_id: str = ""
    seed: int | None = None
    model: str = ""


class Material(Struct, frozen=True):
    """One filled slot with the bytes that were hashed; presets and characters carry their parts instead.

    `path` holds exactly the bytes of `digest`; None for a preset voice. `frame` asks for one frame of a clip
    (`first`, `last` or a number); the runner extracts it before anything is sent, so a provider sees a picture.
    `parts` are the pictures of a character, in order.
    """

    entry: Input
    digest: Digest = ""
    path: Path | None = None
    type: str = ""
    facts: MediaFacts | None = None
    receipt: Receipt | None = None
    parts: tuple[Material, ...] = ()


class Order(Struct, frozen=True):
    """One request to make something: consecutive takes of one node. `seed` is that of the first of them."""

    node: Node
    takes: tuple[int, ...]
    keys: tuple[Key, ...]
    seed: int
    materials: tuple[Material, ...]


class Profile(Protocol):
    """The pure half of a provider."""

    @property
    def name(self) -> str:
        """The word that stands in specs, keys and manifests."""
        ...

    @property
    def is_remote(self) -> bool:
        """True for a service that may cost money."""
        ...

    def document(self, node: Node, take: int) -> Mapping[str, Json]:
        """Return what decides the bytes of a take beyond the request itself; part of its key document."""
        ...

    def price(self, node: Node) -> Cost:
        """Return the price of one take of the node."""
        ...

    def preview(self, node: Node, take: int) -> Mapping[str, Json]:
        """Return the request as it would be sent, with `<...>` where an id is not known yet."""
        ...


class Renderer(Protocol):
    """A free provider that draws on this machine; the same work gives the same bytes."""

    def render(self, order: Order, target: Path) -> None:
        """Draw the one take of the order into `target` (created, whole). Raises `MediaError`."""
        ...


class Result(Struct, frozen=True):
    """One entry of a finished request. Exactly one of `url`, `content` and `refused` is set.

    `content` are bytes that came inside the answer; `refused` is the reason of a filtered entry.
    """

    receipt: Receipt
    url: str = ""
    expires_at: datetime | None = None
    content: bytes | None = None
    refused: str = ""


class Accepted(Struct, frozen=True):
    """The service took a request. `results` is set when it answers at once; else `job_id` is polled."""

    job_id: str
    account: str
    results: tuple[Result, ...] = ()


class Prepared(Struct, frozen=True):
    """A request that is ready to be sent: every input has a handle, the body is final."""

    order: Order
    account: str
    path: str
    body: Mapping[str, Json]


class Attempt(Struct, frozen=True):
    """One paid request of ours as the journal knows it. `reply_ref` is unique for all time."""

    id: str
    reply_ref: str
    keys: tuple[Key, ...]
    node: str
    takes: tuple[int, ...]
    account: str
    model: str
    path: str
    body: Mapping[str, Json]
    created_at: datetime
    job_id: str = ""


class Recovery(Struct, frozen=True):
    """What a search for a lost request found; `seen` says in words where was looked."""

    job_id: str = ""
    account: str = ""
    seen: str = ""


class Fetched(Struct, frozen=True):
    """The bytes that `fetch` wrote: `type` is `mp4`, `jpeg`, `png`, `webp` or `gif`, read from the file itself."""

    digest: Digest
    size_bytes: int
    type: str


class RemoteRefs(Protocol):
    """Remembers what was made once per account: uploads, voices, characters. Kept with the journal; losing it is free.

    `name` is made by the provider from digests (`image:<sha256>`, `character:<sha256>`); `handle` is the
    service's own id.
    """

    def get(self, account: str, name: str) -> str:
        """Return the handle, or nothing."""
        ...

    def put(self, account: str, name: str, handle: str) -> None:
        """Remember a handle; another one under the same name is replaced."""
        ...

    def forget(self, account: str, name: str) -> None:
        """Drop a handle that the service no longer knows."""
        ...


class Remote(Protocol):
    """A service that costs money. Every method may raise an `ApiError`; only `submit` may cost something."""

    async def preflight(
        self, nodes: Sequence[Node], credits_needed: int | None, credits_agreed: int | None = None
    ) -> tuple[str, ...]:
        """Check token, account health and credits before anything is sent; return notes for the person.

        `nodes` names the node of every take that is to be bought. Raises `BudgetExceeded` when the account says that
        it pays other prices than were planned, and they come to more than was agreed to.
        """
        ...

    async def prepare(self, order: Order) -> Prepared:
        """Upload what is missing (free, repeatable) and write the body. Never sends a paid request."""
        ...

    async def submit(self, prepared: Prepared, reply_ref: str) -> Accepted:
        """Send the paid request exactly once, on its own connection, without redirects or retries."""
        ...

    async def poll(self, job_id: str, sent_at: datetime | None = None) -> tuple[Result, ...] | None:
        """Return the results of a job, or None while it runs. Raises `JobError` when it ended without any.

        `sent_at` is when its request left: a young job that the service does not list yet is not gone.
        """
        ...

    async def fetch(self, result: Result, target: Path) -> Fetched:
        """Download a result to `target` (created, whole, of the right container); renews a dead link.

        The digest is computed on the way. Raises `JobError` when nobody can hand out the result any more.
        """
        ...

    def bar(self, account: str, model: str, error: ApiError) -> None:
        """Take note that an account makes nothing of a model in this run, or nothing at all when no model is named.

        `prepare` chooses another account from now on, and raises the error where a request is bound to this one.
        """
        ...

    async def recover(self, attempt: Attempt) -> Recovery:
        """Look for the job of a request whose answer was lost; no finding proves that it does not exist."""
        ...

    async def aclose(self) -> None:
        """Close every connection."""
        ...
