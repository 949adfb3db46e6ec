// What the viewer chose, kept for the next visit where the browser lets us.

export function remembered(name, otherwise) {
  try {
    return localStorage.getItem(`slipway-live-${name}`) ?? otherwise;
  } catch {
    return otherwise;
  }
}

export function remember(name, value) {
  try {
    localStorage.setItem(`slipway-live-${name}`, value);
  } catch {
    // a browser that keeps nothing
  }
}

export function bind(select, name, changed) {
  const kept = remembered(name, select.value);
  if ([...select.options].some((option) => option.value === kept)) select.value = kept;
  select.addEventListener("change", () => {
    remember(name, select.value);
    changed(select.value);
  });
  changed(select.value);
}
