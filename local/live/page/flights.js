// A job that starts flies from its place in the queue to its slot. At most a few at a time, and none for whoever wants no motion.

import { colourOf } from "./colours.js";
import { byId, make } from "./dom.js";
import { organizationOf, runners } from "./frame.js";

const AT_ONCE = 24;
const still = window.matchMedia("(prefers-reduced-motion: reduce)");

// Call before the next frame is drawn; what it returns is called after.
export function departures(before, after, colourBy) {
  if (still.matches || document.hidden || !before) return () => {};
  const leaving = runners(after)
    .filter((task) => task.state === "busy" && before.r[task.id]?.[5] !== "busy" && task.job in before.j)
    .slice(0, AT_ONCE)
    .map((task) => ({ task, from: find("#lanes .job", "key", task.job)?.getBoundingClientRect() }))
    .filter(({ from }) => from);
  return () => {
    for (const { task, from } of leaving) fly(task, from, find("#pools .block", "key", task.id), colourBy);
  };
}

function find(selector, name, value) {
  return document.querySelector(`${selector}[data-${name}="${CSS.escape(value)}"]`);
}

function fly(task, from, block, colourBy) {
  const to = block?.getBoundingClientRect();
  if (!to || to.width === 0) return;
  const ghost = make("i", colourOf(colourBy, colourBy === "profile" ? task.profile : organizationOf(task.repository)));
  byId("air").append(ghost);
  const at = (box) => ({ transform: `translate(${box.left}px, ${box.top}px)`, width: `${box.width}px`, height: `${box.height}px` });
  const flight = ghost.animate([{ ...at(from), opacity: 1 }, { ...at(to), opacity: 0.85 }], { duration: 550, easing: "cubic-bezier(.3,.1,.2,1)" });
  flight.onfinish = flight.oncancel = () => ghost.remove();
}
