// What a block or a box is, told where the pointer rests; the tables tell the same to whoever has none.

import { byId, make } from "./dom.js";
import { duration, gibibytes, vcpus } from "./format.js";
import { instances, jobs, runners } from "./frame.js";

const WORDS = {
  busy: "runs a job of", registered: "registered for", starting: "starting", standby: "stands by", turn: "is up; its turn to register comes", ending: "its job has ended:",
};

let target = null;
let at = { x: 0, y: 0 };

export function showTips(frameNow) {
  document.addEventListener("pointermove", (event) => {
    target = event.target instanceof Element ? event.target.closest("[data-tip]") : null;
    at = { x: event.clientX, y: event.clientY };
    refreshTip(frameNow());
  });
  document.addEventListener("scroll", () => { target = null; refreshTip(null); }, { passive: true });
}

// Also called with each frame that is drawn: what lay under the pointer may have changed or gone.
export function refreshTip(frame) {
  const tip = byId("tip");
  const isThere = target !== null && target.isConnected && target.checkVisibility();
  const lines = isThere && frame ? linesOf(target.dataset.tip, target.dataset.key, frame) : [];
  tip.hidden = lines.length === 0;
  if (tip.hidden) return;
  tip.replaceChildren(...lines.map((line) => make("p", "", line)));
  const { width, height } = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(4, Math.min(at.x + 14, innerWidth - width - 8))}px`;
  tip.style.top = `${at.y + 18 + height > innerHeight ? Math.max(4, at.y - height - 10) : at.y + 18}px`;
}

function linesOf(kind, key, frame) {
  if (kind === "job") {
    const job = jobs({ j: key in frame.j ? { [key]: frame.j[key] } : {}, y: frame.y })[0];
    return job ? [job.repository, `${job.profile}, ${size(job)}; waits ${duration(frame.t - job.queuedAt)}`, job.because] : [];
  }
  if (kind === "runner") {
    const task = runners({ r: key in frame.r ? { [key]: frame.r[key] } : {} })[0];
    if (!task) return [];
    return [`${WORDS[task.state] ?? task.state} ${task.repository}`, `${task.profile}, ${size(task)}; for ${duration(frame.t - task.since)}`, `task ${task.id}`];
  }
  const instance = instances({ i: key in frame.i ? { [key]: frame.i[key] } : {} })[0];
  if (!instance) return [];
  return [`${instance.type} ${instance.market}`, `${size(instance)}; ${instance.state}, launched ${duration(frame.t - instance.since)} ago`, instance.id];
}

function size(thing) {
  return `${vcpus(thing.cpu)} vCPU, ${gibibytes(thing.memory)} GiB`;
}
