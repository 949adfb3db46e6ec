// The page: events come in, a frame is drawn at most once for each that the screen shows.

import { say, saySometimes } from "./announce.js";
import { colourOf, learn } from "./colours.js";
import { byId, keyed, make, setClass, setText } from "./dom.js";
import { departures } from "./flights.js";
import { clock, counted, day, wallClock } from "./format.js";
import { organizationOf } from "./frame.js";
import { drawHosts } from "./hosts.js";
import { drawFinished, drawTiles, drawWaits } from "./panels.js";
import { Player } from "./player.js";
import { drawQueue } from "./queue.js";
import { bind } from "./settings.js";
import { Stream } from "./stream.js";
import { drawTables } from "./tables.js";
import { Timeline } from "./timeline.js";
import { refreshTip, showTips } from "./tip.js";

const state = { about: null, status: {}, colourBy: "organization", view: "drawing", drawn: null, isDue: false, receivedAt: Date.now() };
const timeline = new Timeline();
const player = new Player(due);
const still = matchMedia("(prefers-reduced-motion: reduce)");

function due() {
  if (state.isDue) return;
  state.isDue = true;
  requestAnimationFrame(() => {
    state.isDue = false;
    if (player.shown && state.about) draw(player.shown);
  });
}

// Where nothing changes no frame comes, but the time goes on, if somebody is there to say so.
function momentOf(frame) {
  if (!player.isLive) return Math.max(frame.t, player.cursor);
  const isRunning = !state.status.over && !state.status.trouble && !stream.lostSince;
  return frame.t + (isRunning ? ((Date.now() - state.receivedAt) / 1000) * (state.about.clock_scale ?? 1) : 0);
}

function draw(kept) {
  const frame = { ...kept, t: momentOf(kept) };
  learn("organization", new Set([...Object.values(frame.j).map((row) => row[4]), ...Object.values(frame.r).map((row) => row[6])].filter(Boolean).map(organizationOf)));
  learn("profile", Object.keys(state.about.profiles));
  if (state.view === "tables") drawTables(frame);
  else {
    // By their order: on a live page what is drawn has run ahead of the frame that comes next.
    const fly = state.drawn && frame.n >= state.drawn.n ? departures(state.drawn, frame, state.colourBy) : () => {};
    drawQueue(frame, state.colourBy);
    drawHosts(frame, state.colourBy);
    fly();
  }
  drawTiles(frame, state.about);
  drawWaits(frame, state.about);
  drawFinished(frame, state.colourBy);
  drawLegend(frame);
  drawTime(frame);
  refreshTip(frame);
  state.drawn = frame;
  document.documentElement.dataset.frame = frame.n;
  saySometimes(() => summary(frame));
}

function drawLegend(frame) {
  const names = state.colourBy === "profile"
    ? Object.keys(state.about.profiles)
    : [...new Set([...Object.values(frame.r).map((row) => row[6]), ...Object.values(frame.j).map((row) => row[4])].filter(Boolean).map(organizationOf))].sort();
  keyed(byId("legend-colours"), names.slice(0, 24), (name) => name, (name) => {
    const item = make("li");
    item.append(make("i"), make("span", "", name));
    return item;
  }, (item, name) => setClass(item.firstChild, colourOf(state.colourBy, name)));
}

function drawTime(frame) {
  const isRecorded = Boolean(state.status.recorded);
  setText(byId("live"), isRecorded ? "End" : "Live");
  byId("live").setAttribute("aria-pressed", String(player.isLive));
  setText(byId("play"), player.isPlaying || (player.isLive && !isRecorded) ? "Pause" : "Play");
  timeline.show(player.isLive ? player.shown.t : player.cursor, frame.s);
  setText(byId("clock"), `${clock(frame.t)} UTC`);
}

function summary(frame) {
  const p90 = frame.s[3] === null ? "" : `, nine in ten waited under ${Math.round(frame.s[3])} seconds`;
  return `At ${clock(frame.t)}: ${counted(frame.s[0], "job")} waiting, ${frame.s[1]} running, ${counted(frame.s[2], "instance")}${p90}.`;
}

function drawStatus() {
  const { over, recorded, trouble, since, closing } = state.status;
  const pill = byId("connection");
  const lost = stream.lostSince;
  setText(pill, lost ? `disconnected since ${wallClock(lost)}` : recorded ? "recording" : over ? "over" : trouble ? "not readable" : "live");
  pill.dataset.state = lost || trouble ? "lost" : over || closing ? "over" : "live";
  const box = byId("trouble");
  const text = lost
    ? `Disconnected since ${wallClock(lost)}. What is shown is of then; the page comes back by itself.`
    : trouble ? `The source cannot be read since ${wallClock(new Date(since * 1000))}: ${trouble}` : "";
  box.hidden = text === "";
  setText(box, text);
}

function drawSource() {
  const { kind, deployment, title, clock_scale: scale } = state.about;
  const words = { demo: `demo, clock ×${scale}`, simulation: `simulation ${title ?? ""}`, deployment: `deployment ${deployment}` };
  setText(byId("source"), words[kind] ?? kind);
  document.title = `Slipway live: ${words[kind] ?? kind}`;
}

const stream = new Stream({
  about(about) {
    state.isSame = state.about?.run === about.run;
    state.about = about;
    drawSource();
  },
  line: (points) => timeline.replace(points),
  whole(frame) {
    const isFirst = player.latest === null;
    state.receivedAt = Date.now();
    if (!isFirst && !state.isSame) player.isLive = true; // another run: what was looked at is gone
    player.take(frame);
    state.hasWhole = true;
    if (isFirst) start();
  },
  change(change) {
    state.receivedAt = Date.now();
    player.change(change);
    timeline.add(change);
    if (!player.isLive) due();
  },
  status(status) {
    state.status = status;
    drawStatus();
    start();
    due();
  },
  connected() {
    drawStatus();
    due();
  },
  disconnected(since) {
    drawStatus();
    say(`Disconnected since ${wallClock(since)}.`);
  },
});

// A recording begins at its beginning, and plays unless the viewer wants no motion or has gone elsewhere already.
function start() {
  if (state.hasBegun || !state.hasWhole || !state.status.recorded) return;
  state.hasBegun = true;
  if (player.asked) return;
  player.goTo(timeline.points[0][0]).then(() => {
    if (!still.matches && !player.isLive) player.play();
    due();
  });
}

function scrub() {
  player.isPlaying = false;
  player.goTo(Number(timeline.slider.value));
}

timeline.slider.addEventListener("input", scrub);
timeline.slider.addEventListener("change", () => player.shown && say(`Showing ${day(player.shown.t)} ${summary(player.shown)}`));
byId("live").addEventListener("click", () => player.goLive());
byId("play").addEventListener("click", () => {
  if (player.isPlaying || (player.isLive && !state.status.recorded)) player.pause();
  else if (player.isLive && state.status.recorded) player.goTo(timeline.points[0][0]).then(() => player.play());
  else player.play();
  due();
});
bind(byId("speed"), "speed", (value) => { player.speed = Number(value); });
bind(byId("colour-by"), "colour", (value) => { state.colourBy = value; due(); });
bind(byId("theme"), "theme", (value) => {
  if (value === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = value;
});
bind(byId("view"), "view", (value) => {
  state.view = value;
  for (const part of ["queue", "hosts"]) byId(part).hidden = value !== "drawing";
  byId("tables").hidden = value !== "tables";
  state.drawn = null;
  due();
});
showTips(() => player.shown);
setInterval(() => player.isLive && !state.status.over && due(), 1_000);
