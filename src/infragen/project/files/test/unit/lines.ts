/** Return a destination for a log, and what was written to it. */
export function lines(): { text: () => string; destination: { write: (line: string) => void } } {
  let all = '';
  return { text: () => all, destination: { write: (line) => void (all += line) } };
}
