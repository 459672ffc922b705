"""The first files of a project: a storyboard to learn from, the smallest one, and what git has to leave out."""

from __future__ import annotations

SCHEMA_FILE = "shots.schema.json"

GITIGNORE = """\
# What veospec makes again from the store, and the private store itself.
out/
.veospec/
"""

_SCHEMA_LINE = "# yaml-language-server: $schema={schema}\n"

_MINIMAL = """\
veospec: 1
shots:
  - id: SH010
    prompt: A paper kite pulls free of a fence in hard wind. Low tracking shot.
"""

_STARTER = """\
veospec: 1
# A storyboard is a list of shots. Without an account `veospec apply` draws it as an animatic, free and on this machine:
#
#   veospec plan      what would be made, why, and what it would cost
#   veospec apply     make it; a second run makes nothing
#   veospec review    look at the takes and pick them
#
# With an account the same file is generated: veospec apply --provider flow

project:
  code: KTE                     # the prefix of every file name
  title: The Kite
  fps: 24

budget: {max_credits: 100}      # nothing is bought beyond this

vars:
  place: a windy headland       # used as ${place}

defaults:                       # what holds for every shot that does not say otherwise
  model: veo-3.1-fast           # `veospec models` shows them all
  duration: 8s
  avoid: [subtitles, on-screen text, logos]

style: 16 mm film, overcast daylight, muted colours, handheld

# Files of your own get a name here and are known by their content: move or rename them at no cost.
# assets:
#   mara_front: refs/mara-front.png

stills:                         # made first and looked at before any video is paid for
  headland:
    model: nano-banana-2
    aspect: "16:9"
    prompt: "A wire fence along ${place}, grass bent flat, a red paper kite caught in the wire."
    takes: 2                    # two variants...
    select: 1                   # ...and the one that everything else uses

scenes:
  - id: SC01
    slug: EXT. HEADLAND - DAY
    shots:
      - id: SH010               # text to video
        size: WS
        move: low tracking shot along the fence
        prompt: "A red paper kite tugs at the wire in hard wind on ${place}."
        sfx: wind, a wire humming

      - id: SH020               # from a still: the clip opens on exactly this picture
        size: CU
        move: locked off
        start: still:headland
        prompt: The paper tears along one edge. The kite works itself loose and is gone.

      - id: SH030               # from another shot: opens on the last frame of SH020
        size: EWS
        start: {shot: SH020, frame: last}
        prompt: The kite climbs over the sea until it is a red dot.
        dialogue:
          - {who: MARA, line: "Let it go.", at: 3s}

reel:
  order: [SH010, SH020, SH030]

deliver:
  contact_sheet: {columns: 4}
  captions: [srt]
"""


def starter(*, schema: str = SCHEMA_FILE) -> str:
    """Return a storyboard with comments that shows the usual things and needs no file; `schema` is for editors."""
    return _SCHEMA_LINE.format(schema=schema) + _STARTER


def minimal(*, schema: str = "") -> str:
    """Return the smallest storyboard that works."""
    return (_SCHEMA_LINE.format(schema=schema) if schema else "") + _MINIMAL
