/** strftime(3), as far as markers and headings use it; what it does not know stays as it is. */

const days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const months = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

const two = (value: number): string => String(value).padStart(2, "0");

const conversions: Readonly<Record<string, (date: Date) => string>> = {
  "%": () => "%",
  a: (date) => days[date.getDay()]!.slice(0, 3),
  A: (date) => days[date.getDay()]!,
  b: (date) => months[date.getMonth()]!.slice(0, 3),
  B: (date) => months[date.getMonth()]!,
  d: (date) => two(date.getDate()),
  D: (date) => strftime("%m/%d/%y", date),
  F: (date) => strftime("%Y-%m-%d", date),
  H: (date) => two(date.getHours()),
  I: (date) => two(date.getHours() % 12 || 12),
  m: (date) => two(date.getMonth() + 1),
  M: (date) => two(date.getMinutes()),
  n: () => "\n",
  p: (date) => (date.getHours() < 12 ? "AM" : "PM"),
  R: (date) => strftime("%H:%M", date),
  s: (date) => String(Math.floor(date.valueOf() / 1000)),
  S: (date) => two(date.getSeconds()),
  t: () => "\t",
  T: (date) => strftime("%H:%M:%S", date),
  y: (date) => two(date.getFullYear() % 100),
  Y: (date) => String(date.getFullYear()),
};

/** A date and time by a format, in the time zone of the process. */
export function strftime(format: string, date: Date): string {
  return format.replace(/%(.)/gs, (whole, letter: string) =>
    Object.hasOwn(conversions, letter) ? conversions[letter]!(date) : whole,
  );
}
