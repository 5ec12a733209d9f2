/** `*` for any text, `?` for any one character; linear in the texts' lengths times the number of stars, without back-tracking explosions. */
export function matchesWildcard(pattern: string, text: string): boolean {
  let p = 0;
  let t = 0;
  let star = -1;
  let resume = 0;
  while (t < text.length) {
    if (p < pattern.length && pattern[p] === '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[t])) {
      p++;
      t++;
    } else if (star >= 0) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}

/** Actions are compared without regard to case. */
export function matchesAction(pattern: string, action: string): boolean {
  return pattern === '*' || matchesWildcard(pattern.toLowerCase(), action.toLowerCase());
}
