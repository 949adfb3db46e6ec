// Where a task's block lies in its instance's box. A block stays where it is while its task lives.

const places = new Map(); // instance -> { cols, rows, taken: Map of task -> place }

export function gridOf(cpu) {
  const cells = Math.max(1, Math.round(cpu / 1024));
  const cols = cells <= 2 ? cells : cells <= 4 ? 2 : cells <= 16 ? 4 : cells <= 64 ? 8 : 12;
  return { cells, cols, rows: Math.ceil(cells / cols) };
}

export function placed(instance, tasks) {
  const grid = gridOf(instance.cpu);
  const known = places.get(instance.id);
  const kept = known && known.cols === grid.cols && known.rows === grid.rows ? known.taken : new Map();
  const taken = new Map();
  for (const task of tasks) if (kept.has(task.id)) taken.set(task.id, kept.get(task.id));
  const fresh = tasks.filter((task) => !taken.has(task.id));
  const isWhole = fresh.every((task) => put(taken, grid, task.id, sizeOf(task, instance, grid)));
  if (!isWhole) packAnew(taken, grid, tasks, instance);
  places.set(instance.id, { ...grid, taken });
  return taken;
}

export function forgetAllBut(ids) {
  for (const id of places.keys()) if (!ids.has(id)) places.delete(id);
}

function packAnew(taken, grid, tasks, instance) {
  taken.clear();
  const sized = tasks.map((task) => ({ id: task.id, size: sizeOf(task, instance, grid) }));
  sized.sort((a, b) => b.size.cols * b.size.rows - a.size.cols * a.size.rows || (a.id < b.id ? -1 : 1));
  for (const { id, size } of sized) {
    // What rounding leaves no room for is drawn as small as can be.
    if (!put(taken, grid, id, size)) put(taken, grid, id, { cols: 1, rows: 1 });
  }
}

function sizeOf(task, instance, grid) {
  const share = Math.max(task.cpu / instance.cpu, task.memory / instance.memory);
  const cells = Math.min(grid.cells, Math.max(1, Math.ceil(share * grid.cells - 0.05)));
  const cols = Math.min(grid.cols, cells <= 3 ? cells : Math.ceil(Math.sqrt(cells)));
  return { cols, rows: Math.min(grid.rows, Math.ceil(cells / cols)) };
}

function put(taken, grid, id, size) {
  for (let row = 0; row + size.rows <= grid.rows; row += 1) {
    for (let col = 0; col + size.cols <= grid.cols; col += 1) {
      const place = { row, col, ...size };
      if (![...taken.values()].some((other) => overlaps(place, other))) {
        taken.set(id, place);
        return true;
      }
    }
  }
  return false;
}

function overlaps(a, b) {
  return a.col < b.col + b.cols && b.col < a.col + a.cols && a.row < b.row + b.rows && b.row < a.row + a.rows;
}
