// What a recording's file name may tell of its call. Exchanges disagree about the order, so it is a proposal in a form.

const STAMP = /(?<!\d)(20\d\d)-?(\d\d)-?(\d\d)(?:[-_T ]?(\d\d)[-:]?(\d\d)[-:]?(\d\d))?(?!\d)/;
const NUMBER = /(?<![\d+])\+?\d{3,15}(?![\d.])/g;

// {caller, receiver, started: Date or null}
export function told(fileName) {
  const stem = fileName.replace(/\.[^.]*$/, ""), stamp = STAMP.exec(stem);
  const rest = stamp ? stem.replace(stamp[0], " ") : stem;
  const [caller = "", receiver = ""] = rest.match(NUMBER) ?? [];
  return {caller, receiver, started: stamp ? dateIn(stamp) : null};
}

function dateIn([, year, month, day, hour = 0, minute = 0, second = 0]) {
  const date = new Date(year, month - 1, day, hour, minute, second);
  return date.getMonth() === month - 1 && date.getDate() === Number(day) ? date : null;
}
