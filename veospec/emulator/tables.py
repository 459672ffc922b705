"""What the service offered in June and in November 2026: models, limits, credits, plans.

Why not the catalogue of the program: a judge that reads prices from the same list as the judged agrees with every
mistake in it. Both are written from the same published pages, and a test compares them.

Source: useapi.net Google Flow API v1 reference (POST /videos, /videos/extend, /videos/upscale, /images; June 5-15,
2026), its articles of November 6-12, 2026, and Google's Flow credit table (support.google.com/flow/answer/16526234).
"""

from __future__ import annotations

from msgspec import Struct, field

VEO_ASPECTS = ("landscape", "portrait", "1:1", "4:3", "3:4")
OMNI_ASPECTS = ("landscape", "portrait")
IMAGE_ASPECTS = ("16:9", "4:3", "1:1", "3:4", "9:16", "auto", "landscape", "portrait")
CAPTCHA_PROVIDERS = ("CapSolver", "AntiCaptcha", "YesCaptcha", "CapMonster", "SolveCaptcha", "2Captcha", "EzCaptcha")
VOICES = (
    "Achernar", "Achird", "Algenib", "Algieba", "Alnilam", "Aoede", "Autonoe", "Callirrhoe", "Charon", "Despina",
    "Enceladus", "Erinome", "Fenrir", "Gacrux", "Iapetus", "Kore", "Laomedeia", "Leda", "Orus", "Puck",
    "Pulcherrima", "Rasalgethi", "Sadachbia", "Sadaltager", "Schedar", "Sulafat", "Umbriel", "Vindemiatrix",
    "Zephyr", "Zubenelgenubi",
)  # fmt: skip
_VOICE_BY_FOLD = {name.lower(): name for name in VOICES}


class Plan(Struct, frozen=True):
    """A Google AI plan as the account reports it. `rank`: 0 free, 1 Plus, 2 Pro, 3 Ultra.

    The names for Plus and the $100 Ultra are not published; theirs are made up so that no client can know them.
    """

    tier: str
    sku: str
    service_tier: str
    rank: int
    has_low_priority: bool = False

    @property
    def is_ultra(self) -> bool:
        """True for every Ultra."""
        return self.rank == 3


PLANS = {
    "free": Plan("PAYGATE_TIER_NOT_PAID", "G1_FREEMIUM", "SERVICE_TIER_FREE", 0),
    "plus": Plan("PAYGATE_TIER_PLUS", "G1_PLUS", "SERVICE_TIER_ENTRY", 1),
    "pro": Plan("PAYGATE_TIER_ONE", "G1_TIER1", "SERVICE_TIER_ENTRY", 2),
    "ultra-100": Plan("PAYGATE_TIER_TWO", "G1_TIER2_LITE", "SERVICE_TIER_PREMIUM", 3),
    "ultra-200": Plan("PAYGATE_TIER_TWO", "G1_TIER2", "SERVICE_TIER_PREMIUM", 3, has_low_priority=True),
    "ultra-200-member": Plan("PAYGATE_TIER_TWO", "G1_TIER2", "SERVICE_TIER_PREMIUM", 3),
    "ws-ultra": Plan("PAYGATE_TIER_TWO", "WS_ULTRA", "SERVICE_TIER_PREMIUM", 3, has_low_priority=True),
}


class VideoModel(Struct, frozen=True):
    """One row. `title` is what Flow shows; `modes` are t2v, i2v, i2v-fl, r2v, v2v, extend; `stem` is of Google's key.

    `end_limit_s`: with an end frame at most so long; `min_rank`: the smallest plan.
    """

    name: str
    family: str
    title: str
    stem: str
    modes: frozenset[str]
    durations: tuple[int, ...]
    aspects: tuple[str, ...]
    resolutions: tuple[str, ...]
    images: int
    voices: int
    v2v_images: int = 0
    v2v_voices: int = 0
    end_limit_s: int = 60
    window_frames: int = 240
    min_rank: int = 1


class ImageModel(Struct, frozen=True):
    """One image model; `google` is what the answer calls it."""

    name: str
    google: str
    references: int
    auto_with_references: bool


class Table(Struct, frozen=True, eq=False):
    """Everything that differs between the two dates; there are two, compared by identity."""

    name: str
    videos: dict[str, VideoModel]
    images: dict[str, ImageModel]
    image_aliases: dict[str, str]
    default_image: str
    default_image_with_references: str
    captcha_retry: int
    link_life_s: int
    trim_max_s: float
    upscale_sizes: tuple[str, ...]
    upscalable_images: tuple[str, ...]
    free_captchas: int
    extras: frozenset[str] = field(default_factory=frozenset)

    @property
    def is_june(self) -> bool:
        """True for the older table."""
        return self.name == "june"


def _veo(name: str, title: str, stem: str, *, references: bool = True) -> VideoModel:
    modes = {"t2v", "i2v", "i2v-fl", "extend"} | ({"r2v"} if references else set())
    durations = (4, 6, 8) if references else (8,)
    images, voices = (3, 1) if references else (0, 0)
    return VideoModel(name, "veo", title, stem, frozenset(modes), durations, VEO_ASPECTS, (), images, voices)


_VEO = (
    _veo("veo-3.1-lite", "Veo 3.1 - Lite", "lite"),
    _veo("veo-3.1-lite-low-priority", "Veo 3.1 - Lite [Lower Priority]", "lite_low_priority"),
    _veo("veo-3.1-fast", "Veo 3.1 - Fast", "fast"),
    _veo("veo-3.1-quality", "Veo 3.1 - Quality", "quality", references=False),
)
_OMNI_JUNE = VideoModel(
    "omni-flash", "omni", "Omni Flash", "abra", frozenset({"t2v", "i2v", "r2v", "v2v"}), (4, 6, 8, 10),
    OMNI_ASPECTS, (), images=7, voices=5, v2v_images=5, v2v_voices=3,
)  # fmt: skip
_OMNI_11 = VideoModel(
    "omni-flash", "omni", "Omni 1.1 Flash", "abra", frozenset({"t2v", "i2v", "i2v-fl", "r2v", "v2v"}), (4, 6, 8, 10),
    OMNI_ASPECTS, ("720p", "360p"), images=7, voices=5, v2v_images=5, v2v_voices=3,
)  # fmt: skip
_OMNI_12 = VideoModel(
    "omni-flash-1.2", "omni", "Omni 1.2 Flash", "abra_1_2", frozenset({"t2v", "i2v", "i2v-fl", "r2v", "v2v", "extend"}),
    tuple(range(3, 16)), OMNI_ASPECTS, ("720p", "360p"), images=10, voices=5, v2v_images=5, v2v_voices=3,
    end_limit_s=10, window_frames=360, min_rank=0,
)  # fmt: skip

JUNE = Table(
    name="june",
    videos={row.name: row for row in (*_VEO, _OMNI_JUNE)},
    images={
        "imagen-4": ImageModel("imagen-4", "IMAGEN_3_5", 3, auto_with_references=False),
        "nano-banana-2": ImageModel("nano-banana-2", "NARWHAL", 10, auto_with_references=True),
        "nano-banana-pro": ImageModel("nano-banana-pro", "GEM_PIX_2", 10, auto_with_references=True),
    },
    image_aliases={"nano-banana": "nano-banana-2"},
    default_image="imagen-4",
    default_image_with_references="nano-banana-2",
    captcha_retry=3,
    link_life_s=24 * 3600,
    trim_max_s=8.0,
    upscale_sizes=("1080p", "4K"),
    upscalable_images=("nano-banana-2", "nano-banana-pro"),
    free_captchas=100,
)
NOVEMBER = Table(
    name="november",
    videos={row.name: row for row in (*_VEO, _OMNI_11, _OMNI_12)},
    images={
        "nano-banana-2-lite": ImageModel("nano-banana-2-lite", "HARBOR_SEAL", 10, auto_with_references=False),
        "nano-banana-2": ImageModel("nano-banana-2", "NARWHAL", 10, auto_with_references=True),
        "nano-banana-pro": ImageModel("nano-banana-pro", "GEM_PIX_2", 10, auto_with_references=True),
    },
    image_aliases={"nano-banana": "nano-banana-2", "imagen-4": "nano-banana-2-lite"},
    default_image="nano-banana-2-lite",
    default_image_with_references="nano-banana-2-lite",
    captcha_retry=5,
    link_life_s=6 * 3600,
    trim_max_s=10.0,
    upscale_sizes=("1080p", "4K", "720p"),
    upscalable_images=("nano-banana-2-lite", "nano-banana-2", "nano-banana-pro"),
    free_captchas=300,
    extras=frozenset({"resolution", "media-list"}),
)
TABLES = {"june": JUNE, "november": NOVEMBER}

_OMNI_11_CREDITS = {"720p": {4: 7, 6: 10, 8: 12, 10: 15}, "360p": {4: 4, 6: 5, 8: 6, 10: 7}}
_OMNI_JUNE_CREDITS = {4: 15, 6: 20, 8: 25, 10: 30}


def credits_for(table: Table, model: VideoModel, *, mode: str, seconds: float, resolution: str, plan: Plan) -> int:
    """Return the credits of one clip.

    `omni-flash-1.2` over ten seconds is charged by the marginal reading (3 a second, then 6); what an edit with it
    and its 360p cost is not known: taken as by the second.
    """
    if model.name == "omni-flash-1.2":
        whole = -int(-seconds // 1)
        return 3 * min(whole, 10) + 6 * max(0, whole - 10)
    if model.name == "omni-flash":
        if mode == "v2v":
            return 40 if table.is_june else 10 if resolution == "360p" else 20
        return _OMNI_JUNE_CREDITS[int(seconds)] if table.is_june else _OMNI_11_CREDITS[resolution][int(seconds)]
    ultra, others = {
        "veo-3.1-lite": (5, 10),
        "veo-3.1-lite-low-priority": (0, 0),
        "veo-3.1-fast": (10, 20),
        "veo-3.1-quality": (100, 100),
    }[model.name]
    return ultra if plan.is_ultra else others


UPSCALE_4K_CREDITS = 50


def voice(name: str) -> str | None:
    """Return the service's spelling of a system voice, or None."""
    return _VOICE_BY_FOLD.get(name.lower())


def internal_name(model: VideoModel, *, mode: str, seconds: int) -> str:
    """Return the name under which Google's answer shows the model; Veo's names tell lengths other than 8 s."""
    if model.family == "omni":
        kind = mode.replace("-", "_")
        return f"{model.stem}_edit" if mode == "v2v" else f"{model.stem}_{kind}_{seconds}s"
    kind, _, tail = mode.partition("-")
    length = "" if seconds == 8 else f"_{seconds}s"
    return f"veo_3_1_{kind}_{model.stem}{length}" + (f"_{tail}" if tail else "")
