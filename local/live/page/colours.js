// A colour for each organization or profile, the same for as long as the page is open.

const HUES = 7; // the eighth is of whatever has no name
const given = { organization: new Map(), profile: new Map() };

export function colourOf(by, name) {
  if (!name) return "c-none";
  const known = given[by];
  if (!known.has(name)) known.set(name, known.size);
  const number = known.get(name);
  // From the eighth on the hues come again, striped.
  return `c${number % HUES}${number >= HUES ? " striped" : ""}`;
}

export function learn(by, names) {
  for (const name of [...names].sort()) colourOf(by, name);
}
