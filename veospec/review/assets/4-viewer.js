// One shot: takes, two of them side by side in step, frames, what is known of it.

const v = { shot: null, a: null, b: null, loop: false, muted: false, captions: false, speed: 1, screens: [], opener: null };
const frameOf = (video, take) => Math.min(Math.max(0, take.frames - 1), Math.floor(video.currentTime * take.fps + 1e-3));
const lastOf = (take) => Math.max(0, take.frames - 1);
const timeOf = (frame, take) => (frame + 0.5) / take.fps;

function openViewer(shot, label) {
  v.opener = document.activeElement;
  v.shot = shot;
  v.b = null;
  v.a = shot.takes.find((t) => t.label === label) || chosen(shot);
  paintViewer();
  if (!$('viewer').open) $('viewer').showModal();
  $('viewer').querySelector('[data-first]').focus();
}
function closeViewer() {
  stopAll();
  $('viewer').close();
}
function step(by) {
  const list = visible();
  const at = list.findIndex((s) => s.node === v.shot.node);
  const next = list[at + by];
  if (!next) { say(by > 0 ? 'Last shot' : 'First shot'); return; }
  stopAll();
  v.shot = next;
  v.b = null;
  v.a = chosen(next);
  paintViewer();
  $('viewer').querySelector('[data-first]').focus();
  say(next.name);
}
function stopAll() {
  for (const screen of v.screens) if (screen.video) { screen.video.pause(); screen.video.removeAttribute('src'); screen.video.load(); }
  v.screens = [];
}
function makeScreen(take, kind) {
  const box = el('div', { class: 'screen' });
  const screen = { box, take, video: null, next: null };
  if (!take.file && take.slate) {
    const image = el('img', { alt: `Slate of ${v.shot.name}`, class: 'slate' });
    image.src = take.slate;
    box.append(image, el('span', { class: 'tag', dir: 'auto' }, `Slate: ${take.reason || 'not made yet'}`));
  } else if (!take.file) box.append(voidBox(STATE[take.state] || 'Not made', take.reason));
  else if (kind === 'still') {
    const image = el('img', { alt: `${v.shot.name} ${take.label}` });
    image.addEventListener('error', () => image.replaceWith(voidBox('This picture cannot be shown', `${take.name} is not beside this page, or damaged.`)));
    image.src = take.file;
    box.append(image);
  } else {
    const video = el('video', { preload: 'auto', playsInline: true, loop: v.loop && !v.b, muted: v.muted || v.screens.length > 0, 'aria-label': `${v.shot.name} ${take.label}` });
    // A poster is of the middle; as soon as the clip is there its own first frame is the truth.
    if (take.poster) video.poster = take.poster;
    video.addEventListener('loadeddata', () => video.removeAttribute('poster'));
    video.playbackRate = v.speed;
    video.addEventListener('error', () => {
      if (!video.getAttribute('src')) return;
      screen.video = null;
      video.replaceWith(voidBox('This clip cannot be played', `${take.name} is not beside this page, or damaged.`));
      paintTransport();
    });
    video.addEventListener('seeked', () => seeked(screen));
    for (const name of ['play', 'pause', 'ended', 'seeked', 'loadedmetadata', 'timeupdate']) video.addEventListener(name, () => onVideo(screen, name));
    if (v.shot.dialogue.length && !v.screens.length) addCaptions(video, v.shot.dialogue, 0, 0, Infinity).mode = v.captions ? 'showing' : 'disabled';
    video.addEventListener('click', togglePlay);
    video.src = take.file;
    screen.video = video;
    box.append(video);
  }
  v.screens.push(screen);
  return screen;
}
const lead = () => v.screens.find((s) => s.video) || null;
function onVideo(screen, name) {
  const first = lead();
  if (screen !== first) return;
  if (name === 'play') tick();
  if (name === 'ended' && v.loop) { seekFrame(0); playAll(); return; }
  if (name === 'pause' || name === 'ended') for (const s of v.screens) if (s.video && s !== first) s.video.pause();
  // Where a browser stops is near the edge of two frames, and what it shows may be the other one: go to what is told.
  if (name === 'pause' && !first.video.ended && !first.video.seeking) seekFrame(frameOf(first.video, first.take));
  else paintTransport();
}
let ticking = false;
function tick() {
  if (ticking) return;
  ticking = true;
  const run = () => {
    const first = lead();
    if (!first || first.video.paused || !$('viewer').open) { ticking = false; inStep(true); paintTransport(); return; }
    inStep(false);
    paintTransport();
    requestAnimationFrame(run);
  };
  requestAnimationFrame(run);
}
// B follows A: a small drift is caught up by speed, a large one (or a stop) by a jump to the very frame.
function inStep(exact) {
  const first = lead();
  if (!first) return;
  for (const s of v.screens) {
    if (!s.video || s === first || s.video.seeking) continue;
    const drift = s.video.currentTime - first.video.currentTime;
    const frame = 1 / s.take.fps;
    const atEnd = first.video.currentTime >= s.video.duration - frame;
    if (atEnd) continue;
    if (exact || Math.abs(drift) > 2.5 * frame) { if (Math.abs(drift) > frame / 4) seek(s, first.video.currentTime); s.video.playbackRate = v.speed; }
    else s.video.playbackRate = Math.abs(drift) < frame / 4 ? v.speed : v.speed * (drift > 0 ? 0.93 : 1.07);
    if (!exact && s.video.paused && !first.video.paused) s.video.play().catch(() => {});
  }
}
function playAll() {
  const first = lead();
  if (!first) return;
  const others = v.screens.filter((s) => s.video && s !== first);
  if (first.video.ended) seekFrame(0);
  for (const s of others) if (Math.abs(s.video.currentTime - first.video.currentTime) > 0.25 / s.take.fps) seek(s, first.video.currentTime);
  for (const s of [first, ...others]) s.video.play().catch(() => {});
}
function togglePlay() {
  const first = lead();
  if (!first) return;
  if (first.video.paused) playAll();
  else for (const s of v.screens) if (s.video) s.video.pause();
}
// A frame is one of the first take; another may have another rate, so it goes to the same time.
function seekFrame(frame) {
  const first = lead();
  if (first) {
    wanted = Math.min(Math.max(0, frame), lastOf(first.take));
    const time = timeOf(wanted, first.take);
    for (const s of v.screens) if (s.video) seek(s, Math.min(time, timeOf(lastOf(s.take), s.take)));
  }
  paintTransport(frame);
}
let wanted = null;
function stepFrame(by) {
  const first = lead();
  if (!first) return;
  for (const s of v.screens) if (s.video) s.video.pause();
  const now = first.video.seeking && wanted !== null ? wanted : frameOf(first.video, first.take);
  seekFrame(now + by);
}
function setLoop(on) {
  v.loop = on;
  for (const s of v.screens) if (s.video) s.video.loop = on && !v.b;
  paintTransport();
  say(on ? 'Loop on' : 'Loop off');
}
function setMuted(on) {
  v.muted = on;
  const first = lead();
  for (const s of v.screens) if (s.video) s.video.muted = on || s !== first;
  paintTransport();
}
function setCaptions(on) {
  v.captions = on;
  for (const s of v.screens) if (s.video && s.video.textTracks.length) s.video.textTracks[0].mode = on ? 'showing' : 'disabled';
  const button = $('v-words');
  if (button) button.setAttribute('aria-pressed', String(on));
}
function showTake(label) {
  const take = v.shot.takes.find((t) => t.label === label);
  if (!take) return;
  const first = lead();
  const frame = first ? frameOf(first.video, first.take) : 0;
  const wasPlaying = first ? !first.video.paused : false;
  v.a = take;
  if (v.b === take) v.b = null;
  paintStage(frame, wasPlaying);
  paintSide();
}
function toggleCompare() {
  if (v.b) v.b = null;
  else {
    const others = v.shot.takes.filter((t) => t !== v.a && t.file);
    v.b = others.find((t) => t.take === selectOf(v.shot)) || others[0] || null;
    if (!v.b) { say('There is no other take to compare with'); return; }
  }
  const first = lead();
  paintStage(first ? frameOf(first.video, first.take) : 0, first ? !first.video.paused : false);
}

function paintViewer() {
  const shot = v.shot;
  const list = visible();
  const at = list.findIndex((s) => s.node === shot.node);
  const top = el('header', { class: 'v-top' },
    iconButton('close', 'Close (Esc)', closeViewer),
    el('div', { class: 'titles' },
      el('h2', { id: 'v-title', dir: 'auto', tabindex: '-1', 'data-first': '' }, shot.name),
      el('span', { class: 'sub', dir: 'auto' }, [shot.title, sceneText(shot), shot.framing].filter(Boolean).join(' · '))),
    el('span', { class: 'pos t' }, `${at + 1} / ${list.length}`),
    iconButton('back', 'Previous shot (P)', () => step(-1), { disabled: at <= 0 }),
    iconButton('on', 'Next shot (N)', () => step(1), { disabled: at >= list.length - 1 }));
  $('viewer').replaceChildren(top, el('div', { class: 'v-stage', id: 'v-stage' }), el('aside', { class: 'side', id: 'v-side', 'aria-label': 'About this shot' }));
  paintStage(0, false);
  paintSide();
}
function sceneText(shot) {
  const scene = data.scenes.find((s) => s.id === shot.scene);
  return scene ? `${scene.id} ${scene.slug}`.trim() : shot.scene;
}
function paintStage(frame, playing) {
  stopAll();
  const shot = v.shot;
  const tall = isTall(shot.aspect);
  const screens = el('div', { class: `screens${tall ? ' tall-media' : ''}` });
  for (const [letter, take] of [['A', v.a], ['B', v.b]]) {
    if (!take) continue;
    const screen = makeScreen(take, shot.kind);
    if (v.b) screen.box.append(compareTag(letter, take));
    screens.append(screen.box);
  }
  $('v-stage').replaceChildren(screens, shot.kind === 'clip' ? transport() : el('div', {}), takeStrip());
  if (frame) seekFrame(frame);
  if (playing) playAll();
  paintTransport(frame);
}
function compareTag(letter, take) {
  const choose = el('select', { 'aria-label': `Take on side ${letter}` });
  for (const t of v.shot.takes.filter((x) => x.file)) choose.append(el('option', { value: t.label, selected: t === take }, t.label));
  choose.addEventListener('change', () => {
    const next = v.shot.takes.find((t) => t.label === choose.value);
    const first = lead();
    const frame = first ? frameOf(first.video, first.take) : 0;
    if (letter === 'A') v.a = next; else v.b = next;
    paintStage(frame, false);
    paintSide();
  });
  return el('span', { class: 'tag' }, el('b', {}, letter), choose);
}
function transport() {
  const scrub = el('input', { type: 'range', min: '0', max: String(Math.max(0, v.a.frames - 1)), step: '1', 'aria-label': 'Frame', id: 'v-scrub' });
  scrub.addEventListener('input', () => { wanted = Number(scrub.value); seekFrame(wanted); });
  const used = el('i', { title: 'The part in the cut' });
  const event = data.cells.length ? data.cells.flatMap((c) => c.events).find((e) => e.node === v.shot.node) : null;
  if (event && v.a.frames > 1) {
    const frames = (v.a.frames / v.a.fps) * data.fps;
    used.style.left = `${(event.in / frames) * 100}%`;
    used.style.width = `${((event.out - event.in) / frames) * 100}%`;
  } else used.hidden = true;
  const speed = el('select', { 'aria-label': 'Speed' });
  for (const s of [0.25, 0.5, 1, 2]) speed.append(el('option', { value: String(s), selected: s === v.speed }, `${s}×`));
  speed.addEventListener('change', () => { v.speed = Number(speed.value); for (const s of v.screens) if (s.video) s.video.playbackRate = v.speed; });
  return el('div', { class: 'transport', role: 'group', 'aria-label': 'Playback' },
    el('div', { class: 'scrub' }, scrub, used),
    el('div', { class: 'keys' },
      iconButton('play', 'Play (Space)', togglePlay, { id: 'v-play' }),
      iconButton('first', 'One frame back (←)', () => stepFrame(-1), { id: 'v-back' }),
      iconButton('last', 'One frame on (→)', () => stepFrame(1), { id: 'v-on' }),
      iconButton('loop', 'Loop (L)', () => setLoop(!v.loop), { id: 'v-loop' }),
      iconButton('sound', 'Sound (M)', () => setMuted(!v.muted), { id: 'v-mute' }),
      v.shot.dialogue.length ? iconButton('words', 'Captions (W)', () => setCaptions(!v.captions), { id: 'v-words', 'aria-pressed': String(v.captions) }) : null,
      speed,
      el('span', { class: 'readout', id: 'v-readout' }),
      el('button', { type: 'button', class: 'quiet', id: 'v-ab', onclick: toggleCompare, 'aria-pressed': String(Boolean(v.b)), disabled: v.shot.takes.filter((t) => t.file).length < 2 }, 'Compare A/B')));
}
function paintTransport(frame) {
  const first = lead();
  const readout = $('v-readout');
  if (!readout) return;
  for (const id of ['v-play', 'v-back', 'v-on', 'v-scrub']) $(id).disabled = !first;
  $('v-loop').setAttribute('aria-pressed', String(v.loop));
  const quiet = v.muted;
  if ($('v-mute').dataset.on !== String(quiet)) { setIcon($('v-mute'), quiet ? 'mute' : 'sound', quiet ? 'Sound is off (M)' : 'Sound is on (M)'); $('v-mute').dataset.on = String(quiet); }
  if (!first) { readout.textContent = ''; return; }
  const paused = String(first.video.paused);
  if ($('v-play').dataset.paused !== paused) { setIcon($('v-play'), first.video.paused ? 'play' : 'pause', first.video.paused ? 'Play (Space)' : 'Pause (Space)'); $('v-play').dataset.paused = paused; }
  const now = frame !== undefined && frame !== null ? frame : first.video.seeking && wanted !== null ? wanted : frameOf(first.video, first.take);
  const scrub = $('v-scrub');
  if (Number(scrub.value) !== now) scrub.value = String(now);
  scrub.setAttribute('aria-valuetext', `frame ${now + 1} of ${first.take.frames}`);
  const text = `${clock(now, first.take.fps)}|${now + 1} / ${first.take.frames}`;
  if (readout.dataset.text !== text) {
    readout.dataset.text = text;
    readout.replaceChildren(el('b', {}, clock(now, first.take.fps)), `  frame ${now + 1} / ${first.take.frames}`);
  }
}
function takeStrip() {
  const list = el('ul', { class: 'takes', 'aria-label': 'Takes', role: 'list' });
  for (const take of v.shot.takes) {
    const picked = take.take && take.take === selectOf(v.shot);
    const look = el('button', { type: 'button', class: 'look', 'aria-current': String(take === v.a), 'aria-label': `Show ${take.label}`, onclick: () => showTake(take.label) }, posterBox(take));
    const cap = el('div', { class: 'cap' }, el('span', { class: 't' }, take.label));
    if (take.take) {
      cap.append(el('button', { type: 'button', class: 'pick', 'aria-pressed': String(Boolean(picked)), 'data-take': String(take.take), 'aria-label': `${picked ? 'Picked' : 'Pick'} ${take.label}`, onclick: () => { pick(v.shot, take.take); repaintKeepingFrame(); } }, picked ? 'Picked' : 'Pick'));
    }
    list.append(el('li', {}, look, cap));
  }
  return list;
}
function repaintKeepingFrame() {
  const old = $('v-stage').querySelector('.takes');
  const focus = document.activeElement && document.activeElement.dataset.take;
  old.replaceWith(takeStrip());
  if (focus) { const again = $('v-stage').querySelector(`.pick[data-take="${CSS.escape(focus)}"]`); if (again) again.focus(); }
  paintSide();
}

function section(title, extra, ...children) {
  const body = children.flat().filter(Boolean);
  return body.length ? el('section', {}, el('h3', {}, el('b', {}, title), extra ? el('span', {}, extra) : null), body) : null;
}
function facts(rows) {
  const list = el('dl', {});
  for (const [name, value] of rows) if (value !== '' && value !== undefined && value !== null) list.append(el('dt', {}, name), el('dd', { dir: 'auto' }, value));
  return list.childElementCount ? list : null;
}
const digestText = (digest) => (digest ? el('code', { title: digest }, digest) : '');
function paintSide() {
  const shot = v.shot;
  const take = v.a;
  $('v-side').replaceChildren(...[
    reviewSection(shot),
    changeSection(take),
    section('Prompt', shot.mode, el('p', { class: 'text', dir: 'auto' }, shot.prompt)),
    section('Dialogue', '', shot.dialogue.map((d) => el('p', { class: 'quote', dir: 'auto' }, el('cite', {}, `${d.who || 'voice'}, ${d.at}–${d.until} s`), d.line))),
    section('Uses', '', shot.uses.map((u) => el('p', { class: 'text quiet-text', dir: 'auto' }, u))),
    section(`Take ${take.label}`, take.facts || '', facts([
      ['State', [STATE[take.state] || 'Made', take.reason].filter(Boolean).join(': ')],
      ['Cost', take.cost], ['Provider', take.provider], ['Model', take.model], ['Seed', take.seed === null || take.seed === undefined ? '' : String(take.seed)],
      ['File', take.name], ['Size', take.bytes ? size(take.bytes) : ''], ['Flags', (take.flags || []).join(', ')],
    ])),
    section('Provenance', '', facts([
      ['SHA-256', digestText(take.digest)], ['Key', digestText(take.key)],
      ['Origin', take.file ? take.origin.split('/').pop() : ''], ['C2PA', take.file ? take.c2pa : ''],
      ...(take.inputs || []).map((i) => [i.slot, el('span', {}, `${i.what} `, el('code', { title: i.digest }, i.digest.slice(0, 12)), ` origin ${i.origin}`)]),
      ...(take.upstream || []).map((u) => [u.slot, el('span', {}, `${u.what} `, el('code', { title: u.digest }, u.digest.slice(0, 12)))]),
    ])),
    section('Request', '', take.request ? el('details', {}, el('summary', {}, 'Show what is sent'), el('pre', { class: 'code', tabindex: '0', 'aria-label': 'Request' }, take.request)) : el('p', { class: 'text quiet-text' }, `Defined at ${shot.place}`)),
  ].filter(Boolean));
}
function reviewSection(shot) {
  const group = el('div', { class: 'segments statuses', role: 'group', 'aria-label': 'Status' });
  const words = data.statuses.includes(statusOf(shot)) || !statusOf(shot) ? data.statuses : [...data.statuses, statusOf(shot)];
  for (const word of words) {
    group.append(el('button', { type: 'button', 'data-status': word, 'aria-pressed': String(statusOf(shot) === word), onclick: () => { setStatus(shot, word); paintSide(); $('v-side').querySelector(`[data-status="${CSS.escape(word)}"]`).focus(); } }, STATUS[word] || word));
  }
  const notes = el('textarea', { id: 'v-notes', 'aria-label': 'Notes', placeholder: 'Notes for this shot', dir: 'auto', rows: 3 });
  notes.value = notesOf(shot);
  notes.addEventListener('input', () => edit(shot, { notes: notes.value }));
  const mine = Boolean(edits[idOf(shot)]);
  const undo = el('button', { type: 'button', class: 'quiet', hidden: !mine, onclick: () => { forget(shot); repaintKeepingFrame(); } }, 'Undo my edits');
  notes.addEventListener('input', () => { undo.hidden = !edits[idOf(shot)]; });
  return section('Review', shot.by ? `last by ${shot.by}` : '', group,
    shot.said ? el('p', { class: 'text quiet-text', dir: 'auto' }, shot.said) : null,
    isOld(shot) ? el('p', { class: 'warn' }, 'The bytes have changed since this shot was marked done. Mark it done again to approve what you see.') : null, notes, undo);
}
function changeSection(take) {
  if (!take.change) return null;
  return section('Since the last accepted take', '', el('p', { class: 'text', dir: 'auto' }, take.change.text),
    take.change.fields.map((f) => {
      const box = el('p', { class: 'change text', dir: 'auto' }, el('b', {}, `${f.field}: `));
      if (f.words) for (const [kind, text] of f.words) box.append(kind === 'same' ? text : el(kind === 'new' ? 'ins' : 'del', {}, text));
      else box.append(el('del', {}, f.before || 'nothing'), ' → ', el('ins', {}, f.after || 'nothing'));
      return box;
    }));
}
