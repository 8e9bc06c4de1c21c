// Weaves a pattern from rows of raised threads.

export function weave(rows, width) {
  const cloth = [];
  for (const row of rows) {
    const raised = new Set(row);
    let line = "";
    for (let thread = 0; thread < width; thread += 1) {
      line += raised.has(thread) ? "#" : ".";
    }
    cloth.push(line);
  }
  return cloth;
}

export function mirror(rows, width) {
  return rows.map((row) => row.map((thread) => width - 1 - thread).reverse());
}
