// The same as the drawing, as tables: for whoever listens to the page, or copies from it.

import { byId, rows } from "./dom.js";
import { duration, gibibytes, vcpus } from "./format.js";
import { instances, jobs, runners } from "./frame.js";

const ROWS_SHOWN = 200;

export function drawTables(frame) {
  const tasks = runners(frame);
  const byInstance = Map.groupBy(tasks, (task) => task.instance);
  fill("t-instances", instances(frame), 7, (one) => {
    const own = byInstance.get(one.id) ?? [];
    const cpu = own.reduce((sum, task) => sum + task.cpu, 0);
    const memory = own.reduce((sum, task) => sum + task.memory, 0);
    return [
      one.id, one.pool, `${one.type} ${one.market}`, one.state, number(own.length),
      number(`${vcpus(cpu)} of ${vcpus(one.cpu)}`), number(`${gibibytes(memory)} of ${gibibytes(one.memory)}`),
    ];
  });
  fill("t-jobs", jobs(frame), 4, (job) => [
    job.repository, job.profile, number(duration(frame.t - job.queuedAt)), { text: job.because, className: "text" },
  ]);
  fill("t-runners", tasks, 6, (task) => [
    task.id.slice(0, 8), task.state, task.repository || "none yet", task.profile, task.instance || "not placed yet", number(duration(frame.t - task.since)),
  ]);
}

function fill(id, items, columns, cells) {
  const lines = items.slice(0, ROWS_SHOWN).map(cells);
  const rest = items.length - lines.length;
  const note = rest > 0 ? `and ${rest} more` : lines.length ? "" : "none";
  if (note) lines.push([note, ...Array(columns - 1).fill("")]);
  rows(byId(id), lines);
}

function number(text) {
  return { text, className: "n" };
}
