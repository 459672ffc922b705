// The reel, and under it a film strip of its shots.

const reel = { video: null, next: null, at: 0 };
const MANY = 60;
const shotOf = new Map(data.shots.map((s) => [s.node, s]));
const reelTime = (cut, event) => (cut.lead + event.at + 0.5) / data.fps;
const reelFrame = (cut) => Math.floor(reel.video.currentTime * data.fps + 1e-3) - cut.lead;
function paintReel() {
  const cut = data.cells[cell];
  $('reel').hidden = !cut || !cut.events.length;
  $('reel-stage').hidden = true;
  $('reel-stage').replaceChildren();
  reel.video = null;
  reel.next = null;
  reel.at = 0;
  if (!cut) return;
  $('reel-play').textContent = 'Play the reel';
  $('ribbon').classList.toggle('many', cut.events.length > MANY);
  $('ribbon').classList.toggle('tall', isTall(cut.aspect));
  $('ribbon').replaceChildren(...cut.events.map((e, i) => stripPart(cut, e, i)), el('i', { id: 'reel-head', hidden: true }));
  $('ribbon').setAttribute('aria-valuemin', '1');
  $('ribbon').setAttribute('aria-valuemax', String(cut.events.length));
  paintNow();
}
function stripPart(cut, event, index) {
  const shot = shotOf.get(event.node);
  const take = shot && shot.takes.find((t) => t.take === event.take);
  const part = el('div', { 'data-state': event.missing ? 'missing' : 'here', title: event.missing ? `${event.shot}: ${event.missing}` : `${event.shot} · ${clock(event.at, data.fps)}` });
  if (cut.events.length <= MANY) {
    const picture = take && (event.missing ? take.slate : take.poster);
    if (picture) {
      const image = el('img', { alt: '', loading: 'lazy', decoding: 'async', class: event.missing ? 'slate' : '' });
      image.addEventListener('error', () => image.remove());
      image.src = picture;
      part.append(image);
    }
    part.append(el('span', { dir: 'auto' }, event.shot));
  }
  if (index && shot && groupOf(shot) !== groupOf(shotOf.get(cut.events[index - 1].node) || shot)) part.classList.add('scene-start');
  part.style.flexGrow = String(Math.max(1, event.end - event.at));
  part.addEventListener('click', () => playReel(index));
  markPart(part, event);
  return part;
}
function markPart(part, event) {
  const shot = shotOf.get(event.node);
  if (shot) part.dataset.s = stateOf(shot)[0];
}
function paintStrip() {
  const cut = data.cells[cell];
  if (cut) cut.events.forEach((e, i) => { if ($('ribbon').children[i]) markPart($('ribbon').children[i], e); });
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
  $('reel-open').hidden = !reel.video || !shotOf.has(event.node);
  $('reel-open').textContent = `Open ${event.shot}`;
  $('reel-now').textContent = reel.video
    ? `${reelFrame(cut) < 0 ? 'Leader' : event.shot} · ${clock(Math.min(cut.frames - 1, Math.max(0, reelFrame(cut))), data.fps)} of ${clock(cut.frames, data.fps)}`
    : `${plural(cut.events.length, 'shot')} · ${clock(cut.frames, data.fps)}${missingText(cut)}`;
  paintHead(cut, parts[reel.at], event);
}
// The parts of the strip have gaps between them, so the head is placed inside the part that plays.
function paintHead(cut, part, event) {
  const head = $('reel-head');
  head.hidden = !reel.video;
  if (!reel.video) return;
  const done = Math.min(1, Math.max(0, (reelFrame(cut) - event.at) / Math.max(1, event.end - event.at)));
  head.style.left = `${part.offsetLeft + part.offsetWidth * done}px`;
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
  const run = () => { if (reel.video === video && !video.paused) { paintNow(); requestAnimationFrame(run); } };
  video.addEventListener('seeked', () => { if (reel.video === video) seeked(reel); });
  for (const name of ['timeupdate', 'seeked', 'play', 'pause']) video.addEventListener(name, follow);
  video.addEventListener('play', run);
  for (const e of cut.events) {
    const shot = shotOf.get(e.node);
    if (shot && shot.dialogue.length) addCaptions(video, shot.dialogue, (cut.lead + e.at - e.in) / data.fps, e.in / data.fps, e.out / data.fps).mode = 'hidden';
  }
  video.src = cut.reel;
  box.append(video);
  reel.video = video;
  return video;
}
function playReel(index) {
  const video = reel.video || openReel();
  if (!video) return;
  const event = data.cells[cell].events[index];
  if (event) seek(reel, reelTime(data.cells[cell], event));
  video.play().catch(() => {});
}
function toggleReel() {
  if (!reel.video) { playReel(reel.at); return; }
  if (reel.video.paused) reel.video.play().catch(() => {}); else reel.video.pause();
}
function moveReel(by) {
  const cut = data.cells[cell];
  reel.at = Math.min(cut.events.length - 1, Math.max(0, reel.at + by));
  if (reel.video) seek(reel, reelTime(cut, cut.events[reel.at]));
  paintNow();
}
function openFromReel() {
  const shot = reel.video && shotOf.get(data.cells[cell].events[reel.at].node);
  if (!shot) return;
  reel.video.pause();
  openViewer(shot);
}
