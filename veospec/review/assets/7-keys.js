// Keys, and the first drawing of the page.

function inField(target) {
  return target instanceof HTMLElement && (target.matches('textarea, select, input:not([type="range"])') || target.isContentEditable);
}
function viewerKey(event) {
  const key = event.key;
  const shown = v.a;
  const actions = {
    n: () => step(1), p: () => step(-1), ' ': togglePlay, l: () => setLoop(!v.loop), m: () => setMuted(!v.muted), a: toggleCompare, w: () => setCaptions(!v.captions),
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
    r: toggleReel, o: openFromReel, '/': () => $('search').focus(), e: openExport, '?': openHelp,
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
$('search').addEventListener('input', () => { query = $('search').value.trim().toLocaleLowerCase(); paintGrid(); sayCount(); });
$('theme').addEventListener('click', () => { document.documentElement.dataset.theme = isDark() ? 'light' : 'dark'; paintTheme(); });
$('help-open').addEventListener('click', openHelp);
$('export-open').addEventListener('click', openExport);
$('reel-play').addEventListener('click', toggleReel);
$('reel-open').addEventListener('click', openFromReel);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', paintTheme);
addEventListener('storage', (event) => {
  if (event.key !== KEY && event.key !== null) return;
  recall();
  for (const shot of data.shots) paintCard(shot);
  paintChips();
  paintStrip();
  paintExport();
  if ($('viewer').open) repaintKeepingFrame();
});

$('title').textContent = data.title;
$('meta').textContent = [data.code, data.spec, data.provider, data.catalogue, data.spent, plural(data.shots.filter((s) => s.kind === 'clip' && twins.get(idOf(s))[0] === s).length, 'shot')].filter(Boolean).join(' · ');
paintTheme();
paintCells();
paintReel();
paintChips();
paintGrid();
paintExport();
document.documentElement.dataset.ready = 'true';
