// The sheets: export, help; light and dark; versions.

function paintExport() {
  const count = countEdits();
  $('export-open').textContent = count ? `Export ${plural(count, 'edit')}` : 'Export';
  $('export-open').classList.toggle('idle', !count);
}
function openExport() {
  recall();
  const text = el('textarea', { readOnly: true, 'aria-label': 'Patch', id: 'patch-text', spellcheck: 'false', dir: 'ltr' });
  const name = 'review-patch.json';
  const fill = () => { text.value = JSON.stringify(patch(), null, 2) + '\n'; };
  const by = el('input', { type: 'text', id: 'patch-by', autocomplete: 'name', value: me });
  by.value = me;
  by.addEventListener('input', () => { recall(); me = by.value; keep(); fill(); });
  fill();
  const count = countEdits();
  $('export').replaceChildren(
    el('h2', { id: 'export-title' }, count ? `${plural(count, 'edited shot')}` : 'Nothing edited yet'),
    el('p', { class: 'muted' }, count ? 'Save the patch beside the storyboard. It is put into the YAML, comments and layout stay.' : 'Pick takes, set a status or write notes in a shot; then export them here.'),
    canKeep ? '' : el('p', { class: 'warn' }, 'This browser does not keep edits for files. Export before you close the page.'),
    el('label', {}, 'Reviewed by', by), text, el('p', {}), el('code', { class: 'cmd' }, `veospec select ${data.spec === 'shots.yaml' ? '' : `-f ${/^[\w./-]+$/.test(data.spec) ? data.spec : `'${data.spec.replaceAll("'", "'\\''")}'`} `}--from ${name}`),
    el('div', { class: 'row' },
      el('button', { type: 'button', class: 'primary', id: 'patch-save', disabled: !count, onclick: () => saveFile(name, text.value) }, 'Save patch'),
      el('button', { type: 'button', class: 'quiet', disabled: !count, onclick: () => copy(text) }, 'Copy'),
      el('button', { type: 'button', class: 'quiet end', disabled: !count, onclick: () => { edits = Object.create(null); keep(); paintGrid(); paintChips(); $('export').close(); say('All edits are discarded'); } }, 'Discard all'),
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
    ['1 … 9', 'show take 1 … 9'], ['C', 'pick the take that is shown'], ['S', 'next status'], ['T', 'write a note'], ['M', 'sound'], ['W', 'captions'],
    ['R', 'play the reel'], ['O', 'open the shot that the reel shows'],
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
  $('cells').replaceChildren(...data.cells.map((c, i) => el('button', { type: 'button', 'aria-pressed': String(i === cell), onclick: () => { cell = i; paintCells(); paintReel(); paintChips(); paintGrid(); $('cells').children[i].focus(); } }, c.label)));
}
