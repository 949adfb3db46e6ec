// Which moment is shown: the latest as it comes, or one of the past, still or playing.

import { applied } from "./frame.js";

const STEPS_AHEAD = 300;
const TICK_MS = 100;

export class Player {
  constructor(show) {
    this.show = show; // called whenever another frame is to be drawn
    this.latest = null;
    this.shown = null;
    this.isLive = true;
    this.isPlaying = false;
    this.speed = 60;
    this.ahead = [];
    this.asked = 0;
    setInterval(() => this.tick(), TICK_MS);
  }

  take(whole) {
    this.latest = whole;
    if (this.isLive) this.draw(whole);
  }

  change(change) {
    if (this.latest) this.take(applied(this.latest, change));
  }

  goLive() {
    this.isLive = true;
    this.isPlaying = false;
    this.asked += 1;
    if (this.latest) this.draw(this.latest);
  }

  async goTo(moment) {
    this.isLive = false;
    this.cursor = moment;
    const found = await this.fetch(moment);
    if (found && !this.isLive) {
      this.ahead = found.next;
      this.draw(found.whole);
    }
  }

  play() {
    if (this.isLive && this.latest) return this.goTo(this.latest.t);
    this.isPlaying = true;
    return null;
  }

  pause() {
    if (this.isLive && this.latest) {
      this.isLive = false;
      this.cursor = this.latest.t;
      this.ahead = [];
    }
    this.isPlaying = false;
    this.show(this.shown);
  }

  tick() {
    if (this.isLive || !this.isPlaying || !this.shown) return;
    this.cursor = Math.max(this.cursor, this.shown.t) + (this.speed * TICK_MS) / 1000;
    let frame = this.shown;
    while (this.ahead.length && this.ahead[0].t <= this.cursor) frame = applied(frame, this.ahead.shift());
    if (frame !== this.shown) this.draw(frame);
    if (this.latest && this.cursor >= this.latest.t && !this.ahead.length) return this.goLive();
    if (this.ahead.length < STEPS_AHEAD / 4) this.fillUp();
    return null;
  }

  // What is drawn may be ahead of what was asked for last: only the answer to the last question counts.
  async fillUp() {
    if (this.isFilling) return;
    this.isFilling = true;
    const end = this.ahead.length ? this.ahead.at(-1).t : this.shown.t;
    const question = this.asked;
    try {
      const found = await this.get(end);
      if (found && question === this.asked && !this.isLive) this.ahead.push(...found.next.filter((step) => step.t > end));
    } finally {
      this.isFilling = false;
    }
  }

  async fetch(moment) {
    const question = ++this.asked;
    const found = await this.get(moment);
    return question === this.asked ? found : null;
  }

  async get(moment) {
    try {
      const answer = await fetch(`/frames?at=${moment}&count=${STEPS_AHEAD}`);
      return answer.ok ? await answer.json() : null;
    } catch {
      return null; // the stream says that the server is gone
    }
  }

  draw(frame) {
    this.shown = frame;
    this.show(frame);
  }
}
