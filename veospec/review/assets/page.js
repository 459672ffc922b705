'use strict';
(() => {
  const data = JSON.parse(document.getElementById('veospec-data').textContent);
  const $ = (id) => document.getElementById(id);
  const calm = matchMedia('(prefers-reduced-motion: reduce)');
  const STATUS = { todo: 'To do', changes: 'Needs changes', done: 'Done' };
  const STATE = {
    made: '', reused: 'Reused', stale: 'Out of date', refused: 'Refused', failed: 'Failed', held: 'Held', pending: 'Pending', missing: 'Not made',
  };
  const ICON = {
    play: 'M8 5.5v13l11-6.5z', pause: 'M8 5v14M16 5v14', back: 'M15 6l-6 6 6 6', on: 'M9 6l6 6-6 6', close: 'M6 6l12 12M18 6L6 18',
    first: 'M18 6l-8 6 8 6M6 6v12', last: 'M6 6l8 6-8 6M18 6v12', loop: 'M17 3l3 3-3 3M20 6H8a4 4 0 0 0-4 4v1M7 21l-3-3 3-3M4 18h12a4 4 0 0 0 4-4v-1',
    sound: 'M5 10v4h3l5 4V6L8 10zM16.5 9a4 4 0 0 1 0 6', mute: 'M5 10v4h3l5 4V6L8 10zM17 10l4 4M21 10l-4 4', pair: 'M4 5h16v14H4zM12 5v14',
    sun: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 2v3M12 19v3M2 12h3M19 12h3M5 5l2 2M17 17l2 2M19 5l-2 2M7 17l-2 2',
    moon: 'M20 14.5A8.5 8.5 0 1 1 9.5 4a7 7 0 0 0 10.5 10.5z',
  };

  // -- small tools: everything a stranger wrote becomes text, never markup ------------------------------

  function el(tag, props, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(props || {})) {
      if (value === undefined || value === null || value === false) continue;
      if (name === 'class') node.className = value;
      else if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
      else if (name in node && name !== 'list' && typeof value !== 'string') node[name] = value;
      else node.setAttribute(name, value === true ? '' : value);
    }
    for (const child of children.flat()) if (child !== null && child !== undefined && child !== '') node.append(child);
    return node;
  }
  function icon(name) {
    const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    svg.setAttribute('viewBox', '0 0 24 24');
    svg.setAttribute('aria-hidden', 'true');
    const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
    path.setAttribute('d', ICON[name]);
    if (name === 'play') path.setAttribute('class', 'solid');
    svg.append(path);
    return svg;
  }
  function iconButton(name, label, onclick, extra) {
    return el('button', { type: 'button', class: 'quiet icon', 'aria-label': label, title: label, onclick, ...extra }, icon(name));
  }
  function setIcon(button, name, label) {
    button.replaceChildren(icon(name));
    button.setAttribute('aria-label', label);
    button.title = label;
  }
  const say = (text) => { $('live').textContent = text; };
  const clock = (frame, fps) => {
    const whole = Math.max(0, Math.round(fps));
    const two = (n) => String(n).padStart(2, '0');
    const seconds = Math.floor(frame / whole);
    return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}:${two(frame % whole)}`;
  };
  const size = (bytes) => (bytes > 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.max(1, Math.round(bytes / 1e3))} kB`);
  const plural = (n, word) => `${n} ${word}${n === 1 ? '' : 's'}`;

  // -- what a person decides here: kept in this browser, exported as a patch ----------------------------

  const KEY = `veospec review 1 · ${data.code} · ${data.spec}`;
  let canKeep = true;
  let edits = {};
  let me = '';
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) || '{}');
    edits = kept.edits && typeof kept.edits === 'object' ? kept.edits : {};
    me = typeof kept.me === 'string' ? kept.me : '';
  } catch { canKeep = false; }
  function keep() {
    try { localStorage.setItem(KEY, JSON.stringify({ edits, me })); } catch { canKeep = false; }
    paintExport();
  }
  const idOf = (shot) => (shot.kind === 'still' ? `still:${shot.name}` : shot.name);
  const twins = new Map();
  for (const shot of data.shots) twins.set(idOf(shot), [...(twins.get(idOf(shot)) || []), shot]);
  const editOf = (shot) => edits[idOf(shot)] || {};
  const selectOf = (shot) => editOf(shot).select || shot.select;
  const statusOf = (shot) => ('status' in editOf(shot) ? editOf(shot).status : shot.status);
  const notesOf = (shot) => ('notes' in editOf(shot) ? editOf(shot).notes : shot.notes);
  const chosen = (shot) => shot.takes.find((t) => t.take === selectOf(shot)) || shot.takes[0];
  const approvalOf = (shot) => (data.approvals[idOf(shot)] || {})[selectOf(shot)] || '';
  // An approval is of the bytes that were seen when it was given, also when the page is made anew with others.
  const approvedOf = (shot) => ('seen' in editOf(shot) ? editOf(shot).seen : shot.approved);
  function isOld(shot) {
    const approved = approvedOf(shot);
    return statusOf(shot) === 'done' && Boolean(approved && chosen(shot).digest) && approved !== approvalOf(shot) && approved !== chosen(shot).digest;
  }
  function edit(shot, change) {
    const next = { ...editOf(shot), ...change };
    if (next.select === shot.select) delete next.select;
    if (next.notes === shot.notes) delete next.notes;
    if (next.status === shot.status && (next.seen || '') === shot.approved) { delete next.status; delete next.seen; }
    if (Object.keys(next).length) edits[idOf(shot)] = next; else delete edits[idOf(shot)];
    keep();
    for (const twin of twins.get(idOf(shot))) paintCard(twin);
    paintChips();
  }
  function setStatus(shot, status) {
    edit(shot, { status, seen: status === 'done' ? approvalOf(shot) : '' });
    say(`${shot.name}: ${STATUS[status] || status || 'not reviewed'}`);
  }
  function pick(shot, take) {
    edit(shot, { select: take });
    say(`${shot.name}: take ${take} picked`);
  }
  function patch() {
    const found = { veospec_patch: 1, spec: data.spec, shots: {}, stills: {} };
    for (const [id, [shot]] of twins) {
      const mine = edits[id];
      if (!mine) continue;
      const entry = {};
      if (mine.select) entry.select = mine.select;
      if ('status' in mine) {
        entry.review = { status: mine.status };
        if (me.trim()) entry.review.by = me.trim();
        if (mine.seen || shot.approved) entry.review.approved = mine.seen || '';
      }
      if ('notes' in mine) entry.notes = mine.notes;
      if (Object.keys(entry).length) found[shot.kind === 'still' ? 'stills' : 'shots'][shot.name] = entry;
    }
    if (!Object.keys(found.stills).length) delete found.stills;
    return found;
  }
  const countEdits = () => { const p = patch(); return Object.keys(p.shots).length + Object.keys(p.stills || {}).length; };

  // -- the grid -----------------------------------------------------------------------------------------

  let cell = 0;
  let filter = 'all';
  let query = '';
  const cards = new Map();
  const inCell = (shot) => shot.cell === cell || shot.cell === -1;
  const FILTERS = [
    ['all', 'All', () => true],
    ['open', 'To review', (s) => !statusOf(s) || statusOf(s) === 'todo'],
    ['changes', 'Needs changes', (s) => statusOf(s) === 'changes'],
    ['done', 'Done', (s) => statusOf(s) === 'done' && !isOld(s)],
    ['old', 'Changed since approval', isOld],
    ['changed', 'New since accepted', (s) => s.takes.some((t) => t.change)],
    ['trouble', 'Needs attention', (s) => s.takes.some((t) => t.take && !['made', 'reused'].includes(t.state))],
    ['edited', 'Edited here', (s) => Boolean(edits[idOf(s)])],
  ];
  function matches(shot) {
    const rule = FILTERS.find((f) => f[0] === filter)[2];
    if (!inCell(shot) || !rule(shot)) return false;
    if (!query) return true;
    const text = [shot.name, shot.prompt, notesOf(shot), shot.framing, shot.model, ...shot.tags, ...shot.dialogue.map((d) => d.line)];
    return text.join('\n').toLocaleLowerCase().includes(query);
  }
  const visible = () => data.shots.filter(matches);

  function voidBox(title, reason) {
    return el('span', { class: 'void' }, el('b', {}, title), el('span', { dir: 'auto' }, reason || ''));
  }
  function posterBox(take) {
    const frame = el('span', { class: 'frame' });
    if (!take.file) frame.append(voidBox(STATE[take.state] || 'Not made', take.reason));
    else if (take.poster) {
      const image = el('img', { alt: '', loading: 'lazy', decoding: 'async' });
      image.addEventListener('error', () => image.replaceWith(voidBox('No poster', take.name)));
      image.src = take.poster;
      frame.append(image);
    } else frame.append(voidBox('No poster', take.name));
    return frame;
  }
  function stateOf(shot) {
    const take = chosen(shot);
    if (!take.file) return ['bad', STATE[take.state] || 'Not made'];
    if (isOld(shot)) return ['old', 'Changed since'];
    const status = statusOf(shot);
    return [status || 'none', STATUS[status] || status || 'To review'];
  }
  function stateBadge(shot) {
    const [kind, text] = stateOf(shot);
    return text ? el('span', { class: `state${edits[idOf(shot)] ? ' edited' : ''}`, 'data-s': kind }, text) : null;
  }
  function card(shot) {
    const take = chosen(shot);
    const frame = posterBox(take);
    if (take.frames > 1) frame.append(el('span', { class: 'len t' }, `${+(take.frames / take.fps).toFixed(2)} s`));
    if (take.file && take.state === 'stale') frame.append(el('span', { class: 'flagged' }, 'Out of date'));
    else if (take.flags && take.flags.length) frame.append(el('span', { class: 'flagged' }, take.flags[0]));
    const takes = shot.takes.filter((t) => t.take).length;
    const label = [shot.name, shot.framing, `take ${selectOf(shot)} of ${takes}`, stateOf(shot)[1]].filter(Boolean).join(', ');
    const button = el('button', { type: 'button', 'aria-label': label, onclick: () => openViewer(shot) },
      frame,
      el('span', { class: 'line1' },
        el('span', { class: 'name', dir: 'auto' }, shot.name),
        takes > 1 ? el('span', { class: 'ring', title: `take ${selectOf(shot)} of ${takes}` }, String(selectOf(shot))) : null,
        stateBadge(shot)),
      el('span', { class: 'line2', dir: 'auto' }, shot.prompt));
    if (take.file && shot.kind === 'clip') hover(button, frame, take);
    return button;
  }
  function hover(button, frame, take) {
    let timer = 0;
    let video = null;
    button.addEventListener('pointerenter', (event) => {
      if (event.pointerType !== 'mouse' || calm.matches) return;
      timer = setTimeout(() => {
        video = el('video', { muted: true, loop: true, playsInline: true, 'aria-hidden': 'true', tabindex: '-1' });
        video.src = take.file;
        frame.append(video);
        video.play().catch(() => {});
      }, 350);
    });
    button.addEventListener('pointerleave', () => {
      clearTimeout(timer);
      if (video) { video.pause(); video.removeAttribute('src'); video.load(); video.remove(); video = null; }
    });
  }
  function paintCard(shot) {
    const item = cards.get(shot.node);
    if (!item) return;
    const had = item.contains(document.activeElement);
    item.replaceChildren(card(shot));
    if (had) item.firstChild.focus();
  }
  function paintGrid() {
    cards.clear();
    const groups = new Map();
    for (const shot of visible()) {
      const id = shot.kind === 'still' ? '\u0000stills' : shot.scene;
      if (!groups.has(id)) groups.set(id, []);
      groups.get(id).push(shot);
    }
    const order = [...data.scenes.map((s) => s.id), '', '\u0000stills'];
    const ids = [...groups.keys()].sort((a, b) => order.indexOf(a) - order.indexOf(b));
    const sections = ids.map((id, index) => {
      const shots = groups.get(id);
      const scene = data.scenes.find((s) => s.id === id);
      const heading = el('h2', { id: `scene-${index}`, dir: 'auto' });
      if (id === '\u0000stills') heading.append('Stills');
      else if (scene) heading.append(el('span', { class: 'no' }, scene.id), scene.slug);
      else heading.append('Shots');
      const tall = shots.filter((s) => /^(9:16|3:4|2:3|portrait)/.test(s.aspect)).length * 2 > shots.length;
      const list = el('ul', { class: `grid${tall ? ' tall' : ''}`, role: 'list' });
      for (const shot of shots) {
        const item = el('li', { class: 'card', 'data-node': shot.node }, card(shot));
        cards.set(shot.node, item);
        list.append(item);
      }
      return el('section', { class: 'scene', 'aria-labelledby': heading.id },
        el('header', {}, heading, el('span', { class: 'count' }, plural(shots.length, id === '\u0000stills' ? 'still' : 'shot'))), list);
    });
    $('shots').replaceChildren(...sections);
    $('nothing').hidden = sections.length > 0;
  }
  function paintChips() {
    const buttons = [];
    for (const [id, label, rule] of FILTERS) {
      const count = data.shots.filter((s) => inCell(s) && rule(s)).length;
      if (!count && id !== 'all' && id !== filter) continue;
      buttons.push(el('button', { type: 'button', 'data-filter': id, 'aria-pressed': String(filter === id), onclick: () => { filter = id; paintChips(); paintGrid(); } },
        label, el('b', {}, String(count))));
    }
    const active = document.activeElement && document.activeElement.dataset.filter;
    $('chips').replaceChildren(...buttons);
    if (active) { const again = buttons.find((b) => b.dataset.filter === active); if (again) again.focus(); }
  }
  function moveInGrid(step, down) {
    const all = [...document.querySelectorAll('.card button')];
    const at = all.indexOf(document.activeElement);
    if (at < 0) { if (all[0]) all[0].focus(); return; }
    let next = at + step;
    if (down) {
      const here = all[at].getBoundingClientRect();
      const beyond = all.filter((b) => { const r = b.getBoundingClientRect(); return down > 0 ? r.top > here.top + 8 : r.top < here.top - 8; });
      if (!beyond.length) return;
      const row = (down > 0 ? beyond[0] : beyond[beyond.length - 1]).getBoundingClientRect().top;
      const mates = beyond.filter((b) => Math.abs(b.getBoundingClientRect().top - row) < 8);
      mates.sort((a, b) => Math.abs(a.getBoundingClientRect().left - here.left) - Math.abs(b.getBoundingClientRect().left - here.left));
      next = all.indexOf(mates[0]);
    }
    const target = all[Math.min(all.length - 1, Math.max(0, next))];
    target.focus();
    target.scrollIntoView({ block: 'nearest' });
  }

  // -- the viewer ---------------------------------------------------------------------------------------

  const v = { shot: null, a: null, b: null, loop: false, muted: false, speed: 1, screens: [], opener: null };
  const frameOf = (video, take) => Math.min(Math.max(0, take.frames - 1), Math.floor(video.currentTime * take.fps + 1e-3));
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
    const screen = { box, take, video: null };
    if (!take.file) box.append(voidBox(STATE[take.state] || 'Not made', take.reason));
    else if (kind === 'still') {
      const image = el('img', { alt: `${v.shot.name} ${take.label}` });
      image.addEventListener('error', () => image.replaceWith(voidBox('This picture cannot be shown', `${take.name} is not beside this page, or damaged.`)));
      image.src = take.file;
      box.append(image);
    } else {
      const video = el('video', { preload: 'auto', playsInline: true, loop: v.loop && !v.b, muted: v.muted || v.screens.length > 0, 'aria-label': `${v.shot.name} ${take.label}` });
      if (take.poster) video.poster = take.poster;
      video.playbackRate = v.speed;
      video.addEventListener('error', () => {
        if (!video.getAttribute('src')) return;
        screen.video = null;
        video.replaceWith(voidBox('This clip cannot be played', `${take.name} is not beside this page, or damaged.`));
        paintTransport();
      });
      for (const name of ['play', 'pause', 'ended', 'seeked', 'loadedmetadata', 'timeupdate']) video.addEventListener(name, () => onVideo(screen, name));
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
    paintTransport();
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
      if (exact || Math.abs(drift) > 2.5 * frame) { if (Math.abs(drift) > frame / 4) s.video.currentTime = first.video.currentTime; s.video.playbackRate = v.speed; }
      else s.video.playbackRate = Math.abs(drift) < frame / 4 ? v.speed : v.speed * (drift > 0 ? 0.93 : 1.07);
      if (!exact && s.video.paused && !first.video.paused) s.video.play().catch(() => {});
    }
  }
  function playAll() {
    const first = lead();
    if (!first) return;
    const others = v.screens.filter((s) => s.video && s !== first);
    if (first.video.ended) seekFrame(0);
    for (const s of others) if (Math.abs(s.video.currentTime - first.video.currentTime) > 0.25 / s.take.fps) s.video.currentTime = first.video.currentTime;
    for (const s of [first, ...others]) s.video.play().catch(() => {});
  }
  function togglePlay() {
    const first = lead();
    if (!first) return;
    if (first.video.paused) playAll();
    else for (const s of v.screens) if (s.video) s.video.pause();
  }
  function seekFrame(frame) {
    for (const s of v.screens) {
      if (!s.video) continue;
      s.video.currentTime = timeOf(Math.min(Math.max(0, frame), Math.max(0, s.take.frames - 1)), s.take);
    }
    paintTransport(frame);
  }
  let wanted = null;
  function stepFrame(by) {
    const first = lead();
    if (!first) return;
    for (const s of v.screens) if (s.video) s.video.pause();
    const now = first.video.seeking && wanted !== null ? wanted : frameOf(first.video, first.take);
    wanted = Math.min(Math.max(0, now + by), first.take.frames - 1);
    seekFrame(wanted);
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
        el('span', { class: 'sub', dir: 'auto' }, [sceneText(shot), shot.framing].filter(Boolean).join(' · '))),
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
    const tall = /^(9:16|3:4|2:3)/.test(shot.aspect);
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
      used.style.left = `${(event.in / v.a.frames) * 100}%`;
      used.style.width = `${((event.out - event.in) / v.a.frames) * 100}%`;
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
        cap.append(el('button', { type: 'button', class: 'pick', role: 'radio', 'aria-checked': String(Boolean(picked)), 'data-take': String(take.take), onclick: () => { pick(v.shot, take.take); repaintKeepingFrame(); } }, picked ? 'Picked' : 'Pick'));
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
    return body.length ? el('section', {}, el('h3', {}, title, extra ? el('span', {}, extra) : null), body) : null;
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
    const group = el('div', { class: 'segments statuses', role: 'radiogroup', 'aria-label': 'Status' });
    const words = data.statuses.includes(statusOf(shot)) || !statusOf(shot) ? data.statuses : [...data.statuses, statusOf(shot)];
    for (const word of words) {
      group.append(el('button', { type: 'button', role: 'radio', 'data-status': word, 'aria-checked': String(statusOf(shot) === word), onclick: () => { setStatus(shot, word); paintSide(); $('v-side').querySelector(`[data-status="${CSS.escape(word)}"]`).focus(); } }, STATUS[word] || word));
    }
    const notes = el('textarea', { id: 'v-notes', 'aria-label': 'Notes', placeholder: 'Notes for this shot', dir: 'auto', rows: 3 });
    notes.value = notesOf(shot);
    notes.addEventListener('input', () => edit(shot, { notes: notes.value }));
    const mine = Boolean(edits[idOf(shot)]);
    const undo = el('button', { type: 'button', class: 'quiet', hidden: !mine, onclick: () => { delete edits[idOf(shot)]; keep(); for (const t of twins.get(idOf(shot))) paintCard(t); paintChips(); repaintKeepingFrame(); } }, 'Undo my edits');
    notes.addEventListener('input', () => { undo.hidden = !edits[idOf(shot)]; });
    return section('Review', shot.by ? `last by ${shot.by}` : '', group,
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

  // -- the reel -----------------------------------------------------------------------------------------

  const reel = { video: null, at: 0 };
  const reelTime = (cut, event) => (cut.lead + event.at + 0.5) / data.fps;
  const reelFrame = (cut) => Math.floor(reel.video.currentTime * data.fps + 1e-3) - cut.lead;
  function paintReel() {
    const cut = data.cells[cell];
    $('reel').hidden = !cut || !cut.events.length;
    $('reel-stage').hidden = true;
    $('reel-stage').replaceChildren();
    reel.video = null;
    reel.at = 0;
    if (!cut) return;
    $('reel-play').textContent = 'Play the reel';
    $('ribbon').classList.toggle('many', cut.events.length > 60);
    $('ribbon').replaceChildren(...cut.events.map((e, i) => {
      const part = el('div', { 'data-state': e.missing ? 'missing' : 'here', title: e.missing ? `${e.shot}: ${e.missing}` : `${e.shot} · ${clock(e.at, data.fps)}` }, cut.events.length > 60 ? '' : e.shot);
      part.style.flexGrow = String(Math.max(1, e.end - e.at));
      part.addEventListener('click', () => playReel(i));
      return part;
    }));
    $('ribbon').setAttribute('aria-valuemin', '1');
    $('ribbon').setAttribute('aria-valuemax', String(cut.events.length));
    paintNow();
  }
  function paintNow() {
    const cut = data.cells[cell];
    const event = cut.events[reel.at];
    if (!event) return;
    const parts = $('ribbon').children;
    for (const part of parts) part.removeAttribute('data-now');
    if (reel.video) parts[reel.at].setAttribute('data-now', '');
    $('ribbon').setAttribute('aria-valuenow', String(reel.at + 1));
    $('ribbon').setAttribute('aria-valuetext', `${event.shot}, ${reel.at + 1} of ${cut.events.length}`);
    $('reel-now').textContent = reel.video
      ? `${reelFrame(cut) < 0 ? 'Leader' : event.shot} · ${clock(Math.min(cut.frames - 1, Math.max(0, reelFrame(cut))), data.fps)} of ${clock(cut.frames, data.fps)}`
      : `${plural(cut.events.length, 'shot')} · ${clock(cut.frames, data.fps)}${missingText(cut)}`;
  }
  function missingText(cut) {
    const missing = cut.events.filter((e) => e.missing).length;
    return missing ? ` · ${missing} without picture` : '';
  }
  function openReel() {
    const cut = data.cells[cell];
    const box = el('div', { class: 'screen' });
    $('reel-stage').hidden = false;
    $('reel-stage').replaceChildren(box);
    if (!cut.reel) { box.append(voidBox('No reel yet', `Run: veospec reel ${data.spec}`)); return null; }
    const video = el('video', { controls: true, playsInline: true, preload: 'auto', 'aria-label': 'Reel' });
    video.addEventListener('error', () => { reel.video = null; video.replaceWith(voidBox('The reel cannot be played', `${cut.reel} is not beside this page, or damaged.`)); paintNow(); });
    const follow = () => {
      const frame = Math.floor(video.currentTime * data.fps + 1e-3) - cut.lead;
      const at = cut.events.findIndex((e) => frame < e.end);
      reel.at = at < 0 ? cut.events.length - 1 : at;
      $('reel-play').textContent = video.paused ? 'Play the reel' : 'Pause the reel';
      paintNow();
    };
    for (const name of ['timeupdate', 'seeked', 'play', 'pause']) video.addEventListener(name, follow);
    video.src = cut.reel;
    box.append(video);
    reel.video = video;
    return video;
  }
  function playReel(index) {
    const video = reel.video || openReel();
    if (!video) return;
    const event = data.cells[cell].events[index];
    if (event) video.currentTime = reelTime(data.cells[cell], event);
    video.play().catch(() => {});
  }
  function toggleReel() {
    if (!reel.video) { playReel(reel.at); return; }
    if (reel.video.paused) reel.video.play().catch(() => {}); else reel.video.pause();
  }
  function moveReel(by) {
    const cut = data.cells[cell];
    reel.at = Math.min(cut.events.length - 1, Math.max(0, reel.at + by));
    if (reel.video) reel.video.currentTime = reelTime(cut, cut.events[reel.at]);
    paintNow();
  }

  // -- export, help, theme ------------------------------------------------------------------------------

  function paintExport() {
    const count = countEdits();
    $('export-open').textContent = count ? `Export ${plural(count, 'edit')}` : 'Export';
    $('export-open').classList.toggle('idle', !count);
  }
  function openExport() {
    const text = el('textarea', { readOnly: true, 'aria-label': 'Patch', id: 'patch-text', spellcheck: 'false', dir: 'ltr' });
    const name = 'review-patch.json';
    const fill = () => { text.value = JSON.stringify(patch(), null, 2) + '\n'; };
    const by = el('input', { type: 'text', id: 'patch-by', autocomplete: 'name', value: me });
    by.value = me;
    by.addEventListener('input', () => { me = by.value; keep(); fill(); });
    fill();
    const count = countEdits();
    $('export').replaceChildren(
      el('h2', { id: 'export-title' }, count ? `${plural(count, 'edited shot')}` : 'Nothing edited yet'),
      el('p', { class: 'muted' }, count ? 'Save the patch beside the storyboard. It is put into the YAML, comments and layout stay.' : 'Pick takes, set a status or write notes in a shot; then export them here.'),
      canKeep ? '' : el('p', { class: 'warn' }, 'This browser does not keep edits for files. Export before you close the page.'),
      el('label', {}, 'Reviewed by', by), text, el('p', {}), el('code', { class: 'cmd' }, `veospec select --from ${name}`),
      el('div', { class: 'row' },
        el('button', { type: 'button', class: 'primary', id: 'patch-save', disabled: !count, onclick: () => saveFile(name, text.value) }, 'Save patch'),
        el('button', { type: 'button', class: 'quiet', disabled: !count, onclick: () => copy(text) }, 'Copy'),
        el('button', { type: 'button', class: 'quiet end', disabled: !count, onclick: () => { edits = {}; keep(); paintGrid(); paintChips(); $('export').close(); say('All edits are discarded'); } }, 'Discard all'),
        el('button', { type: 'button', class: 'quiet', onclick: () => $('export').close() }, 'Close')));
    $('export').showModal();
  }
  function saveFile(name, content) {
    const url = URL.createObjectURL(new Blob([content], { type: 'application/json' }));
    const link = el('a', { href: url, download: name });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
    say(`${name} saved`);
  }
  async function copy(text) {
    try { await navigator.clipboard.writeText(text.value); } catch { text.select(); document.execCommand('copy'); }
    say('Patch copied');
  }
  function openHelp() {
    const rows = [
      ['N  P', 'next, previous shot'], ['Space', 'play, pause'], ['←  →', 'one frame back, on (with Shift: ten)'], ['L', 'loop'], ['A', 'compare two takes side by side'],
      ['1 … 9', 'show take 1 … 9'], ['C', 'pick the take that is shown'], ['S', 'next status'], ['T', 'write a note'], ['M', 'sound'], ['R', 'play the reel'],
      ['Arrows', 'move in the grid, Enter opens'], ['/', 'search'], ['E', 'export'], ['Esc', 'close'],
    ];
    $('help').replaceChildren(el('h2', { id: 'help-title' }, 'Keys'),
      el('table', {}, el('tbody', {}, rows.map(([keys, what]) => el('tr', {}, el('td', {}, keys.split('  ').flatMap((k) => [el('kbd', {}, k), ' '])), el('td', {}, what))))),
      el('div', { class: 'row' }, el('button', { type: 'button', class: 'quiet end', onclick: () => $('help').close() }, 'Close')));
    $('help').showModal();
  }
  const isDark = () => { const set = document.documentElement.dataset.theme; return set ? set === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches; };
  function paintTheme() { setIcon($('theme'), isDark() ? 'sun' : 'moon', isDark() ? 'Light page' : 'Dark page'); }
  function paintCells() {
    $('cells').hidden = data.cells.length < 2;
    $('cells').replaceChildren(...data.cells.map((c, i) => el('button', { type: 'button', role: 'radio', 'aria-checked': String(i === cell), onclick: () => { cell = i; paintCells(); paintReel(); paintChips(); paintGrid(); $('cells').children[i].focus(); } }, c.label)));
  }

  // -- keys ---------------------------------------------------------------------------------------------

  function inField(target) {
    return target instanceof HTMLElement && (target.matches('textarea, select, input:not([type="range"])') || target.isContentEditable);
  }
  function viewerKey(event) {
    const key = event.key;
    const shown = v.a;
    const actions = {
      n: () => step(1), p: () => step(-1), ' ': togglePlay, l: () => setLoop(!v.loop), m: () => setMuted(!v.muted), a: toggleCompare,
      ArrowRight: () => stepFrame(event.shiftKey ? 10 : 1), ArrowLeft: () => stepFrame(event.shiftKey ? -10 : -1), Home: () => seekFrame(0),
      End: () => seekFrame(Math.max(0, shown.frames - 1)),
      c: () => { if (shown.take) { pick(v.shot, shown.take); repaintKeepingFrame(); } },
      s: () => { const order = data.statuses; setStatus(v.shot, order[(order.indexOf(statusOf(v.shot)) + 1) % order.length]); paintSide(); },
      t: () => { const box = $('v-notes'); if (box) box.focus(); },
    };
    const name = key.length === 1 ? key.toLowerCase() : key;
    if (/^[1-9]$/.test(key)) { showTake(`T0${key}`); return true; }
    if (name === ' ' && event.target.matches && event.target.matches('button, summary')) return false;
    if (!actions[name]) return false;
    actions[name]();
    return true;
  }
  function pageKey(event) {
    const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (event.target === $('ribbon')) {
      if (name === 'ArrowRight' || name === 'ArrowLeft') { moveReel(name === 'ArrowRight' ? 1 : -1); return true; }
      if (name === 'Enter' || name === ' ') { if (reel.video) toggleReel(); else playReel(reel.at); return true; }
    }
    const onCard = event.target.closest && event.target.closest('.card');
    const actions = {
      r: toggleReel, '/': () => $('search').focus(), e: openExport, '?': openHelp,
      n: () => moveInGrid(1), p: () => moveInGrid(-1),
    };
    if (onCard || event.target === document.body) Object.assign(actions, {
      ArrowRight: () => moveInGrid(1), ArrowLeft: () => moveInGrid(-1),
    });
    if (onCard) Object.assign(actions, { ArrowDown: () => moveInGrid(0, 1), ArrowUp: () => moveInGrid(0, -1) });
    if (!actions[name]) return false;
    actions[name]();
    return true;
  }
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (inField(event.target)) { if (event.key === 'Escape' && event.target.id === 'v-notes') { event.target.blur(); event.preventDefault(); } return; }
    if ($('export').open || $('help').open) return;
    if ($('viewer').open ? viewerKey(event) : pageKey(event)) event.preventDefault();
  });
  $('viewer').addEventListener('close', () => {
    stopAll();
    const item = v.shot && cards.get(v.shot.node);
    const target = item ? item.firstChild : v.opener;
    if (target) { target.focus(); target.scrollIntoView({ block: 'nearest' }); }
  });
  $('search').addEventListener('input', () => { query = $('search').value.trim().toLocaleLowerCase(); paintGrid(); });
  $('theme').addEventListener('click', () => { document.documentElement.dataset.theme = isDark() ? 'light' : 'dark'; paintTheme(); });
  $('help-open').addEventListener('click', openHelp);
  $('export-open').addEventListener('click', openExport);
  $('reel-play').addEventListener('click', toggleReel);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', paintTheme);

  $('title').textContent = data.title;
  $('meta').textContent = [data.code, data.spec, data.provider, data.catalogue, plural(data.shots.filter((s) => s.kind === 'clip' && twins.get(idOf(s))[0] === s).length, 'shot')].filter(Boolean).join(' · ');
  paintTheme();
  paintCells();
  paintReel();
  paintChips();
  paintGrid();
  paintExport();
  document.documentElement.dataset.ready = 'true';
})();
