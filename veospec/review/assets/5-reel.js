// The reel and its ribbon of shots.

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
