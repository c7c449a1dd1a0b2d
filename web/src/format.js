// Numbers as people read them.

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** 1234567 -> "1.2 MB" (powers of 1000, as file managers and browsers do). */
export function bytes(n) {
  if (!Number.isFinite(n)) {
    return '–';
  }
  let unit = 0;
  let value = n;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 99.5 ? 0 : 1;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/** As `bytes`, in powers of 1024: what the server's limits are given in. */
export function binaryBytes(n) {
  if (!Number.isFinite(n)) {
    return '–';
  }
  const unit = n < 1024 ? 0 : Math.min(4, Math.floor(Math.log2(n) / 10));
  const value = n / 1024 ** unit;
  const digits = Number.isInteger(value) || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${['B', 'KiB', 'MiB', 'GiB', 'TiB'][unit]}`;
}

/** 1234567 -> "1,234,567"; not a number -> a dash. */
export function count(n) {
  return Number.isFinite(n) ? n.toLocaleString('en') : '–';
}

/** 12345 -> "12.3k", for places where there is no room. */
export function short(n) {
  if (!Number.isFinite(n)) {
    return '–';
  }
  if (n < 100) {
    return String(Math.round(n * 10) / 10);
  }
  return n < 10000 ? String(Math.round(n)) : `${(n / 1000).toFixed(1)}k`;
}

export function percent(fraction) {
  return Number.isFinite(fraction) ? `${(fraction * 100).toFixed(1)} %` : '–';
}

export function duration(seconds) {
  if (!Number.isFinite(seconds)) {
    return '–';
  }
  const s = Math.floor(seconds);
  const days = Math.floor(s / 86400);
  const parts = [Math.floor(s / 3600) % 24, Math.floor(s / 60) % 60, s % 60];
  const clock = parts.map((p) => String(p).padStart(2, '0')).join(':');
  return days > 0 ? `${days} d ${clock}` : clock;
}

/** Digits after the point so that one step is about one pixel at `zoom`. */
export function coordinateDigits(zoom) {
  return Math.max(0, Math.ceil((zoom * Math.LN2 + Math.log(256 / 360)) /
    Math.LN10));
}

export function latLon(lat, lon, zoom) {
  const digits = coordinateDigits(zoom);
  const side = (v, plus, minus) =>
    `${Math.abs(v).toFixed(digits)}° ${v < 0 ? minus : plus}`;
  return `${side(lat, 'N', 'S')}, ${side(lon, 'E', 'W')}`;
}
