// What a screen reader is told: seldom, and in one sentence.

import { byId } from "./dom.js";

const EVERY_MS = 15_000;
let saidAt = 0;

export function say(sentence) {
  saidAt = Date.now();
  byId("announce").textContent = sentence;
}

export function saySometimes(sentenceOf) {
  if (Date.now() - saidAt < EVERY_MS) return;
  const sentence = sentenceOf();
  if (byId("announce").textContent !== sentence) say(sentence);
}
