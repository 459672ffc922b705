// Small tools: everything a stranger wrote becomes text, never markup.

const data = JSON.parse(document.getElementById('veospec-data').textContent);
const $ = (id) => document.getElementById(id);
const calm = matchMedia('(prefers-reduced-motion: reduce)');
const STATUS = { __proto__: null, todo: 'To do', changes: 'Needs changes', done: 'Done' };
const STATE = {
  made: '', reused: 'Reused', stale: 'Out of date', refused: 'Refused', failed: 'Failed', held: 'Held', pending: 'Pending', missing: 'Not made',
};
const ICON = {
  play: 'M8 5.5v13l11-6.5z', pause: 'M8 5v14M16 5v14', back: 'M15 6l-6 6 6 6', on: 'M9 6l6 6-6 6', close: 'M6 6l12 12M18 6L6 18',
  first: 'M18 6l-8 6 8 6M6 6v12', last: 'M6 6l8 6-8 6M18 6v12', loop: 'M17 3l3 3-3 3M20 6H8a4 4 0 0 0-4 4v1M7 21l-3-3 3-3M4 18h12a4 4 0 0 0 4-4v-1',
  sound: 'M5 10v4h3l5 4V6L8 10zM16.5 9a4 4 0 0 1 0 6', mute: 'M5 10v4h3l5 4V6L8 10zM17 10l4 4M21 10l-4 4', pair: 'M4 5h16v14H4zM12 5v14',
  words: 'M4 6h16v12H4zM7 11h4M7 14.5h7M14 11h3', sun: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 2v3M12 19v3M2 12h3M19 12h3M5 5l2 2M17 17l2 2M19 5l-2 2M7 17l-2 2',
  moon: 'M20 14.5A8.5 8.5 0 1 1 9.5 4a7 7 0 0 0 10.5 10.5z',
};


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
// What lies outside an open dialog is not read out, so the words go where the listener is.
const live = $('live');
function say(text) {
  const place = [...document.querySelectorAll('dialog')].find((d) => d.open) || document.body;
  if (live.parentNode !== place) place.append(live);
  live.textContent = text;
}
const clock = (frame, fps) => {
  const whole = Math.max(0, Math.round(fps));
  const two = (n) => String(n).padStart(2, '0');
  const seconds = Math.floor(frame / whole);
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}:${two(frame % whole)}`;
};
// A seek that comes while another one runs can be lost (headless Chromium then never ends it), so the last wish waits.
// `player` holds a `video` and, for this, the `next` place.
function seek(player, time) {
  if (player.video.seeking) player.next = time;
  else player.video.currentTime = time;
}
function seeked(player) {
  const next = player.next;
  player.next = null;
  if (next !== null && next !== undefined && player.video) player.video.currentTime = next;
}
// What is said, as captions of the browser's own; `shift` moves them, `from` and `to` are the seconds that are shown.
function addCaptions(video, lines, shift, from, to) {
  const known = [...video.textTracks].find((t) => t.label === 'Dialogue');
  const track = known || video.addTextTrack('captions', 'Dialogue');
  for (const line of lines) {
    const at = Math.max(from, line.at);
    const until = Math.min(to, line.until);
    if (until > at) track.addCue(new VTTCue(at + shift, until + shift, [line.who, line.line].filter(Boolean).join(': ').replace(/[<&]/g, (c) => (c === '<' ? '&lt;' : '&amp;'))));
  }
  return track;
}
const size = (bytes) => (bytes > 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.max(1, Math.round(bytes / 1e3))} kB`);
const plural = (n, word) => `${n} ${word}${n === 1 ? '' : 's'}`;
