// Numbers and times in words.

export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 100) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

export function clock(epochSeconds) {
  return new Date(epochSeconds * 1000).toISOString().slice(11, 19);
}

export function day(epochSeconds) {
  return new Date(epochSeconds * 1000).toISOString().slice(0, 10);
}

export function wallClock(date) {
  return date.toLocaleTimeString([], { hour12: false });
}

export function vcpus(units) {
  return trimmed(units / 1024);
}

export function gibibytes(mebibytes) {
  return trimmed(mebibytes / 1024);
}

export function counted(count, one, many = `${one}s`) {
  return `${count} ${count === 1 ? one : many}`;
}

function trimmed(number) {
  return String(Math.round(number * 10) / 10);
}
