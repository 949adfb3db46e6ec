// A frame: what is shown at one moment. The rows' columns are those of local/live/frames.py.

const KINDS = ["p", "i", "r", "j", "d", "w", "y"];
// A container or an instance for these is on its way; the others are held back.
const ON_THE_WAY = new Set(["runner_idle", "task_starting", "instance_starting", "awaiting_turn"]);

export function applied(frame, change) {
  const next = { ...frame, t: change.t, s: change.s, n: change.n };
  const put = change["+"] ?? {};
  const gone = change["-"] ?? {};
  for (const kind of KINDS) {
    if (!(kind in put) && !(kind in gone)) continue;
    next[kind] = { ...frame[kind], ...put[kind] };
    for (const key of gone[kind] ?? []) delete next[kind][key];
  }
  return next;
}

export function pools(frame) {
  return Object.entries(frame.p).map(([name, row]) => ({
    name, control: row[0], most: row[1], standby: row[2], standbyWanted: row[3],
    free: row[4], headroom: row[5], stopped: row[6], stoppedWanted: row[7],
  }));
}

export function instances(frame) {
  return Object.entries(frame.i)
    .map(([id, row]) => ({ id, pool: row[0], type: row[1], state: row[2], cpu: row[3], memory: row[4], market: row[5], since: row[6] }))
    .sort((a, b) => a.since - b.since || (a.id < b.id ? -1 : 1));
}

export function runners(frame) {
  return Object.entries(frame.r).map(([id, row]) => ({
    id, pool: row[0], instance: row[1], profile: row[2], cpu: row[3], memory: row[4], state: row[5], repository: row[6], job: row[7], since: row[8],
  }));
}

export function jobs(frame) {
  return Object.entries(frame.j)
    .map(([id, row]) => ({ id, pool: row[0], profile: row[1], cpu: row[2], memory: row[3], repository: row[4], queuedAt: row[5], code: row[6], because: row[7] || (frame.y[row[6]]?.[0] ?? "") }))
    .sort((a, b) => a.queuedAt - b.queuedAt || (a.id < b.id ? -1 : 1));
}

export function finished(frame) {
  return Object.entries(frame.d)
    .map(([id, row]) => ({ id, name: row[0], workflow: row[1], repository: row[2], profile: row[3], wait: row[4], ran: row[5], conclusion: row[6], at: row[7] }))
    .sort((a, b) => b.at - a.at || (a.id < b.id ? -1 : 1));
}

export function waits(frame) {
  return Object.entries(frame.w).map(([profile, row]) => ({ profile, jobs: row[0], p50: row[1], p90: row[2], p99: row[3] }));
}

export function reasons(frame) {
  const counts = new Map();
  for (const row of Object.values(frame.j)) counts.set(row[6], (counts.get(row[6]) ?? 0) + 1);
  return Object.entries(frame.y)
    .map(([code, row]) => ({ code, count: counts.get(code) ?? 0, sentence: row[0] }))
    .sort((a, b) => b.count - a.count || (a.code < b.code ? -1 : 1));
}

export function isOnTheWay(job) {
  return ON_THE_WAY.has(job.code);
}

export function isRunning(instance) {
  return instance.state !== "stopped";
}

export function organizationOf(repository) {
  return repository.split("/", 1)[0].toLowerCase();
}
