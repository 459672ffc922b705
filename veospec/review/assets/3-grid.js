// The grid of shots by scene: cards, filters, search, and walking it by arrows.

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
  const text = [shot.name, shot.title, shot.prompt, notesOf(shot), shot.framing, shot.model, ...shot.tags, ...shot.dialogue.map((d) => d.line)];
  return text.join('\n').toLocaleLowerCase().includes(query);
}
const STILLS = '\u0000stills';
const groupOf = (shot) => (shot.kind === 'still' ? STILLS : shot.scene);
const groupOrder = [...data.scenes.map((s) => s.id), '', STILLS];
const ordered = data.shots.map((shot, at) => [groupOrder.indexOf(groupOf(shot)), at, shot]).sort((a, b) => a[0] - b[0] || a[1] - b[1]).map((row) => row[2]);
const isTall = (aspect) => /^(9:16|3:4|2:3|portrait)/.test(aspect);
const visible = () => ordered.filter(matches);

function voidBox(title, reason) {
  return el('span', { class: 'void' }, el('b', {}, title), el('span', { dir: 'auto' }, reason || ''));
}
function posterBox(take) {
  const frame = el('span', { class: 'frame' });
  const reason = take.reason === 'not made yet' ? '' : take.reason;
  const instead = () => (take.file ? voidBox('No poster', take.name) : voidBox(STATE[take.state] || 'Not made', reason));
  const picture = take.file ? take.poster : take.slate;
  if (!picture) { frame.append(instead()); return frame; }
  const image = el('img', { alt: '', loading: 'lazy', decoding: 'async' });
  image.addEventListener('error', () => image.replaceWith(instead()));
  image.src = picture;
  frame.append(image);
  if (!take.file) {
    image.className = 'slate';
    frame.append(el('span', { class: 'flagged', dir: 'auto' }, reason ? `Slate: ${reason}` : 'Slate'));
  }
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
  const label = [shot.name, shot.title, shot.framing, `take ${selectOf(shot)} of ${takes}`, stateOf(shot)[1]].filter(Boolean).join(', ');
  const button = el('button', { type: 'button', 'aria-label': label, onclick: () => openViewer(shot) },
    frame,
    el('span', { class: 'line1' },
      el('span', { class: 'name', dir: 'auto' }, shot.name),
      takes > 1 ? el('span', { class: 'ring', title: `take ${selectOf(shot)} of ${takes}` }, String(selectOf(shot))) : null,
      stateBadge(shot)),
    el('span', { class: 'line2', dir: 'auto' }, [shot.title, shot.brief || shot.prompt].filter(Boolean).join(' · ')));
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
    const id = groupOf(shot);
    if (!groups.has(id)) groups.set(id, []);
    groups.get(id).push(shot);
  }
  const sections = [...groups.keys()].map((id, index) => {
    const shots = groups.get(id);
    const scene = data.scenes.find((s) => s.id === id);
    const heading = el('h2', { id: `scene-${index}`, dir: 'auto' });
    if (id === STILLS) heading.append('Stills');
    else if (scene) heading.append(el('span', { class: 'no' }, scene.id), scene.slug);
    else heading.append('Shots');
    const tall = shots.filter((s) => isTall(s.aspect)).length * 2 > shots.length;
    const list = el('ul', { class: `grid${tall ? ' tall' : ''}`, role: 'list' });
    for (const shot of shots) {
      const item = el('li', { class: 'card', 'data-node': shot.node }, card(shot));
      cards.set(shot.node, item);
      list.append(item);
    }
    return el('section', { class: 'scene', 'aria-labelledby': heading.id },
      el('header', {}, heading, el('span', { class: 'count' }, plural(shots.length, id === STILLS ? 'still' : 'shot'))),
      scene && scene.notes ? el('p', { class: 'said', dir: 'auto' }, scene.notes) : null, list);
  });
  $('shots').replaceChildren(...sections);
  $('nothing').hidden = sections.length > 0;
}
function sayCount() {
  const count = visible().length;
  say(count ? plural(count, 'shot') : $('nothing').textContent);
}
function paintChips() {
  const buttons = [];
  for (const [id, label, rule] of FILTERS) {
    const count = data.shots.filter((s) => inCell(s) && rule(s)).length;
    if (!count && id !== 'all' && id !== filter) continue;
    buttons.push(el('button', { type: 'button', 'data-filter': id, 'aria-pressed': String(filter === id), onclick: () => { filter = id; paintChips(); paintGrid(); sayCount(); } },
      label, ' ', el('b', {}, String(count))));
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
