"""The files: exact lengths, frames that match the given pictures, extensions that overlap, joins that are real."""

from __future__ import annotations

import base64
import io
from typing import Any

import av
import pytest
from emulator_client import Flow, clip
from PIL import Image, ImageChops, ImageStat

from veospec.media import mp4_boxes, testcard, testclip
from veospec.media.testcard import Card, Given, Hold, Washed


def frames(content: bytes) -> list[Image.Image]:
    with av.open(io.BytesIO(content)) as container:
        return [frame.to_image() for frame in container.decode(video=0)]


def distance(one: Image.Image, other: Image.Image) -> float:
    """Return the mean difference of two pictures at one size, 0 to 255."""
    small = (160, 90) if one.width > one.height else (90, 160)
    return max(ImageStat.Stat(ImageChops.difference(one.resize(small), other.resize(small))).mean)


def film(seed: int, seconds: int = 3) -> testcard.Film:
    return tuple(Hold(Card(seed, f"clip {seed}", step), 24) for step in range(seconds))


@pytest.mark.parametrize("size", [(1280, 720), (720, 1280), (640, 360), (720, 720), (320, 180), (180, 320)])
def test_a_clip_decodes_to_exactly_its_pictures(size: tuple[int, int]) -> None:
    content = testclip.encode_clip(film(7), *size)
    shown = frames(content)
    assert len(shown) == 72
    for at in (0, 23, 24, 47, 48, 71):
        assert distance(shown[at], testcard.image(Card(7, "clip 7", at // 24), *size)) < 5


def test_a_clip_says_its_length_exactly() -> None:
    for count in (24, 72, 96, 240, 360, 37):
        content = testclip.encode_clip((Hold(Card(1), count),), 64, 36)
        with av.open(io.BytesIO(content)) as container:
            video, audio = container.streams.video[0], container.streams.audio[0]
            assert video.duration * video.time_base * 24 == count
            assert video.average_rate == 24
            assert audio.duration * audio.time_base * 24 == count
            assert (video.codec_context.name, audio.codec_context.name) == ("h264", "aac")
            heard = sum(frame.samples for frame in container.decode(audio=0))
            assert 0 <= heard - count * 2000 < 1024


def test_the_same_values_give_the_same_bytes_whatever_came_before() -> None:
    first = testclip.encode_clip(film(3), 320, 180)
    testclip.encode_clip(film(4), 320, 180)
    assert testclip.encode_clip(film(3), 320, 180) == first
    assert testclip.encode_clip(film(4), 320, 180) != first


def test_pictures_of_a_single_frame_each() -> None:
    strip = tuple(Hold(Card(9, "z", step), 1) for step in range(9))
    shown = frames(testclip.encode_clip(strip, 320, 180))
    assert len(shown) == 9
    for step, picture in enumerate(shown):
        assert distance(picture, testcard.image(Card(9, "z", step), 320, 180)) < 5


def test_cutting_a_film() -> None:
    whole = film(2, 4)
    assert testcard.length(whole) == 96
    part = testcard.cut(whole, 20, 50)
    assert [hold.frames for hold in part] == [4, 24, 2]
    assert testcard.cut(whole, 0, 96) == whole


def test_films_of_files_keep_their_length_and_look() -> None:
    content = testclip.encode_clip(film(5), 320, 180)
    again = testcard.film_of(content)
    assert testcard.length(again) == 72
    assert distance(testcard.image(again[-1].picture, 320, 180), frames(content)[-1]) < 5


def test_a_veil_changes_a_picture_a_little() -> None:
    plain = testcard.image(Card(1), 320, 180)
    washed = testcard.image(Washed(Card(1), 5), 320, 180)
    assert 5 < distance(plain, washed) < 150


def test_the_index_comes_first() -> None:
    content = testclip.encode_clip(film(1), 64, 36)
    assert content[4:8] == b"ftyp"
    assert content.index(b"moov") < content.index(b"mdat")
    kinds, at = [], 0
    while at < len(content):
        kinds.append(content[at + 4 : at + 8])
        at += int.from_bytes(content[at : at + 4], "big")
    assert (kinds, at) == ([b"ftyp", b"moov", b"mdat"], len(content))
    assert mp4_boxes.__doc__


# -- through the server -----------------------------------------------------------------------------------


def test_true_sizes(start: Any) -> None:
    flow = start(media="full")
    wanted = {
        ("veo-3.1-fast", "landscape"): (1280, 720),
        ("veo-3.1-fast", "portrait"): (720, 1280),
        ("veo-3.1-fast", "1:1"): (720, 720),
        ("veo-3.1-fast", "4:3"): (960, 720),
        ("omni-flash", "landscape"): (1280, 720),
    }
    for (model, aspect), size in wanted.items():
        entry = flow.made(model=model, aspectRatio=aspect, duration=4)
        measure = testcard.measure(flow.file(entry["videoUrl"]).content)
        assert (measure.width, measure.height, measure.duration) == (*size, 4)
    entry = flow.made(model="omni-flash", resolution="360p", duration=6)
    measure = testcard.measure(flow.file(entry["videoUrl"]).content)
    assert (measure.width, measure.height, measure.duration) == (640, 360, 6)
    body = {"mediaGenerationId": entry["mediaGenerationId"], "resolution": "720p"}
    larger = flow.post("/videos/upscale", body).json()["media"][0]
    assert testcard.measure(flow.file(larger["videoUrl"]).content).height == 720


def test_first_and_last_frame_are_the_given_pictures(flow: Flow) -> None:
    stills = flow.post("/images", {"prompt": "a deck", "count": 2, "seed": 5}).json()["media"]
    ids = [entry["image"]["generatedImage"]["mediaGenerationId"] for entry in stills]
    pictures = [Image.open(io.BytesIO(flow.file(e["image"]["generatedImage"]["fifeUrl"]).content)) for e in stills]
    shown = frames(flow.file(flow.made(startImage=ids[0], endImage=ids[1])["videoUrl"]).content)
    assert distance(shown[0], pictures[0]) < 6
    assert distance(shown[-1], pictures[1]) < 6
    assert distance(shown[0], shown[-1]) > 12
    same = frames(flow.file(flow.made(startImage=ids[0], endImage=ids[0])["videoUrl"]).content)
    assert distance(same[0], same[-1]) < 2


def test_an_uploaded_picture_is_the_first_frame(flow: Flow) -> None:
    content = testcard.draw_still(Card(77, "phone"), 640, 360, type="png")
    shown = frames(flow.file(flow.made(startImage=flow.upload(content))["videoUrl"]).content)
    assert distance(shown[0], Image.open(io.BytesIO(content)).convert("RGB")) < 6


def test_an_extension_begins_with_the_last_second_of_its_source(flow: Flow) -> None:
    source = flow.made(seed=1)
    extended = flow.made("/videos/extend", mediaGenerationId=source["mediaGenerationId"], prompt="goes on")
    before, after = (frames(flow.file(entry["videoUrl"]).content) for entry in (source, extended))
    assert distance(before[-24], after[0]) < 2
    assert distance(before[-1], after[23]) < 2
    assert distance(before[-1], after[24]) > 5


def test_seed_and_prompt_show_in_picture_and_bytes(flow: Flow) -> None:
    entries = [flow.made(seed=1), flow.made(seed=2), flow.made(seed=1, prompt="another")]
    contents = [flow.file(entry["videoUrl"]).content for entry in entries]
    assert len(set(contents)) == 3
    firsts = [frames(content)[0] for content in contents]
    assert distance(firsts[0], firsts[1]) > 5
    assert distance(firsts[0], firsts[2]) > 5


def test_an_edit_shows_the_window_under_a_veil(flow: Flow) -> None:
    source = flow.upload(clip(4, seed=8), "video/mp4")
    entry = flow.made(model="omni-flash", referenceVideo_1=source, startFrameIndex_1=24, endFrameIndex_1=72)
    assert testcard.measure(flow.file(entry["videoUrl"]).content).duration == 2


def test_a_join_plays_one_after_the_other(flow: Flow) -> None:
    one, two = flow.made(seed=1), flow.made(seed=2)
    items = [{"mediaGenerationId": entry["mediaGenerationId"]} for entry in (one, two)]
    items[0]["trimEnd"] = 2  # type: ignore[assignment]
    joined = frames(base64.b64decode(flow.post("/videos/concatenate", {"media": items}).json()["encodedVideo"]))
    assert len(joined) == (6 + 8) * 24
    assert distance(joined[0], frames(flow.file(one["videoUrl"]).content)[0]) < 2
    assert distance(joined[6 * 24], frames(flow.file(two["videoUrl"]).content)[0]) < 2


def test_a_given_picture_is_cut_not_squeezed() -> None:
    wide = testcard.draw_still(Card(4), 640, 200, type="png")
    assert testcard.image(Given(wide), 90, 160).size == (90, 160)
