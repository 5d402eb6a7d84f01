// How figures are written.

// ms writes milliseconds.
export function ms(value) {
  if (!(value >= 0)) return "–";
  if (value < 10) return `${value.toFixed(1)} ms`;
  if (value < 10000) return `${Math.round(value)} ms`;
  return `${(value / 1000).toFixed(1)} s`;
}

export function count(value) {
  if (value < 10000) return String(Math.round(value));
  if (value < 1e6) return `${(value / 1e3).toFixed(1)}k`;
  return `${(value / 1e6).toFixed(1)}M`;
}

export function bytes(value) {
  for (const unit of ["B", "KB", "MB", "GB"]) {
    if (value < 1000 || unit === "GB") return `${unit === "B" ? value : value.toFixed(1)} ${unit}`;
    value /= 1000;
  }
}

// clock writes the time of an instant.
export const clock = (at) => new Date(at).toLocaleTimeString([], { hour12: false });

const units = { h: 3600e3, m: 60e3, s: 1e3, ms: 1, "µs": 1e-3, us: 1e-3, ns: 1e-6 };

// parseDuration reads a duration as Go writes it, in milliseconds.
export function parseDuration(text) {
  let sum = 0;
  for (const [, number, unit] of String(text).matchAll(/([\d.]+)(h|ms|m|s|µs|us|ns)/g)) sum += Number(number) * units[unit];
  return sum;
}

// shorten cuts what is longer than so many characters.
export const shorten = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
