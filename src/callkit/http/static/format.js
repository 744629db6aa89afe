// How times, shares, sizes and calls are written.

const two = number => String(number).padStart(2, "0");

// 0:07, 12:30, 1:02:03
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds)), minutes = Math.floor(whole / 60);
  const end = two(whole % 60);
  return minutes < 60 ? `${minutes}:${end}` : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${end}`;
}

// What a listener understands: "1 minute 5 seconds"
export function spoken(seconds) {
  const whole = Math.max(0, Math.floor(seconds)), parts = [];
  for (const [unit, size] of [["hour", 3600], ["minute", 60], ["second", 1]]) {
    const count = size === 1 ? whole % 60 : Math.floor(whole / size) % 60;
    if (count || (size === 1 && !parts.length)) parts.push(`${count} ${unit}${count === 1 ? "" : "s"}`);
  }
  return parts.join(" ");
}

export const seconds = value => value < 60 ? `${value.toFixed(1)} s` : clock(value);
export const percent = share => `${Math.round(share * 100)} %`;
export const count = (number, one, many = `${one}s`) => `${number.toLocaleString()} ${number === 1 ? one : many}`;
export const capital = text => text.charAt(0).toLocaleUpperCase() + text.slice(1);

export function bytes(size) {
  const step = size < 1e6 ? ["kB", 1e3] : size < 1e9 ? ["MB", 1e6] : ["GB", 1e9];
  return `${(size / step[1]).toFixed(size < 1e5 || size >= 1e6 ? 1 : 0)} ${step[0]}`;
}

const short = new Intl.DateTimeFormat(undefined, {day: "numeric", month: "short", hour: "2-digit", minute: "2-digit"});
const shortWithYear = new Intl.DateTimeFormat(undefined, {dateStyle: "medium", timeStyle: "short"});
const long = new Intl.DateTimeFormat(undefined, {dateStyle: "full", timeStyle: "short"});

// In the reader's language and time zone; in a list without the year if it is this one.
export function moment(text, isLong = false) {
  const date = new Date(text), thisYear = date.getFullYear() === new Date().getFullYear();
  return (isLong ? long : thisYear ? short : shortWithYear).format(date);
}

// A date as <input type="datetime-local"> wants it, in the reader's time zone
export function localInput(date) {
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

export const end = number => number || "unknown";   // of a line, as the exchange told
export const title = call => `${end(call.caller)} → ${end(call.receiver)}`;

const STATUSES = {created: "no recording yet", processing: "processing", ready: "ready", failed: "failed", erased: "erased"};
export const statusOf = call => STATUSES[call.status] ?? call.status;
