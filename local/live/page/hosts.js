// The instances: a box each, filled with its tasks' blocks.

import { colourOf } from "./colours.js";
import { byId, keyed, make, setClass, setText, setVariable } from "./dom.js";
import { counted, duration, vcpus } from "./format.js";
import { instances, isRunning, organizationOf, pools, runners } from "./frame.js";
import { forgetAllBut, gridOf, placed } from "./packing.js";

const WORDS = {
  launching: "boots", warming: "boots, to be stopped", connecting: "connects", draining: "drains", lost: "taken back", stopped: "stopped",
};
// The more there is to draw, the smaller: total cells up to which a size is used.
const SIZES = [[160, 26], [400, 20], [900, 15], [1_600, 12], [Infinity, 9]];

export function drawHosts(frame, colourBy) {
  const every = instances(frame);
  const tasks = Map.groupBy(runners(frame), (runner) => runner.instance);
  const cells = every.reduce((sum, instance) => sum + gridOf(instance.cpu).cells, 0);
  const size = SIZES.find(([most]) => cells <= most)[1];
  forgetAllBut(new Set(every.map((instance) => instance.id)));
  const root = byId("pools");
  setVariable(root, "--cell", `${size}px`);
  root.classList.toggle("small-cells", size <= 12);
  const byPool = Map.groupBy(every, (instance) => instance.pool);
  const byName = (a, b) => b.most - a.most || (a.name < b.name ? -1 : 1);
  keyed(root, pools(frame).sort(byName), (pool) => pool.name, makePool, (section, pool) => {
    drawPool(section, pool, byPool.get(pool.name) ?? [], { tasks, colourBy, now: frame.t });
  });
}

function makePool(pool) {
  const section = make("section", "pool panel");
  const header = make("header");
  const title = make("h3", "", pool.name);
  header.append(title, make("span", "order"), make("dl", "tiers"));
  section.append(header, make("div", "boxes"), make("p", "empty", "No instance runs here. The next job launches one."));
  section.setAttribute("aria-label", `Pool ${pool.name}`);
  return section;
}

function drawPool(section, pool, members, look) {
  const [header, boxes, empty] = section.children;
  setText(header.children[1], pool.control === "run" ? "" : `operator’s order: ${pool.control}`);
  drawTiers(header.children[2], pool, members);
  empty.hidden = members.length > 0;
  keyed(boxes, members, (instance) => instance.id, makeBox, (box, instance) => drawBox(box, instance, look));
}

function drawTiers(list, pool, members) {
  const booting = members.filter((one) => ["launching", "warming", "connecting"].includes(one.state)).length;
  const tiers = [
    ["instances", `${members.filter(isRunning).length} of ${pool.most}`, false],
    ["booting", String(booting), false],
    ["free slots", pool.headroom ? `${pool.free} of ${pool.headroom} kept` : String(pool.free), pool.free < pool.headroom],
  ];
  if (pool.standby || pool.standbyWanted) {
    tiers.push(["standing by", pool.standbyWanted ? `${pool.standby} of ${pool.standbyWanted}` : String(pool.standby), pool.standby < pool.standbyWanted]);
  }
  if (pool.stopped || pool.stoppedWanted) {
    tiers.push(["stopped", pool.stoppedWanted ? `${pool.stopped} of ${pool.stoppedWanted}` : String(pool.stopped), pool.stopped < pool.stoppedWanted]);
  }
  keyed(list, tiers, ([name]) => name, ([name]) => {
    const entry = make("div");
    entry.append(make("dt", "", name), make("dd"));
    return entry;
  }, (entry, [, text, isShort]) => {
    setText(entry.lastChild, text);
    setClass(entry, isShort ? "short" : "");
  });
}

function makeBox(instance) {
  const box = make("div", "box");
  box.setAttribute("role", "img");
  const name = make("p", "name");
  name.append(make("b", "", instance.type || "instance"), make("span"));
  box.append(name, make("div", "grid"));
  box.dataset.tip = "instance";
  return box;
}

function drawBox(box, instance, { tasks, colourBy, now }) {
  const own = tasks.get(instance.id) ?? [];
  const grid = gridOf(instance.cpu);
  const used = own.reduce((sum, task) => sum + task.cpu, 0);
  const word = WORDS[instance.state];
  setClass(box, `box ${instance.state}${grid.cols <= 2 ? " tiny" : ""}`);
  setVariable(box, "--cols", grid.cols);
  setVariable(box, "--rows", grid.rows);
  const age = instance.state === "launching" ? ` ${duration(now - instance.since)}` : "";
  setText(box.firstChild.lastChild, word ? `${word}${age}` : `${vcpus(used)}/${vcpus(instance.cpu)}`);
  const holds = `${vcpus(used)} of ${vcpus(instance.cpu)} vCPU in ${counted(own.length, "task")}`;
  const label = `${instance.type} ${instance.id}, ${word ?? "ready"}, ${holds}`;
  if (box.getAttribute("aria-label") !== label) box.setAttribute("aria-label", label);
  const places = placed(instance, own);
  keyed(box.lastChild, own.filter((task) => places.has(task.id)), (task) => task.id, makeBlock, (block, task) => {
    const place = places.get(task.id);
    block.style.gridArea = `${place.row + 1} / ${place.col + 1} / span ${place.rows} / span ${place.cols}`;
    setClass(block, `block ${task.state} ${colourFor(task, colourBy)}`);
    block.dataset.job = task.job;
  });
}

function makeBlock() {
  const block = make("i", "block");
  block.dataset.tip = "runner";
  return block;
}

function colourFor(task, colourBy) {
  return colourOf(colourBy, colourBy === "profile" ? task.profile : organizationOf(task.repository));
}
