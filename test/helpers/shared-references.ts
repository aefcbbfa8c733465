/** Objects that hold each other many times over: 2 to the power of `depth` paths lead from the top to the bottom. */
export function holding (depth: number): { top: unknown[] | Record<string, unknown>, bottom: Record<string, unknown> } {
  const bottom: Record<string, unknown> = {}
  let top: unknown[] | Record<string, unknown> = bottom
  for (let level = 0; level < depth; level++) top = level % 2 === 0 ? [top, top] : { one: top, other: top }
  return { top, bottom }
}
