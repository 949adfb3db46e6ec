// Numbers: the tiles, the waits, what finished last.

import { colourOf } from "./colours.js";
import { byId, keyed, make, rows, setClass, setText } from "./dom.js";
import { counted, duration } from "./format.js";
import { finished, instances, isRunning, jobs, organizationOf, pools, runners, waits } from "./frame.js";

export function drawTiles(frame, about) {
  const waiting = jobs(frame);
  const tasks = runners(frame);
  const running = instances(frame).filter(isRunning);
  const busy = tasks.filter((task) => task.state === "busy").length;
  const coming = tasks.filter((task) => ["starting", "turn", "registered"].includes(task.state)).length;
  const ready = running.filter((instance) => instance.state === "ready");
  const most = pools(frame).reduce((sum, pool) => sum + pool.most, 0);
  const free = pools(frame).reduce((sum, pool) => sum + pool.free, 0);
  setText(byId("n-waiting"), String(waiting.length));
  setText(byId("n-oldest"), waiting.length ? `the oldest for ${duration(frame.t - waiting[0].queuedAt)}` : "nothing waits");
  setText(byId("n-running"), String(busy));
  setText(byId("n-coming"), coming ? `${counted(coming, "runner")} on the way` : "no runner on the way");
  setText(byId("n-instances"), String(running.length));
  const booting = running.filter((one) => ["launching", "warming", "connecting"].includes(one.state)).length;
  setText(byId("n-booting"), `${booting ? `${booting} booting, ` : ""}${most} at most`);
  setText(byId("n-packed"), ready.length ? `${packed(ready, tasks)} %` : "–");
  setText(byId("n-free"), ready.length ? `of ready vCPU; ${counted(free, "slot")} free` : "no instance is ready");
  drawWaitTile(frame, about);
}

function packed(ready, tasks) {
  const ids = new Set(ready.map((instance) => instance.id));
  const held = tasks.filter((task) => ids.has(task.instance)).reduce((sum, task) => sum + task.cpu, 0);
  return Math.min(100, Math.round((100 * held) / ready.reduce((sum, instance) => sum + instance.cpu, 0)));
}

function drawWaitTile(frame, about) {
  const all = waits(frame).find((group) => group.profile === "");
  const targets = new Set(Object.values(about.profiles).map((profile) => profile.target_seconds));
  const target = targets.size === 1 ? [...targets][0] : null;
  setText(byId("n-p90"), all ? duration(all.p90) : "–");
  setClass(byId("n-p90"), `big ${all && target !== null ? (all.p90 <= target ? "good" : "bad") : ""}`);
  const parts = all ? [`half under ${duration(all.p50)}`, `p99 ${duration(all.p99)}`] : ["no job started lately"];
  if (target !== null) parts.push(`target ${duration(target)}`);
  setText(byId("n-waits"), parts.join(" · "));
}

export function drawWaits(frame, about) {
  const lines = waits(frame).sort((a, b) => (a.profile < b.profile ? -1 : 1)).map((group) => {
    const target = about.profiles[group.profile]?.target_seconds ?? null;
    const isMet = target === null || group.p90 <= target;
    const verdict = target === null ? "none set" : `${duration(target)} ${isMet ? "met" : "missed"}`;
    return [
      group.profile || "all together", { text: group.jobs, className: "n" }, { text: duration(group.p50), className: "n" },
      { text: duration(group.p90), className: "n" }, { text: duration(group.p99), className: "n" },
      { text: group.profile ? verdict : "", className: `n ${target === null ? "" : isMet ? "good" : "bad"}` },
    ];
  });
  rows(byId("t-waits"), lines.length ? lines : [["no job started lately", "", "", "", "", ""]]);
  setText(byId("waits-caption"), `from queued to running, of jobs that started in the last ${Math.round(about.window_seconds / 60)} minutes`);
}

export function drawFinished(frame, colourBy) {
  const last = finished(frame).slice(0, 8);
  byId("finished-empty").hidden = last.length > 0;
  keyed(byId("finished"), last, (job) => job.id, makeFinished, (item, job) => {
    setClass(item.firstChild.firstChild, colourOf(colourBy, colourBy === "profile" ? job.profile : organizationOf(job.repository)));
  });
}

function makeFinished(job) {
  const item = make("li");
  const name = make("p", "job-name");
  name.append(make("i"), make("span", "", job.name || "(unnamed)"), make("span", "where", job.workflow));
  const ran = job.ran === null ? "never ran" : `waited ${duration(job.wait)}, ran ${duration(job.ran)}`;
  const isGood = job.conclusion === "success";
  item.append(name, make("p", "small where", job.repository), make("p", isGood ? "small" : "small bad", isGood ? ran : `${job.conclusion}, ${ran}`));
  return item;
}
