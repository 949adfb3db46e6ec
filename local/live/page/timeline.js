// The time line: what waited and ran, and the slider over it.

import { byId, setText } from "./dom.js";
import { clock, counted, day } from "./format.js";

const STEPS = 1_000;

export class Timeline {
  constructor() {
    this.points = [];
    this.slider = byId("moment");
    this.isStale = true;
  }

  replace(points) {
    this.points = points;
    this.isStale = true;
  }

  add(frame) {
    const last = this.points.at(-1);
    if (!last || frame.t > last[0]) this.points.push([frame.t, ...frame.s]);
    if (this.points.length > 4_000) this.points = this.points.filter((_, index) => index % 2 === 0);
    this.isStale = true;
  }

  show(moment, summary) {
    if (this.isStale) this.draw();
    const shown = String(Math.round(moment));
    if (document.activeElement !== this.slider || this.slider.value !== shown) this.slider.value = shown;
    const said = `${clock(moment)} UTC, ${counted(summary[0], "job")} waiting, ${summary[1]} running`;
    if (this.slider.getAttribute("aria-valuetext") !== said) this.slider.setAttribute("aria-valuetext", said);
  }

  draw() {
    this.isStale = false;
    if (!this.points.length) return;
    const first = this.points[0][0];
    const last = Math.max(first + 1, this.points.at(-1)[0]);
    this.slider.min = String(Math.floor(first));
    this.slider.max = String(Math.ceil(last));
    this.slider.step = String(Math.max(1, Math.round((last - first) / STEPS)));
    setText(byId("first-moment"), `${day(first)} ${clock(first)}`);
    setText(byId("last-moment"), clock(last));
    const most = Math.max(1, ...this.points.map((point) => Math.max(point[1], point[2])));
    const x = (point) => ((1000 * (point[0] - first)) / (last - first)).toFixed(1);
    const y = (value) => (97 - (92 * value) / most).toFixed(1);
    byId("spark-waiting").setAttribute("d", `M0 98${this.points.map((p) => `L${x(p)} ${y(p[1])}`).join("")}L1000 98Z`);
    byId("spark-running").setAttribute("d", this.points.map((p, n) => `${n ? "L" : "M"}${x(p)} ${y(p[2])}`).join(""));
  }
}
