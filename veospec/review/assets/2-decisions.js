// What a person decides here: kept in this browser, exported as a patch.

// Every page from disk shares one storage, so the place of the page is a part of the key.
const KEY = `veospec review 1 · ${location.pathname} · ${data.code} · ${data.spec}`;
let canKeep = true;
let edits = Object.create(null);
let me = '';
function save() {
  try { localStorage.setItem(KEY, JSON.stringify({ edits, me })); } catch { canKeep = false; }
}
function keep() {
  save();
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
// What the storyboard says already is no edit.
function put(shot, wish) {
  const next = { ...wish };
  if (next.select === shot.select) delete next.select;
  if (next.notes === shot.notes) delete next.notes;
  if (next.status === shot.status && (next.seen || '') === shot.approved) { delete next.status; delete next.seen; }
  if (Object.keys(next).length) edits[idOf(shot)] = next; else delete edits[idOf(shot)];
}
// Read before every change: another tab may have decided something since.
function recall() {
  if (!canKeep) return;
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) || '{}');
    edits = Object.assign(Object.create(null), kept.edits);
    me = typeof kept.me === 'string' ? kept.me : '';
  } catch { canKeep = false; return; }
  for (const [id, [shot]] of twins) if (edits[id]) put(shot, edits[id]);
}
recall();
save();
function edit(shot, change) {
  recall();
  put(shot, { ...editOf(shot), ...change });
  keep();
  paintDecisions(shot);
}
function forget(shot) {
  recall();
  delete edits[idOf(shot)];
  keep();
  paintDecisions(shot);
}
function paintDecisions(shot) {
  for (const twin of twins.get(idOf(shot))) paintCard(twin);
  paintChips();
  paintStrip();
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
