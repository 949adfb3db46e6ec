// The queue: a lane for each organization, a block for each job, the oldest first; and why they wait.

import { colourOf } from "./colours.js";
import { byId, keyed, make, setClass, setText } from "./dom.js";
import { duration } from "./format.js";
import { isOnTheWay, jobs, organizationOf, reasons } from "./frame.js";

const SHOWN_IN_A_LANE = 96;
const LANES_SHOWN = 12;
const REASONS = {
  runner_idle: "A runner waits for GitHub", task_starting: "A container starts", instance_starting: "An instance boots",
  awaiting_turn: "Its turn to register comes", start_ramp: "Its repository’s start ramp", no_profile: "No profile serves it",
  not_taken: "GitHub gave it no runner", zombie: "Set aside", pool_limit: "The pool’s limit", profile_limit: "Its profile’s limit",
  repository_limit: "Its repository’s limit", organization_limit: "Its organization’s limit", fair_share: "Fair share",
  no_capacity: "EC2 has no capacity", launches_fail: "Launches fail", starts_fail: "Containers fail", github_busy: "GitHub asked to wait",
  github_refused: "GitHub refuses", too_large: "Larger than any instance", paused: "The pool is paused", draining: "The pool is drained",
};

export function drawQueue(frame, colourBy) {
  const waiting = jobs(frame);
  const by = colourBy === "profile" ? (job) => job.profile : (job) => organizationOf(job.repository);
  const lanes = [...Map.groupBy(waiting, by)].sort(([a], [b]) => (a < b ? -1 : 1));
  const shown = lanes.slice(0, LANES_SHOWN);
  if (lanes.length > LANES_SHOWN) shown.push(["others", lanes.slice(LANES_SHOWN).flatMap(([, some]) => some)]);
  byId("lanes-empty").hidden = waiting.length > 0;
  keyed(byId("lanes"), shown, ([name]) => name, makeLane, (lane, [name, own]) => drawLane(lane, name, own, colourBy, frame.t));
  drawReasons(frame);
}

function makeLane([name]) {
  const lane = make("div", "lane");
  const title = make("h3");
  const label = make("span");
  label.append(make("i"), make("span", "", name));
  title.append(label, make("span"));
  lane.append(title, make("div", "jobs"), make("p", "more"));
  return lane;
}

function drawLane(lane, name, own, colourBy, now) {
  const [title, blocks, more] = lane.children;
  const colour = colourOf(colourBy, name);
  setClass(title.firstChild.firstChild, colour);
  setText(title.lastChild, `${own.length} · oldest ${duration(now - own[0].queuedAt)}`);
  const shown = own.slice(0, SHOWN_IN_A_LANE);
  keyed(blocks, shown, (job) => job.id, makeJob, (block, job) => setClass(block, `job ${colour} ${isOnTheWay(job) ? "" : "held"}`));
  more.hidden = own.length <= SHOWN_IN_A_LANE;
  setText(more, `and ${own.length - SHOWN_IN_A_LANE} more`);
}

function makeJob() {
  const block = make("i", "job");
  block.dataset.tip = "job";
  return block;
}

function drawReasons(frame) {
  const every = reasons(frame);
  const most = every.reduce((sum, reason) => sum + reason.count, 0);
  byId("reasons-empty").hidden = every.length > 0;
  keyed(byId("reasons"), every, (reason) => reason.code, makeReason, (item, { code, count, sentence }) => {
    const [line, meter, said] = item.children;
    setText(line.firstChild, REASONS[code] ?? (code || "Not planned yet"));
    setText(line.lastChild, String(count));
    meter.max = most;
    meter.value = count;
    setText(said, count > 1 ? `The oldest: ${sentence}` : sentence);
  });
}

function makeReason() {
  const item = make("li");
  const line = make("div", "row");
  line.append(make("span"), make("span"));
  const meter = make("meter");
  meter.setAttribute("aria-label", "Share of the waiting jobs");
  item.append(line, meter, make("p", "small"));
  return item;
}
