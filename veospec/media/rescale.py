"""Larger versions of finished pictures and films: every frame of the source, at another size."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from veospec.errors import MediaError
from veospec.media import colour, frames, sound
from veospec.media.encode import DRAFT, ClipWriter, Coding, samples_of
from veospec.media.opened import film_of, opened
from veospec.model import MediaFacts


def enlarge_still(path: Path, size: tuple[int, int], target: Path) -> None:
    """Write a picture at another size as JPEG."""
    picture = frames.read_picture(path)
    frames.write_jpeg(picture.resize(size, Image.Resampling.LANCZOS), target, quality=90)


def enlarge_film(path: Path, facts: MediaFacts, size: tuple[int, int], target: Path, coding: Coding = DRAFT) -> None:
    """Write a film at another size, frame for frame; its sound is copied, not encoded again."""
    if facts.fps is None or facts.fps.denominator != 1:
        raise MediaError(f"{path.name} has no whole number of frames a second", "only such films are enlarged here")
    fps = int(facts.fps)
    track = sound.copied(path) if facts.has_audio else None
    if facts.has_audio and track is None:
        track = sound.encode_aac(sound.exactly(sound.decode_pcm(path), samples_of(facts.frames, fps)))
    with opened(path) as source, ClipWriter(target, size, fps, coding, sound=track is not None) as writer:
        if track is not None:
            writer.add_sound(track)
        film = film_of(source, path)
        film.codec_context.thread_count = 1
        for frame in source.decode(film):
            writer.add(colour.conformed(frame, size))
        if writer.frames != facts.frames:
            raise MediaError(f"{path.name} promises {facts.frames} frames and holds {writer.frames}")
