// What this browser keeps for the person: in its storage, or where that is full or refused, only as long as the page is open.
const held = new Map();

export function names(start) {
  const kept = new Set(held.keys());
  try {
    Object.keys(localStorage).forEach((name) => kept.add(name));
  } catch {
    // Refused: what is held here is all there is.
  }
  return [...kept].filter((name) => name.startsWith(start));
}

export function get(name) {
  if (held.has(name)) return JSON.parse(held.get(name));
  try {
    return JSON.parse(localStorage.getItem(name));
  } catch {
    return null;
  }
}

// Whether it is kept also when this page is left.
export function set(name, value) {
  const text = JSON.stringify(value);
  try {
    localStorage.setItem(name, text);
    held.delete(name);
    return true;
  } catch {
    held.set(name, text);
    return false;
  }
}

export function remove(name) {
  held.delete(name);
  try {
    localStorage.removeItem(name);
  } catch {
    // Refused: there is nothing to remove.
  }
}
